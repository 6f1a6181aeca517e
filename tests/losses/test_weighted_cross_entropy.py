import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from yt8m_attention.losses.weighted_cross_entropy import class_weights, weighted_cross_entropy


def reference(labels, probabilities, rated, weights, epsilon=1e-5):
    """One pair at a time."""
    total = 0.0
    for b, v in np.ndindex(*labels.shape):
        p, y = float(probabilities[b, v]), float(labels[b, v])
        if rated[b, v]:
            total -= weights[v] * (y * np.log(p + epsilon) + (1 - y) * np.log(1 - p + epsilon))
    return total / len(labels)


@st.composite
def batches(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    labels = rng.random(shape) if draw(st.booleans()) else rng.random(shape) < 0.5
    probabilities = np.float32(rng.choice([0.0, 1.0, rng.random()], shape))
    return labels, probabilities, rng.random(shape) < 0.6, np.float32(rng.choice([1.0, 5.0], shape[1]))


@settings(max_examples=40, deadline=None)
@given(batches())
def test_agrees_with_the_sum_over_pairs(batch):
    found = float(weighted_cross_entropy(*batch))
    assert found == pytest.approx(reference(*batch), rel=1e-4, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(batches())
def test_unrated_pairs_have_no_part_in_it(batch):
    labels, probabilities, rated, weights = batch
    other = np.where(rated, probabilities, 1 - probabilities), np.where(rated, labels, 1 - labels)
    assert float(weighted_cross_entropy(labels, probabilities, rated, weights)) == pytest.approx(
        float(weighted_cross_entropy(other[1], other[0], rated, weights)), abs=1e-5
    )


def test_defaults_are_all_rated_at_weight_one():
    labels, probabilities = np.array([[1, 0, 1]]), np.float32([[0.9, 0.2, 0.4]])
    everything = weighted_cross_entropy(labels, probabilities, np.ones((1, 3), bool), np.ones(3))
    assert float(weighted_cross_entropy(labels, probabilities)) == pytest.approx(float(everything))


def test_sums_over_classes_and_averages_over_the_batch():
    labels, probabilities = np.ones((1, 2), bool), np.full((1, 2), 0.5, np.float32)
    one = float(weighted_cross_entropy(labels, probabilities))
    assert one == pytest.approx(2 * np.log(2), rel=1e-4)
    for repeats, times in (((3, 1), 1), ((1, 3), 3)):
        loss = weighted_cross_entropy(np.tile(labels, repeats), np.tile(probabilities, repeats))
        assert float(loss) == pytest.approx(times * one)


def test_certain_and_wrong_costs_no_more_than_epsilon_allows():
    loss = float(weighted_cross_entropy(np.array([[1, 0]]), np.float32([[0, 1]])))
    assert loss == pytest.approx(-2 * np.log(1e-5), rel=1e-4)


def test_half_precision_probabilities_are_computed_in_single():
    probabilities = ops.cast(np.float32([[0.25, 0.5]]), "bfloat16")
    loss = weighted_cross_entropy(np.array([[1, 0]]), probabilities)
    assert float(loss) == pytest.approx(-np.log(0.25) - np.log(0.5), rel=1e-4)


def test_nothing_rated_is_no_loss():
    assert float(weighted_cross_entropy(np.ones((2, 3)), np.zeros((2, 3)), np.zeros((2, 3), bool))) == 0


def test_class_weights():
    np.testing.assert_array_equal(class_weights(5, (1, 4), 5.0), np.float32([1, 5, 1, 1, 5]))
    np.testing.assert_array_equal(class_weights(3, ()), np.float32([1, 1, 1]))
    assert class_weights(3, np.array([0])).dtype == np.float32
