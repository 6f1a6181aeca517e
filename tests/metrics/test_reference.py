"""The reference metrics against scikit-learn, results computed by hand, and edge cases."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from yt8m_attention.metrics import reference


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_average_precision_is_scikit_learns_where_nothing_ties(labels, random):
    assume(any(labels))
    scores = random.sample(range(100), len(labels))
    assert reference.average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))


def test_average_precision_by_hand():
    scores, labels = [0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]
    assert reference.average_precision(scores, labels) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert reference.average_precision(scores, labels, num_positives=4) == pytest.approx((1 / 1 + 2 / 3) / 4)
    assert reference.average_precision(scores, labels, num_positives=4, top_n=2) == pytest.approx(1 / 2)
    assert reference.average_precision(scores, [0, 0, 0, 0]) == 0.0


def test_ties_rank_by_position():
    assert reference.average_precision([0.5, 0.5, 0.5], [0, 1, 0]) == pytest.approx(1 / 2)
    assert reference.average_precision([0.5, 0.5, 0.5], [1, 0, 0]) == pytest.approx(1.0)
    assert reference.hit_at_one([[0.5, 0.5]], [[0, 1]]) == 0.0


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        reference.average_precision([0.5, float("nan")], [1, 0])


def test_map_at_k_cuts_before_it_drops_the_unrated():
    ranked = {7: ["unrated", "a", "b"]}
    ratings = {7: {"a": 1, "b": 1}}
    # Cut at 2: only "a" is rated, and positive; the denominator is 2.
    assert reference.mean_average_precision_at_k(ranked, ratings, k=2) == pytest.approx(1 / 2)
    # Cut at 1: no rated segment remains. Cut at 3: the unrated segment before them has no effect.
    assert reference.mean_average_precision_at_k(ranked, ratings, k=1) == 0.0
    assert reference.mean_average_precision_at_k(ranked, ratings, k=3) == 1.0


def test_map_at_k_asks_for_no_more_than_k_positives():
    ratings = {0: {"a": 1, "b": 1, "c": 1}}
    assert reference.mean_average_precision_at_k({0: ["a", "b", "c"]}, ratings, k=2) == 1.0


def test_map_at_k_counts_a_class_not_ranked_and_leaves_out_one_without_positives():
    ratings = {0: {"a": 1}, 1: {"a": 1}, 2: {"a": 0}}
    assert reference.mean_average_precision_at_k({0: ["a"], 2: ["a"]}, ratings) == pytest.approx(1 / 2)
    assert np.isnan(reference.mean_average_precision_at_k({2: ["a"]}, {2: {"a": 0}}))


def test_map_at_k_refuses_a_segment_ranked_twice():
    with pytest.raises(ValueError, match="class 3"):
        reference.mean_average_precision_at_k({3: ["a", "a"]}, {3: {"a": 1}})


def test_gap_pools_the_top_k_of_every_video():
    predictions = [[0.9, 0.1, 0.3], [0.2, 0.8, 0.7]]
    labels = [[0, 1, 1], [0, 1, 0]]
    # The best two of each video: 0.9 no, 0.8 yes, 0.7 no, 0.3 yes; the third positive is not among them.
    assert reference.global_average_precision(predictions, labels, top_k=2) == pytest.approx((1 / 2 + 2 / 4) / 3)


@given(st.integers(1, 6), st.integers(1, 5), st.randoms(use_true_random=False))
def test_gap_over_all_classes_is_one_average_precision(videos, classes, random):
    predictions = np.reshape(random.sample(range(1000), videos * classes), (videos, classes))
    labels = np.array([[random.random() < 0.4 for _ in range(classes)] for _ in range(videos)])
    assume(labels.any())
    gap = reference.global_average_precision(predictions, labels, top_k=classes)
    assert gap == pytest.approx(average_precision_score(labels.ravel(), predictions.ravel()))


def test_hit_at_one_and_perr_by_hand():
    predictions = [[0.9, 0.5, 0.1], [0.2, 0.3, 0.9], [0.9, 0.1, 0.1]]
    labels = [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert reference.hit_at_one(predictions, labels) == pytest.approx(1 / 3)
    assert reference.perr(predictions, labels) == pytest.approx((1 / 2 + 0 + 0) / 3)


def test_a_class_predicted_zero_is_not_predicted():
    assert reference.perr([[0.0, 0.0]], [[1, 1]]) == 0.0


def test_without_videos_the_metrics_are_nan():
    assert np.isnan(reference.hit_at_one(np.zeros((0, 3)), np.zeros((0, 3))))
    assert np.isnan(reference.perr(np.zeros((0, 3)), np.zeros((0, 3))))
