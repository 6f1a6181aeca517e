"""A battery of tests for every layer; a subclass defines its layer and inherits the tests.

Letters: B bags, T entries of a bag (frames, or heads), D features.
"""

import abc
import json

import keras
import numpy as np
import pytest
from keras import ops

BAGS, ENTRIES, PADDING = 3, 5, 4


def weights_of(layer):
    """A layer's weights as float64 numpy, by their paths relative to the layer."""
    return {w.path.removeprefix(layer.path + "/"): np.float64(ops.convert_to_numpy(w)) for w in layer.weights}


def randomize(layer, seed=0):
    """Changes every weight from its initial value, which exposes unused and misused weights."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
        elif weight.path.endswith("updates"):
            weight.assign(7.0)
        else:
            weight.assign(rng.normal(0.0, 0.5, weight.shape))


def assert_close(found, wanted, tolerance=2e-5):
    found, wanted = ops.convert_to_numpy(found), ops.convert_to_numpy(wanted)
    np.testing.assert_allclose(np.float64(found), np.float64(wanted), rtol=tolerance, atol=tolerance)


def gradients(loss_of, weights, inputs):
    """Gradients of a loss by weights and inputs.

    Args:
      loss_of: function of the inputs, as tensors -> (scalar, anything else).
      weights: trainable ones.
      inputs: float arrays.

    Returns:
      (the second result of loss_of, {path of a weight: gradient}, [gradient of each input]).
    """
    import tensorflow as tf  # not at the top: the JAX test imports this file

    tensors = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss, more = loss_of(*tensors)
    found = tape.gradient(loss, [[w.value for w in weights], tensors], unconnected_gradients="zero")
    return more, dict(zip((w.path for w in weights), found[0], strict=True)), found[1]


class LayerCase(abc.ABC):
    """The parts that a subclass defines."""

    width = 6  # of the frames
    counts = (0, 0)  # of numbers in trainable and in other weights
    takes_mask = True
    answers_padding = True  # False: the output at padding has no meaning and is replaced by 0
    bag_axis_only = False  # the output has no axis of entries
    output_dtype = "float32"  # under mixed precision; "compute": the policy's

    @abc.abstractmethod
    def make(self, **kwargs):
        """A new layer. kwargs: name, dtype."""

    @abc.abstractmethod
    def reference(self, weights, mask, *inputs):
        """The output at inference, in numpy."""

    def inputs(self, rng, bags=BAGS, entries=ENTRIES):
        """The positional arguments of a call: arrays [B, T, ...]."""
        return [np.float32(rng.normal(size=(bags, entries, self.width)))]

    # Helpers of the tests.

    def built(self, **kwargs):
        layer = self.make(name="layer", **kwargs)
        self.run(layer, self.inputs(np.random.default_rng(1)))
        randomize(layer)
        return layer

    def run(self, layer, inputs, mask=None, training=False):
        arguments = {"mask": ops.convert_to_tensor(mask)} if self.takes_mask and mask is not None else {}
        answer = layer(*map(ops.convert_to_tensor, inputs), training=training, **arguments)
        if self.answers_padding or mask is None:
            return answer
        return ops.where(mask[..., None], answer, ops.zeros_like(answer))

    def ragged(self, rng, bags=BAGS, entries=ENTRIES):
        """A mask of bags of different lengths, one of them full."""
        return np.arange(entries) < rng.permutation(np.linspace(2, entries, bags).round())[:, None]

    def pad(self, rng, inputs):
        """The same bags, padded with random entries."""
        noise = self.inputs(rng, entries=PADDING)
        return [np.concatenate([x, n], axis=1) for x, n in zip(inputs, noise, strict=True)]

    # The battery.

    def test_config_round_trip(self):
        layer = self.built()
        config = keras.saving.serialize_keras_object(layer)
        restored = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
        assert type(restored) is type(layer) and restored.get_config() == layer.get_config()
        inputs = self.inputs(np.random.default_rng(2))
        self.run(restored, inputs)
        assert [w.path for w in restored.weights] == [w.path for w in layer.weights]
        restored.set_weights(layer.get_weights())
        assert_close(self.run(restored, inputs), self.run(layer, inputs), 0)

    def test_weight_count(self):
        layer = self.built()
        count = [
            sum(int(np.prod(w.shape)) for w in ws) for ws in (layer.trainable_weights, layer.non_trainable_weights)
        ]
        assert tuple(count) == self.counts

    def test_weight_names_are_unique_and_the_same_every_time(self):
        paths = [[w.path for w in self.built().weights] for _ in range(2)]
        assert paths[0] == paths[1] and len(set(paths[0])) == len(paths[0])

    def test_symbolic_and_eager_shapes_agree(self):
        layer, inputs = self.built(), self.inputs(np.random.default_rng(3))
        eager = self.run(layer, inputs)
        symbolic = [keras.KerasTensor((None, None, *x.shape[2:]), dtype=x.dtype.name) for x in inputs]
        spec = layer(*symbolic)
        assert len(spec.shape) == len(eager.shape)
        assert all(s in (None, e) for s, e in zip(spec.shape, eager.shape, strict=True))
        assert spec.shape[-1] == eager.shape[-1]
        assert spec.dtype == keras.backend.standardize_dtype(eager.dtype)

    def test_compiled_training_step_moves_every_weight(self):
        """Uses SGD: tracing Adam, operation by operation for each weight, takes longer than everything else."""
        layer, rng = self.built(), np.random.default_rng(4)
        inputs, mask = self.inputs(rng), self.ragged(rng)
        arrays = [*inputs, mask] if self.takes_mask else inputs
        symbols = [keras.Input(x.shape[1:], dtype=x.dtype.name) for x in arrays]
        arguments = {"mask": symbols[-1]} if self.takes_mask else {}
        y = keras.layers.Dense(1)(layer(*symbols[: len(inputs)], **arguments))
        model = keras.Model(symbols, y)
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
        before = layer.get_weights()
        assert np.isfinite(model.train_on_batch(arrays, np.ones((BAGS, *y.shape[1:]))))
        for old, new, weight in zip(before, layer.get_weights(), layer.weights, strict=True):
            assert np.isfinite(new).all() and not np.array_equal(old, new), weight.path

    def test_mixed_precision(self):
        layer, mixed = self.built(), self.built(dtype="mixed_bfloat16")
        assert {w.dtype for w in mixed.weights} <= {"float32"}
        inputs = self.inputs(np.random.default_rng(5))
        answer = self.run(mixed, inputs)
        wanted = "bfloat16" if self.output_dtype == "compute" else self.output_dtype
        assert keras.backend.standardize_dtype(answer.dtype) == wanted
        assert_close(ops.cast(answer, "float32"), self.run(layer, inputs), 0.06)

    @pytest.mark.parametrize("training", [False, True])
    def test_padding_changes_nothing(self, training):
        rng = np.random.default_rng(6)
        inputs, mask = self.inputs(rng), self.ragged(rng)
        padded, padded_mask = self.pad(rng, inputs), np.pad(mask, ((0, 0), (0, PADDING)))
        short, long = self.built(), self.built()
        answer, by_weight, _ = self.outputs_and_gradients(short, inputs, mask, training)
        other, padded_by_weight, by_input = self.outputs_and_gradients(long, padded, padded_mask, training)
        assert_close(other, answer)
        for name, weight in weights_of(long).items():
            assert_close(weight, weights_of(short)[name])
        for name, gradient in padded_by_weight.items():
            assert_close(gradient, by_weight[name])
        for gradient in by_input if self.takes_mask else ():
            assert not gradient[~padded_mask].numpy().any()

    def outputs_and_gradients(self, layer, inputs, mask, training):
        """(outputs, gradients by weight, gradients by input) of a loss over the real entries."""

        def loss_of(*inputs):
            answer = self.run(layer, inputs, mask, training)
            answer = answer if self.bag_axis_only else answer[:, :ENTRIES]
            factors = np.random.default_rng(11).normal(size=answer.shape)
            if not self.bag_axis_only:
                factors = np.where(mask[:, :ENTRIES].reshape(BAGS, ENTRIES, *[1] * (answer.ndim - 2)), factors, 0)
            return ops.sum(answer * np.float32(factors)), answer

        if inputs[0].dtype == np.uint8:  # bytes have no gradient
            return loss_of(*inputs)[1], {}, []
        return gradients(loss_of, layer.trainable_weights, inputs)

    @pytest.mark.parametrize("training", [False, True])
    def test_empty_bag_is_finite_and_leaves_the_others_alone(self, training):
        rng = np.random.default_rng(7)
        inputs, mask = self.inputs(rng), self.ragged(rng)
        mask[1] = False
        with_it, without = self.built(), self.built()
        answer = self.run(with_it, inputs, mask, training)
        assert np.isfinite(ops.convert_to_numpy(answer)).all()
        others = self.run(without, [x[[0, 2]] for x in inputs], mask[[0, 2]], training)
        assert_close(ops.convert_to_numpy(answer)[[0, 2]], others)
        for name, weight in weights_of(with_it).items():
            assert_close(weight, weights_of(without)[name])

    def test_batch_of_empty_bags_changes_no_weight(self):
        rng, layer = np.random.default_rng(8), self.built()
        before = layer.get_weights()
        if self.takes_mask:
            answer = self.run(layer, self.inputs(rng), np.zeros((BAGS, ENTRIES), bool), training=True)
            assert np.isfinite(ops.convert_to_numpy(answer)).all()
        else:
            self.run(layer, self.inputs(rng), training=True)
        for old, new in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)

    def test_same_answer_alone_and_in_a_batch(self):
        rng, layer = np.random.default_rng(9), self.built()
        inputs, mask = self.inputs(rng), self.ragged(rng)
        together = self.run(layer, inputs, mask)
        for i in range(BAGS):
            assert_close(self.run(layer, [x[i : i + 1] for x in inputs], mask[i : i + 1])[0], together[i], 1e-6)

    def test_agrees_with_numpy(self):
        rng, layer = np.random.default_rng(10), self.built()
        inputs, mask = self.inputs(rng), self.ragged(rng)
        wanted = self.reference(weights_of(layer), mask, *inputs)
        assert_close(self.run(layer, inputs, mask), wanted)


class AffineCase(LayerCase):
    """For a layer that can apply a batch norm to its frames: layer(frames, scale, shift)."""

    @pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
    def test_frames_seen_through_a_batch_norm_are_what_it_makes_of_them(self, dtype):
        """Compares values, and the gradients of every weight, of the scale and of the shift."""
        rng, layer = np.random.default_rng(0), self.built(dtype=dtype)
        (frames,), mask = self.inputs(rng), ops.convert_to_tensor(self.ragged(rng))
        scale_and_shift = [np.float32(rng.uniform(0.5, 2.0, self.width)), np.float32(rng.normal(size=self.width))]

        def loss_of(output):
            return lambda *inputs: (ops.sum(ops.cast(output(*inputs), "float32") ** 3), output(*inputs))

        def folded(scale, shift):
            return layer(frames, scale, shift, mask=mask)

        def plain(scale, shift):
            return layer(frames * scale + shift, mask=mask)

        found, wanted = (
            gradients(loss_of(output), layer.trainable_weights, scale_and_shift) for output in (folded, plain)
        )
        tolerance = 2e-5 if dtype == "float32" else 0.06
        assert_close(ops.cast(found[0], "float32"), ops.cast(wanted[0], "float32"), tolerance)
        for gradient, expected in zip([*found[1].values(), *found[2]], [*wanted[1].values(), *wanted[2]], strict=True):
            assert np.abs(expected).max() > 0.005
            assert_close(gradient, expected, tolerance * np.abs(expected).max())
