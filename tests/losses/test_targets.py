import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from yt8m_attention.losses import targets
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy


@st.composite
def target(draw, shape=(3, 5)):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = rng.random(shape) if draw(st.booleans()) else rng.random(shape) < 0.5
    return labels, rng.random(shape) < rng.random() if draw(st.booleans()) else np.float32(rng.random(shape))


@settings(max_examples=30, deadline=None)
@given(target(), target(), st.sampled_from([0.0, 0.3, 1.0]) | st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_loss_of_a_mixture_is_the_mixture_of_the_losses(first, second, share, seed):
    rng = np.random.default_rng(seed)
    answers = np.float32(rng.random((3, 5)))
    if isinstance(share, int):  # one per row
        share = np.float32(np.random.default_rng(share).random((3, 1)))
    rows = np.broadcast_to(share, (3, 1)).ravel()
    expected = np.mean([
        rows[b] * _loss(first, answers, b) + (1 - rows[b]) * _loss(second, answers, b) for b in range(3)
    ])  # fmt: skip
    labels, weights = targets.mix(first, second, share)
    assert float(weighted_cross_entropy(labels, answers, weights)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (ops.convert_to_numpy(labels) <= 1).all() and np.isfinite(ops.convert_to_numpy(labels)).all()


def _loss(target, answers, row):
    labels, weights = target
    return float(weighted_cross_entropy(labels[row : row + 1], answers[row : row + 1], weights[row : row + 1]))


def test_a_pair_of_one_target_keeps_its_label_with_a_lower_weight():
    first, second = (np.array([[1, 1, 0]]), np.array([[True, False, False]])), (np.zeros((1, 3)), np.ones((1, 3)))
    labels, weights = (ops.convert_to_numpy(part) for part in targets.mix(first, second, 0.75))
    np.testing.assert_allclose(labels, [[0.75, 0, 0]])
    np.testing.assert_allclose(weights, [[1, 0.25, 0.25]])


def test_a_pair_without_weight_counts_for_nothing():
    unknown = np.ones((2, 3)), np.zeros((2, 3), bool)
    for part in targets.mix(unknown, unknown, 0.5):
        np.testing.assert_array_equal(ops.convert_to_numpy(part), np.zeros((2, 3)))
