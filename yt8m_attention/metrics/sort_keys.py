"""The one order of everything ranked here: score descending, then id (or position) ascending.

A score and an id become one unsigned 64-bit key, greater is better: the high half is the float32's bits made to
sort as integers, the low half the complemented id. Comparing two keys is comparing (score down, id up), so sorting,
partitioning and thresholds need one array of integers. -0.0 equals 0.0, infinities take their places at the ends,
and NaN has no place: callers refuse it first. Letters: N rows, V classes.
"""

import numpy as np

_SIGN = np.uint32(0x8000_0000)
_HALF = np.uint64(32)


def keys(scores, ids):
    """Keys of scores and their ids, greater is better.

    Args:
      scores: float32 [...], without NaN.
      ids: uint32, of a shape that broadcasts with scores.

    Returns:
      uint64 [...].
    """
    bits = (np.asarray(scores, np.float32) + np.float32(0)).view(np.uint32)  # adding 0 makes -0.0 into 0.0
    # Negative floats grow in magnitude with their bits: turn them all. The others only come after: set the sign.
    ordered = bits ^ ((bits >> np.uint32(31)) * ~_SIGN | _SIGN)
    return ordered.astype(np.uint64) << _HALF | ~np.asarray(ids, np.uint32)


def scores_of(ranked):
    """The float32 scores that went into uint64 keys."""
    ordered = (ranked >> _HALF).astype(np.uint32)
    return (ordered ^ ((ordered < _SIGN) * ~_SIGN | _SIGN)).view(np.float32)


def ids_of(ranked):
    """The uint32 ids that went into uint64 keys."""
    return ~ranked.astype(np.uint32)


def top_columns(scores, k):
    """The k best columns of each row, best first, ties by the smaller column.

    Args:
      scores: float32 [N, V], without NaN.
      k: how many, 1 or more; V where that is less.

    Returns:
      (columns int64 [N, min(k, V)], scores float32 [N, min(k, V)]).
    """
    scores = np.asarray(scores, np.float32)
    width = scores.shape[1]
    k = min(k, width)
    every = keys(scores, np.arange(width, dtype=np.uint32))
    best = np.sort(np.partition(every, width - k, axis=1)[:, width - k :], axis=1)[:, ::-1]
    return ids_of(best).astype(np.int64), scores_of(best)
