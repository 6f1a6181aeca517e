"""Both implementations of the gradient, compared with Keras' maximum and its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.layer_case import assert_close
from yt8m_attention.ops import max_over_time as module
from yt8m_attention.ops.max_over_time import max_over_time

BAGS, FRAMES, SIZE = 4, 9, 5
MASK = np.arange(FRAMES) < np.array([[FRAMES], [1], [0], [6]])


@pytest.fixture(params=["gathered", "product"])
def way(request, monkeypatch):
    monkeypatch.setattr(module, "GATHERED_FROM", {"gathered": 1, "product": 99}[request.param])


@pytest.fixture(params=[1, 2, 3, 4])
def width(request):
    return request.param


def drawn(width, filters=7, seed=0):
    """Frames [B, T, D], 0 where masked, and a kernel [W, D, N]."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(BAGS, FRAMES, SIZE)) * MASK[..., None]
    return np.float32(frames), np.float32(rng.normal(size=(width, SIZE, filters)))


def plain(frames, kernel, mask):
    """Keras' convolution over zero-padded frames."""
    width = kernel.shape[0]
    padded = ops.pad(frames, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))
    answers = ops.where(mask[..., None], ops.conv(padded, kernel, padding="valid"), -1e30)
    return ops.where(ops.any(mask, axis=1, keepdims=True), ops.max(answers, axis=1), 0.0)


def learned(function, frames, kernel, mask=MASK, **compiling):
    """(responses, gradients of frames and kernel) of a loss with a different weight for each response."""

    @tf.function(**compiling)
    def run(frames, kernel, mask):
        with tf.GradientTape() as tape:
            tape.watch([frames, kernel])
            answer = function(frames, kernel, mask)
            factors = np.random.default_rng(1).normal(size=(BAGS, kernel.shape[-1]))
            loss = ops.sum(ops.cast(answer, "float32") * np.float32(factors))
        return answer, *tape.gradient(loss, [frames, kernel])

    return run(*map(tf.convert_to_tensor, (frames, kernel, mask)))


@pytest.mark.parametrize("chunk", [1, 3, 16])
def test_values_and_gradients_are_those_of_keras(way, width, chunk, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)
    for own, wanted in zip(learned(max_over_time, *drawn(width)), learned(plain, *drawn(width)), strict=True):
        assert_close(own, wanted)


def test_xla_compiles_it(way):
    for own, wanted in zip(learned(max_over_time, *drawn(3), jit_compile=True), learned(plain, *drawn(3)), strict=True):
        assert_close(own, wanted)


def test_the_way_is_chosen_by_the_bags_length(monkeypatch):
    """One compiled function takes bags of any length."""
    chosen = []
    gathered = module._gathered

    def watched(padded, *arguments):
        tf.py_function(lambda length: chosen.append(int(length)), [tf.shape(padded)[1] - 1], [])
        return gathered(padded, *arguments)

    monkeypatch.setattr(module, "_gathered", watched)
    monkeypatch.setattr(module, "GATHERED_FROM", 5)
    kernel = tf.constant(drawn(2)[1])

    @tf.function(input_signature=[tf.TensorSpec((None, None, SIZE)), tf.TensorSpec((None, None), tf.bool)])
    def run(frames, mask):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = ops.sum(max_over_time(frames, kernel, mask))
        return tape.gradient(loss, kernel)

    for length in (5, 6, 9):
        frames = np.float32(np.random.default_rng(0).normal(size=(2, length, SIZE)))
        run(frames, np.ones((2, length), bool))
    assert chosen == [6, 9]


def test_of_equal_answers_the_first_learns(way):
    frames = np.zeros((BAGS, FRAMES, SIZE), np.float32)
    _, by_frame, _ = learned(max_over_time, frames, drawn(1)[1])
    has_gradient = np.abs(by_frame).sum(-1) > 0
    assert (has_gradient == (np.arange(FRAMES) == 0) * MASK).all()


def test_what_is_not_a_number_stays_so(way):
    """NaN has no largest response, but it must reach the loss, because training stops at a NaN loss."""
    frames, kernel = drawn(2)
    kernel[0, 0, 3] = np.nan
    answer, _, by_kernel = learned(max_over_time, frames, kernel)
    wanted = np.zeros((BAGS, 7), bool)
    wanted[MASK.any(axis=1), 3] = True
    assert (np.isnan(answer) == wanted).all() and np.isfinite(by_kernel[..., :3]).all()


def test_16_bits_are_summed_in_32(way):
    """Each bag adds less than a 16-bit sum can represent."""
    count = 600
    frames, mask = np.ones((count, 2 * FRAMES, 1)), np.ones((count, 2 * FRAMES), bool)
    kernel = tf.ones((1, 1, 1), "bfloat16")
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = ops.sum(ops.cast(max_over_time(tf.cast(frames, "bfloat16"), kernel, mask), "float32"))
    assert float(tape.gradient(loss, kernel)[0, 0, 0]) == pytest.approx(count, rel=0.01)


def test_dtype_is_kept(way):
    frames, kernel = (tf.cast(x, "bfloat16") for x in drawn(2))
    answer, *gradients = learned(max_over_time, frames, kernel)
    assert {keras.backend.standardize_dtype(x.dtype) for x in (answer, *gradients)} == {"bfloat16"}
