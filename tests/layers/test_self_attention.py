import keras
import numpy as np
import pytest
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase, assert_close
from yt8m_attention.layers.self_attention import SelfAttention

D, HEADS = 8, 2


def attend(weights, x, heads):
    """Self-attention of one bag [T, D], frame by frame and head by head."""
    units = x.shape[-1] // heads
    seen = np.zeros_like(x)
    query, key, value = (x @ weights[f"{name}_kernel"] for name in ("query", "key", "value"))
    for head in range(heads):
        own = slice(head * units, (head + 1) * units)
        for t in range(len(x)):
            shares = numpy_layers.softmax(key[:, own] @ query[t, own] / np.sqrt(units))
            seen[t, own] = shares @ value[:, own]
    return seen @ weights["output_kernel"]


class TestSelfAttention(LayerCase):
    width = D
    answers_padding = False
    counts = (4 * D * D, 0)
    output_dtype = "compute"

    def make(self, **kwargs):
        return SelfAttention(HEADS, **kwargs)

    def reference(self, weights, mask, frames):
        answer = np.zeros(frames.shape)
        for bag, real, found in zip(np.float64(frames), mask, answer, strict=True):
            found[real] = attend(weights, bag[real], HEADS)
        return answer

    def test_it_is_keras_multi_head_attention(self):
        layer, (frames,) = self.built(), self.inputs(np.random.default_rng(0))
        mask = self.ragged(np.random.default_rng(1))
        plain = keras.layers.MultiHeadAttention(HEADS, D // HEADS, use_bias=False)
        plain.build(frames.shape, frames.shape)
        split, joined = (D, HEADS, D // HEADS), (HEADS, D // HEADS, D)
        plain.set_weights(
            [ops.reshape(w, s) for w, s in zip(layer.weights, (split, split, split, joined), strict=True)]
        )
        wanted = plain(frames, frames, attention_mask=mask[:, None])
        assert_close(self.run(layer, [frames], mask), ops.where(mask[..., None], wanted, 0.0))


def test_a_bag_without_frames_sees_nothing():
    layer = SelfAttention(HEADS)
    answer = layer(np.ones((2, 3, D), "float32"), mask=np.zeros((2, 3), bool))
    assert_close(answer, np.zeros((2, 3, D)))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="num_heads: found 3, wanted a divisor of the width 8"):
        SelfAttention(3).build((None, None, 8))
