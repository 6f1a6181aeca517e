"""Masked softmax, mean, maximum and last equal numpy on the unmasked entries and ignore masked ones."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.ops.masked import masked_last, masked_max, masked_mean, masked_softmax, zero_masked

# Keras warns of a softmax over one entry, but a bag of one frame is valid.
pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis")

few = settings(max_examples=50, deadline=None)


def softmax(unmasked):
    exponentials = np.exp(unmasked.astype(np.float64) - unmasked.max())
    return exponentials / exponentials.sum()


@st.composite
def masked_rows(draw):
    """Values [R, N], a mask, and the values with garbage at masked entries."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 30)))
    spread = draw(st.sampled_from([0.01, 1.0, 100.0, 1e6]))
    numbers = st.floats(-1, 1).map(lambda number: round(number, 5))  # no subnormals, which TensorFlow may flush to 0
    values = (draw(hnp.arrays(np.float64, shape, elements=numbers)) * spread).astype(np.float32)
    mask = draw(hnp.arrays(bool, shape))
    rubbish = np.float32(draw(st.sampled_from([np.nan, np.inf, -np.inf, 3e38, 0])))
    return values, mask, np.where(mask, values, rubbish)


def value_and_gradient(function, values, *args, **kwargs):
    values = tf.convert_to_tensor(values)
    with tf.GradientTape() as tape:
        tape.watch(values)
        answer = function(values, *args, **kwargs)
        weighted = answer * np.arange(1, 1 + np.prod(answer.shape), dtype=np.float32).reshape(answer.shape)
    return answer.numpy(), tape.gradient(weighted, values).numpy()


@few
@given(masked_rows())
def test_softmax_of_the_unmasked(rows):
    values, mask, hidden = rows
    answer, gradient = value_and_gradient(masked_softmax, hidden, mask)
    assert (answer[~mask] == 0).all() and (gradient[~mask] == 0).all() and np.isfinite(gradient).all()
    for row, unmasked, found in zip(values, mask, answer, strict=True):
        if unmasked.any():
            np.testing.assert_allclose(found[unmasked], softmax(row[unmasked]), rtol=1e-4, atol=1e-6)


@few
@given(masked_rows())
def test_mean_and_maximum_of_the_unmasked(rows):
    values, mask, hidden = rows
    mean, mean_gradient = value_and_gradient(masked_mean, hidden, mask, axis=1)
    largest, largest_gradient = value_and_gradient(masked_max, hidden, mask, axis=1)
    for gradient in (mean_gradient, largest_gradient):
        assert (gradient[~mask] == 0).all() and np.isfinite(gradient).all()
    for i, (row, unmasked) in enumerate(zip(values, mask, strict=True)):
        shown = row[unmasked].astype(np.float64)
        np.testing.assert_allclose(
            mean[i], shown.mean() if unmasked.any() else 0, rtol=1e-5, atol=1e-6 * abs(row).max()
        )
        assert largest[i] == (shown.max() if unmasked.any() else 0)
        np.testing.assert_allclose(mean_gradient[i][unmasked], (i + 1) / max(1, unmasked.sum()), rtol=1e-6)
        np.testing.assert_allclose(largest_gradient[i].sum(), (i + 1) * unmasked.any(), rtol=1e-5)
        assert (row[(largest_gradient[i] != 0) & unmasked] == largest[i]).all()


def test_softmax_without_a_mask():
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(masked_softmax(logits)[1], softmax(logits[1]), rtol=1e-6)
    np.testing.assert_allclose(masked_softmax(logits, np.ones((3, 4), bool)), masked_softmax(logits), rtol=1e-6)


def test_softmax_gradient():
    logits = np.float32([[1, 2, -1, 5]])
    mask = np.array([[True, True, True, False]])
    answer, gradient = value_and_gradient(masked_softmax, logits, mask)
    upstream = np.float32([[1, 2, 3, 4]])
    np.testing.assert_allclose(gradient, answer * (upstream - (answer * upstream).sum()), atol=1e-6)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "compiled"])
def test_frames_of_unknown_batch_under_one_mask(jit):
    @tf.function(input_signature=[tf.TensorSpec([None, 6, 3]), tf.TensorSpec([None, 6, 1], tf.bool)], jit_compile=jit)
    def all_three(x, mask):
        return masked_softmax(x, mask, axis=1), masked_mean(x, mask, axis=1), masked_max(x, mask, axis=1)

    x = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32) - 5
    mask = np.arange(6)[:, None] < np.array([4, 0])[:, None, None]
    probabilities, mean, largest = all_three(x, mask)
    np.testing.assert_allclose(probabilities[0, :4, 1], softmax(x[0, :4, 1]), rtol=1e-5)
    np.testing.assert_allclose(mean[0], x[0, :4].mean(0), rtol=1e-6)
    np.testing.assert_array_equal(largest[0], x[0, :4].max(0))
    for answer in (probabilities[0, 4:], probabilities[1], mean[1], largest[1]):
        np.testing.assert_array_equal(answer, np.zeros(answer.shape))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_dtypes_are_kept_and_summed_wide(dtype):
    x = tf.cast(
        np.full((1, 300), 300.0), dtype
    )  # their sum overflows float16, and bfloat16 represents no odd integer above 256
    mask = np.ones((1, 300), bool)
    for function, expected in ((masked_softmax, 1 / 300), (masked_mean, 300), (masked_max, 300)):
        answer = function(x, mask, axis=1)
        assert answer.dtype == dtype
        np.testing.assert_allclose(tf.cast(answer, "float32"), np.full(answer.shape, expected), rtol=4e-3)


@few
@given(masked_rows())
def test_last_of_the_unmasked(rows):
    values, mask, hidden = rows
    answer, gradient = value_and_gradient(masked_last, hidden, mask, axis=1)
    for row, unmasked, found, slope in zip(values, mask, answer, gradient, strict=True):
        assert found == (row[unmasked][-1] if unmasked.any() else 0)
        assert np.flatnonzero(slope).tolist() == np.flatnonzero(unmasked)[-1:].tolist()


@few
@given(masked_rows())
def test_zeros_stand_where_the_mask_hides(rows):
    values, mask, hidden = rows
    np.testing.assert_array_equal(zero_masked(tf.constant(hidden), mask), np.where(mask, values, 0))
    deep = np.repeat(hidden[..., None], 3, axis=-1)
    np.testing.assert_array_equal(zero_masked(tf.constant(deep), mask)[..., 2], np.where(mask, values, 0))
    np.testing.assert_array_equal(zero_masked(hidden, None), hidden)
