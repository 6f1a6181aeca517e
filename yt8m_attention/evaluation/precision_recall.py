"""Precision and recall at fixed thresholds, gathered batch by batch. Numpy alone."""

import numpy as np

THRESHOLDS = 101  # 0, 0.01, ..., 1


class PrecisionRecall:
    """Counts of pairs (item, class), all classes pooled, by probability."""

    def __init__(self):
        # Bin i holds what is at least threshold i and less than the next.
        self._positives = np.zeros(THRESHOLDS, np.int64)
        self._negatives = np.zeros(THRESHOLDS, np.int64)

    def add(self, probabilities, labels, counts=None):
        """Takes a batch.

        Args:
          probabilities: float [N, V], 0 to 1.
          labels: [N, V], positive where more than 0.
          counts: bool [N, V], the pairs that count; None: all.
        """
        probabilities, positive = np.asarray(probabilities, np.float64), np.asarray(labels) > 0
        if counts is not None:
            probabilities, positive = probabilities[counts], positive[counts]
        # The edge of a bin belongs to it, whatever the multiplication rounds to.
        edges = np.linspace(0, 1, THRESHOLDS)
        bins = np.clip(np.searchsorted(edges, probabilities.ravel(), side="right") - 1, 0, THRESHOLDS - 1)
        self._positives += np.bincount(bins[positive.ravel()], minlength=THRESHOLDS)
        self._negatives += np.bincount(bins[~positive.ravel()], minlength=THRESHOLDS)

    def result(self):
        """dict of int [THRESHOLDS] arrays: `true_positives`, `false_positives`, `true_negatives`, `false_negatives`, of
        calling positive what is at least as probable as the threshold."""
        true, false = (np.cumsum(part[::-1])[::-1] for part in (self._positives, self._negatives))
        return {
            "true_positives": true,
            "false_positives": false,
            "true_negatives": false[0] - false,
            "false_negatives": true[0] - true,
        }
