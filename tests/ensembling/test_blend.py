"""Blends equal plain references; a model blended with itself is unchanged; fitted weights never lose."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from yt8m_attention.ensembling import blend
from yt8m_attention.errors import UserError
from yt8m_attention.metrics import reference

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=8)
PROBABILITIES = st.floats(0, 1, width=32)
MATRICES = SHAPES.flatmap(lambda shape: arrays.arrays(np.float32, shape, elements=PROBABILITIES))


@st.composite
def ensembles(draw):
    """(members [N, C], one weight each, at least one above 0)."""
    shape, count = draw(SHAPES), draw(st.integers(1, 4))
    members = [draw(arrays.arrays(np.float32, shape, elements=PROBABILITIES)) for _ in range(count)]
    weights = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count).filter(any))
    return members, weights


def places(column):
    """The index of each value among the distinct values: a ranking with its ties."""
    return np.unique(column, return_inverse=True)[1]


def rank_of(value, column):
    """The rank of the value, divided by the length of the column; ties get their average rank."""
    less, equal = sum(other < value for other in column), sum(other == value for other in column)
    return (less + (equal + 1) / 2) / len(column)


@given(ensembles())
def test_against_the_definitions(ensemble):
    members, weights = ensemble
    total = sum(weights)
    blended = {method: blend.blend(members, weights, method) for method in blend.METHODS}
    for (row, c), _ in np.ndenumerate(members[0]):
        values = [float(member[row, c]) for member in members]
        pairs = list(zip(values, weights, strict=True))
        ranked = [rank_of(member[row, c], member[:, c]) for member in members]
        expected = {
            "mean": sum(v * w for v, w in pairs) / total,
            "geometric": math.prod(v ** (w / total) for v, w in pairs),
            "rank": sum(r * w for r, w in zip(ranked, weights, strict=True)) / total,
        }
        for method, value in expected.items():
            assert blended[method][row, c] == pytest.approx(value, rel=1e-5), method


@given(MATRICES, st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_a_model_with_itself_is_that_model(scores, weights):
    for method in ("mean", "geometric"):
        np.testing.assert_array_equal(blend.blend([scores] * len(weights), weights, method), scores)
    ranked = blend.blend([scores] * len(weights), weights, "rank")
    for column, expected in zip(ranked.T, scores.T, strict=True):
        np.testing.assert_array_equal(
            np.unique(column, return_inverse=True)[1], np.unique(expected, return_inverse=True)[1]
        )


@given(ensembles(), st.sampled_from(blend.METHODS))
def test_large_matrices_are_blended_in_parts(ensemble, method):
    members, weights = ensemble
    whole = blend.blend(members, weights, method)
    by_column = [blend.blend([m[:, c : c + 1] for m in members], weights, method) for c in range(whole.shape[1])]
    np.testing.assert_array_equal(whole, np.concatenate(by_column, axis=1))
    np.testing.assert_array_equal(whole, blend.blend(members, [w * 7 for w in weights], method))


@given(MATRICES)
def test_ranks_do_not_depend_on_the_scale(scores):
    np.testing.assert_array_equal(blend.ranks(scores), blend.ranks(scores.astype(np.float64) * 4))


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [0, 0], [1, -1], [1, math.nan], [1, math.inf]])
def test_wrong_weights(weights):
    with pytest.raises(UserError, match="--weights"):
        blend.normalised(weights, 2)


def test_a_logit_has_no_geometric_mean():
    with pytest.raises(UserError, match="geometric"):
        blend.blend([np.array([[-1.0]])], method="geometric")


def judge_of(labels):
    """Average precision over one class."""
    return lambda values: reference.average_precision(values, labels)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_fitted_weights_do_no_worse_than_the_best_member(seed, count):
    random = np.random.default_rng(seed)
    labels = random.random(30) < 0.5
    labels[0] = True
    members = [labels * random.random() + random.random(30) for _ in range(count)]
    judge = judge_of(labels)
    weights = blend.fit(members, judge, rounds=8)
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)
    blended = judge(sum(m * w for m, w in zip(members, weights, strict=True)))
    assert blended >= max(map(judge, members)) - 1e-12
    np.testing.assert_array_equal(weights, blend.fit(members, judge, rounds=8))


def test_two_complementary_members_both_get_weight_and_gains():
    labels = np.array([1, 1, 0, 0, 0], bool)
    one, other, noise = np.array([9.0, 0, 5, 0, 1]), np.array([0, 9.0, 0, 5, 1]), np.array([0, 0, 9.0, 9, 9])
    judge = judge_of(labels)
    weights = blend.fit([one, other, noise], judge)
    assert weights[2] == 0 and weights[0] > 0 and weights[1] > 0
    gains = blend.gains([one, other, noise], weights, judge)
    assert gains.blend == 1.0
    assert gains.alone == [judge(one), judge(other), judge(noise)]
    assert gains.left_out == pytest.approx([1 - judge(other), 1 - judge(one), 0])
    assert math.isnan(gains.added[0]) and gains.added[1:] == pytest.approx([1 - judge(one), 0])
