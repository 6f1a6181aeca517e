"""The files of a pattern as items of one kind: videos, rated segments or windows."""

from collections.abc import Iterable, Sequence

import numpy as np

from yt8m_attention import progress
from yt8m_attention.config import Data
from yt8m_attention.data import holdout, shard_items
from yt8m_attention.data.formats import index, index_file, tfrecord
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.shard_group import Shard, ShardGroup
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError


class ShardDataset:
    """Opens the files of a pattern as items of one kind.

    Args:
      pattern, flag: as file_patterns.expand takes them.
      data: how the records become bags.
      kind: one of shard_items.KINDS.
      holdout_fraction, only_holdout: which videos, as holdout.kept takes them.
      bad_records: counts bad records; None: a new counter.
      again: whether items are read more than once; rated segments are then kept in memory, up to data.cache_bytes.
      part: (worker, workers): only the worker's part of file_patterns.blocks, each of which ends a batch; None: all.

    Attributes:
      paths: the files, in file order.
      ends: numbers of the last shards of the blocks.
      remote: whether a file is remote.
      video_level: whether the files hold one frame a video.

    Raises:
      UserError: for files that cannot be used; the first one is opened to find its kind.
    """

    def __init__(
        self,
        pattern: str,
        flag: str,
        data: Data,
        kind: str,
        holdout_fraction: float = 0.0,
        only_holdout: bool = False,
        bad_records: BadRecords | None = None,
        again: bool = False,
        part: tuple[int, int] | None = None,
    ):
        self.paths: list[str] = file_patterns.expand(pattern, flag)
        blocks: list[Sequence[str]] = [self.paths]
        if part:
            worker, workers = part
            blocks = file_patterns.blocks(self.paths)
            blocks = blocks[len(blocks) * worker // workers : len(blocks) * (worker + 1) // workers]
            self.paths = [path for block in blocks for path in block]
        self.ends = set(np.cumsum([len(block) for block in blocks]) - 1)
        self.remote = any(map(file_patterns.is_remote, self.paths))
        self.data, self.kind = data, kind
        self.bad_records = BadRecords(data.max_bad_records) if bad_records is None else bad_records
        self._named = f"--{flag}={pattern}"
        self._holdout = holdout_fraction, only_holdout
        self._cache = ShardCache(data.cache_dir, data.cache_bytes)
        self._stamps: dict = {}  # of the files as they were first seen, by number
        self._open_key: list | None = None  # (number, stamp) of each shard of the open group
        self._open_group: ShardGroup | None = None
        self._memory_left = data.cache_bytes if again and kind == "rated_segments" else 0
        self._kept: dict[int, Shard] = {}  # shards with segments in memory, by number
        self.video_level = bool(self._index(0).video_level[:1].any())
        if self.video_level and kind != "videos":
            raise UserError(f"{self._named}: holds video-level records, which have no segments; name frame-level files")

    def open(self, numbers: Iterable[int], following: Iterable[int] = (), fetch: bool = True) -> ShardGroup:
        """Opens shards by their places in file order.

        Args:
          numbers: of the shards.
          following: numbers of the shards that are opened next; copies of remote ones are kept.
          fetch: whether missing copies of the following shards are made in the background.

        Returns:
          The group; the same object as before if the numbers are the same and no file has changed.

        Raises:
          UserError: for a shard or a record that cannot be used.
        """
        numbers, following = list(map(int, numbers)), self._on_file(following)
        self._cache.use([self.paths[i] for i in (*self._on_file(numbers), *following)])
        found = self._indices(numbers)
        if fetch:
            self._cache.fetch_ahead([self.paths[i] for i in following])
        key = [(number, index.stamp) for number, index in zip(numbers, found, strict=True)]
        if self._open_group is None or self._open_key != key:
            self._open_key, self._open_group = key, ShardGroup(numbers, list(map(self._shard, numbers, found)))
        return self._open_group

    def usable(self, group: ShardGroup) -> np.ndarray:
        """Which items of a group have no bad record: bool [n]. Reads the records that were not read yet.

        Raises:
          BadRecord: when the limit of bad records is exceeded.
        """
        for error in filter(None, group.bad):
            self.bad_records.add(error)
        return np.array([error is None for error in group.bad], bool)

    def index_and_items(self, number: int) -> tuple[index.ShardIndex, shard_items.Items]:
        """The index and the items of one shard, by its place in file order; raises as `open`."""
        self._cache.use([self.paths[number]])
        found = self._index(number)
        return found, self._items(found)

    def no_items_error(self) -> UserError:
        """The error for files without a single item."""
        held = ", which --holdout_fraction leaves" if self._holdout[0] else ""
        wanted = {
            "videos": f"no videos{held}; name other files",
            "rated_segments": f"no rated segments{held}; name files with segment ratings",
            "windows": "no video that is long enough for a segment; set --segment_window or --segment_size smaller",
        }
        return UserError(f"{self._named}: holds {wanted[self.kind]}")

    def _indices(self, numbers: Sequence[int]):
        """Shows its progress the first time, when many indices may have to be made and nothing else is shown."""
        shown = progress.Progress("shards opened", len(numbers), brief=True)
        found = []
        for i in numbers:
            found.append(self._kept[i].index if self._in_memory(i) else self._index(i))
            if self._open_group is None and len(numbers) > 1:
                shown.add(1)
        shown.close()
        return found

    def _in_memory(self, number):
        return number in self._kept and self._kept[number].in_memory

    def _on_file(self, numbers):
        return [i for i in map(int, numbers) if not self._in_memory(i)]

    def _index(self, number):
        path, index_dir = self._cache.local_path(self.paths[number]), self.data.index_dir
        kept_at = index_file.place(path if index_dir is None else self.paths[number], index_dir)
        found = index.shard_index(path, self.data.features, self.data.num_classes, kept_at)
        if self._stamps.setdefault(number, found.stamp) != found.stamp:
            tfrecord.check_stamp(self._stamps[number])
        for error in found.bad:
            self.bad_records.add(error)
        kind = self.video_level if number else found.video_level[:1]  # the first record decides for all
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
