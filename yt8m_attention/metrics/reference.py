"""Every metric as a loop that follows its definition: the reference for faster code. Uses numpy only.

Ties are broken as in metrics/sort_keys.py: score descending, then position or id ascending.
The definitions are those of the YouTube-8M starter code and, for segments, of the 3rd YouTube-8M challenge.
Letters: N videos or entries, V classes, P positives.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np


def average_precision(
    scores: Sequence[float] | np.ndarray,
    labels: Sequence[float] | np.ndarray,
    num_positives: int | None = None,
    top_n: int | None = None,
) -> float:
    """Returns the average precision of one ranking: the mean over all positives of the precision at their ranks.

    Args:
      scores: float [N], any order; ties rank by position.
      labels: [N], positive where more than 0.
      num_positives: number of positives, including those missing from the list; None: those in the list.
      top_n: number of best entries that count, and the upper bound of num_positives; None: all.

    Returns:
      A float in [0, 1]; 0 without a positive.

    Raises:
      ValueError: for a NaN score.
    """
    scores = np.asarray(scores, float)
    if np.isnan(scores).any():
        raise ValueError("average_precision: a score is NaN")
    ranked = np.asarray(labels)[np.argsort(-scores, kind="stable")] > 0
    return _ranked_average_precision(ranked, ranked.sum() if num_positives is None else num_positives, top_n)


def _ranked_average_precision(ranked, num_positives, top_n):
    """Returns the average precision of labels, best first."""
    if top_n is not None:
        ranked = ranked[:top_n]
        num_positives = min(num_positives, top_n)
    hits, total = 0, 0.0
    for rank, positive in enumerate(ranked, start=1):
        if positive:
            hits += 1
            total += hits / rank
    return float(total / num_positives) if num_positives else 0.0


def mean_average_precision_at_k(
    ranked: Mapping[Hashable, Sequence[Hashable]],
    ratings: Mapping[Hashable, Mapping[Hashable, float]],
    k: int = 100_000,
) -> float:
    """Returns MAP@K of the 3rd YouTube-8M challenge, over rated segments.

    For each class, the ranking is cut to its first k entries. Then segments without a rating for the class are dropped,
    because they are unknown, not negative. Average precision has min(all rated positives of the class, k) as its
    denominator. The mean is over the classes with a positive. A class with a positive and without a ranking counts 0.

    Args:
      ranked: {class: segment ids, best first, each once}; an id is any hashable value.
      ratings: {class: {segment id: rating}}, positive where more than 0.
      k: maximum length of each class's ranking.

    Returns:
      A float in [0, 1]; NaN when no class has a positive.

    Raises:
      ValueError: when a class ranks a segment twice.
    """
    precisions = []
    for name, rated in ratings.items():
        segments = list(ranked.get(name, ()))
        if len(set(segments)) < len(segments):
            raise ValueError(f"mean_average_precision_at_k: class {name} ranks a segment twice")
        positives = sum(rating > 0 for rating in rated.values())
        labels = [rated[segment] > 0 for segment in segments[:k] if segment in rated]
        if positives:
            precisions.append(_ranked_average_precision(labels, min(positives, k), None))
    return float(np.mean(precisions)) if precisions else float("nan")


def global_average_precision(predictions: np.ndarray, labels: np.ndarray, top_k: int = 20) -> float:
    """Returns GAP, the YouTube-8M metric: one average precision over the pooled top_k predictions of all videos.

    Args:
      predictions: float [N, V]; ties rank by the smaller class within a video, then by the earlier video.
      labels: [N, V], positive where more than 0; the denominator counts all positives, including those outside
        the top_k.
      top_k: number of classes of each video that count.

    Returns:
      A float in [0, 1]; 0 without a positive.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    scores, hits = [], []
    for row, truth in zip(predictions, labels, strict=True):
        best = np.argsort(-row, kind="stable")[:top_k]
        scores.extend(row[best])
        hits.extend(truth[best])
    return average_precision(scores, hits, num_positives=int((labels > 0).sum()))


def hit_at_one(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Returns the share of videos [N, V] whose best class (the smallest of equal ones) is positive.

    A video without labels is a miss. The result is NaN without videos.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    hits = [labels[i, np.argmax(row)] > 0 for i, row in enumerate(predictions)]
    return float(np.mean(hits)) if hits else float("nan")


def perr(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Returns the precision at equal recall rate (PERR).

    That is the mean over videos of the precision of the n best classes, with n the number of the video's labels. A
    video without labels counts 0. A class with a prediction of 0 or less does not count as predicted.

    Args:
      predictions: float [N, V]; ties rank by the smaller class.
      labels: [N, V], positive where more than 0.

    Returns:
      A float in [0, 1]; NaN without videos.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels) > 0
    precisions = []
    for row, truth in zip(predictions, labels, strict=True):
        wanted = int(truth.sum())
        best = np.argsort(-row, kind="stable")[:wanted]
        precisions.append(sum(truth[c] and row[c] > 0 for c in best) / wanted if wanted else 0.0)
    return float(np.mean(precisions)) if precisions else float("nan")
