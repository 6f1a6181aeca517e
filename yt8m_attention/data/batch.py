"""The arrays of one batch, and how items fill them. Letters: B items, T frames of a bag, F features, V classes."""

import functools

import numpy as np

from yt8m_attention.config import Augmentation
from yt8m_attention.data import augmentation, sampling
from yt8m_attention.data.formats.bad_records import BadRecord


def bag_size(source, training):
    """Frames of every bag of a shard_dataset.ShardDataset (T), padding included."""
    if source.video_level:
        return 1
    if source.kind != "videos":
        return source.data.segment_size
    return sampling.bag_size(source.data.sampling, training)


class Batch:
    """The arrays of one batch, filled from one window or several.

    Args:
      source: a shard_dataset.ShardDataset.
      size: rows there is room for.
      training: whether frames may be random ones.
      buffers: a buffers.Buffers to take the memory from.
      varied: a config.Augmentation, of batches for training.
    """

    def __init__(self, source, size, training, buffers, varied=Augmentation()):
        self._source, self._training, self._varied, self.filled = source, training, varied, 0
        frames, classes = bag_size(source, training), source.data.num_classes
        dtype = np.float32 if source.video_level else np.uint8
        self._frames = buffers.array((size, frames, source.data.features.total), dtype)
        self._mask = buffers.array((size, frames), bool)
        self._labels = buffers.array((size, classes), np.uint8)
        self._rated = buffers.array((size, classes), bool)
        self._labels.fill(0)
        self._rated.fill(source.kind == "videos")
        self._ids, self._starts = [], []

    @property
    def room(self):
        return len(self._mask) - self.filled

    def add(self, window, numbers, drawn_by=None):
        """Adds a window's items by number, no more than there is room for; those that cannot be read are left out.

        Args:
          window: a shard_group.ShardGroup.
          numbers: int64 [n].
          drawn_by: (seed, epoch) where their frames may be random ones.

        Raises:
          UserError: for a record that cannot be read, where the source puts up with no more of them.
        """
        window.check(numbers)
        indices, lengths = self._bags(window, numbers, drawn_by)
        if self._training and not self._source.video_level:
            draw = functools.partial(sampling.draws, *drawn_by, window.ordinals(numbers))
            size = self._source.data.segment_size if self._source.kind == "videos" else None
            indices, lengths = augmentation.vary(self._varied, indices, lengths, draw, window.start[numbers], size)
        kept = self._fill(window, numbers, indices, lengths)
        if len(kept) < len(numbers):
            numbers, lengths = numbers[kept], lengths[kept]
        rows = slice(self.filled, self.filled + len(numbers))
        np.less(np.arange(self._mask.shape[1]), lengths[:, None], out=self._mask[rows])
        pairs, row = window.pairs(numbers)
        row += self.filled
        self._labels[row, window.classes[pairs]] = window.scores[pairs]
        self._rated[row, window.classes[pairs]] = True
        self.filled = rows.stop
        if not self._training:
            self._ids += window.ids(numbers)
            self._starts.append(window.start[numbers])

    def _bags(self, window, numbers, drawn_by):
        """The frames of each item: int64 [n, T], and how many of the row they are, int64 [n]."""
        scheme, size = self._source.data.sampling, self._mask.shape[1]
        num_frames = window.num_frames[numbers]
        if self._source.video_level:
            return np.zeros((len(numbers), 1), np.int64), np.ones(len(numbers), np.int64)
        if self._source.kind != "videos":
            start = window.start[numbers]
            return start[:, None] + np.arange(size), np.clip(num_frames - start, 0, size)
        if self._training and scheme.frame_sampling == "random":
            drawn = sampling.random_frame_indices(scheme, num_frames, *drawn_by, window.ordinals(numbers))
            return drawn, np.where(num_frames > 0, size, 0)
        return sampling.frame_indices(scheme, num_frames, size)

    def _fill(self, window, numbers, indices, lengths):
        """Fills the frames, row after row -> which of the items there are rows of."""
        kept, at = [], self.filled
        for place, ((shard, item), length) in enumerate(zip(window.located(numbers), lengths.tolist(), strict=True)):
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

    def arrays(self, share):
        """What every batch has; share: of the whole pass, done with this batch."""
        arrays = {"frames": self._frames, "mask": self._mask, "labels": self._labels, "rated": self._rated}
        arrays = {name: array[: self.filled] for name, array in arrays.items()}
        return arrays | {"share": np.full(self.filled, share, np.float32)}

    def names(self, first_ordinal):
        """id, start and ordinal of each row; not kept in training."""
        ordinals = np.arange(first_ordinal, first_ordinal + self.filled)
        return {"id": np.array(self._ids, object), "start": np.concatenate(self._starts), "ordinal": ordinals}
