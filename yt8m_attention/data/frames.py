"""Frames out of a shard's file. Letters: K frames asked for, F features."""

import numpy as np

from yt8m_attention.data import records, tfrecord

_UNTOUCHED, _STRIDED, _PARSED = range(3)


class FrameReader:
    """Copies frames of a shard's records, and looks each record over the first time.

    Args:
      index: the shard's index.ShardIndex, made for the same features.
      features: a config.Features.
      verify_crc: whether each record's checksum is compared, the first time.
    """

    def __init__(self, index, features, verify_crc=False):
        self._index, self._features, self._verify_crc = index, features, verify_crc
        self._ways = np.zeros(len(index), np.uint8)  # how each record is read

    def read(self, record, frames, out):
        """Copies frames of a record.

        Args:
          record: its number in the shard.
          frames: int64 [K], which of its frames.
          out: [K, F] to write to, uint8, or float32 for a video-level record.

        Raises:
          BadRecord: where the record is damaged, or a frame's size is not that of features.
        """
        data, way = tfrecord.mapped(self._index.stamp), self._ways[record]
        if way == _UNTOUCHED:
            way = self._ways[record] = self._look_over(data, record)
        if way == _PARSED:
            out[:] = records.read_frames(self._index.path, data, self._span(record), self._features)[frames]
            return
        start, at = self._index.spans[record, 0].item(), 0
        for first, header, stride, count in self._index.streams[record].tolist():
            table = np.ndarray((count, stride), np.uint8, data, start + first)
            end = at + stride - header
            # Whole rows first: those are one block each, and what is copied out of them again is still in the cache.
            out[:, at:end] = table.take(frames, axis=0)[:, header:]
            at = end

    def _span(self, record):
        return tuple(self._index.spans[record].tolist())

    def _look_over(self, data, record):
        """Checks a record -> the way to read it."""
        start, end = self._span(record)
        if self._verify_crc:
            tfrecord.check_record(self._index.path, data, (start, end))
        for first, header, stride, count in self._index.streams[record].tolist():
            if not stride:
                return _PARSED
            table = np.ndarray((count, stride), np.uint8, data, start + first)
            # A list can have the length of so many equal frames and yet hold others.
            if (table[:, :header] != table[:1, :header]).any():
                return _PARSED
        return _STRIDED
