"""Runs parts of the package on fixed inputs with the current Keras backend, to compare two backends.

    KERAS_BACKEND=jax python tests/jax_check.py answers.npz

Each part has an entry in `cases`: a function of one float32 tensor, and its input. Random weights depend on the
backend, so a layer's case must set its weights from numpy.
"""

import functools
import itertools
import sys

import keras
import numpy as np

from tests.layer_case import randomize
from tests.models.network_case import FEATURES, SMALL
from yt8m_attention import config
from yt8m_attention.layers.deep_bag_of_frames import DeepBagOfFrames
from yt8m_attention.layers.frame_convolution import FrameConvolution
from yt8m_attention.layers.net_vlad import NetVLAD
from yt8m_attention.layers.next_vlad import NeXtVLAD
from yt8m_attention.layers.recurrence import Recurrence
from yt8m_attention.layers.transformer_block import TransformerBlock
from yt8m_attention.models import registry
from yt8m_attention.ops import masked, quantize, sparsemax


def networks():
    """{name: (function from frames to probabilities, padded frames)} for each network of the registry."""
    rng = np.random.default_rng(9)
    frames = rng.normal(size=(4, 6, FEATURES.total)).astype(np.float32)
    mask = np.arange(6) < np.array([6, 3, 1, 5])[:, None]
    found = {}
    # Alternating classifiers: compiling all networks with both takes minutes.
    for name, classifier in zip(registry.names(), itertools.cycle(("logistic", "moe")), strict=False):
        model = registry.build(config.Model(**SMALL | {"model": name, "video_level_classifier_model": classifier}))
        randomize(model, 3)
        found[f"{name}_{classifier}"] = (functools.partial(_probabilities, model, mask), frames)
    return found


def _probabilities(model, mask, frames):
    return model({"frames": frames, "mask": mask})["probabilities"]


def cases():
    """{name: (function of one tensor, its input as float32 array)}."""
    return operations() | networks()


def operations():
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(4, 30, 3)).astype(np.float32)
    mask = np.arange(30)[:, None] < np.array([30, 11, 1, 0])[:, None, None]
    bytes_ = rng.integers(256, size=(5, 7))
    return {
        "sparsemax": (lambda x: sparsemax.sparsemax(x, axis=1), logits),
        "sparsemax_last_axis": (sparsemax.sparsemax, logits * 0.1),
        "sparsemax_masked": (lambda x: sparsemax.sparsemax(x, mask, axis=1), logits),
        "softmax_masked": (lambda x: masked.masked_softmax(x, mask, axis=1), logits),
        "mean_masked": (lambda x: masked.masked_mean(x, mask, axis=1), logits),
        "max_masked": (lambda x: masked.masked_max(x, mask, axis=1), logits),
        "last_masked": (lambda x: masked.masked_last(x, mask, axis=1), logits),
        "dequantize": (lambda x: x * quantize.dequantize(bytes_.astype(np.uint8)), np.ones((5, 7), np.float32)),
    } | layer_cases(rng)


def layer_cases(rng):
    """The pooling layers at inference, on bags of several lengths, one of a single frame and one empty."""
    frames = rng.normal(size=(4, 5, 8)).astype(np.float32)
    mask = np.arange(5) < np.array([5, 3, 1, 0])[:, None]
    layers = {
        "deep_bag_of_frames": DeepBagOfFrames(6),
        "net_vlad": NetVLAD(3),
        "next_vlad": NeXtVLAD(3, groups=4),
        "frame_convolution": FrameConvolution((1, 2, 3), (4, 5, 6)),
        "gru": Recurrence("gru", 4),
        "lstm": Recurrence("lstm", 4),
        "transformer_block": TransformerBlock(2),
    }
    return {name: (masked_call(layer, mask, rng), frames) for name, layer in layers.items()}


def masked_call(layer, mask, rng):
    """The layer as a function of frames [B, T, 8], with weights from numpy and output 0 at padding."""
    layer.build((None, None, 8))
    for weight in layer.weights:
        low = 0.5 if weight.path.endswith("moving_variance") else -0.5
        weight.assign(rng.uniform(low, low + 1.0, weight.shape))

    def call(frames):
        answer = layer(frames, mask=mask)
        return masked.zero_masked(answer, mask) if len(answer.shape) == 3 else answer

    return call


def value_and_gradient(function, inputs, upstream):
    """The value of compiled function(inputs), and the gradient of its sum weighted by upstream(shape)."""
    if keras.backend.backend() == "jax":
        import jax

        value, backward = jax.vjp(jax.jit(function), inputs)
        return value, backward(upstream(value.shape))[0]

    import tensorflow as tf

    @tf.function
    def run(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(inputs)
        return value, tape.gradient(value, inputs, upstream(value.shape))

    return run(tf.constant(inputs))


def answers():
    """Values and gradients of all cases as numpy arrays: NAME.value and NAME.gradient."""

    def upstream(shape):
        return np.random.default_rng(8).normal(size=shape).astype(np.float32)

    results = {}
    for name, (function, inputs) in cases().items():
        value, gradient = value_and_gradient(function, inputs, upstream)
        results |= {f"{name}.value": np.asarray(value), f"{name}.gradient": np.asarray(gradient)}
    return results


if __name__ == "__main__":
    np.savez(sys.argv[1], **answers())
