"""What is learned from or scored, as items: whole videos, rated segments, or the windows that inference ranks.

Letters: N items, P pairs (item, class) that something is known of.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import files, index, index_file
from yt8m_attention.data.bad_records import BadRecords
from yt8m_attention.data.shard_cache import ShardCache
from yt8m_attention.errors import UserError

KINDS = ("videos", "rated_segments", "windows")


@dataclass(frozen=True, eq=False)
class Items:
    """Items of one shard, by record, then by start."""

    record: np.ndarray  # int64 [N]
    start: np.ndarray  # int64 [N], the first frame; -1: the whole video
    splits: np.ndarray  # int64 [N + 1], item i's pairs are [splits[i], splits[i + 1])
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1
    skipped: int  # rated segments that begin at or beyond the last frame's end

    def __len__(self):
        return len(self.record)


def items(kind, shard, data, keep):
    """The items of a shard.

    Args:
      kind: one of KINDS.
      shard: an index.ShardIndex.
      data: a config.Data.
      keep: bool [records], which videos to take.

    Raises:
      UserError: for ratings that are neither 0 nor 1, or of segments of another size than data.segment_size.
    """
    if kind == "videos":
        return _videos(shard, keep)
    if kind == "windows":
        return _windows(shard, data, keep)
    _check_sizes(shard, data.segment_size, f"--segment_size={data.segment_size}; set --segment_size accordingly")
    return _rated_segments(shard, keep)


def _videos(shard, keep):
    record = np.flatnonzero(keep)
    lengths = np.diff(shard.label_splits)
    classes = shard.labels[np.repeat(keep, lengths)]
    splits = np.concatenate([[0], np.cumsum(lengths[record])])
    return Items(record, np.full(len(record), -1), splits, classes, np.ones(len(classes), np.uint8), 0)


def _rated_segments(shard, keep):
    """Segments by (record, start), each with all of its ratings; one that begins beyond the video is skipped."""
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


def _sizes(shard):
    """Of the rated segments whose ends are told -> (their places, their frames: int64), parallel."""
    told = np.flatnonzero(shard.segment_ends != index.NOT_SAID)
    return told, shard.segment_ends[told].astype(np.int64) - shard.segment_starts[told]


def _check_sizes(shard, size, wanted):
    told, sizes = _sizes(shard)
    wrong = np.flatnonzero(sizes != size)
    if len(wrong):
        record = _record_of_ratings(shard)[told[wrong[0]]]
        raise UserError(f"{shard.name(record)}: has a rated segment of {sizes[wrong[0]]} frames, wanted {wanted}")


def window_starts(num_frames, segment_size, segment_window):
    """Where the segments that inference ranks begin: int64, ascending.

    Multiples s of segment_size with head <= s and s + segment_size <= num_frames - tail, where segment_window is
    (head, tail): a video of 300 frames has (300 - 40) / 5 = 52 of YouTube-8M's, one of 44 or fewer has none.
    """
    head, tail = segment_window
    first = -(-head // segment_size) * segment_size
    return np.arange(first, num_frames - tail - segment_size + 1, segment_size)


def _windows(shard, data, keep):
    record = np.flatnonzero(keep)
    starts = [window_starts(n, data.segment_size, data.segment_window) for n in shard.num_frames[record]]
    record = np.repeat(record, [len(s) for s in starts])
    nothing = np.zeros(0, np.int64)
    splits = np.zeros(len(record) + 1, np.int64)
    start = np.concatenate([nothing, *starts])
    return Items(record, start, splits, nothing, nothing.astype(np.uint8), 0)


class Ratings(NamedTuple):
    """Rated pairs of (segment, class), parallel, in file order."""

    ids: np.ndarray  # bytes [P], the videos'
    starts: np.ndarray  # int64 [P], frames
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1
    skipped: int  # segments left out, since they begin beyond the last frame


def read_ratings(
    pattern, num_classes=None, flag="eval_data_pattern", cache_dir=None, index_dir=index_file.NOWHERE, bad_records=None
):
    """The ratings of records, without their frames; the very pairs that evaluation goes by.

    How long a segment is nobody says here, but all have one length.

    Args:
      pattern, flag: as files.expand takes them.
      num_classes: as index.shard_index takes it.
      cache_dir, index_dir: of a config.Data.
      bad_records: a bad_records.BadRecords to count in; None: the first one stops.

    Raises:
      UserError: where files or records cannot be used.
    """
    bad_records = BadRecords(0) if bad_records is None else bad_records
    parts, cache, paths = [], ShardCache(cache_dir), files.expand(pattern, flag)
    size = None
    shown = progress.Progress("shards of ratings", len(paths), brief=True)
    for path in paths:
        local = cache.local_path(path)
        # Beside the index that frames are read by, which has more in it and is made for certain features.
        kept_at = index_file.place(local if index_dir is None else path, index_dir)
        shard = index.shard_index(local, None, num_classes, kept_at and f"{kept_at}.ratings")
        for error in shard.bad:
            bad_records.add(error)
        cache.use([])
        if size is None:
            size = next((max(1, s) for s in _sizes(shard)[1].tolist()), None)
        _check_sizes(shard, size, f"{size} as of the first one; write the file again")
        found = _rated_segments(shard, np.ones(len(shard), bool))
        item = np.repeat(np.arange(len(found)), np.diff(found.splits))
        parts.append((shard.ids[found.record[item]], found.start[item], found.classes, found.scores, found.skipped))
        shown.add(1)
    shown.close()
    *arrays, skipped = zip(*parts, strict=True)
    return Ratings(*map(np.concatenate, arrays), sum(skipped))
