"""The order of training items: a pure function of (seed, epoch), so that a place in it is three integers.

Shards are permuted and taken a group at a time; the items of a group's shards are permuted together.
"""

import functools

import numpy as np


@functools.lru_cache(maxsize=4)  # asked for at each batch
def shard_groups(num_shards: int, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The groups of shards of an epoch, in the order in which they are opened.

    Args:
      num_shards: number of shards.
      size: shards of a group; 0: all.
      seed: any integer.
      epoch: counted from 0.

    Returns:
      List of int64 arrays of shard numbers, ascending, each number in exactly one of them.
    """
    order = _generator(seed, epoch).permutation(num_shards)
    size = size or num_shards
    return [np.sort(order[i : i + size]) for i in range(0, num_shards, size)]


def item_order(num_items: int, seed: int, epoch: int, group: int) -> np.ndarray:
    """The permutation of a group's items: int64 [num_items]."""
    return _generator(seed, epoch, group + 1).permutation(num_items)


def _generator(seed, *where):
    return np.random.default_rng([seed % 2**64, *where])
