import numpy as np

from tests.layer_case import LayerCase, assert_close
from yt8m_attention.layers.frame_convolution import FrameConvolution


class TestFrameConvolution(LayerCase):
    counts = ((1 * 6 * 4 + 4) + (2 * 6 * 5 + 5) + (3 * 6 * 7 + 7), 0)
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return FrameConvolution((1, 2, 3), (4, 5, 7), **kwargs)

    def run(self, layer, inputs, mask=None, training=False):
        return layer(inputs[0], mask=mask)

    def inputs(self, rng, bags=3, entries=5):
        return [np.float32(rng.normal(size=(bags, entries, 6)))]

    def reference(self, weights, mask, frames):
        """By the definition: every filter laid on every place of every bag."""
        return np.stack([self.one_bag(weights, np.float64(x[real])) for x, real in zip(frames, mask, strict=True)])

    def one_bag(self, weights, frames):
        strongest = []
        for width in (1, 2, 3):
            kernel, bias = weights[f"width_{width}/kernel"], weights[f"width_{width}/bias"]
            before = (width - 1) // 2
            extended = np.pad(frames, ((before, width // 2), (0, 0)))
            places = [np.einsum("wd,wdn->n", extended[t : t + width], kernel) for t in range(len(frames))]
            strongest.append(np.max(places, axis=0) + bias)
        strongest = np.concatenate(strongest)
        return strongest / np.sqrt((strongest**2).sum())

    def test_order_of_frames_matters_to_wide_filters_alone(self):
        rng = np.random.default_rng(0)
        frames = self.inputs(rng)[0]
        wide, narrow = FrameConvolution((3,), (8,)), FrameConvolution((1,), (8,))
        assert_close(narrow(frames[:, ::-1]), narrow(frames))
        assert np.abs(wide(frames[:, ::-1]) - wide(frames)).max() > 1e-2
