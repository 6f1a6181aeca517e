"""Islands compiled, and their gradients, against the same work operation by operation."""

import numpy as np
import tensorflow as tf

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation


class _Network(NetworkCase):
    __test__ = False
    model = "multi_attention"


def _answer_and_gradients(compiler):
    model, inputs = _Network().build(input_noise=0.01), {k: tf.constant(v) for k, v in bags().items()}

    @tf.function
    def run(inputs):
        with tf.GradientTape() as tape, fusion.compiled_by(compiler):
            answer = model(inputs, training=True)["probabilities"]
        return answer, tape.gradient(answer, model.trainable_variables)

    return run(inputs)


def test_compiled_islands_answer_and_learn_as_plain_ones(monkeypatch):
    monkeypatch.setattr(compilation, "LEAST_SIZE", 0)
    compiled = []

    def counting(function):
        compiled.append(function)
        return compilation.xla(function)

    plain, fast = _answer_and_gradients(None), _answer_and_gradients(counting)
    assert len(compiled) > 4
    assert_close(fast[0], plain[0], 1e-5)
    for one, other in zip(fast[1], plain[1], strict=True):
        assert_close(one, other, 1e-4)


def test_small_islands_are_left_alone():
    traced = []

    def double(x):
        traced.append(tf.inside_function())
        return x * 2

    call = compilation.xla(double)
    call(tf.ones(8))
    call(tf.ones(compilation.LEAST_SIZE))
    assert traced == [False, True]


def test_islands_run_as_they_are_again_after_the_block():
    @fusion.fused
    def add(x, *, by):
        return x + by

    with fusion.compiled_by(lambda function: lambda x: function(x) * 10):
        assert add(np.float32(1), by=2) == 30
    assert add(np.float32(1), by=2) == 3
