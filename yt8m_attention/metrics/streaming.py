"""The metrics of metrics/reference.py gathered batch by batch, without holding every prediction. Numpy alone.

Ties are broken as everywhere here: score descending, then the smaller class, the earlier video or the smaller
ordinal. Scores count as float32. Letters: N videos or segments of a batch, V classes, E entries.
"""

import numpy as np

from yt8m_attention.metrics import sort_keys


def average_precision_by_class(classes, labels, positives, top_n=None):
    """Average precision of many classes' rankings at once.

    Args:
      classes: int [E], ascending: the entries of one class stand together, best first.
      labels: bool [E].
      positives: int [V], all positives of each class, those missing from its entries too.
      top_n: only so many entries of a class count, and no more positives can be asked for; None: all.

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
    asked = positives if top_n is None else np.minimum(positives, top_n)
    return np.divide(total, asked, out=np.full(len(positives), np.nan), where=asked > 0)


def _refuse_nan(scores, classes):
    """Raises ValueError, naming the class, for a NaN score: it has no rank, and a model that gives one is broken."""
    bad = np.isnan(scores)
    if bad.any():
        first = np.broadcast_to(classes, scores.shape)[bad][0]
        raise ValueError(f"class {first}: a score is NaN, as are {bad.sum()} of the batch's {bad.size}")


class VideoMetrics:
    """GAP, hit@1, PERR and MAP of whole videos, as the YouTube-8M starter code defines them.

    GAP and MAP see the top_k best classes of each video only, with all positives in their denominators; MAP is the
    mean over the classes that have a positive. Memory: nine bytes for each of a video's top_k entries.

    Args:
      num_classes: V.
      top_k: classes of each video that GAP and MAP see.
    """

    def __init__(self, num_classes, top_k=20):
        self.num_classes, self.top_k = num_classes, min(top_k, num_classes)
        self._classes, self._scores, self._labels = [], [], []
        self._positives = np.zeros(num_classes, np.int64)
        self._videos, self._hits, self._precisions = 0, 0, 0.0

    def add(self, probabilities, labels):
        """Takes a batch: probabilities float [N, V], labels [N, V], positive where more than 0.

        Raises:
          ValueError: for a NaN probability, naming its class; nothing of the batch is kept then.
        """
        probabilities = np.asarray(probabilities, np.float32)
        truth = np.asarray(labels) > 0
        _refuse_nan(probabilities, np.arange(self.num_classes))
        wanted = truth.sum(axis=1)
        columns, scores = sort_keys.top_columns(probabilities, max(self.top_k, wanted.max(initial=1)))
        hits = np.take_along_axis(truth, columns, axis=1)
        within = np.arange(columns.shape[1]) < wanted[:, None]
        precisions = (hits & within & (scores > 0)).sum(axis=1) / np.maximum(wanted, 1)

        self._videos += len(truth)
        self._hits += int(hits[:, 0].sum())
        self._precisions += float(precisions.sum())
        self._positives += truth.sum(axis=0)
        self._classes.append(columns[:, : self.top_k].astype(np.int32).ravel())
        self._scores.append(scores[:, : self.top_k].ravel())
        self._labels.append(hits[:, : self.top_k].ravel())

    def merge(self, other):
        """Takes what another VideoMetrics of the same sizes gathered; its videos come after those already here."""
        if (self.num_classes, self.top_k) != (other.num_classes, other.top_k):
            raise ValueError("only VideoMetrics of the same num_classes and top_k can be merged")
        for ours, theirs in zip(self._entries(), other._entries(), strict=True):
            ours.extend(theirs)
        self._positives += other._positives
        self._videos += other._videos
        self._hits += other._hits
        self._precisions += other._precisions

    def result(self):
        """{"gap", "hit_at_one", "perr", "map", "videos"}; NaN for what no video, or no positive, could tell."""
        classes, scores, labels = (_joined(part) for part in self._entries())
        pooled = np.argsort(-scores, kind="stable")
        total = self._positives.sum()
        gap = average_precision_by_class(np.zeros(len(pooled), int), labels[pooled], [total])[0] if total else 0.0
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
    """MAP@K over rated segments, and what a coin would get. Only rated pairs are kept: 17 bytes each.

    The ranking of a class is that of its own rated segments. It equals the challenge's (rank all, cut at K, drop the
    unrated) wherever no more than K segments are ranked; for larger pools score a submission
    (evaluation/submission_score.py).

    Args:
      num_classes: V.
    """

    def __init__(self, num_classes):
        self.num_classes = num_classes
        self._classes, self._scores, self._labels, self._ordinals = [], [], [], []

    def add(self, scores, labels, rated, ordinals):
        """Takes a batch.

        Args:
          scores: float [N, V].
          labels: [N, V], positive where more than 0; only the rated ones are looked at.
          rated: bool [N, V], the pairs that somebody rated.
          ordinals: int [N], each segment's own number, which breaks ties (smaller first).

        Raises:
          ValueError: for a NaN score of a rated pair, naming its class; nothing of the batch is kept then.
        """
        rows, classes = np.nonzero(rated)
        kept = np.asarray(scores)[rows, classes].astype(np.float32)
        _refuse_nan(kept, classes)
        self._classes.append(classes.astype(np.int32))
        self._scores.append(kept)
        self._labels.append(np.asarray(labels)[rows, classes] > 0)
        self._ordinals.append(np.asarray(ordinals, np.int64)[rows])

    def merge(self, other):
        """Takes the rated pairs that another SegmentMetrics of the same classes gathered."""
        if self.num_classes != other.num_classes:
            raise ValueError("only SegmentMetrics of the same num_classes can be merged")
        for ours, theirs in zip(self._entries(), other._entries(), strict=True):
            ours.extend(theirs)

    def result(self, top_n=100_000):
        """MAP@top_n and its company.

        Returns:
          {"segment_map": NaN where no class has a positive,
           "chance": the mean, over the same classes, of the share of positives among the rated,
           "classes": how many have a positive, "rated_pairs": of all classes,
           "per_class": {class: (average precision, positives, rated)} of the classes with a positive}.
        """
        classes, scores, labels, ordinals = (_joined(part) for part in self._entries())
        best_first = np.lexsort((ordinals, -scores, classes))
        return summary(classes[best_first], labels[best_first], np.bincount(classes, minlength=self.num_classes),
                       np.bincount(classes[labels], minlength=self.num_classes), top_n)  # fmt: skip

    def _entries(self):
        return self._classes, self._scores, self._labels, self._ordinals


def summary(classes, labels, rated, positives, top_n):
    """What SegmentMetrics.result returns, from ranked entries (see average_precision_by_class).

    Args:
      classes, labels: int [E] ascending and bool [E], the rated segments of each class, best first.
      rated, positives: int [V], of each class, those missing from its entries too.
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
