"""Several models' scores made into one, and the weights that do it best. Numpy alone.

Every method is a weighted mean of something: of probabilities (as the published ensemble), of their logarithms (the
geometric mean), or of ranks within a class (which takes scores of any scale). Letters: N segments, C classes, P rated
pairs of segment and class.
"""

from typing import NamedTuple

import numpy as np

from yt8m_attention.errors import UserError

METHODS = ("mean", "rank", "geometric")

_CELLS = 1 << 22  # of the arrays in float64, so that large matrices are blended a few classes at a time
_ROUNDS = 50  # of fitting: weights are multiples of a fiftieth or more


def normalised(weights, count):
    """Weights as float64 [count] that sum to 1; None: equal ones.

    Raises:
      UserError: for another number of weights, negative ones, or none above 0.
    """
    if weights is None:
        return np.full(count, 1 / count)
    weights = np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise UserError(f"--weights: found {weights.size}, wanted one for each of the {count} inputs")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise UserError(f"--weights: found {weights.tolist()}, wanted numbers of 0 or more, and one above 0")
    return weights / weights.sum()


def ranks(scores):
    """Ranks down the first axis as shares: float64 of scores' shape, 1 for the best, ties at their average.

    Args:
      scores: float [N] or [N, C], without NaN.
    """
    scores = np.asarray(scores)
    if scores.ndim == 2:
        return np.stack([ranks(column) for column in scores.T], axis=1)
    ascending = np.argsort(scores, kind="stable")
    _, tie, sizes = np.unique(scores[ascending], return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)  # the rank of the last of each group of equals
    result = np.empty(scores.size)
    result[ascending] = (last - (sizes - 1) / 2)[tie]
    return result / max(scores.size, 1)


def averaged(scores, method):
    """What a method takes the mean of: float64 of scores' shape.

    Raises:
      UserError: for a negative score under "geometric", whose logarithm is none.
    """
    if method == "rank":
        return ranks(scores)
    scores = np.asarray(scores, np.float64)
    if method == "mean":
        return scores
    if (scores < 0).any():
        raise UserError(f"--method=geometric: found a score of {scores.min():g}, wanted probabilities; use rank")
    with np.errstate(divide="ignore"):  # a probability of 0 makes the blend 0
        return np.log(scores)


def blend(members, weights=None, method="mean"):
    """One score for each segment and class.

    Computed in float64: what is blended with itself comes out as it was, to the last bit ("mean", "geometric") or in
    its order ("rank").

    Args:
      members: float arrays [N, C] of the same segments and classes, one a model. For "mean" and "geometric" they can
        be any part of the segments; ranks need them all.
      weights: one a member, see `normalised`.
      method: one of METHODS.

    Returns:
      float32 [N, C].

    Raises:
      UserError: as `normalised` and `averaged`.
    """
    weights = normalised(weights, len(members))
    used = [(member, weight) for member, weight in zip(members, weights, strict=True) if weight]
    num_segments, num_classes = used[0][0].shape
    result = np.empty((num_segments, num_classes), np.float32)
    width = max(1, _CELLS // max(num_segments, 1))
    for first in range(0, num_classes, width):
        part = slice(first, first + width)
        total = sum(averaged(member[:, part], method) * weight for member, weight in used)
        result[:, part] = np.exp(total) if method == "geometric" else total
    return result


def fit(members, judge, rounds=_ROUNDS):
    """Weights that a judge of rankings likes: greedy selection of members, again and again, with replacement.

    Each round adds the member that helps most to the sum so far; the best of all rounds is kept. So the blend is
    never worse than the best member, on the data that it is fitted on. Source: Caruana et al. 2004, "Ensemble
    selection from libraries of models".

    Args:
      members: float64 [P], one a model, what the method takes the mean of (`averaged`).
      judge: function of float64 [P] -> a number, more is better, that depends on their order alone.
      rounds: how often a member is added.

    Returns:
      float64, one weight a member; of equals the earlier member is taken, so the same every time.
    """
    counts, total = np.zeros(len(members)), np.zeros_like(members[0])
    best, kept = -np.inf, None
    for _ in range(rounds):
        values = [judge(total + member) for member in members]
        taken = int(np.argmax(values))
        counts[taken] += 1
        total += members[taken]
        if values[taken] > best:
            best, kept = values[taken], counts.copy()
    return normalised(kept, len(members))


class Gains(NamedTuple):
    """What each member is worth; NaN where there is nothing to compare with."""

    blend: float  # of all members
    alone: list  # of each member by itself
    left_out: list  # how much the blend loses without the member
    added: list  # how much the member adds to those before it, in the inputs' order


def gains(members, weights, judge):
    """Judges members and their blend; arguments as `fit`, with its weights."""
    shares = [member * weight if weight else None for member, weight in zip(members, weights, strict=True)]

    def value(parts):
        parts = [part for part in parts if part is not None]
        return judge(sum(parts)) if parts else float("nan")

    whole = value(shares)
    without = [value(shares[:i] + shares[i + 1 :]) for i in range(len(shares))]
    upto = [value(shares[: i + 1]) for i in range(len(shares))]
    before = [float("nan"), *upto[:-1]]
    return Gains(whole, [judge(member) for member in members], [whole - v for v in without],
                 [after - first for after, first in zip(upto, before, strict=True)])  # fmt: skip
