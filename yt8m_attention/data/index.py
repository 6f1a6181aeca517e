"""What a shard holds, in flat arrays: everything about its records except their frames.

Letters: N records of a shard, S streams, L labels and P rated pairs over all of them.
"""

import functools
from dataclasses import dataclass

import numpy as np

from yt8m_attention.data import records, tfrecord
from yt8m_attention.errors import UserError


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The records of one local file. A record's share of a flat array ends where the next one's begins (splits)."""

    stamp: tuple  # tfrecord.stamp of the file
    spans: np.ndarray  # int64 [N, 2], where each record begins and ends
    ids: np.ndarray  # bytes [N]
    num_frames: np.ndarray  # int64 [N]; -1: unknown, the record holds no frames at all
    video_level: np.ndarray  # bool [N]
    streams: np.ndarray  # int64 [N, S, 4], the fields of records.Stream
    labels: np.ndarray  # int64 [L]
    label_splits: np.ndarray  # int64 [N + 1]
    segment_labels: np.ndarray  # int64 [P]
    segment_starts: np.ndarray  # int64 [P]
    segment_ends: np.ndarray  # int64 [P]; -1: not said
    segment_scores: np.ndarray  # float32 [P]
    segment_splits: np.ndarray  # int64 [N + 1]

    @property
    def path(self):
        return self.stamp[0]

    def __len__(self):
        return len(self.spans)

    def name(self, record):
        """What messages call a record."""
        return f"{self.path}: record {self.ids[record].decode(errors='replace')!r}"


def shard_index(path, features=None, num_classes=None):
    """The index of a local file; kept, and made anew when the file changes.

    Args:
      path: of the file.
      features: the config.Features that frames will be read for; None: ids, labels and ratings alone.
      num_classes: labels must be below; None: not checked.

    Raises:
      UserError: where the file or a record in it cannot be used.
    """
    index = _build(tfrecord.stamp(path), features)
    if num_classes is not None:
        for labels, splits in ((index.labels, index.label_splits), (index.segment_labels, index.segment_splits)):
            _check_labels(index, labels, splits, num_classes)
    return index


@functools.lru_cache(maxsize=4096)  # YouTube-8M has 3,844 shards a split, an index of one takes some 0.2 MB
def _build(stamp, features):
    data = tfrecord.mapped(stamp)
    spans = tfrecord.record_spans(stamp[0], data)
    # Tuples of Python integers: a memory map's bytes are read far quicker by those than by numpy's.
    decoded = [records.decode(stamp[0], data, span, features) for span in map(tuple, spans.tolist())]
    ends = [np.full(len(r.segment_labels), -1) if not len(r.segment_ends) else r.segment_ends for r in decoded]
    return ShardIndex(
        stamp=stamp,
        spans=spans,
        ids=np.array([r.id for r in decoded], np.bytes_),
        num_frames=np.array([r.num_frames for r in decoded], np.int64),
        video_level=np.array([r.video_level for r in decoded], bool),
        streams=np.array([r.streams for r in decoded], np.int64).reshape(len(decoded), -1, 4),
        labels=_flat([r.labels for r in decoded], np.int64),
        label_splits=_splits([r.labels for r in decoded]),
        segment_labels=_flat([r.segment_labels for r in decoded], np.int64),
        segment_starts=_flat([r.segment_starts for r in decoded], np.int64),
        segment_ends=_flat(ends, np.int64),
        segment_scores=_flat([r.segment_scores for r in decoded], np.float32),
        segment_splits=_splits([r.segment_labels for r in decoded]),
    )


def _flat(arrays, dtype):
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype)


def _splits(arrays):
    return np.cumsum([0] + [len(a) for a in arrays])


def _check_labels(index, labels, splits, num_classes):
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        record = np.searchsorted(splits, wrong[0], side="right") - 1
        raise UserError(
            f"{index.name(record)}: has label {labels[wrong[0]]}, wanted 0 or more and less than "
            f"--num_classes={num_classes}; set --num_classes accordingly"
        )
