"""Memory for batches, used again once nobody holds the batch that it was lent for.

Fresh memory is the dearest part of a batch: the system clears its 17 MB page by page, which takes about as long as
filling them. TensorFlow takes over an array that lies at a multiple of 64 bytes without a copy, and holds on to it for
as long as any tensor shows it; so the array's end is what says that the memory is free.
"""

import collections

import numpy as np

_ALIGNMENT = 64  # bytes


class Buffers:
    """Lends arrays."""

    def __init__(self):
        self._free = collections.defaultdict(collections.deque)  # by size; append and pop are safe between threads

    def array(self, shape, dtype):
        """An array of whatever was in its memory, shape and dtype as asked."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = _aligned(size)
        return np.asarray(_Lent(memory, self._free[size])).view(dtype).reshape(shape)


class _Lent:
    """What an array and all its views rest on; the last of them to go gives the memory back."""

    def __init__(self, memory, free):
        self._memory, self._free = memory, free
        self.__array_interface__ = memory.__array_interface__

    def __del__(self):
        self._free.append(self._memory)


def _aligned(size):
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    at = -raw.ctypes.data % _ALIGNMENT
    return raw[at : at + size]
