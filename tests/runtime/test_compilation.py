"""Compiled fused functions and their gradients equal the same operations without compilation."""

import numpy as np
import tensorflow as tf

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation


class _Network(NetworkCase):
    __test__ = False
    model = "multi_attention"


def _output_and_gradients(compiler):
    model, inputs = _Network().build(input_noise=0.01), {k: tf.constant(v) for k, v in bags().items()}

    @tf.function
    def run(inputs):
        with tf.GradientTape() as tape, fusion.compiled_by(compiler):
            output = model(inputs, training=True)["probabilities"]
        return output, tape.gradient(output, model.trainable_variables)

    return run(inputs)


def test_compiled_functions_equal_plain_ones(monkeypatch):
    monkeypatch.setattr(compilation, "LEAST_SIZE", 0)
    compiled = []

    def counting(function):
        compiled.append(function)
        return compilation.xla(function)

    plain, fast = _output_and_gradients(None), _output_and_gradients(counting)
    assert len(compiled) > 4
    assert_close(fast[0], plain[0], 1e-5)
    for one, other in zip(fast[1], plain[1], strict=True):
        assert_close(one, other, 1e-4)


def test_small_arrays_are_not_compiled():
    traced = []

    def double(x):
        traced.append(tf.inside_function())
        return x * 2

    call = compilation.xla(double)
    call(tf.ones(8))
    call(tf.ones(compilation.LEAST_SIZE))
    assert traced == [False, True]


def test_functions_are_not_compiled_after_the_block():
    @fusion.fused
    def add(x, *, by):
        return x + by

    with fusion.compiled_by(lambda function: lambda x: function(x) * 10):
        assert add(np.float32(1), by=2) == 30
    assert add(np.float32(1), by=2) == 3
