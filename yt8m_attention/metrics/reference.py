"""Every metric in its plainest form: loops that follow the definition, against which faster code is held.

Numpy alone. Ties are broken as everywhere here (metrics/sort_keys.py): score descending, then position or id ascending.
The definitions are those of the YouTube-8M starter code and, for segments, of the 3rd YouTube-8M challenge.
Letters: N videos or entries, V classes, P positives.
"""

import numpy as np


def average_precision(scores, labels, num_positives=None, top_n=None):
    """Average precision of one ranking: the mean over all positives of the precision at each one's rank.

    Args:
      scores: float [N], any order; ties rank by position.
      labels: [N], positive where more than 0.
      num_positives: all positives, those missing from the list too; None: those in the list.
      top_n: only this many best count, and no more positives than that can be asked for; None: all.

    Returns:
      A float in [0, 1]; 0 where there is no positive.

    Raises:
      ValueError: for a NaN score.
    """
    scores = np.asarray(scores, float)
    if np.isnan(scores).any():
        raise ValueError("average_precision: a score is NaN")
    ranked = np.asarray(labels)[np.argsort(-scores, kind="stable")] > 0
    return _ranked_average_precision(ranked, ranked.sum() if num_positives is None else num_positives, top_n)


def _ranked_average_precision(ranked, num_positives, top_n):
    """Average precision of labels, best first."""
    if top_n is not None:
        ranked = ranked[:top_n]
        num_positives = min(num_positives, top_n)
    hits, total = 0, 0.0
    for rank, positive in enumerate(ranked, start=1):
        if positive:
            hits += 1
            total += hits / rank
    return float(total / num_positives) if num_positives else 0.0


def mean_average_precision_at_k(ranked, ratings, k=100_000):
    """MAP@K of the 3rd YouTube-8M challenge, over rated segments.

    For each class: the ranking is cut to its first k, then the segments that nobody rated for the class are dropped
    (unknown, not negative), and average precision is taken with min(all rated positives of the class, k) in the
    denominator. The mean is over the classes that have a positive; the others are left out. A class that has a
    positive and no ranking counts 0.

    Args:
      ranked: {class: segment ids, best first, none twice}; ids are anything that can be a key of a dict.
      ratings: {class: {segment id: rating}}, positive where more than 0.
      k: where each class's ranking is cut.

    Returns:
      A float in [0, 1]; NaN where no class has a positive.

    Raises:
      ValueError: for a segment that one class ranks twice.
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


def global_average_precision(predictions, labels, top_k=20):
    """GAP, the YouTube-8M metric: one average precision over the top_k predictions of every video, pooled.

    Args:
      predictions: float [N, V]; ties rank by the smaller class within a video, then by the earlier video.
      labels: [N, V], positive where more than 0; all of them are in the denominator, the ones that no video's
        top_k reach too.
      top_k: classes of each video that count.

    Returns:
      A float in [0, 1]; 0 where there is no positive.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    scores, hits = [], []
    for row, truth in zip(predictions, labels, strict=True):
        best = np.argsort(-row, kind="stable")[:top_k]
        scores.extend(row[best])
        hits.extend(truth[best])
    return average_precision(scores, hits, num_positives=int((labels > 0).sum()))


def hit_at_one(predictions, labels):
    """The share of videos [N, V] whose best class (of equals the smallest) is a true one; NaN for no video.

    A video without a label is a miss.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    hits = [labels[i, np.argmax(row)] > 0 for i, row in enumerate(predictions)]
    return float(np.mean(hits)) if hits else float("nan")


def perr(predictions, labels):
    """Precision at equal recall rate: the mean over videos of the precision among as many best classes as the video
    has labels. A video without labels counts 0, and a class predicted exactly 0 (or less) is not predicted.

    Args:
      predictions: float [N, V]; of equals the smaller class is better.
      labels: [N, V], positive where more than 0.

    Returns:
      A float in [0, 1]; NaN for no video.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels) > 0
    precisions = []
    for row, truth in zip(predictions, labels, strict=True):
        wanted = int(truth.sum())
        best = np.argsort(-row, kind="stable")[:wanted]
        precisions.append(sum(truth[c] and row[c] > 0 for c in best) / wanted if wanted else 0.0)
    return float(np.mean(precisions)) if precisions else float("nan")
