"""Open shards: their indices, their items, and any bag of frames from them."""

import functools
from collections.abc import Sequence

import numpy as np

from yt8m_attention.data.formats import tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.formats.index import ShardIndex
from yt8m_attention.data.shard_items import Items


class Shard:
    """An open shard.

    Args:
      index: of the shard.
      items: of the shard.
      reader: reads the shard's frames.
      memory: uint8 [items, T, F], keeps the frames of items of one length after they are read; None: nothing is kept.
    """

    def __init__(self, index: ShardIndex, items: Items, reader: FrameReader, memory: np.ndarray | None = None):
        self.index, self.items, self._reader, self._memory = index, items, reader, memory
        self._kept = np.zeros(len(items), bool)
        self._bad: set[int] = set()

    @property
    def good(self) -> int:
        """Number of items without those whose records turned out to be bad."""
        return len(self.items) - len(self._bad)

    @property
    def in_memory(self) -> bool:
        """Whether all items are kept, so that the file is needed no more."""
        return self._memory is not None and bool(self._kept.all())

    def check(self) -> None:
        """Raises UserError if the file has changed since it was opened and is still needed."""
        if not self.in_memory:
            tfrecord.check_stamp(self.index.stamp)

    def read(self, item: int, frames: np.ndarray, out: np.ndarray) -> None:
        """Copies frames of an item; frames, out and errors are those of FrameReader.read.

        Items that are kept in memory are segments: each call asks for all of their frames, in any order.
        """
        if self._memory is None:
            self._tried(item, self._reader.read, frames, out)
            return
        places = frames - self.items.start[item]
        if self._kept[item]:
            np.take(self._memory[item], places, axis=0, out=out, mode="clip")  # unlike "raise", without a copy
            return
        self._tried(item, self._reader.read, frames, out)
        self._memory[item, places] = out
        self._kept[item] = True

    def bad_records(self) -> list[BadRecord | None]:
        """The error of each item whose record cannot be read, else None; reads what was not read yet."""
        return [None if kept else self._bad_record(item) for item, kept in enumerate(self._kept.tolist())]

    def _bad_record(self, item):
        try:
            self._tried(item, self._reader.check)
        except BadRecord as error:
            return error
        return None

    def _tried(self, item, function, *arguments):
        try:
            function(self.items.record[item], *arguments)
        except BadRecord:
            self._bad.add(item)
            raise


class ShardGroup:
    """Shards that are open together; their n items are numbered from 0 through all shards.

    Args:
      numbers: of the shards, in file order.
      shards: one for each number.

    Attributes:
      bounds: int64 [shards + 1]; the items of shard i are [bounds[i], bounds[i + 1]).
      num_frames: int32 [n], of the item's video.
      start: int32 [n], first frame of the item; -1: a whole video.
      classes, scores: int32 and uint8 [P], of the rated pairs.
    """

    def __init__(self, numbers: Sequence[int], shards: Sequence[Shard]):
        self._numbers, self._shards = np.asarray(numbers, np.int64), shards
        items = [shard.items for shard in shards]
        self.bounds = _splits([[len(i)] for i in items])
        self._record = _joined([i.record for i in items], np.int32)
        self.start = _joined([i.start for i in items], np.int32)
        self.num_frames = _joined([s.index.num_frames[s.items.record] for s in shards], np.int32)
        self._splits = _splits([np.diff(i.splits) for i in items])
        self.classes = _joined([i.classes for i in items], np.int32)
        self.scores = _joined([i.scores for i in items], np.uint8)

    def __len__(self) -> int:
        """Number of items."""
        return int(self.bounds[-1])

    @property
    def good(self) -> int:
        """Number of items without those whose records turned out to be bad."""
        return sum(shard.good for shard in self._shards)

    @functools.cached_property
    def bad(self) -> list[BadRecord | None]:
        """The error of each item whose record cannot be read, else None; the first use reads all records."""
        return [error for shard in self._shards for error in shard.bad_records()]

    def check(self, numbers: np.ndarray) -> None:
        """Raises UserError if a shard of these items has changed since it was opened."""
        for place in np.unique(self._place(numbers)).tolist():
            self._shards[place].check()

    def ordinals(self, numbers: np.ndarray) -> np.ndarray:
        """A number of each item's video that does not depend on the other open shards: int64 [n]."""
        return (self._numbers[self._place(numbers)] << 32) + self._record[numbers]

    def pairs(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rated pairs of items.

        Returns:
          (int64 [p], numbers of the pairs; int64 [p], the place in `numbers` of each pair's item).
        """
        first = self._splits[numbers]
        lengths = self._splits[numbers + 1] - first
        item = np.repeat(np.arange(len(numbers)), lengths)
        before = np.cumsum(lengths) - lengths
        return np.arange(len(item)) + (first - before)[item], item

    def ids(self, numbers: np.ndarray) -> list[bytes]:
        """The ids of the items' videos."""
        places, records = self._place(numbers).tolist(), self._record[numbers].tolist()
        return [self._shards[p].index.ids[r] for p, r in zip(places, records, strict=True)]

    def located(self, numbers: np.ndarray) -> list[tuple[Shard, int]]:
        """The shard of each item, and the item's number in it."""
        places = self._place(numbers)
        within = (numbers - self.bounds[places]).tolist()
        return [(self._shards[place], item) for place, item in zip(places.tolist(), within, strict=True)]

    def _place(self, numbers):
        return np.searchsorted(self.bounds, numbers, side="right") - 1


def _splits(lengths):
    return np.cumsum(np.concatenate([[0], *lengths]), dtype=np.int64)


def _joined(arrays, dtype):
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype, copy=False)
