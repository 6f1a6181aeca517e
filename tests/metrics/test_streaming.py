"""The streaming metrics against the reference, batch by batch, with ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from yt8m_attention.metrics import reference
from yt8m_attention.metrics.streaming import SegmentMetrics, VideoMetrics

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 6))
# Few values, so that scores tie; with 0, a special case of PERR.
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def of_shape(data, shape, dtype, elements):
    return data.draw(hnp.arrays(dtype, shape, elements=elements))


@given(st.data(), SHAPES, st.integers(1, 7))
def test_video_metrics_are_the_references(data, shape, top_k):
    probabilities = of_shape(data, shape, np.float32, SCORES)
    labels = of_shape(data, shape, bool, st.booleans())
    cut, parts = data.draw(st.integers(0, shape[0])), [VideoMetrics(shape[1], top_k) for _ in range(2)]
    for part, rows in zip(parts, (slice(0, cut), slice(cut, None)), strict=True):
        for row in range(*rows.indices(shape[0])):
            part.add(probabilities[row : row + 1], labels[row : row + 1])
    parts[0].merge(parts[1])
    whole = VideoMetrics(shape[1], top_k)
    whole.add(probabilities, labels)

    result = whole.result()
    assert parts[0].result() == pytest.approx(result, nan_ok=True)
    assert result["gap"] == pytest.approx(reference.global_average_precision(probabilities, labels, top_k))
    assert result["hit_at_one"] == pytest.approx(reference.hit_at_one(probabilities, labels))
    assert result["perr"] == pytest.approx(reference.perr(probabilities, labels))
    assert result["map"] == pytest.approx(video_map(probabilities, labels, top_k), nan_ok=True)
    assert result["videos"] == shape[0]


def video_map(probabilities, labels, top_k):
    """Mean over classes of the average precision over the videos with the class in their top_k."""
    seen = [np.argsort(-row, kind="stable")[:top_k] for row in probabilities]
    precisions = []
    for c in range(labels.shape[1]):
        videos = [v for v, best in enumerate(seen) if c in best]
        if labels[:, c].any():
            precisions.append(
                reference.average_precision(probabilities[videos, c], labels[videos, c], labels[:, c].sum())
            )
    return np.mean(precisions) if precisions else float("nan")


@given(st.data(), SHAPES, st.integers(1, 9))
def test_segment_metrics_are_the_references(data, shape, top_n):
    scores = of_shape(data, shape, np.float32, SCORES)
    labels, rated = (of_shape(data, shape, bool, st.booleans()) for _ in range(2))
    ordinals = np.array(data.draw(st.permutations(range(shape[0]))))
    cut, parts = data.draw(st.integers(0, shape[0])), [SegmentMetrics(shape[1]) for _ in range(2)]
    for part, rows in zip(parts, (slice(0, cut), slice(cut, None)), strict=True):
        part.add(scores[rows], labels[rows], rated[rows], ordinals[rows])
    parts[1].merge(parts[0])
    result = parts[1].result(top_n)

    ranked, ratings = {}, {}
    for c in range(shape[1]):
        best_first = np.lexsort((ordinals, -scores[:, c]))
        ranked[c] = [ordinals[row] for row in best_first if rated[row, c]]
        ratings[c] = {ordinals[row]: labels[row, c] for row in range(shape[0]) if rated[row, c]}
    expected = reference.mean_average_precision_at_k(ranked, ratings, top_n)
    assert result["segment_map"] == pytest.approx(expected, nan_ok=True)
    assert result["rated_pairs"] == rated.sum()
    counted = [c for c in range(shape[1]) if (labels & rated)[:, c].any()]
    assert sorted(result["per_class"]) == counted and result["classes"] == len(counted)
    shares = [(labels & rated)[:, c].sum() / rated[:, c].sum() for c in counted]
    assert result["chance"] == pytest.approx(np.mean(shares) if shares else float("nan"), nan_ok=True)
    for c, (_, positives, of) in result["per_class"].items():
        assert (positives, of) == ((labels & rated)[:, c].sum(), rated[:, c].sum())


def test_per_class_precision_is_scikit_learns():
    random = np.random.default_rng(5)
    scores, labels = random.random((50, 3), np.float32), random.random((50, 3)) < 0.5
    metrics = SegmentMetrics(3)
    metrics.add(scores, labels, np.ones((50, 3), bool), np.arange(50))
    for c, (precision, _, _) in metrics.result()["per_class"].items():
        assert precision == pytest.approx(average_precision_score(labels[:, c], scores[:, c]))


def test_unrated_pairs_are_no_part_of_it():
    metrics = SegmentMetrics(2)
    metrics.add([[0.9, np.nan], [0.5, 0.5]], [[0, 1], [1, 1]], [[False, False], [True, False]], [0, 1])
    result = metrics.result()
    assert (result["segment_map"], result["rated_pairs"], result["per_class"]) == (1.0, 1, {0: (1.0, 1, 1)})


def test_nan_names_its_class_and_leaves_nothing_behind():
    videos, segments = VideoMetrics(3), SegmentMetrics(3)
    scores = np.array([[0.1, 0.2, np.nan]], np.float32)
    with pytest.raises(ValueError, match="class 2"):
        videos.add(scores, np.ones((1, 3)))
    with pytest.raises(ValueError, match="class 2"):
        segments.add(scores, np.ones((1, 3)), np.ones((1, 3), bool), [0])
    assert videos.result()["videos"] == 0 and segments.result()["rated_pairs"] == 0


def test_without_batches_the_metrics_are_nan():
    assert np.isnan(VideoMetrics(2).result()["map"]) and np.isnan(VideoMetrics(2).result()["hit_at_one"])
    result = SegmentMetrics(2).result()
    assert np.isnan(result["segment_map"]) and np.isnan(result["chance"]) and result["classes"] == 0


def test_different_sizes_do_not_merge():
    with pytest.raises(ValueError, match="num_classes"):
        SegmentMetrics(2).merge(SegmentMetrics(3))
    with pytest.raises(ValueError, match="top_k"):
        VideoMetrics(9, top_k=2).merge(VideoMetrics(9, top_k=3))
