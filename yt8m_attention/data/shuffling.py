"""The order of training items: a pure function of (seed, epoch), so that a place in it is three integers.

Shards are permuted, then taken a window at a time; the items of a window's shards are permuted together.
"""

import functools

import numpy as np


@functools.lru_cache(maxsize=4)  # asked for at each batch
def windows(num_shards, size, seed, epoch):
    """The shards of an epoch, in the order they are opened.

    Args:
      num_shards: shards there are.
      size: shards open at once; 0: all.
      seed: any integer.
      epoch: counted from 0.

    Returns:
      List of int64 arrays of shard numbers, ascending, each number in exactly one of them.
    """
    order = _generator(seed, epoch).permutation(num_shards)
    size = size or num_shards
    return [np.sort(order[i : i + size]) for i in range(0, num_shards, size)]


def item_order(num_items, seed, epoch, window):
    """The permutation of a window's items: int64 [num_items]."""
    return _generator(seed, epoch, window + 1).permutation(num_items)


def _generator(seed, *where):
    return np.random.default_rng([seed % 2**64, *where])
