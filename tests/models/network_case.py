"""Shared parts of the network tests: a small configuration, bags, and a battery for every network.

A network's test class names its model and inherits the tests.
"""

import collections

import keras
import numpy as np
import pytest
from keras import ops

from tests.layer_case import assert_close, gradients, randomize
from yt8m_attention import config, schema
from yt8m_attention.models import registry

FEATURES = config.Features(("rgb", "audio"), (12, 8))
SMALL = {
    "features": FEATURES, "num_classes": 7, "num_heads": 3, "attention_sizes": (6, 4), "hidden_size": 10,
    "input_noise": 0.0, "dbof_cluster_size": 9, "netvlad_cluster_size": 4, "cnn_filter_widths": (1, 2, 3),
    "cnn_filters": (4, 5, 6), "gru_cells": 5, "lstm_cells": 5, "nextvlad_cluster_size": 4, "nextvlad_groups": 4,
    "transformer_layers": 2, "transformer_heads": 2,
}  # fmt: skip


def bags(seed=0, count=5, frames=6, width=FEATURES.total):
    """Bytes [B, T, F] and a mask of bags of different lengths, one full, one of a single frame."""
    rng = np.random.default_rng(seed)
    mask = np.arange(frames) < np.array([frames, 1, *rng.integers(1, frames + 1, count - 2)])[:, None]
    return {"frames": rng.integers(0, 256, (count, frames, width), dtype=np.uint8), "mask": mask}


def padded(inputs, by=4, seed=1):
    """The same bags, padded with frames of random bytes."""
    count, _, width = inputs["frames"].shape
    noise = np.random.default_rng(seed).integers(0, 256, (count, by, width), dtype=np.uint8)
    frames = np.concatenate([inputs["frames"], noise], axis=1)
    return {"frames": frames, "mask": np.pad(inputs["mask"], ((0, 0), (0, by)))}


def part(inputs, rows):
    return {name: value[rows] for name, value in inputs.items()}


def state(model):
    return {v.path: ops.convert_to_numpy(v) for v in model.weights}


def trainable(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


# Building takes ten times as long as a prediction, so tests share networks, which are reset after each test.
_built = collections.defaultdict(list)  # (settings, seed, precision): [(network, initial values of its variables)]
_lent = collections.Counter()  # number of networks that the running test uses


def borrow(settings, seed):
    """A network in its initial state; each call in a test returns another one."""
    key = settings, seed, keras.config.dtype_policy().name
    if _lent[key] == len(_built[key]):
        keras.utils.set_random_seed(seed)
        network = registry.build(settings)
        _built[key].append((network, [ops.copy(v.value) for v in network.variables]))
    network, first = _built[key][_lent[key]]
    _lent[key] += 1
    for variable, value in zip(network.variables, first, strict=True):
        variable.assign(value)
    return network


def give_back():
    """Returns the networks that a test has used."""
    _lent.clear()


class NetworkCase:
    """Tests of the model contract."""

    model = None  # its name in the registry

    def settings(self, **changes):
        return config.Model(**({"model": self.model} | SMALL | changes))

    def build(self, seed=0, **changes):
        model = borrow(self.settings(**changes), seed)
        randomize(model, seed)
        return model

    def test_returns_probabilities_by_the_contract(self):
        answer = self.build()(bags())
        probabilities = ops.convert_to_numpy(answer["probabilities"])
        assert probabilities.shape == (5, 7) and probabilities.dtype == np.float32
        assert probabilities.min() >= 0 and probabilities.max() <= 1

    def test_training_pass_gives_every_weight_a_gradient(self):
        """Measured by the change of one training step."""
        model = self.build()
        inputs = bags()
        symbols = {k: keras.Input(v.shape[1:], dtype=v.dtype.name, name=k) for k, v in inputs.items()}
        trainer = keras.Model(symbols, model(symbols)["probabilities"])
        trainer.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", run_eagerly=True)
        before = state(model)
        trainer.train_on_batch(inputs, np.eye(5, 7))
        for name, value in state(model).items():
            assert np.isfinite(value).all() and not np.array_equal(value, before[name]), name

    @pytest.mark.parametrize("classifier", ["moe", "logistic"])
    def test_padding_never_changes_a_prediction(self, classifier):
        model = self.build(video_level_classifier_model=classifier)
        assert_close(model(padded(bags()))["probabilities"], model(bags())["probabilities"])

    def test_padding_changes_nothing_in_training(self):
        """Predictions, statistics and weight gradients are unchanged, and padding has no gradient."""
        short, long, inputs = self.build(), self.build(), padded(bags())
        answer, by_weight, _ = self.outputs_and_gradients(short, bags())
        other, padded_by_weight, (by_frame,) = self.outputs_and_gradients(long, inputs)
        assert_close(other, answer)
        for name, value in state(long).items():
            assert_close(value, state(short)[name])
        for name, gradient in padded_by_weight.items():
            assert_close(gradient, by_weight[name])
        assert not by_frame.numpy()[~inputs["mask"]].any()

    def outputs_and_gradients(self, model, inputs):
        """(predictions, gradients by weight, gradients by frame) of a training pass."""

        def loss_of(frames):
            answer = model({"frames": frames, "mask": inputs["mask"]}, training=True)["probabilities"]
            factors = np.random.default_rng(2).normal(size=answer.shape)
            return ops.sum(answer * np.float32(factors)) + sum(model.losses), answer

        values = inputs["frames"] * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET
        return gradients(loss_of, model.trainable_weights, [np.float32(values)])

    @pytest.mark.parametrize("classifier", ["moe", "logistic"])
    def test_segment_alone_is_the_segment_in_any_batch(self, classifier):
        model, inputs = self.build(video_level_classifier_model=classifier), bags()
        together = model(inputs)["probabilities"]
        reversed_ = model(part(inputs, slice(None, None, -1)))["probabilities"]
        assert_close(reversed_[::-1], together, 1e-5)
        for i in range(5):
            length = inputs["mask"][i].sum()
            alone = {"frames": inputs["frames"][i : i + 1, :length]}
            assert_close(model(alone)["probabilities"][0], together[i])

    def test_bytes_and_their_values_give_the_same_answer(self):
        model, inputs = self.build(), bags()
        values = inputs["frames"] * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET
        answer = model(inputs | {"frames": np.float32(values)})
        assert_close(answer["probabilities"], model(inputs)["probabilities"])

    def test_no_mask_is_a_mask_of_all(self):
        model, inputs = self.build(), bags()
        full = inputs | {"mask": np.ones_like(inputs["mask"])}
        assert_close(model({"frames": inputs["frames"]})["probabilities"], model(full)["probabilities"], 0)

    @pytest.mark.parametrize("training", [False, True])
    def test_empty_bag_is_finite_and_leaves_the_others_alone(self, training):
        with_it, without, inputs = self.build(), self.build(), bags()
        inputs["mask"][2] = False
        answer = with_it(inputs, training=training)
        assert all(np.isfinite(ops.convert_to_numpy(value)).all() for value in answer.values())
        rows = [0, 1, 3, 4]
        others = without(part(inputs, rows), training=training)["probabilities"]
        assert_close(ops.convert_to_numpy(answer["probabilities"])[rows], others)
        for name, value in state(with_it).items():
            assert_close(value, state(without)[name])

    def test_inference_changes_no_weight(self):
        model = self.build()
        before = state(model)
        model(bags())
        for name, value in state(model).items():
            np.testing.assert_array_equal(value, before[name])

    def test_saved_weights_bring_the_answers_back(self, tmp_path):
        model, other = self.build(seed=0), self.build(seed=1)
        assert np.abs(model(bags())["probabilities"] - other(bags())["probabilities"]).max() > 1e-3
        model.save_weights(tmp_path / "model.weights.h5")
        other.load_weights(tmp_path / "model.weights.h5")
        assert_close(other(bags())["probabilities"], model(bags())["probabilities"], 0)

    def test_configuration_brings_the_network_back(self):
        model = self.build()
        restored = type(model).from_config(model.get_config())
        restored(bags())
        assert restored.config == model.config
        assert [(v.path, v.shape) for v in restored.variables] == [(v.path, v.shape) for v in model.variables]

    def test_variable_names_are_unique_and_the_same_every_time(self):
        paths = [[v.path for v in self.build().variables] for _ in range(2)]
        assert paths[0] == paths[1] and len(set(paths[0])) == len(paths[0])

    def test_equal_seeds_give_equal_first_weights(self):
        one, same, other = (borrow(self.settings(), seed).get_weights() for seed in (0, 0, 1))
        assert all(map(np.array_equal, one, same)) and not all(map(np.array_equal, one, other))

    def test_noise_is_added_only_in_training_and_its_state_continues(self):
        noisy, quiet = self.build(input_noise=0.1), self.build()
        assert [v.path for v in noisy.variables] == [v.path for v in quiet.variables]
        assert_close(noisy(bags())["probabilities"], quiet(bags())["probabilities"], 0)
        saved = [ops.copy(v.value) for v in noisy.variables]
        first, second = (ops.convert_to_numpy(noisy(bags(), training=True)["probabilities"]) for _ in range(2))
        assert np.abs(first - second).max() > 1e-4
        for variable, value in zip(noisy.variables, saved, strict=True):
            variable.assign(value)
        assert_close(noisy(bags(), training=True)["probabilities"], first, 1e-6)

    def test_mixed_precision_answers_nearly_the_same_in_float32(self):
        model = self.build()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            mixed = self.build()
        finally:
            keras.config.set_dtype_policy("float32")
        answer = mixed(bags())
        assert {keras.backend.standardize_dtype(value.dtype) for value in answer.values()} == {"float32"}
        assert {w.dtype for w in mixed.weights} == {"float32"}
        assert_close(answer["probabilities"], model(bags())["probabilities"], 0.1)

    def test_one_stream_of_any_name_will_do(self):
        features = config.Features(("audio_embedding",), (16,))
        model = self.build(features=features, attention_sizes=None)
        assert model(bags(width=16))["probabilities"].shape == (5, 7)
