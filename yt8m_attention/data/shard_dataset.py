"""The files of a pattern as items of one kind: videos, rated segments or windows."""

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import holdout, shard_items
from yt8m_attention.data.formats import index, index_file, tfrecord
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.shard_group import Shard, ShardGroup
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError


class ShardDataset:
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
        self.paths = file_patterns.expand(pattern, flag)
        blocks = [self.paths]
        if part:
            worker, workers = part
            blocks = file_patterns.blocks(self.paths)
            blocks = blocks[len(blocks) * worker // workers : len(blocks) * (worker + 1) // workers]
            self.paths = [path for block in blocks for path in block]
        self.ends = set(np.cumsum([len(block) for block in blocks]) - 1)  # the last shard of each block
        self.remote = any(map(file_patterns.is_remote, self.paths))
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
          A ShardGroup; the one before, where nothing has changed.

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
            self._opened = key, ShardGroup(numbers, list(map(self._shard, numbers, found)))
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
        return shard_items.items(self.kind, found, self.data, holdout.kept(found.ids, *self._holdout))

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
