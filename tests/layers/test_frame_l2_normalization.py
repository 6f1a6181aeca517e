import numpy as np
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization


class TestFrameL2Normalization(LayerCase):
    def make(self, **kwargs):
        return FrameL2Normalization(**kwargs)

    def inputs(self, rng, bags=3, entries=5):
        frames = np.float32(rng.normal(0, 10 ** rng.uniform(-3, 3, (bags, entries, 1)), (bags, entries, 6)))
        frames[0, 0] = 0
        return [frames]

    def reference(self, weights, mask, frames):
        return numpy_layers.l2_norm(frames, mask)

    def test_length_is_one_or_zero(self):
        frames = self.inputs(np.random.default_rng(0))[0]
        lengths = np.linalg.norm(ops.convert_to_numpy(FrameL2Normalization()(frames)), axis=-1)
        wanted = np.ones_like(lengths)
        wanted[0, 0] = 0
        np.testing.assert_allclose(lengths, wanted, rtol=1e-5)

    def test_masked_frames_become_zero_whatever_they_hold(self):
        frames, mask = self.inputs(np.random.default_rng(0))[0], np.ones((3, 5), bool)
        frames[:, 3:], mask[:, 3:] = np.nan, False
        answer = ops.convert_to_numpy(FrameL2Normalization()(frames, mask=mask))
        assert not answer[:, 3:].any() and np.isfinite(answer).all()
