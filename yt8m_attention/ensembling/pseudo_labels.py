"""Selects the positives and negatives of a class from its ranking. Uses NumPy only.

The best-ranked segments become positives. Negatives come from below. By default they are the last of the ranking, which
are the least likely positives. From a given rank on, evenly spread, they include harder negatives and more errors.

Letters: R segments of the ranking of a class, best first.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.errors import UserError


@dataclass(frozen=True)
class Rule:
    """Number and position of the selected segments of each class.

    Attributes:
      positives: number of best-ranked segments.
      negatives: number of segments below the positives.
      negatives_from: first rank (1 is the best) of evenly spread negatives; None: the last of the ranking.
      max_per_video: maximum number of positives, and also of negatives, per class and video; 0: no limit.
    """

    positives: int
    negatives: int
    negatives_from: int | None = None
    max_per_video: int = 0

    def __post_init__(self) -> None:
        if self.negatives_from is not None and self.negatives_from <= self.positives:
            raise UserError(f"--negatives_from={self.negatives_from}: is among the best {self.positives:,}, which are "
                            "positives; give a larger rank")  # fmt: skip


def choose(videos: np.ndarray, usable: np.ndarray, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Selects the positives and negatives of one class.

    No segment is both: all negatives rank below the last positive.

    Args:
      videos: int [R], a number for the video of each segment.
      usable: bool [R], the segments that can be selected; the others are treated as not ranked.
      rule: a Rule.

    Returns:
      (places of positives, places of negatives): int64, each ascending; fewer than in the rule if the ranking is too
      short.
    """
    places = np.flatnonzero(usable)
    positives = _limited(places, videos, rule.max_per_video)[: rule.positives]
    first_below = positives[-1] + 1 if len(positives) else 0
    if rule.negatives_from is None:
        below = places[places >= first_below][::-1]
        negatives = _limited(below, videos, rule.max_per_video)[: rule.negatives][::-1]
    else:
        below = places[places >= max(first_below, rule.negatives_from - 1)]
        negatives = _spread(_limited(below, videos, rule.max_per_video), rule.negatives)
    return positives, negatives


def _limited(places, videos, most):
    """Returns the first `most` places of each video in the given order; all places if `most` is 0."""
    if not most:
        return places
    order = np.argsort(videos[places], kind="stable")
    grouped = videos[places][order]
    first = np.searchsorted(grouped, grouped)  # index of the first segment of the same video
    before = np.empty(len(order), np.int64)
    before[order] = np.arange(len(order)) - first
    return places[before < most]


def _spread(places, count):
    """Returns the middles of `count` equal parts of the places; all places if there are no more than `count`."""
    if len(places) <= count:
        return places
    return places[(2 * np.arange(count) + 1) * len(places) // (2 * count)]
