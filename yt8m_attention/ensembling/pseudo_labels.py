"""Which segments of a ranking are taken for positives and negatives of its class. Numpy alone.

The best-ranked segments are taken for positives. Negatives are taken from below: the last of the ranking, which are
the least likely to be positives, or, from a given rank on, evenly, which has harder ones among them and more errors.

Letters: R segments of a class's ranking, best first.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.errors import UserError


@dataclass(frozen=True)
class Rule:
    """How many segments of each class are taken, and from where.

    Attributes:
      positives: so many of the best-ranked.
      negatives: so many from below them.
      negatives_from: the rank, 1 being the best, from which on negatives are spread evenly; None: they are the last.
      max_per_video: of a class, so many positives and so many negatives of one video; 0: any number.
    """

    positives: int
    negatives: int
    negatives_from: int | None = None
    max_per_video: int = 0

    def __post_init__(self):
        if self.negatives_from is not None and self.negatives_from <= self.positives:
            raise UserError(f"--negatives_from={self.negatives_from}: is among the best {self.positives:,}, which are "
                            "positives; give a larger rank")  # fmt: skip


def choose(videos, usable, rule):
    """Chooses segments of one class.

    No segment is both: negatives rank below the last positive, and below those that were passed over on the way to it.

    Args:
      videos: int [R], a number for each segment's video.
      usable: bool [R], which segments may be taken; the others are as if they were not ranked.
      rule: a Rule.

    Returns:
      (places of positives, places of negatives): int64, each ascending; fewer than the rule says where the ranking is
      too short.
    """
    places = np.flatnonzero(usable)
    positives = _few_of_each(places, videos, rule.max_per_video)[: rule.positives]
    least = positives[-1] + 1 if len(positives) else 0
    if rule.negatives_from is None:
        below = places[places >= least][::-1]
        negatives = _few_of_each(below, videos, rule.max_per_video)[: rule.negatives][::-1]
    else:
        below = places[places >= max(least, rule.negatives_from - 1)]
        negatives = _spread(_few_of_each(below, videos, rule.max_per_video), rule.negatives)
    return positives, negatives


def _few_of_each(places, videos, most):
    """The first `most` places of each video, in the order given; all where it is 0."""
    if not most:
        return places
    order = np.argsort(videos[places], kind="stable")
    of = videos[places][order]
    first = np.searchsorted(of, of)  # where each one's video begins
    before = np.empty(len(order), np.int64)
    before[order] = np.arange(len(order)) - first
    return places[before < most]


def _spread(places, count):
    """The middles of `count` stretches of equal length; all places where there are no more."""
    if len(places) <= count:
        return places
    return places[(2 * np.arange(count) + 1) * len(places) // (2 * count)]
