"""The arrays of one batch, how items fill them, and their memory.

Letters: B items of a batch, T frames of a bag, F features, V classes.
"""

import collections
import functools

import numpy as np

from yt8m_attention.config import Augmentation
from yt8m_attention.data import augmentation, sampling
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.shard_group import ShardGroup

_ALIGNMENT = 64  # bytes


def bag_size(source: ShardDataset, training: bool) -> int:
    """Frames of every bag (T), padding included."""
    if source.video_level:
        return 1
    if source.kind != "videos":
        return source.data.segment_size
    return sampling.bag_size(source.data.sampling, training)


class Batch:
    """The arrays of one batch, filled from one group of shards or several.

    Args:
      source: the items' ShardDataset.
      size: rows to allocate (B).
      training: whether frames may be drawn at random; ids and starts are kept only if not.
      buffers: lends the memory.
      varied: how training varies the bags.
    """

    def __init__(
        self,
        source: ShardDataset,
        size: int,
        training: bool,
        buffers: "Buffers",
        varied: Augmentation = Augmentation(),
    ):
        self._source, self._training, self._varied, self.filled = source, training, varied, 0
        frames, classes = bag_size(source, training), source.data.num_classes
        dtype = np.float32 if source.video_level else np.uint8
        self._frames = buffers.array((size, frames, source.data.features.total), dtype)
        self._mask = buffers.array((size, frames), bool)
        self._labels = buffers.array((size, classes), np.uint8)
        self._rated = buffers.array((size, classes), bool)
        self._labels.fill(0)
        self._rated.fill(source.kind == "videos")
        self._ids: list[bytes] = []
        self._starts: list[np.ndarray] = []

    @property
    def room(self) -> int:
        """Rows that are still free."""
        return len(self._mask) - self.filled

    def add(self, group: ShardGroup, numbers: np.ndarray, drawn_by: tuple[int, int] = (0, 0)) -> None:
        """Adds items of a group, at most `room`; items that cannot be read are left out and counted.

        Args:
          group: open shards.
          numbers: int64 [n], the items' numbers in the group.
          drawn_by: (seed, epoch) of random draws in training.

        Raises:
          UserError: for a record that cannot be read, when the limit of bad records is exceeded.
        """
        group.check(numbers)
        indices, lengths = self._bags(group, numbers, drawn_by)
        if self._training and not self._source.video_level:
            draw = functools.partial(sampling.draws, drawn_by[0], drawn_by[1], group.ordinals(numbers))
            size = self._source.data.segment_size if self._source.kind == "videos" else None
            indices, lengths = augmentation.vary(self._varied, indices, lengths, draw, group.start[numbers], size)
        kept = self._fill(group, numbers, indices, lengths)
        if len(kept) < len(numbers):
            numbers, lengths = numbers[kept], lengths[kept]
        rows = slice(self.filled, self.filled + len(numbers))
        np.less(np.arange(self._mask.shape[1]), lengths[:, None], out=self._mask[rows])
        pairs, row = group.pairs(numbers)
        row += self.filled
        self._labels[row, group.classes[pairs]] = group.scores[pairs]
        self._rated[row, group.classes[pairs]] = True
        self.filled = rows.stop
        if not self._training:
            self._ids += group.ids(numbers)
            self._starts.append(group.start[numbers])

    def _bags(self, group, numbers, drawn_by):
        """The frames of each item: int64 [n, T], and how many of the row are frames: int64 [n]."""
        scheme, size = self._source.data.sampling, self._mask.shape[1]
        num_frames = group.num_frames[numbers]
        if self._source.video_level:
            return np.zeros((len(numbers), 1), np.int64), np.ones(len(numbers), np.int64)
        if self._source.kind != "videos":
            start = group.start[numbers]
            return start[:, None] + np.arange(size), np.clip(num_frames - start, 0, size)
        if self._training and scheme.frame_sampling == "random":
            seed, epoch = drawn_by
            drawn = sampling.random_frame_indices(scheme, num_frames, seed, epoch, group.ordinals(numbers))
            return drawn, np.where(num_frames > 0, size, 0)
        return sampling.frame_indices(scheme, num_frames, size)

    def _fill(self, group, numbers, indices, lengths):
        """Fills rows with frames; returns which of the items were read, a list."""
        kept, at = [], self.filled
        for place, ((shard, item), length) in enumerate(zip(group.located(numbers), lengths.tolist(), strict=True)):
            try:
                shard.read(item, indices[place, :length], self._frames[at, :length])
            except BadRecord as error:
                self._source.bad_records.add(error)
                continue
            if length < self._frames.shape[1]:
                self._frames[at, length:] = 0
            kept.append(place)
            at += 1
        return kept

    def arrays(self) -> dict[str, np.ndarray]:
        """frames [B, T, F], mask [B, T], labels [B, V] and rated [B, V] of the rows that are filled."""
        arrays = {"frames": self._frames, "mask": self._mask, "labels": self._labels, "rated": self._rated}
        return {name: array[: self.filled] for name, array in arrays.items()}

    def names(self, first_ordinal: int) -> dict[str, np.ndarray]:
        """id, start and ordinal of each row, [B] each; not kept in training."""
        ordinals = np.arange(first_ordinal, first_ordinal + self.filled)
        return {"id": np.array(self._ids, object), "start": np.concatenate(self._starts), "ordinal": ordinals}


class Buffers:
    """Lends memory for batches, and lends it again when nobody holds the batch any more.

    Fresh memory is the most expensive part of a batch: the system clears its 17 MB page by page, which takes about as
    long as filling them. TensorFlow takes over an array at a multiple of 64 bytes without a copy, and holds it as long
    as a tensor shows it; so the end of the array tells that its memory is free.
    """

    def __init__(self):
        self._free = collections.defaultdict(collections.deque)  # by size; append and pop are safe between threads

    def array(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        """An array of this shape and dtype; its contents are arbitrary."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = _aligned(size)
        return np.asarray(_Lent(memory, self._free[size])).view(dtype).reshape(shape)


class _Lent:
    """The base of an array and of all its views; its end gives the memory back."""

    def __init__(self, memory, free):
        self._memory, self._free = memory, free
        self.__array_interface__ = memory.__array_interface__

    def __del__(self):
        self._free.append(self._memory)


def _aligned(size):
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    at = -raw.ctypes.data % _ALIGNMENT
    return raw[at : at + size]
