import math

import numpy as np
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase, assert_close
from tests.layers.test_self_attention import attend
from yt8m_attention.layers.transformer_block import TransformerBlock

D, HEADS = 8, 2


def layer_norm(weights, x):
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation * weights["gamma"] + weights["beta"]


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))


class TestTransformerBlock(LayerCase):
    width = D
    answers_padding = False
    counts = (4 * D * D + 2 * 2 * D + (D * 4 * D + 4 * D) + (4 * D * D + D), 0)
    output_dtype = "compute"

    def make(self, **kwargs):
        return TransformerBlock(HEADS, **kwargs)

    def reference(self, weights, mask, frames):
        """One bag, frame and head at a time, over the real frames only."""
        answer = np.zeros(frames.shape)
        for bag, real, found in zip(np.float64(frames), mask, answer, strict=True):
            found[real] = self.one_bag(weights, bag[real])
        return answer

    def one_bag(self, weights, x):
        normal = layer_norm(numpy_layers.below(weights, "attention_norm"), x)
        x = x + attend(numpy_layers.below(weights, "attention"), normal, HEADS)
        normal = layer_norm(numpy_layers.below(weights, "inner_norm"), x)
        inner = gelu(normal @ weights["inner/kernel"] + weights["inner/bias"])
        return x + inner @ weights["outer/kernel"] + weights["outer/bias"]

    def test_what_stands_at_padding_is_finite(self):
        mask = np.zeros((3, 5), bool)
        mask[0, :2] = True
        answer = np.asarray(self.built()(self.inputs(np.random.default_rng(0))[0], mask=mask))
        assert np.isfinite(answer).all()

    def test_order_of_frames_changes_only_the_order(self):
        layer, frames = self.built(), self.inputs(np.random.default_rng(0))[0]
        assert_close(ops.flip(layer(frames[:, ::-1]), axis=1), layer(frames))
