"""Frames out of a shard's file. Letters: K frames asked for, F features."""

import numpy as np

from yt8m_attention.data.formats import records, tfrecord

_UNTOUCHED, _STRIDED, _PARSED = range(3)


class FrameReader:
    """CacheDirectory frames of a shard's records, and looks each record over the first time.

    Args:
      index: the shard's index.ShardIndex, made for the same features.
      features: a config.Features.
      verify_crc: whether each record's checksum is compared, the first time.
    """

    def __init__(self, index, features, verify_crc=False):
        self._index, self._features, self._verify_crc = index, features, verify_crc
        self._ways = np.zeros(len(index), np.uint8)  # how each record is read

    def read(self, record, frames, out):
        """CacheDirectory frames of a record.

        Args:
          record: its number in the shard.
          frames: int64 [K], which of its frames.
          out: [K, F] to write to, uint8, or float32 for a video-level record.

        Raises:
          BadRecord: where the record is damaged, or a frame's size is not that of features.
        """
        data = tfrecord.mapped(self._index.stamp)
        if self._way(data, record) == _PARSED:
            out[:] = self._parsed(data, record)[frames]
            return
        # The bag is put together where it stays in the processor's cache, and leaves it as one block: a long copy, as
        # short ones do not, writes memory without reading it first.
        bag, at = np.empty_like(out), 0
        for table, header in self._tables(data, record):
            end = at + table.shape[1] - header
            bag[:, at:end] = table.take(frames, axis=0)[:, header:]
            at = end
        out[:] = bag

    def check(self, record):
        """Raises BadRecord where read would, for any of a record's frames."""
        data = tfrecord.mapped(self._index.stamp)
        if self._way(data, record) == _PARSED:
            self._parsed(data, record)

    def _parsed(self, data, record):
        return records.read_frames(self._index.path, data, self._span(record), self._features)

    def _way(self, data, record):
        if self._ways[record] == _UNTOUCHED:
            self._ways[record] = self._look_over(data, record)
        return self._ways[record]

    def _span(self, record):
        return tuple(self._index.spans[record].tolist())

    def _look_over(self, data, record):
        """Checks a record -> the way to read it."""
        if self._verify_crc:
            tfrecord.check_record(self._index.path, data, self._span(record))
        if not self._index.streams[record, :, 2].all():
            return _PARSED
        for table, header in self._tables(data, record):
            headers = table[:, :header].tobytes()
            # A list can have the length of so many equal frames and yet hold others.
            if headers != headers[:header] * len(table):
                return _PARSED
        return _STRIDED

    def _tables(self, data, record):
        """Yields each stream's frames as they lie in the file, uint8 [T, stride], and the bytes of their headers."""
        start = self._index.spans[record, 0].item()
        for first, header, stride, count in self._index.streams[record].tolist():
            yield np.ndarray((count, stride), np.uint8, data, start + first), header
