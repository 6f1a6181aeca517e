"""Reads frames from a shard's file. Letters: K requested frames, F features."""

import numpy as np

from yt8m_attention.config import Features
from yt8m_attention.data.formats import records, tfrecord
from yt8m_attention.data.formats.index import ShardIndex

_UNCHECKED, _STRIDED, _PARSED = range(3)


class FrameReader:
    """Copies frames of a shard's records. Checks each record when it is first read.

    Args:
      index: the shard's index.ShardIndex, made for the same features.
      features: a config.Features.
      verify_crc: whether the check includes the record's checksum.
    """

    def __init__(self, index: ShardIndex, features: Features, verify_crc: bool = False) -> None:
        self._index, self._features, self._verify_crc = index, features, verify_crc
        self._layouts = np.full(len(index), _UNCHECKED, np.uint8)  # of each record

    def read(self, record: int, frames: np.ndarray, out: np.ndarray) -> None:
        """Copies frames of a record.

        Args:
          record: index of the record in the shard.
          frames: int64 [K], indices of the frames.
          out: [K, F], receives the frames; uint8, or float32 for a video-level record.

        Raises:
          BadRecord: when the record is damaged, or a frame's size differs from features.
        """
        data = tfrecord.mapped(self._index.stamp)
        if self._layout(data, record) == _PARSED:
            out[:] = self._parsed(data, record)[frames]
            return
        # The bag is built in a small buffer that stays in the processor's cache, then copied as one block: a long copy,
        # unlike short ones, writes memory without reading it first.
        bag, at = np.empty_like(out), 0
        for table, header in self._tables(data, record):
            end = at + table.shape[1] - header
            bag[:, at:end] = table.take(frames, axis=0)[:, header:]
            at = end
        out[:] = bag

    def check(self, record: int) -> None:
        """Raises BadRecord if `read` would for any frame of the record."""
        data = tfrecord.mapped(self._index.stamp)
        if self._layout(data, record) == _PARSED:
            self._parsed(data, record)

    def _parsed(self, data, record):
        return records.read_frames(self._index.path, data, self._span(record), self._features)

    def _layout(self, data, record):
        if self._layouts[record] == _UNCHECKED:
            self._layouts[record] = self._check_layout(data, record)
        return self._layouts[record]

    def _span(self, record):
        return tuple(self._index.spans[record].tolist())

    def _check_layout(self, data, record):
        """Checks a record and returns its layout, _STRIDED or _PARSED."""
        if self._verify_crc:
            tfrecord.check_record(self._index.path, data, self._span(record))
        if not self._index.streams[record, :, 2].all():
            return _PARSED
        for table, header in self._tables(data, record):
            headers = table[:, :header].tobytes()
            # A list can have the length of equal frames and still hold frames of several sizes.
            if headers != headers[:header] * len(table):
                return _PARSED
        return _STRIDED

    def _tables(self, data, record):
        """Yields each stream's frames as stored in the file, uint8 [T, stride], and the length of their headers."""
        start = self._index.spans[record, 0].item()
        for first, header, stride, count in self._index.streams[record].tolist():
            yield np.ndarray((count, stride), np.uint8, data, start + first), header
