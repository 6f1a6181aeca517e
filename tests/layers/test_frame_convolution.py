import numpy as np
from keras import ops

from tests.layer_case import AffineCase, assert_close, gradients
from yt8m_attention.layers.frame_convolution import FrameConvolution


class TestFrameConvolution(AffineCase):
    counts = ((1 * 6 * 4 + 4) + (2 * 6 * 5 + 5) + (3 * 6 * 7 + 7), 0)
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return FrameConvolution((1, 2, 3), (4, 5, 7), **kwargs)

    def reference(self, weights, mask, frames):
        """By definition: every filter at every frame of every bag."""
        return np.stack([self.one_bag(weights, np.float64(x[real])) for x, real in zip(frames, mask, strict=True)])

    def one_bag(self, weights, frames):
        strongest = []
        for width in (1, 2, 3):
            kernel = weights[f"kernel_{width}"]
            before = (width - 1) // 2
            extended = np.pad(frames, ((before, width // 2), (0, 0)))
            places = [np.einsum("wd,wdn->n", extended[t : t + width], kernel) for t in range(len(frames))]
            strongest.append(np.max(places, axis=0))
        strongest = np.concatenate(strongest) + weights["bias"]
        return strongest / np.sqrt((strongest**2).sum())

    def test_order_of_frames_matters_only_to_wide_filters(self):
        rng = np.random.default_rng(0)
        frames = self.inputs(rng)[0]
        wide, narrow = FrameConvolution((3,), (8,)), FrameConvolution((1,), (8,))
        assert_close(narrow(frames[:, ::-1]), narrow(frames))
        assert np.abs(wide(frames[:, ::-1]) - wide(frames)).max() > 1e-2

    def test_a_bag_without_frames_answers_nothing(self):
        answer = self.built()(self.inputs(np.random.default_rng(0))[0], mask=np.zeros((3, 5), bool))
        assert_close(answer, np.zeros((3, 16)), 0)

    def test_it_is_keras_convolution(self):
        """Values and gradients equal those of Keras' convolution."""
        layer, (frames,) = self.built(), self.inputs(np.random.default_rng(0))

        def plain(frames):
            laid = [ops.conv(frames, kernel, padding="same") for kernel in layer.kernels]
            found = ops.concatenate([ops.max(x, axis=1) for x in laid], axis=-1) + layer.bias
            return found / ops.sqrt(ops.sum(found**2, axis=-1, keepdims=True))

        def taught(answer):
            return lambda frames: (ops.sum(answer(frames) ** 3), answer(frames))

        own, wanted = (gradients(taught(answer), layer.trainable_weights, [frames]) for answer in (layer, plain))
        assert_close(own[0], wanted[0])
        for path, gradient in own[1].items():
            assert_close(gradient, wanted[1][path])
        assert_close(own[2][0], wanted[2][0])
