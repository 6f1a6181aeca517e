import numpy as np
import pytest
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase, assert_close
from yt8m_attention.layers.gated_attention import GatedAttention


class TestSparsemaxAttention(LayerCase):
    counts = (2 * 6 * 2 * 3 + 2 * 3, 0)
    normalizer = "sparsemax"

    def make(self, **kwargs):
        return GatedAttention(2, 3, self.normalizer, **kwargs)

    def inputs(self, rng, bags=3, entries=5):
        return [np.float32(rng.normal(0, 2.0, (bags, entries, 6)))]

    def reference(self, weights, mask, h):
        return numpy_layers.gated_attention(weights, h, mask, getattr(numpy_layers, self.normalizer))

    def test_weights_are_a_distribution_over_the_real_frames(self):
        rng, layer = np.random.default_rng(0), self.built()
        mask = self.ragged(rng)
        mask[1] = False
        attention = ops.convert_to_numpy(self.run(layer, self.inputs(rng), mask))
        assert attention.min() >= 0 and not attention[~mask].any()
        np.testing.assert_allclose(attention.sum(axis=1), np.float32([[1, 1], [0, 0], [1, 1]]), atol=1e-5)

    def test_frames_in_another_order_carry_their_weights_with_them(self):
        rng, layer = np.random.default_rng(0), self.built()
        h, order = self.inputs(rng)[0], rng.permutation(5)
        assert_close(layer(h[:, order]), ops.convert_to_numpy(layer(h))[:, order], 1e-5)

    def test_heads_are_independent(self):
        """A single head with its part of the weights gives the same attention as among other heads."""
        rng, layer = np.random.default_rng(0), self.built()
        h, alone = self.inputs(rng)[0], GatedAttention(1, 3, self.normalizer)
        alone.build(h.shape)
        for head in range(2):
            own = slice(3 * head, 3 * head + 3)
            tanh, gate, score = layer.get_weights()
            alone.set_weights([tanh[:, own], gate[:, own], score[head : head + 1]])
            assert_close(alone(h)[..., 0], layer(h)[..., head], 1e-5)

    def test_first_weights_do_not_depend_on_the_number_of_heads(self):
        few, many = GatedAttention(1, 128), GatedAttention(64, 128)
        for layer in (few, many):
            layer.build((None, None, 256))
        deviations = [[w.std() for w in layer.get_weights()] for layer in (few, many)]
        np.testing.assert_allclose(*deviations, rtol=0.2)
        assert deviations[1][0] == pytest.approx(np.sqrt(2 / (256 + 128)), rel=0.02)  # Glorot


class TestSoftmaxAttention(TestSparsemaxAttention):
    normalizer = "softmax"


def test_unknown_normalizer_is_rejected():
    with pytest.raises(ValueError, match="found 'argmax', wanted one of sparsemax, softmax"):
        GatedAttention(1, 2, "argmax")
