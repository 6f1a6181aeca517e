"""Open shards: their indices, their items, and any bag of frames from them."""

import functools

import numpy as np

from yt8m_attention.data.formats import tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord


class Shard:
    """An open shard.

    Args:
      found: its index.ShardIndex.
      items: segments.Items of it.
      reader: a FrameReader.
      memory: uint8 [items, T, F] to keep frames in once they have been read, all of one length; None: not kept.
    """

    def __init__(self, found, items, reader, memory=None):
        self.index, self.items, self._reader, self._memory = found, items, reader, memory
        self._kept = np.zeros(len(items), bool)
        self._bad = set()

    @property
    def good(self):
        """Items that have not turned out to be of a bad record."""
        return len(self.items) - len(self._bad)

    @property
    def in_memory(self):
        """Whether the file is needed no more."""
        return self._memory is not None and self._kept.all()

    def check(self):
        """Raises UserError where the file has changed since it was opened and is still needed."""
        if not self.in_memory:
            tfrecord.check_stamp(self.index.stamp)

    def read(self, item, frames, out):
        """CacheDirectory frames of an item; frames, out and errors as FrameReader.read has them.

        Of items that are kept in memory, segments, all frames are asked for each time, in any order.
        """
        if self._memory is None:
            self._tried(item, self._reader.read, frames, out)
            return
        places = frames - self.items.start[item]
        if self._kept[item]:
            np.take(self._memory[item], places, axis=0, out=out, mode="clip")  # unlike "raise", straight into out
            return
        self._tried(item, self._reader.read, frames, out)
        self._memory[item, places] = out
        self._kept[item] = True

    def look_over(self):
        """The BadRecord that each item is of, or None: a list."""
        return [None if kept else self._bad_record(item) for item, kept in enumerate(self._kept.tolist())]

    def _bad_record(self, item):
        try:
            self._tried(item, self._reader.check)
        except BadRecord as error:
            return error

    def _tried(self, item, function, *arguments):
        try:
            function(self.items.record[item], *arguments)
        except BadRecord:
            self._bad.add(item)
            raise


class ShardGroup:
    """Open shards; items are numbered through all of them.

    Args:
      numbers: of the shards, in file order.
      shards: a Shard each.

    Its arrays, n items and P pairs: bounds int64 [shards + 1], shard i's items are [bounds[i], bounds[i + 1]);
    num_frames int32 [n], of the item's video; start int32 [n], its first frame, -1 for a whole video; classes, scores
    [P] of the pairs.
    """

    def __init__(self, numbers, shards):
        self._numbers, self._shards = np.asarray(numbers, np.int64), shards
        items = [shard.items for shard in shards]
        self.bounds = _splits([[len(i)] for i in items])
        self._record = _joined([i.record for i in items], np.int32)
        self.start = _joined([i.start for i in items], np.int32)
        self.num_frames = _joined([s.index.num_frames[s.items.record] for s in shards], np.int32)
        self._splits = _splits([np.diff(i.splits) for i in items])
        self.classes = _joined([i.classes for i in items], np.int32)
        self.scores = _joined([i.scores for i in items], np.uint8)

    @property
    def good(self):
        """Items that have not turned out to be of bad records."""
        return sum(shard.good for shard in self._shards)

    @functools.cached_property
    def bad(self):
        """The BadRecord that each item is of, or None, once all have been looked over: a list."""
        return [error for shard in self._shards for error in shard.look_over()]

    def check(self, numbers):
        """Raises UserError where a shard that items are in has changed since it was opened."""
        for place in np.unique(self._place(numbers)).tolist():
            self._shards[place].check()

    def ordinals(self, numbers):
        """A number for each item's video, the same whatever else is open: int64 [n]."""
        return (self._numbers[self._place(numbers)] << 32) + self._record[numbers]

    def pairs(self, numbers):
        """The pairs of items -> (which of all pairs, which of the items), parallel."""
        first = self._splits[numbers]
        lengths = self._splits[numbers + 1] - first
        item = np.repeat(np.arange(len(numbers)), lengths)
        before = np.cumsum(lengths) - lengths
        return np.arange(len(item)) + (first - before)[item], item

    def ids(self, numbers):
        """The ids of items' videos: list of bytes."""
        places, records = self._place(numbers).tolist(), self._record[numbers].tolist()
        return [self._shards[p].index.ids[r] for p, r in zip(places, records, strict=True)]

    def located(self, numbers):
        """[(Shard, the item's number in it)] of items."""
        places = self._place(numbers)
        within = (numbers - self.bounds[places]).tolist()
        return [(self._shards[place], item) for place, item in zip(places.tolist(), within, strict=True)]

    def _place(self, numbers):
        return np.searchsorted(self.bounds, numbers, side="right") - 1


def _splits(lengths):
    return np.cumsum(np.concatenate([[0], *lengths]), dtype=np.int64)


def _joined(arrays, dtype):
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype, copy=False)
