"""Counts for precision and recall at fixed thresholds, batch by batch. Uses NumPy only."""

import numpy as np

THRESHOLDS = 101  # 0, 0.01, ..., 1


class PrecisionRecall:
    """Counts pairs (item, class) by probability, over all classes together."""

    def __init__(self) -> None:
        # Bin i holds probabilities p with threshold[i] <= p < threshold[i + 1].
        self._positives = np.zeros(THRESHOLDS, np.int64)
        self._negatives = np.zeros(THRESHOLDS, np.int64)

    def add(self, probabilities: np.ndarray, labels: np.ndarray, counts: np.ndarray | None = None) -> None:
        """Adds a batch.

        Args:
          probabilities: float [N, V], 0 to 1.
          labels: [N, V], positive if above 0.
          counts: bool [N, V], the pairs that count; None: all.
        """
        probabilities, positive = np.asarray(probabilities, np.float64), np.asarray(labels) > 0
        if counts is not None:
            probabilities, positive = probabilities[counts], positive[counts]
        # A search in the edges is exact; a product with the number of bins is rounded.
        edges = np.linspace(0, 1, THRESHOLDS)
        bins = np.clip(np.searchsorted(edges, probabilities.ravel(), side="right") - 1, 0, THRESHOLDS - 1)
        self._positives += np.bincount(bins[positive.ravel()], minlength=THRESHOLDS)
        self._negatives += np.bincount(bins[~positive.ravel()], minlength=THRESHOLDS)

    def result(self) -> dict[str, np.ndarray]:
        """Returns the counts, if a pair with a probability of at least the threshold is called positive.

        Returns:
          dict of `true_positives`, `false_positives`, `true_negatives`, `false_negatives`, each int [THRESHOLDS].
        """
        true, false = (np.cumsum(part[::-1])[::-1] for part in (self._positives, self._negatives))
        return {
            "true_positives": true,
            "false_positives": false,
            "true_negatives": false[0] - false,
            "false_negatives": true[0] - true,
        }
