"""Index of a shard: everything about its records except their frames, in flat arrays.

Letters: N records of a shard, S streams, L labels and P rated pairs over all of them.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt8m_attention.config import Features
from yt8m_attention.data.formats import index_file, records, tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.errors import UserError

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1  # the 64-bit numbers of records are clipped to this range
NO_END = _SMALLEST  # the end of a segment without one; records cannot hold this value


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The records of one local file. The `*_splits` arrays hold each record's range of a flat array."""

    stamp: tfrecord.Stamp  # of the file
    bad: tuple[BadRecord, ...]  # bad records of the file; the arrays leave them out
    spans: np.ndarray  # int64 [N, 2], start and end of each record, bytes
    ids: np.ndarray  # bytes [N]
    num_frames: np.ndarray  # int32 [N]; -1: unknown, the record holds no frames
    video_level: np.ndarray  # bool [N]
    streams: np.ndarray  # int32 [N, S, 4], fields of sequence_example.Stream, `first` relative to the record's start
    labels: np.ndarray  # int32 [L]
    label_splits: np.ndarray  # int32 [N + 1]
    segment_labels: np.ndarray  # int32 [P]
    segment_starts: np.ndarray  # int32 [P]
    segment_ends: np.ndarray  # int32 [P]; NO_END: the record has no ends
    segment_scores: np.ndarray  # float32 [P]
    segment_splits: np.ndarray  # int32 [N + 1]

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.stamp[0]

    def __len__(self) -> int:
        return len(self.spans)

    def name(self, record: int) -> str:
        """Returns the description of a record for messages."""
        return f"{self.path}: offset {self.spans[record, 0]}: record {self.ids[record].decode(errors='replace')!r}"


ARRAYS = tuple(ShardIndex.__annotations__)[2:]


def shard_index(
    path: str, features: Features | None = None, num_classes: int | None = None, index_path: str | None = None
) -> ShardIndex:
    """Returns the index of a local file, cached in memory and optionally on disk. A changed file is indexed again.

    Args:
      path: path of the file.
      features: config.Features of the frames that will be read; None: only ids, labels and ratings.
      num_classes: upper bound of the labels, exclusive; None: any label that an index can hold.
      index_path: path of the index file to read and write; None: no index file.

    Raises:
      UserError: when the file is unusable, or a label is out of range.
    """
    index = _index(tfrecord.stamp(path), features, index_path)
    for labels, splits in ((index.labels, index.label_splits), (index.segment_labels, index.segment_splits)):
        _check_labels(index, labels, splits, num_classes)
    return index


@functools.lru_cache(maxsize=4096)  # YouTube-8M has 3,844 shards per split; an index takes about 0.08 MB
def _index(stamp, features, index_path):
    key = index_key(stamp, features)
    arrays = index_file.read(index_path, key, ARRAYS)
    if arrays:
        return ShardIndex(stamp, (), **arrays)
    arrays, bad = _build(stamp, features)
    if not bad:
        index_file.write(index_path, key, arrays)
    return ShardIndex(stamp, tuple(bad), **arrays)


def index_key(stamp: tfrecord.Stamp, features: Features | None) -> dict[str, Any]:
    """Returns the key of an index file: the shard's size and time of change, and the features."""
    return {"file": list(stamp[1:]), "features": features and [list(features.names), list(features.sizes)]}


def _build(stamp, features):
    """Indexes a file. Returns ({name: array}, list of BadRecord)."""
    data = tfrecord.mapped(stamp)
    spans, bad = tfrecord.record_spans(stamp[0], data)
    decoded, good = [], []
    # Python integers index a memory map much faster than numpy's.
    for number, span in enumerate(map(tuple, spans.tolist())):
        try:
            decoded.append(records.decode(stamp[0], data, span, features))
            good.append(number)
        except BadRecord as error:
            bad.append(error)
    return _arrays(spans[good], decoded, len(features.names) if features else 0), bad


def _arrays(spans, decoded, num_streams):
    ends = [np.maximum(r.segment_ends, NO_END + 1) for r in decoded]
    ends = [e if len(e) else np.full(len(r.segment_labels), NO_END) for e, r in zip(ends, decoded, strict=True)]
    streams = np.array([r.streams for r in decoded], np.int64).reshape(len(decoded), num_streams, 4)
    streams[..., 0] -= np.where(streams[..., 2], spans[:, :1], 0)
    return {
        "spans": spans,
        "ids": np.array([r.id for r in decoded], np.bytes_),
        "num_frames": np.array([r.num_frames for r in decoded], np.int32),
        "video_level": np.array([r.video_level for r in decoded], bool),
        "streams": streams.astype(np.int32),
        "labels": _flat([r.labels for r in decoded]),
        "label_splits": _splits([r.labels for r in decoded]),
        "segment_labels": _flat([r.segment_labels for r in decoded]),
        "segment_starts": _flat([r.segment_starts for r in decoded]),
        "segment_ends": _flat(ends),
        "segment_scores": _flat([r.segment_scores for r in decoded], np.float32),
        "segment_splits": _splits([r.segment_labels for r in decoded]),
    }


def _flat(arrays, dtype=np.int32):
    flat = np.concatenate([np.zeros(0, dtype), *arrays])
    return flat if dtype == np.float32 else np.clip(flat, _SMALLEST, _LARGEST).astype(dtype)


def _splits(arrays):
    return np.cumsum([0] + [len(a) for a in arrays], dtype=np.int32)


def _check_labels(index, labels, splits, num_classes):
    wrong = np.flatnonzero((labels < 0) | (labels >= (_LARGEST if num_classes is None else num_classes)))
    if len(wrong):
        record = np.searchsorted(splits, wrong[0], side="right") - 1
        limit = f"{_LARGEST}; write the file again"
        if num_classes is not None:
            limit = f"--num_classes={num_classes}; set --num_classes accordingly"
        raise UserError(f"{index.name(record)}: has label {labels[wrong[0]]}, wanted 0 or more and less than {limit}")
