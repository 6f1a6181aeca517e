"""Shards opened together: their indices, their items, and any bag of frames out of them."""

import functools

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import files, holdout, index, index_file, segments, tfrecord
from yt8m_attention.data.bad_records import BadRecord, BadRecords
from yt8m_attention.data.frames import FrameReader
from yt8m_attention.data.shard_cache import ShardCache
from yt8m_attention.errors import UserError


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
        """Copies frames of an item; frames, out and errors as FrameReader.read has them.

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


class Window:
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


class Source:
    """The files of a pattern as items of one kind.

    Args:
      pattern, flag: as files.expand takes them.
      data: a config.Data.
      kind: one of segments.KINDS.
      holdout_fraction, only_holdout: which videos, see holdout.kept.
      bad_records: a BadRecords to count in; None: one of its own.
      again: whether items are read more than once; rated segments are then kept in memory, up to data.cache_bytes.
      part: (worker, workers): only that worker's share of files.blocks, behind each of which a batch ends; None: all.

    Raises:
      UserError: where files cannot be used; the first one is opened to see what it holds.
    """

    def __init__(
        self,
        pattern,
        flag,
        data,
        kind,
        holdout_fraction=0.0,
        only_holdout=False,
        bad_records=None,
        again=False,
        part=None,
    ):
        self.paths = files.expand(pattern, flag)
        blocks = [self.paths]
        if part:
            worker, workers = part
            blocks = files.blocks(self.paths)
            blocks = blocks[len(blocks) * worker // workers : len(blocks) * (worker + 1) // workers]
            self.paths = [path for block in blocks for path in block]
        self.ends = set(np.cumsum([len(block) for block in blocks]) - 1)  # the last shard of each block
        self.remote = any(map(files.is_remote, self.paths))
        self.data, self.kind = data, kind
        self.bad_records = BadRecords(data.max_bad_records) if bad_records is None else bad_records
        self._named = f"--{flag}={pattern}"
        self._holdout = holdout_fraction, only_holdout
        self._cache = ShardCache(data.cache_dir, data.cache_bytes)
        self._stamps = {}  # of the files as they were first seen, by number
        self._opened = (), None  # the window that is open, by its shards' numbers and stamps
        self._memory_left = data.cache_bytes if again and kind == "rated_segments" else 0
        self._kept = {}  # Shards with segments in memory, by number
        self.video_level = bool(self._index(0).video_level[:1].any())
        if self.video_level and kind != "videos":
            raise UserError(f"{self._named}: holds video-level records, which have no segments; name frame-level files")

    def open(self, numbers, ahead=(), fetch=True):
        """Opens shards by their places in file order.

        Args:
          numbers: of the shards.
          ahead: of those that are opened next, so that copies of remote ones stay.
          fetch: whether the missing ones are copied meanwhile.

        Returns:
          A Window; the one before, where nothing has changed.

        Raises:
          UserError: where a shard or a record cannot be used.
        """
        numbers, ahead = list(map(int, numbers)), self._on_file(ahead)
        self._cache.use([self.paths[i] for i in (*self._on_file(numbers), *ahead)])
        found = self._indices(numbers)
        if fetch:
            self._cache.fetch_ahead([self.paths[i] for i in ahead])
        key = [(number, index.stamp) for number, index in zip(numbers, found, strict=True)]
        if self._opened[0] != key:
            self._opened = key, Window(numbers, list(map(self._shard, numbers, found)))
        return self._opened[1]

    def usable(self, window):
        """Which items of a window are of no bad record: bool [n]; looks over those that were not read yet.

        Raises:
          BadRecord: where there are more of them than are put up with.
        """
        for error in filter(None, window.bad):
            self.bad_records.add(error)
        return np.array([error is None for error in window.bad], bool)

    def _indices(self, numbers):
        """Tells how far it is the first time, when nothing else does and the indices of many may have to be made."""
        shown = progress.Progress("shards opened", len(numbers), brief=True)
        found = []
        for i in numbers:
            found.append(self._kept[i].index if self._in_memory(i) else self._index(i))
            if not self._opened[0] and len(numbers) > 1:
                shown.add(1)
        shown.close()
        return found

    def _in_memory(self, number):
        return number in self._kept and self._kept[number].in_memory

    def _on_file(self, numbers):
        return [i for i in map(int, numbers) if not self._in_memory(i)]

    def one(self, number):
        """-> (ShardIndex, Items) of a shard by its place in file order; raises as open."""
        self._cache.use([self.paths[number]])
        found = self._index(number)
        return found, self._items(found)

    def nothing(self):
        """The error for a source without a single item."""
        held = ", which --holdout_fraction leaves" if self._holdout[0] else ""
        wanted = {
            "videos": f"no videos{held}; name other files",
            "rated_segments": f"no rated segments{held}; name files with segment ratings",
            "windows": "no video that is long enough for a segment; set --segment_window or --segment_size smaller",
        }
        return UserError(f"{self._named}: holds {wanted[self.kind]}")

    def _index(self, number):
        path, index_dir = self._cache.local_path(self.paths[number]), self.data.index_dir
        kept_at = index_file.place(path if index_dir is None else self.paths[number], index_dir)
        found = index.shard_index(path, self.data.features, self.data.num_classes, kept_at)
        if self._stamps.setdefault(number, found.stamp) != found.stamp:
            tfrecord.check_stamp(self._stamps[number])
        for error in found.bad:
            self.bad_records.add(error)
        kind = self.video_level if number else found.video_level[:1]  # the first one says of which kind all are
        if (found.video_level != kind).any():
            raise UserError(f"{self._named}: {path} mixes video-level and frame-level records; name one kind at a time")
        return found

    def _items(self, found):
        return segments.items(self.kind, found, self.data, holdout.kept(found.ids, *self._holdout))

    def _shard(self, number, found):
        if number in self._kept and self._kept[number].index.stamp == found.stamp:
            return self._kept[number]
        items, reader = self._items(found), FrameReader(found, self.data.features, self.data.verify_crc)
        shape = len(items), self.data.segment_size, self.data.features.total
        size = int(np.prod(shape))
        if size > self._memory_left:
            return Shard(found, items, reader)
        self._memory_left -= size
        self._kept[number] = Shard(found, items, reader, np.empty(shape, np.uint8))
        return self._kept[number]
