"""The network compared with a plain one: outputs and gradients in training."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.plain_network import PlainNetwork
from tests.layer_case import assert_close, randomize
from tests.models.network_case import SMALL
from yt8m_attention import config
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.models import registry
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 6, 20), dtype=np.uint8)
LABELS = np.random.default_rng(1).random((5, 7)) < 0.4


def train_step(network, answer):
    """Returns (output, loss, {path below the network: gradient}) of a step, compiled as a graph."""

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            probabilities = answer()
            loss = weighted_cross_entropy(LABELS, probabilities) + sum(network.losses)
        return probabilities, loss, tape.gradient(loss, network.trainable_variables)

    probabilities, loss, gradients = run()
    paths = [v.path.removeprefix(network.name + "/") for v in network.trainable_variables]
    return probabilities, loss, {path: np.asarray(g) for path, g in zip(paths, gradients, strict=True)}


@pytest.mark.parametrize("changes", [{}, {"attention_normalizer": "softmax", "moe_num_mixtures": 3}], ids=str)
def test_outputs_and_gradients_equal_the_plain_network(changes, monkeypatch):
    """As single operations, and with compiled fused functions."""
    monkeypatch.setattr(compilation, "LEAST_SIZE", 0)
    keras.utils.set_random_seed(0)
    model = config.Model(**{"model": "multi_attention"} | SMALL | changes)
    ours, plain = registry.build(model), PlainNetwork(model)
    randomize(ours)
    plain(FRAMES)
    values = {v.path.removeprefix(ours.name + "/"): np.asarray(v) for v in ours.trainable_variables}
    wanted = plain.weights_of(values)
    for variable in plain.trainable_variables:
        variable.assign(wanted.pop(variable.path.removeprefix(plain.name + "/")))
    assert not wanted
    probabilities, loss, gradients = train_step(plain, lambda: plain(tf.constant(FRAMES), training=True))

    def answer(compiler):
        with fusion.compiled_by(compiler):
            return ours({"frames": tf.constant(FRAMES)}, training=True)["probabilities"]

    for compiler in (None, compilation.xla):
        found, found_loss, found_gradients = train_step(ours, functools.partial(answer, compiler))
        assert_close(found, probabilities, 1e-4)
        assert_close(found_loss, loss, 1e-4)
        for name, gradient in plain.weights_of(found_gradients).items():
            assert_close(gradient, gradients[name], 2e-4)
