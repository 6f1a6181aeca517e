"""Shards opened together: their indices, their items, and any bag of frames out of them."""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.data import files, holdout, index, records, segments, tfrecord
from yt8m_attention.errors import UserError


@dataclass(frozen=True, eq=False)
class Window:
    """Open shards. Items are numbered through all of them, n of them."""

    numbers: np.ndarray  # int64, the shards' places in file order
    shards: list  # of index.ShardIndex
    items: list  # of segments.Items

    @property
    def bounds(self):
        """int64 [shards + 1]: shard i's items are [bounds[i], bounds[i + 1])."""
        return np.cumsum([0] + [len(items) for items in self.items])

    def locate(self, numbers):
        """-> (which of the open shards, which of its items), int64 [n] each, of items by number."""
        bounds = self.bounds
        shard = np.searchsorted(bounds, numbers, side="right") - 1
        return shard, numbers - bounds[shard]


class Source:
    """The files of a pattern as items of one kind.

    Args:
      pattern, flag: as files.expand takes them.
      data: a config.Data.
      kind: one of segments.KINDS.
      holdout_fraction, only_holdout: which videos, see holdout.kept.

    Raises:
      UserError: where files cannot be used; the first one is opened to see what it holds.
    """

    def __init__(self, pattern, flag, data, kind, holdout_fraction=0.0, only_holdout=False):
        self.paths = files.expand(pattern, flag)
        self.remote = any(map(files.is_remote, self.paths))
        self.data, self.kind = data, kind
        self._named = f"--{flag}={pattern}"
        self._holdout = holdout_fraction, only_holdout
        self._cache = files.ShardCache(data.cache_dir)
        self.video_level = bool(self._index(0).video_level[0])
        if self.video_level and kind != "videos":
            raise UserError(f"{self._named}: holds video-level records, which have no segments; name frame-level files")

    def open(self, numbers, ahead=()):
        """Opens shards by their places in file order.

        Args:
          numbers: of the shards.
          ahead: of those that are opened next, so that remote ones are copied meanwhile.

        Raises:
          UserError: where a shard or a record cannot be used.
        """
        self._cache.keep_only([self.paths[i] for i in (*numbers, *ahead)])
        opened = [self._index(i) for i in numbers]
        self._cache.fetch_ahead([self.paths[i] for i in ahead])
        items = [segments.items(self.kind, s, self.data, holdout.kept(s.ids, *self._holdout)) for s in opened]
        return Window(np.asarray(numbers, np.int64), opened, items)

    def nothing(self):
        """The error for a source without a single item."""
        held = ", which --holdout_fraction leaves" if self._holdout[0] else ""
        wanted = {
            "videos": f"no videos{held}; name other files",
            "rated_segments": f"no rated segments{held}; name files with segment ratings",
            "windows": f"no video longer than --segment_window={self.data.segment_window} leaves; set it smaller",
        }
        return UserError(f"{self._named}: holds {wanted[self.kind]}")

    def _index(self, number):
        path = self._cache.local_path(self.paths[number])
        shard = index.shard_index(path, self.data.features, self.data.num_classes)
        if number and (shard.video_level != self.video_level).any():
            raise UserError(f"{self._named}: {path} mixes video-level and frame-level records; name one kind at a time")
        return shard


def gather(shard, record, frames, features, out):
    """Copies frames of a record.

    Args:
      shard: an index.ShardIndex.
      record: the record's number in it.
      frames: int64 [K], which of its frames.
      features: the config.Features that the index was made for.
      out: [K, F] to write to, uint8, or float32 for a video-level record.

    Raises:
      UserError: where a frame's size is not that of features.
    """
    data, at = tfrecord.mapped(shard.stamp), 0
    for first, header, stride, count in shard.streams[record].tolist():
        if not stride:
            return _gather_parsed(shard, record, frames, features, out)
        table = np.frombuffer(data, np.uint8, stride * count, first).reshape(count, stride)
        rows = table.take(frames, axis=0)
        # A list can have the length of so many equal frames and yet hold others.
        if (rows[:, :header] != table[:1, :header]).any():
            return _gather_parsed(shard, record, frames, features, out)
        out[:, at : at + stride - header] = rows[:, header:]
        at += stride - header


def _gather_parsed(shard, record, frames, features, out):
    span = tuple(shard.spans[record].tolist())
    out[:] = records.read_frames(shard.path, tfrecord.mapped(shard.stamp), span, features)[frames]
