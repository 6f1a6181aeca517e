"""Sparsemax: its definition in float64, properties, gradient, and all modes of execution."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.ops.sparsemax import sparsemax

few = settings(max_examples=60, deadline=None)


def by_sorting(logits):
    """Algorithm 1 of the paper over the last axis, in float64: (probabilities, tau)."""
    top = np.max(logits, axis=-1, keepdims=True).astype(np.float64)
    logits = logits - top
    falling = -np.sort(-logits, axis=-1)
    excess = np.cumsum(falling, axis=-1) - 1
    size = np.sum(falling * np.arange(1, logits.shape[-1] + 1) > excess, axis=-1, keepdims=True)
    tau = np.take_along_axis(excess, size - 1, axis=-1) / size
    return np.maximum(logits - tau, 0), tau + top


def gradient_of(logits, upstream, **kwargs):
    logits = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        probabilities = sparsemax(logits, **kwargs)
    return tape.gradient(probabilities, logits, tf.constant(upstream, logits.dtype)).numpy()


@st.composite
def rows(draw, dtype=np.float32):
    """Logits [R, N] of any spread, with many ties or none."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 40)))
    spread = draw(st.sampled_from([1e-3, 0.1, 1.0, 30.0, 1e4]))
    numbers = st.floats(-1, 1, width=32) if draw(st.booleans()) else st.integers(-8, 8).map(lambda i: i / 8)
    return (draw(hnp.arrays(np.float64, shape, elements=numbers)) * spread).astype(dtype)


@few
@given(rows())
def test_equals_the_definition(logits):
    expected, _ = by_sorting(logits)
    np.testing.assert_allclose(sparsemax(logits), expected, rtol=0, atol=1e-6)


def one_entry_a_round():
    """Gaps so wide that each of Newton's steps removes one entry only, as far as float32 allows."""
    gaps, excess = [0.0, 0.5, 1e-7], 3e-7
    while sum(gaps) + excess < 1:
        gaps.append(excess)
        excess += len(gaps) * excess
    return -np.concatenate([[0.0], np.cumsum(gaps)])


k = np.arange(300.0)
HARD = {
    "equal": np.zeros(300),
    "ramp": -k / 300,
    "gentle ramp": -k * 1e-5,
    "square roots": -np.sqrt(k / 300),
    "harmonic": 1 / (k + 1),
    "towards the threshold": -1 + 0.97**k,
    "one entry a round": one_entry_a_round(),
    "large": 1e4 + np.sin(k) * 1e4,
    "larger than float32's integers": 1e30 * np.cos(k),
    "far from zero": 1e4 + np.round(np.sin(k) * 64) / 1024,
    "one entry": np.full(1, -7.0),
    "-inf": np.where(k % 3 == 0, np.sin(k), -np.inf),
} | {f"geometric {r}": -(r**-k) for r in (1.01, 1.1, 1.5, 2, 10)}


@pytest.mark.parametrize("name", HARD)
def test_rows_that_are_hard_on_an_iteration(name):
    logits = HARD[name].astype(np.float32)
    expected, _ = by_sorting(np.maximum(logits, -1e38))
    answer = sparsemax(logits).numpy()
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(answer.sum(dtype=np.float64), 1, rtol=0, atol=2e-6)
    together = sparsemax(np.stack([logits, np.roll(logits, 1) * 0.5, 0 * np.nan_to_num(logits)]))
    np.testing.assert_allclose(together[0], expected, rtol=0, atol=1e-6)  # regardless of the other rows' iterations


@few
@given(rows(), st.randoms())
def test_is_a_distribution_that_moves_with_its_entries(logits, random):
    probabilities = sparsemax(logits).numpy()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(-1, dtype=np.float64), 1, rtol=0, atol=2e-6)
    order = random.sample(range(logits.shape[1]), logits.shape[1])
    np.testing.assert_allclose(sparsemax(logits[:, order]), probabilities[:, order], rtol=0, atol=1e-6)


@few
@given(hnp.arrays(np.int32, (3, 20), elements=st.integers(-300, 300)), st.integers(-1000, 1000))
def test_a_shift_changes_nothing(numerators, shift):
    logits = (numerators / 128).astype(np.float32)  # so that the shift is exact
    np.testing.assert_array_equal(sparsemax(logits + shift), sparsemax(logits))


@few
@given(rows(np.float64), st.floats(1.5, 20))
def test_a_larger_scale_never_widens_the_support(logits, scale):
    _, tau = by_sorting(logits * scale)
    assume((abs(logits * scale - tau) > 1e-9).all())
    assert ((sparsemax(logits).numpy() > 0) >= (sparsemax(logits * scale).numpy() > 0)).all()


@few
@given(rows(), st.data())
def test_masked_entries_get_nothing_and_take_no_part(logits, data):
    mask = data.draw(hnp.arrays(bool, logits.shape))
    hidden = np.where(mask, logits, data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, 0.0]))).astype(np.float32)
    probabilities = sparsemax(hidden, mask).numpy()
    gradient = gradient_of(hidden, np.ones_like(logits) + np.arange(logits.shape[1]), mask=mask)
    assert np.isfinite(gradient).all() and (gradient[~mask] == 0).all()
    assert (probabilities[~mask] == 0).all()
    for row, unmasked, answer in zip(logits, mask, probabilities, strict=True):
        if unmasked.any():
            np.testing.assert_allclose(answer[unmasked], by_sorting(row[unmasked])[0], rtol=0, atol=1e-6)


def test_a_row_with_nothing_unmasked_is_zero():
    logits = np.float32([[3, 1, 2], [1, 2, 3]])
    mask = np.array([[False] * 3, [True] * 3])
    np.testing.assert_array_equal(sparsemax(logits, mask), [[0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(gradient_of(logits, np.ones((2, 3)), mask=mask), np.zeros((2, 3)))
    np.testing.assert_array_equal(sparsemax(np.full((1, 4), -np.inf, np.float32)), np.zeros((1, 4)))


def test_a_mask_spreads_over_heads():
    logits = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    mask = np.arange(6) < np.array([[4], [0]])
    probabilities = sparsemax(logits, mask[:, :, None], axis=1)
    np.testing.assert_allclose(probabilities[0, :4], sparsemax(logits[0, :4], axis=0), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(probabilities[0, 4:], np.zeros((2, 3)))
    np.testing.assert_array_equal(probabilities[1], np.zeros((6, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_row_shows_and_spoils_no_other(bad):
    answer = sparsemax(np.float32([[bad, 0, 1], [0, 0.5, 1], [0, bad, 1]])).numpy()
    assert np.isnan(answer[[0, 2]]).all()
    np.testing.assert_allclose(answer[1], [0, 0.25, 0.75], atol=1e-7)


@few
@given(rows(), st.integers(0, 2**32 - 1))
def test_gradient_is_centred_on_the_support(logits, seed):
    upstream = np.random.default_rng(seed).normal(size=logits.shape).astype(np.float32)
    expected, tau = by_sorting(logits)
    assume((abs(logits - tau) > 1e-6).all())  # at the edge of the support, either side's gradient is correct
    support = expected > 0
    mean = (upstream * support).sum(-1, keepdims=True) / support.sum(-1, keepdims=True)
    np.testing.assert_allclose(gradient_of(logits, upstream), (upstream - mean) * support, rtol=0, atol=2e-6)


@few
@given(rows(np.float64), st.integers(0, 2**32 - 1))
def test_gradient_equals_finite_differences(logits, seed):
    rng = np.random.default_rng(seed)
    upstream, direction = rng.normal(size=logits.shape), rng.uniform(-1, 1, logits.shape)
    step = 1e-6 * max(1, abs(logits).max())
    _, tau = by_sorting(logits)
    assume((abs(logits - tau) > 4 * step).all())  # the support stays the same, so the function is linear
    change = (sparsemax(logits + step * direction) - sparsemax(logits - step * direction)) / (2 * step)
    slope = np.sum(gradient_of(logits, upstream) * direction)
    np.testing.assert_allclose(slope, np.sum(change * upstream), rtol=0, atol=1e-7)


def test_any_axis_and_rank():
    logits = np.random.default_rng(1).normal(size=(3, 4, 5, 6)).astype(np.float32)
    upstream = np.random.default_rng(2).normal(size=logits.shape)
    for axis in range(-4, 4):
        values, gradient = sparsemax(logits, axis=axis), gradient_of(logits, upstream, axis=axis)
        moved, moved_upstream = np.moveaxis(logits, axis, -1), np.moveaxis(upstream, axis, -1)
        np.testing.assert_allclose(np.moveaxis(values, axis, -1), by_sorting(moved)[0], rtol=0, atol=1e-6)
        expected = gradient_of(moved, moved_upstream)
        np.testing.assert_allclose(np.moveaxis(gradient, axis, -1), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(sparsemax([1, 1, 0]), [0.5, 0.5, 0])  # integers too, as from a list


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "compiled"])
def test_graphs_of_unknown_batch_give_the_eager_answer(jit):
    @tf.function(input_signature=[tf.TensorSpec([None, 30, None])] * 2 + [tf.TensorSpec([None, 30, 1], tf.bool)])
    def both(logits, upstream, mask):
        inner = tf.function(sparsemax, jit_compile=jit)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            probabilities = inner(logits, mask, axis=1)
        return probabilities, tape.gradient(probabilities, logits, upstream)

    rng = np.random.default_rng(3)
    for batch, heads in ((1, 1), (5, 8)):
        logits, upstream = rng.normal(size=(2, batch, 30, heads)).astype(np.float32)
        mask = rng.random((batch, 30, 1)) < 0.7
        values, gradient = both(logits, upstream, mask)
        np.testing.assert_allclose(values, sparsemax(logits, mask, axis=1), rtol=0, atol=1e-6)
        np.testing.assert_allclose(gradient, gradient_of(logits, upstream, mask=mask, axis=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_keeps_the_dtype_and_computes_no_narrower_than_float32(dtype):
    logits = tf.cast(np.random.default_rng(4).normal(size=(4, 300)) * 0.1, dtype)
    values = sparsemax(logits)
    assert values.dtype == dtype
    expected = tf.cast(by_sorting(tf.cast(logits, "float64").numpy())[0], dtype)
    precision = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(tf.cast(values, "float64"), tf.cast(expected, "float64"), rtol=0.01, atol=precision)
    assert gradient_of(logits, np.ones((4, 300))).dtype == logits.dtype.as_numpy_dtype
