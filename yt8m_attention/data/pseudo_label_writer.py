"""Writes videos again with more rated segments; frames, labels and human ratings stay as they are."""

import collections
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yt8m_attention import progress
from yt8m_attention.config import Data
from yt8m_attention.data.formats import tfrecord, writer
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError

_SUFFIX = ".tfrecord"


class Labels(NamedTuple):
    """P pairs of (segment, class) to add, parallel arrays. The first of equal pairs counts."""

    ids: np.ndarray  # bytes [P], of the videos; any kind of array
    starts: np.ndarray  # int64 [P], frames
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1


@dataclass
class Tally:
    """What was written."""

    shards: int = 0
    videos: int = 0
    segments: int = 0  # with a new label
    positives: int = 0
    negatives: int = 0
    ratings: int = 0  # human ratings of the written videos
    already_rated: int = 0  # pairs with a human rating
    unknown_segments: int = 0  # without their video in the files
    skipped_segments: int = 0  # beginning beyond the last frame of their video
    bad_records: int = 0


def shard_names(paths: Sequence[str]) -> list[str]:
    """Names the shard written for each file: as the file, with a digest of its directory if names are equal."""
    stems = [os.path.basename(path).removesuffix(_SUFFIX) for path in paths]
    count = collections.Counter(stems)
    return [
        f"{stem}.{_digest(path)}{_SUFFIX}" if count[stem] > 1 else f"{stem}{_SUFFIX}"
        for stem, path in zip(stems, paths, strict=True)
    ]


def _digest(path):
    directory = os.path.dirname(path if file_patterns.is_remote(path) else os.path.abspath(path))
    return hashlib.blake2b(directory.encode(), digest_size=6).hexdigest()


def write(pattern: str, flag: str, data: Data, labels: Labels, output_dir: str) -> Tally:
    """Writes the videos that get a label, one shard for each file with such videos.

    A record keeps its id, labels, ratings and the frames of the features in data.features. A human rating of a pair
    is never replaced. Shards are read one after another, and the frames of one video are held at a time.

    Args:
      pattern, flag: frame-level files, as file_patterns.expand takes them.
      data: what the records hold.
      labels: what to add.
      output_dir: an existing directory.

    Returns:
      Counts of what was written.

    Raises:
      UserError: for files or records that cannot be used, or if two videos that get labels have the same id.
    """
    source = ShardDataset(pattern, flag, data, "rated_segments")  # with the checks of training
    wanted, tally = _Wanted(labels), Tally()
    shown = progress.Progress("shards", len(source.paths))
    for number, name in enumerate(shard_names(source.paths)):
        records = _records(source, number, wanted, tally)
        first = next(records, None)  # files without records are not valid shards
        if first is not None:
            writer.write_shard(os.path.join(output_dir, name), itertools.chain([first], records))
            tally.shards += 1
        shown.add(1)
    shown.close()
    source.bad_records.log()
    tally.unknown_segments, tally.bad_records = wanted.unknown_segments(), len(source.bad_records)
    return tally


class _Wanted:
    """The labels by video, and the videos found so far."""

    def __init__(self, labels: Labels):
        order = np.argsort(labels.ids, kind="stable")
        self._labels = Labels(*(np.asarray(part)[order] for part in labels))
        ids, first = np.unique(self._labels.ids, return_index=True)
        self._bounds = np.append(first, len(order))
        self._numbers = {video_id: number for number, video_id in enumerate(ids.tolist())}
        self._found: list[str | None] = [None] * len(ids)  # the name of each video's record in messages

    def of(self, video_id: bytes, name: str) -> list[tuple[int, int, int]]:
        """The labels of a video: (start, class, score) each; name: of its record in messages."""
        number = self._numbers.get(video_id)
        if number is None:
            return []
        if self._found[number]:
            raise UserError(f"{name}: is the second video with this id, after {self._found[number]}, so the ranked "
                            "segments are ambiguous; name files whose ids are unique")  # fmt: skip
        self._found[number] = name
        part = slice(self._bounds[number], self._bounds[number + 1])
        return list(zip(*(array[part].tolist() for array in self._labels[1:]), strict=True))

    def unknown_segments(self) -> int:
        """The number of labelled segments whose videos were not found."""
        lost = np.repeat([not where for where in self._found], np.diff(self._bounds))
        return len(set(zip(self._labels.ids[lost].tolist(), self._labels.starts[lost].tolist(), strict=True)))


def _records(source: ShardDataset, number: int, wanted: _Wanted, tally: Tally) -> Iterator[bytes]:
    """Yields the records of a file that get labels, serialized."""
    shard, _ = source.index_and_items(number)
    features = source.data.features
    reader = FrameReader(shard, features, verify_crc=True)  # a damaged record must not get a valid checksum
    for record, video_id in enumerate(shard.ids.tolist()):
        labels = wanted.of(video_id, shard.name(record))
        if not labels:
            continue
        rated, added = _pairs(shard, record, labels, tally)
        if not added:
            continue
        frames = np.empty((shard.num_frames[record], features.total), np.uint8)
        tfrecord.check_stamp(shard.stamp)
        try:
            reader.read(record, np.arange(len(frames)), frames)
        except BadRecord as error:
            source.bad_records.add(error)
            continue
        _count(tally, rated, added)
        pairs = rated + [(start, c, score) for (start, c), score in sorted(added.items())]
        yield writer.frame_record(
            video_id.decode(), _labels(shard, record), frames, features, pairs, source.data.segment_size
        )


def _pairs(shard, record, labels, tally):
    """Returns (human ratings of a video: (start, class, score) each; what is added: (start, class) -> score)."""
    part = slice(*shard.segment_splits[record : record + 2])
    ratings = shard.segment_starts, shard.segment_labels, shard.segment_scores
    rated = list(zip(*(array[part].tolist() for array in ratings), strict=True))
    known, beyond = {pair[:2] for pair in rated}, set()
    added: dict[tuple[int, int], int] = {}
    for start, c, score in labels:
        if start >= shard.num_frames[record]:
            beyond.add(start)
        elif (start, c) in known:
            tally.already_rated += 1
        else:
            added.setdefault((start, c), score)
    tally.skipped_segments += len(beyond)
    return rated, added


def _count(tally, rated, added):
    tally.videos += 1
    tally.segments += len({start for start, _ in added})
    tally.positives += sum(added.values())
    tally.negatives += len(added) - sum(added.values())
    tally.ratings += len(rated)


def _labels(shard, record):
    return shard.labels[slice(*shard.label_splits[record : record + 2])].tolist()
