"""The metrics of metrics/reference.py, computed batch by batch without all predictions in memory. Uses numpy only.

Ties are broken by score descending, then the smaller class, the earlier video or the smaller ordinal. Scores are
compared as float32. Letters: N videos or segments of a batch, V classes, E entries.
"""

from typing import Any

import numpy as np

from yt8m_attention.metrics import sort_keys


def average_precision_by_class(
    classes: np.ndarray, labels: np.ndarray, positives: np.ndarray, top_n: int | None = None
) -> np.ndarray:
    """Returns the average precision of many classes' rankings at once.

    Args:
      classes: int [E], ascending; the entries of a class are adjacent, best first.
      labels: bool [E].
      positives: int [V], number of positives of each class, including those missing from its entries.
      top_n: number of best entries of a class that count, and the upper bound of its positives; None: all.

    Returns:
      float64 [V]; NaN for a class without positives.
    """
    positives = np.asarray(positives)
    hits = np.cumsum(labels)
    first = np.searchsorted(classes, np.arange(len(positives)))
    hits_before = np.concatenate([[0], hits])[first]
    rank = np.arange(1, len(classes) + 1) - first[classes]
    counts = np.asarray(labels) if top_n is None else labels & (rank <= top_n)
    precision = (hits - hits_before[classes]) / rank
    total = np.bincount(classes[counts], weights=precision[counts], minlength=len(positives))
    denominators = positives if top_n is None else np.minimum(positives, top_n)
    return np.divide(total, denominators, out=np.full(len(positives), np.nan), where=denominators > 0)


def _reject_nan(scores, classes):
    """Raises ValueError, naming the class, for a NaN score: it has no rank and shows a broken model."""
    bad = np.isnan(scores)
    if bad.any():
        first = np.broadcast_to(classes, scores.shape)[bad][0]
        raise ValueError(f"class {first}: a score is NaN, as are {bad.sum()} of the batch's {bad.size}")


class VideoMetrics:
    """Computes GAP, hit@1, PERR and MAP of whole videos, as the YouTube-8M starter code defines them.

    GAP and MAP use only the top_k best classes of each video, with all positives in their denominators. MAP is the
    mean over the classes with a positive. Memory: nine bytes for each of a video's top_k entries.

    Args:
      num_classes: V.
      top_k: number of classes of each video that GAP and MAP use.
    """

    def __init__(self, num_classes: int, top_k: int = 20) -> None:
        self.num_classes, self.top_k = num_classes, min(top_k, num_classes)
        self._classes: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._positives = np.zeros(num_classes, np.int64)
        self._videos, self._hits, self._precisions = 0, 0, 0.0

    def add(self, probabilities: np.ndarray, labels: np.ndarray) -> None:
        """Adds a batch: probabilities float [N, V], labels [N, V], positive where more than 0.

        Raises:
          ValueError: for a NaN probability, naming its class; then no part of the batch is added.
        """
        probabilities = np.asarray(probabilities, np.float32)
        truth = np.asarray(labels) > 0
        _reject_nan(probabilities, np.arange(self.num_classes))
        num_labels = truth.sum(axis=1)
        columns, scores = sort_keys.top_columns(probabilities, max(self.top_k, num_labels.max(initial=1)))
        hits = np.take_along_axis(truth, columns, axis=1)
        within = np.arange(columns.shape[1]) < num_labels[:, None]
        precisions = (hits & within & (scores > 0)).sum(axis=1) / np.maximum(num_labels, 1)

        self._videos += len(truth)
        self._hits += int(hits[:, 0].sum())
        self._precisions += float(precisions.sum())
        self._positives += truth.sum(axis=0)
        self._classes.append(columns[:, : self.top_k].astype(np.int32).ravel())
        self._scores.append(scores[:, : self.top_k].ravel())
        self._labels.append(hits[:, : self.top_k].ravel())

    def merge(self, other: "VideoMetrics") -> None:
        """Adds the entries of another VideoMetrics of the same sizes; its videos count as later ones."""
        if (self.num_classes, self.top_k) != (other.num_classes, other.top_k):
            raise ValueError("only VideoMetrics of the same num_classes and top_k can be merged")
        for ours, theirs in zip(self._entries(), other._entries(), strict=True):
            ours.extend(theirs)
        self._positives += other._positives
        self._videos += other._videos
        self._hits += other._hits
        self._precisions += other._precisions

    def result(self) -> dict[str, float]:
        """Returns {"gap", "hit_at_one", "perr", "map", "videos"}.

        Without videos hit_at_one and perr are NaN, and without positives map is.
        """
        classes, scores, labels = (_joined(part) for part in self._entries())
        pooled = np.argsort(-scores, kind="stable")
        total = self._positives.sum()
        gap = (
            average_precision_by_class(np.zeros(len(pooled), int), labels[pooled], np.array([total]))[0]
            if total
            else 0.0
        )
        by_class = np.lexsort((-scores, classes))
        per_class = average_precision_by_class(classes[by_class], labels[by_class], self._positives)
        return {
            "gap": float(gap),
            "hit_at_one": self._hits / self._videos if self._videos else float("nan"),
            "perr": self._precisions / self._videos if self._videos else float("nan"),
            "map": float(np.nanmean(per_class)) if total else float("nan"),
            "videos": self._videos,
        }

    def _entries(self):
        return self._classes, self._scores, self._labels


class SegmentMetrics:
    """Computes MAP@K over rated segments, and the MAP of a random ranking. Memory: 17 bytes for each rated pair.

    A class ranks only its own rated segments. The result equals the challenge's (rank all, cut at K, drop the unrated)
    if no more than K segments are ranked. For more segments, score a submission (evaluation/submission_score.py).

    Args:
      num_classes: V.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._classes: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._ordinals: list[np.ndarray] = []

    def add(self, scores: np.ndarray, labels: np.ndarray, rated: np.ndarray, ordinals: np.ndarray) -> None:
        """Adds a batch.

        Args:
          scores: float [N, V].
          labels: [N, V], positive where more than 0; only rated pairs are used.
          rated: bool [N, V], true for rated pairs.
          ordinals: int [N], unique number of each segment, which breaks ties (smaller first).

        Raises:
          ValueError: for a NaN score of a rated pair, naming its class; then no part of the batch is added.
        """
        rows, classes = np.nonzero(rated)
        rated_scores = np.asarray(scores)[rows, classes].astype(np.float32)
        _reject_nan(rated_scores, classes)
        self._classes.append(classes.astype(np.int32))
        self._scores.append(rated_scores)
        self._labels.append(np.asarray(labels)[rows, classes] > 0)
        self._ordinals.append(np.asarray(ordinals, np.int64)[rows])

    def merge(self, other: "SegmentMetrics") -> None:
        """Adds the rated pairs of another SegmentMetrics of the same classes."""
        if self.num_classes != other.num_classes:
            raise ValueError("only SegmentMetrics of the same num_classes can be merged")
        for ours, theirs in zip(self._entries(), other._entries(), strict=True):
            ours.extend(theirs)

    def result(self, top_n: int = 100_000) -> dict[str, Any]:
        """Returns MAP@top_n and related figures.

        Returns:
          {"segment_map": NaN when no class has a positive,
           "chance": mean over the same classes of the share of positives among the rated segments,
           "classes": number of classes with a positive, "rated_pairs": number of pairs of all classes,
           "per_class": {class: (average precision, positives, rated)} of the classes with a positive}.
        """
        classes, scores, labels, ordinals = (_joined(part) for part in self._entries())
        best_first = np.lexsort((ordinals, -scores, classes))
        return summary(classes[best_first], labels[best_first], np.bincount(classes, minlength=self.num_classes),
                       np.bincount(classes[labels], minlength=self.num_classes), top_n)  # fmt: skip

    def _entries(self):
        return self._classes, self._scores, self._labels, self._ordinals


def summary(
    classes: np.ndarray, labels: np.ndarray, rated: np.ndarray, positives: np.ndarray, top_n: int
) -> dict[str, Any]:
    """Computes the result of SegmentMetrics.result from ranked entries (see average_precision_by_class).

    Args:
      classes, labels: int [E] ascending and bool [E], the rated segments of each class, best first.
      rated, positives: int [V], numbers of each class, including pairs missing from its entries.
      top_n: see average_precision_by_class.
    """
    precision = average_precision_by_class(classes, labels, positives, top_n)
    counted = np.flatnonzero(positives)
    return {
        "segment_map": float(precision[counted].mean()) if counted.size else float("nan"),
        "chance": float((positives[counted] / rated[counted]).mean()) if counted.size else float("nan"),
        "classes": len(counted),
        "rated_pairs": int(rated.sum()),
        "per_class": {int(c): (float(precision[c]), int(positives[c]), int(rated[c])) for c in counted},
    }


def _joined(parts):
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
