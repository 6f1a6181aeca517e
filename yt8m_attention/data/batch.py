"""The arrays of one batch, and how items fill them. Letters: B items, T frames of a bag, F features, V classes."""

import numpy as np

from yt8m_attention.data import sampling
from yt8m_attention.data.shards import gather

_ALIGNMENT = 64  # bytes; TensorFlow takes over a numpy array so aligned without a copy


def bag_size(source, training):
    """Frames of every bag of a shards.Source (T), padding included."""
    if source.video_level:
        return 1
    if source.kind != "videos":
        return source.data.segment_size
    return sampling.bag_size(source.data.sampling, training)


class Batch:
    """The arrays of one batch, filled from one window or several."""

    def __init__(self, source, size, training):
        self._source, self._training, self.filled = source, training, 0
        frames, classes = bag_size(source, training), source.data.num_classes
        dtype = np.float32 if source.video_level else np.uint8
        self._frames = _aligned((size, frames, source.data.features.total), dtype)
        self._mask = np.zeros((size, frames), bool)
        self._labels = np.zeros((size, classes), np.uint8)
        self._rated = np.full((size, classes), source.kind == "videos")
        self._ids, self._starts = [], []

    @property
    def room(self):
        return len(self._mask) - self.filled

    def add(self, window, numbers, drawn_by=None):
        """Adds a window's items by number; drawn_by: (seed, epoch) where their frames may be random ones."""
        places, entries = window.locate(numbers)
        shards, items = [window.shards[p] for p in places], [window.items[p] for p in places]
        records = [i.record[e] for i, e in zip(items, entries, strict=True)]
        starts = [i.start[e] for i, e in zip(items, entries, strict=True)]
        num_frames = np.array([s.num_frames[r] for s, r in zip(shards, records, strict=True)])
        ordinals = (window.numbers[places] << 32) + records
        bags = self._bags(num_frames, starts, ordinals, drawn_by)
        for shard, record, bag, found, entry in zip(shards, records, bags, items, entries, strict=True):
            self._fill(shard, record, bag, found, entry)
        self._starts += starts
        self._ids += [s.ids[r] for s, r in zip(shards, records, strict=True)]

    def _bags(self, num_frames, starts, ordinals, drawn_by):
        """The frames of each item: int64, as many as there are."""
        scheme, size = self._source.data.sampling, self._mask.shape[1]
        if self._source.video_level:
            return [np.zeros(1, np.int64)] * len(num_frames)
        if self._source.kind != "videos":
            return [np.arange(s, min(s + size, n)) for s, n in zip(starts, num_frames, strict=True)]
        if self._training and scheme.frame_sampling == "random":
            drawn = sampling.random_frame_indices(scheme, num_frames, *drawn_by, ordinals)
            return [row[: size if n else 0] for row, n in zip(drawn, num_frames, strict=True)]
        return [sampling.frame_indices(scheme, n) for n in num_frames]

    def _fill(self, shard, record, bag, items, entry):
        at, length = self.filled, len(bag)
        if length:
            gather(shard, record, bag, self._source.data.features, self._frames[at, :length])
        self._frames[at, length:] = 0
        self._mask[at, :length] = True
        pairs = slice(items.splits[entry], items.splits[entry + 1])
        self._labels[at, items.classes[pairs]] = items.scores[pairs]
        self._rated[at, items.classes[pairs]] = True
        self.filled += 1

    def arrays(self):
        arrays = {"frames": self._frames, "mask": self._mask, "labels": self._labels, "rated": self._rated}
        return {name: array[: self.filled] for name, array in arrays.items()}

    def names(self, first_ordinal):
        ordinals = np.arange(first_ordinal, first_ordinal + self.filled)
        return {"id": np.array(self._ids, object), "start": np.array(self._starts, np.int64), "ordinal": ordinals}


def _aligned(shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    at = -raw.ctypes.data % _ALIGNMENT
    return raw[at : at + size].view(dtype).reshape(shape)
