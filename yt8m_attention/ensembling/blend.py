"""Blends the scores of several models, and fits the weights. Uses NumPy only.

Each method is a weighted mean: of probabilities (as in the published ensemble), of their logarithms (geometric mean),
or of ranks within a class (for scores of any scale). Letters: N segments, C classes, P rated pairs of segment and
class.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from yt8m_attention.errors import UserError

Judge: TypeAlias = Callable[[np.ndarray], float]

METHODS = ("mean", "rank", "geometric")

_CELLS = 1 << 22  # maximum number of float64 cells; larger matrices are blended a few classes at a time
_ROUNDS = 50  # rounds of fitting; weights are multiples of 1/50 or more


def normalised(weights: Sequence[float] | np.ndarray | None, count: int) -> np.ndarray:
    """Returns weights as float64 [count] that sum to 1; None gives equal weights.

    Raises:
      UserError: for a wrong number of weights, a negative weight, or no weight above 0.
    """
    if weights is None:
        return np.full(count, 1 / count)
    weights = np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise UserError(f"--weights: found {weights.size}, wanted one weight for each of the {count} inputs")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise UserError(f"--weights: found {weights.tolist()}, wanted numbers of at least 0, and one above 0")
    return weights / weights.sum()


def ranks(scores: np.ndarray) -> np.ndarray:
    """Computes ranks along the first axis, divided by N: 1 is the best, and ties get their average rank.

    Args:
      scores: float [N] or [N, C], without NaN.

    Returns:
      float64, the shape of scores.
    """
    scores = np.asarray(scores)
    if scores.ndim == 2:
        return np.stack([ranks(column) for column in scores.T], axis=1)
    ascending = np.argsort(scores, kind="stable")
    _, tie, sizes = np.unique(scores[ascending], return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)  # the highest rank of each group of ties
    result = np.empty(scores.size)
    result[ascending] = (last - (sizes - 1) / 2)[tie]
    return result / max(scores.size, 1)


def averaged(scores: np.ndarray, method: str) -> np.ndarray:
    """Transforms scores to the values that the method averages: float64, the shape of scores.

    Raises:
      UserError: for a negative score with "geometric", which has no logarithm.
    """
    if method == "rank":
        return ranks(scores)
    scores = np.asarray(scores, np.float64)
    if method == "mean":
        return scores
    if (scores < 0).any():
        raise UserError(f"--method=geometric: found a score of {scores.min():g}, wanted probabilities; use rank")
    with np.errstate(divide="ignore"):  # a probability of 0 gives a blend of 0
        return np.log(scores)


def blend(
    members: Sequence[np.ndarray], weights: Sequence[float] | np.ndarray | None = None, method: str = "mean"
) -> np.ndarray:
    """Blends the members into one score for each segment and class.

    Computes in float64. The blend of a member with itself is this member, to the last bit ("mean", "geometric") or in
    the same order ("rank").

    Args:
      members: float arrays [N, C] of the same segments and classes, one per model. For "mean" and "geometric" they can
        hold any part of the segments; "rank" needs all segments.
      weights: one per member, see `normalised`.
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


def fit(members: Sequence[np.ndarray], judge: Judge, rounds: int = _ROUNDS) -> np.ndarray:
    """Fits weights by greedy selection of members with replacement.

    Each round adds the member that improves the sum most. The result is the sum of the best round. So the blend is
    never worse than the best member on the fitted data. Source: Caruana et al. 2004, "Ensemble selection from
    libraries of models".

    Args:
      members: float64 [P], one per model: the values that the method averages (`averaged`).
      judge: function of float64 [P] -> score of their order; higher is better.
      rounds: number of rounds.

    Returns:
      float64, one weight per member. The earlier member wins a tie, so the result is deterministic.
    """
    counts, total = np.zeros(len(members)), np.zeros_like(members[0])
    best, best_counts = -np.inf, None
    for _ in range(rounds):
        values = [judge(total + member) for member in members]
        chosen = int(np.argmax(values))
        counts[chosen] += 1
        total += members[chosen]
        if values[chosen] > best:
            best, best_counts = values[chosen], counts.copy()
    return normalised(best_counts, len(members))


class Gains(NamedTuple):
    """Scores of the blend and of each member; NaN if there is nothing to compare with."""

    blend: float  # score of the blend of all members
    alone: list[float]  # score of each member alone
    left_out: list[float]  # loss of the blend without the member
    added: list[float]  # gain of the member over the blend of the members before it, in the order of the inputs


def gains(members: Sequence[np.ndarray], weights: np.ndarray, judge: Judge) -> Gains:
    """Judges each member and the blend.

    Args:
      members, judge: as `fit`.
      weights: float64, one per member.
    """
    weighted = [member * weight if weight else None for member, weight in zip(members, weights, strict=True)]

    def value(parts):
        parts = [part for part in parts if part is not None]
        return judge(sum(parts)) if parts else float("nan")

    whole = value(weighted)
    without = [value(weighted[:i] + weighted[i + 1 :]) for i in range(len(weighted))]
    upto = [value(weighted[: i + 1]) for i in range(len(weighted))]
    before = [float("nan"), *upto[:-1]]
    return Gains(whole, [judge(member) for member in members], [whole - v for v in without],
                 [after - first for after, first in zip(upto, before, strict=True)])  # fmt: skip
