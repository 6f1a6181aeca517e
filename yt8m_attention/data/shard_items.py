"""The items of a shard that are trained on or scored: whole videos, rated segments, or windows.

Letters: N items, P pairs (item, class) whose label is known.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.config import Data
from yt8m_attention.data.formats import index
from yt8m_attention.errors import UserError

KINDS = ("videos", "rated_segments", "windows")


@dataclass(frozen=True, eq=False)
class Items:
    """Items of one shard, by record, then by start."""

    record: np.ndarray  # int64 [N]
    start: np.ndarray  # int64 [N], the first frame; -1: the whole video
    splits: np.ndarray  # int64 [N + 1], the pairs of item i are [splits[i], splits[i + 1])
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1
    skipped: int  # rated segments that begin beyond the last frame of their video

    def __len__(self) -> int:
        return len(self.record)


def items(kind: str, shard: index.ShardIndex, data: Data, keep: np.ndarray) -> Items:
    """Finds the items of a shard.

    Args:
      kind: one of KINDS.
      shard: the index of the shard.
      data: the size of segments, and where windows lie.
      keep: bool [records], which videos to take.

    Raises:
      UserError: for a rating that is neither 0 nor 1, or a rated segment of another size than data.segment_size.
    """
    if kind == "videos":
        return _videos(shard, keep)
    if kind == "windows":
        return _windows(shard, data, keep)
    check_sizes(shard, data.segment_size, f"--segment_size={data.segment_size}; set --segment_size accordingly")
    return rated_segments(shard, keep)


def _videos(shard, keep):
    record = np.flatnonzero(keep)
    lengths = np.diff(shard.label_splits)
    classes = shard.labels[np.repeat(keep, lengths)]
    splits = np.concatenate([[0], np.cumsum(lengths[record])])
    return Items(record, np.full(len(record), -1), splits, classes, np.ones(len(classes), np.uint8), 0)


def rated_segments(shard: index.ShardIndex, keep: np.ndarray) -> Items:
    """Finds the rated segments, by (record, start), each with all its ratings.

    Segments that begin beyond the last frame of their video are counted and skipped.
    """
    record = _record_of_ratings(shard)
    _check_scores(shard, record)
    start, frames = shard.segment_starts, shard.num_frames[record]
    within = (start >= 0) & ((start < frames) | (frames < 0))
    order = np.lexsort((shard.segment_labels, start, record))
    order = order[(within & keep[record])[order]]
    record_of, start_of = record[order], start[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(record_of) != 0) | (np.diff(start_of) != 0)
    first = np.flatnonzero(new)
    beyond = ~within & keep[record]
    return Items(
        record=record_of[first],
        start=start_of[first],
        splits=np.append(first, len(order)),
        classes=shard.segment_labels[order],
        scores=shard.segment_scores[order].astype(np.uint8),
        skipped=len(set(zip(record[beyond], start[beyond], strict=True))),
    )


def _record_of_ratings(shard):
    return np.repeat(np.arange(len(shard)), np.diff(shard.segment_splits))


def _check_scores(shard, record):
    wrong = np.flatnonzero((shard.segment_scores != 0) & (shard.segment_scores != 1))
    if len(wrong):
        raise UserError(
            f"{shard.name(record[wrong[0]])}: a segment score is {shard.segment_scores[wrong[0]]}, wanted 0 or 1; "
            "write the file again"
        )


def known_sizes(shard: index.ShardIndex) -> tuple[np.ndarray, np.ndarray]:
    """The sizes of rated segments, if their records hold ends.

    Returns:
      (int64 [n], numbers of the ratings with an end; int64 [n], frames of their segments).
    """
    known = np.flatnonzero(shard.segment_ends != index.NO_END)
    return known, shard.segment_ends[known].astype(np.int64) - shard.segment_starts[known]


def check_sizes(shard: index.ShardIndex, size: int | None, wanted: str) -> None:
    """Raises UserError for a rated segment of another size; `wanted` is the end of the message."""
    known, sizes = known_sizes(shard)
    wrong = np.flatnonzero(sizes != size)
    if len(wrong):
        record = _record_of_ratings(shard)[known[wrong[0]]]
        raise UserError(f"{shard.name(record)}: has a rated segment of {sizes[wrong[0]]} frames, wanted {wanted}")


def window_starts(num_frames: int, segment_size: int, segment_window: tuple[int, int]) -> np.ndarray:
    """The first frames of the windows of a video, which inference ranks: int64, ascending.

    These are the multiples s of segment_size with head <= s and s + segment_size <= num_frames - tail, where
    segment_window is (head, tail). With YouTube-8M's values a video of 300 frames has (300 - 40) / 5 = 52 windows, a
    video of 44 frames or fewer has none.
    """
    head, tail = segment_window
    first = -(-head // segment_size) * segment_size
    return np.arange(first, num_frames - tail - segment_size + 1, segment_size)


def _windows(shard, data, keep):
    record = np.flatnonzero(keep)
    starts = [window_starts(n, data.segment_size, data.segment_window) for n in shard.num_frames[record]]
    record = np.repeat(record, [len(s) for s in starts])
    empty = np.zeros(0, np.int64)
    splits = np.zeros(len(record) + 1, np.int64)
    start = np.concatenate([empty, *starts])
    return Items(record, start, splits, empty, empty.astype(np.uint8), 0)
