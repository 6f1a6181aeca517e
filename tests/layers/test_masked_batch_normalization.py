import keras
import numpy as np
import pytest
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase, assert_close, weights_of
from yt8m_attention.layers.masked_batch_normalization import EPSILON, MaskedBatchNormalization


class TestMaskedBatchNormalization(LayerCase):
    counts = (12, 13)
    output_dtype = "compute"

    def make(self, **kwargs):
        return MaskedBatchNormalization(**kwargs)

    def inputs(self, rng, bags=3, entries=5):
        return [np.float32(rng.normal(1.0, 2.0, (bags, entries, 6)))]

    def reference(self, weights, mask, x):
        return numpy_layers.batch_norm(weights, x)

    @pytest.mark.parametrize("width", [1, 6])
    def test_training_normalises_by_the_moments_of_the_unmasked(self, width):
        rng = np.random.default_rng(0)
        x, mask = np.float32(rng.normal(3, 2, (4, 5, width))), self.ragged(rng, bags=4)
        layer = MaskedBatchNormalization()
        answer = layer(x, mask=mask, training=True)
        mean, variance = numpy_layers.masked_moments(x, mask)
        assert_close(answer, (x - mean) / np.sqrt(variance + EPSILON), 1e-4)
        assert_close(layer.moving_mean, mean, 1e-4)
        assert_close(layer.moving_variance, variance, 1e-4)

    def test_no_mask_is_a_mask_of_all(self):
        x = self.inputs(np.random.default_rng(0))[0]
        one, other = MaskedBatchNormalization(), MaskedBatchNormalization()
        assert_close(one(x, training=True), other(x, mask=np.ones((3, 5), bool), training=True), 0)
        assert_close(one.moving_variance, other.moving_variance, 0)

    def test_kept_statistics_average_first_and_forget_later(self):
        layer = MaskedBatchNormalization(momentum=0.75)  # plain averages over 4 steps
        means = np.random.default_rng(0).normal(size=7)
        wanted = 0.0
        for step, mean in enumerate(means):
            layer(np.float32([[mean - 0.5], [mean + 0.5]]), training=True)
            wanted = means[: step + 1].mean() if step < 4 else 0.75 * wanted + 0.25 * mean
            assert_close(layer.moving_mean, [wanted])
            assert_close(layer.moving_variance, [0.25])

    def test_inference_after_one_step_is_as_training_was(self):
        """Small variances too: the initial value 1 has no effect."""
        x = np.float32(np.random.default_rng(0).normal(0, 0.03, (50, 6)))
        layer = MaskedBatchNormalization()
        assert_close(layer(x, training=True), layer(x), 1e-5)

    def test_frozen_layer_keeps_its_statistics(self):
        layer, x = self.built(), self.inputs(np.random.default_rng(0))[0]
        layer.trainable = False
        before = layer.get_weights()
        assert_close(layer(x, training=True), numpy_layers.batch_norm(weights_of(layer), x))
        for old, new in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_statistics_are_float32_under_mixed_precision(self):
        """The mean of many bfloat16 numbers has a large error when computed in bfloat16."""
        x = ops.cast(ops.ones((4096, 3)) * ops.convert_to_tensor([1.0, 100.0, 0.01]), "bfloat16")
        layer = MaskedBatchNormalization(dtype="mixed_bfloat16")
        layer(x, training=True)
        assert_close(layer.moving_mean, ops.cast(x, "float32")[0], 1e-5)
        assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
    def test_line_is_the_call_written_out(self, dtype, training):
        """Accurate to a few roundings of the dtype, even for means of twenty standard deviations."""
        x, mask = np.float32(np.random.default_rng(0).normal(20.0, 1.0, (6, 7, 6))), np.arange(7) < np.full((6, 1), 5)
        plain, layer = MaskedBatchNormalization(), MaskedBatchNormalization(dtype=dtype)
        for own in (plain, layer):
            own.build(x.shape)
            own.moving_mean.assign(np.full(6, 19.5))
        own_x, scale, shift = layer.scale_and_shift(x, mask=mask, training=training)
        assert keras.backend.standardize_dtype(own_x.dtype) == layer.compute_dtype
        found = ops.cast(own_x, "float32") * scale + shift
        tolerance = {"float32": 1e-5, "mixed_bfloat16": 0.01, "mixed_float16": 0.002}[dtype]
        assert_close(found, plain(x, mask=mask, training=training), tolerance)
        for one, other in zip(layer.get_weights(), plain.get_weights(), strict=True):
            assert_close(one, other)
