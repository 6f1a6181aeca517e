"""Sort keys for the order of all rankings: score descending, then id (or position) ascending.

A score and an id become one unsigned 64-bit key, and a greater key ranks higher. The high half holds the bits of the
float32 score, changed so that they sort as integers. The low half holds the complemented id. So sorting, partitioning
and thresholds need one array of integers. -0.0 equals 0.0, and infinities sort at the ends. NaN has no order: callers
reject it before. Letters: N rows, V classes.
"""

import numpy as np

_SIGN = np.uint32(0x8000_0000)
_HALF = np.uint64(32)


def keys(scores: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Returns the keys of scores and their ids; greater ranks higher.

    Args:
      scores: float32 [...], without NaN.
      ids: uint32, of a shape that broadcasts with scores.

    Returns:
      uint64 [...].
    """
    bits = (np.asarray(scores, np.float32) + np.float32(0)).view(np.uint32)  # adding 0 turns -0.0 into 0.0
    # The bits of negative floats sort in reverse: invert them all. Other floats sort after them: set the sign bit.
    ordered = bits ^ ((bits >> np.uint32(31)) * ~_SIGN | _SIGN)
    return ordered.astype(np.uint64) << _HALF | ~np.asarray(ids, np.uint32)


def scores_of(ranked: np.ndarray) -> np.ndarray:
    """Returns the float32 scores of uint64 keys."""
    ordered = (ranked >> _HALF).astype(np.uint32)
    return (ordered ^ ((ordered < _SIGN) * ~_SIGN | _SIGN)).view(np.float32)


def ids_of(ranked: np.ndarray) -> np.ndarray:
    """Returns the uint32 ids of uint64 keys."""
    return ~ranked.astype(np.uint32)


def top_columns(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k best columns of each row, best first, ties by the smaller column.

    Args:
      scores: float32 [N, V], without NaN.
      k: number of columns, 1 or more; at most V are returned.

    Returns:
      (columns int64 [N, min(k, V)], scores float32 [N, min(k, V)]).
    """
    scores = np.asarray(scores, np.float32)
    width = scores.shape[1]
    k = min(k, width)
    all_keys = keys(scores, np.arange(width, dtype=np.uint32))
    best = np.sort(np.partition(all_keys, width - k, axis=1)[:, width - k :], axis=1)[:, ::-1]
    return ids_of(best).astype(np.int64), scores_of(best)
