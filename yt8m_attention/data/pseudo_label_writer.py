"""Videos written anew with more rated segments: frames and labels as they were, people's ratings before all others."""

import collections
import hashlib
import itertools
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data.formats import tfrecord, writer
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError

_SUFFIX = ".tfrecord"


class Labels(NamedTuple):
    """P pairs of (segment, class) to add, parallel. Of a pair that comes again the first one counts."""

    ids: np.ndarray  # bytes [P], the videos'; any kind of array
    starts: np.ndarray  # int64 [P], frames
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1


@dataclass
class Tally:
    """What came of it."""

    shards: int = 0
    videos: int = 0
    segments: int = 0  # that got a label
    positives: int = 0
    negatives: int = 0
    ratings: int = 0  # by people, of the videos written
    already_rated: int = 0  # pairs that people had rated
    unknown_segments: int = 0  # whose video is in none of the files
    skipped_segments: int = 0  # that begin beyond their video's last frame
    bad_records: int = 0


def shard_names(paths):
    """What the shard is called that comes of each file: as that is; where several bear one name, with their
    directory's digest in it."""
    stems = [os.path.basename(path).removesuffix(_SUFFIX) for path in paths]
    count = collections.Counter(stems)
    return [
        f"{stem}.{_digest(path)}{_SUFFIX}" if count[stem] > 1 else f"{stem}{_SUFFIX}"
        for stem, path in zip(stems, paths, strict=True)
    ]


def _digest(path):
    directory = os.path.dirname(path if file_patterns.is_remote(path) else os.path.abspath(path))
    return hashlib.blake2b(directory.encode(), digest_size=6).hexdigest()


def write(pattern, flag, data, labels, output_dir):
    """Writes the videos that get a label, a shard for each file that has some.

    A record keeps its id, labels, ratings and the frames of the streams in data.features. A pair that a person has
    rated stays as it was rated. Shards are read one after another, and one video's frames are held at a time.

    Args:
      pattern, flag: frame-level files, as files.expand takes them.
      data: a config.Data.
      labels: Labels.
      output_dir: an existing directory.

    Returns:
      Tally.

    Raises:
      UserError: where files or records cannot be used, or two videos that get labels have one id.
    """
    source = ShardDataset(pattern, flag, data, "rated_segments")  # which have to be such as training takes
    wanted, tally = _Wanted(labels), Tally()
    shown = progress.Progress("shards", len(source.paths))
    for number, name in enumerate(shard_names(source.paths)):
        records = _records(source, number, wanted, tally)
        first = next(records, None)  # a file without a record would be none that can be read
        if first is not None:
            writer.write_shard(os.path.join(output_dir, name), itertools.chain([first], records))
            tally.shards += 1
        shown.add(1)
    shown.close()
    source.bad_records.say()
    tally.unknown_segments, tally.bad_records = wanted.unknown_segments(), len(source.bad_records)
    return tally


class _Wanted:
    """Labels by video, and which videos were found."""

    def __init__(self, labels):
        order = np.argsort(labels.ids, kind="stable")
        self._labels = Labels(*(np.asarray(part)[order] for part in labels))
        ids, first = np.unique(self._labels.ids, return_index=True)
        self._bounds = np.append(first, len(order))
        self._numbers = {video_id: number for number, video_id in enumerate(ids.tolist())}
        self._found = [None] * len(ids)  # where each was, as messages call it

    def of(self, video_id, name):
        """(start, class, score) of each label of a video, a list; name: where it was found."""
        number = self._numbers.get(video_id)
        if number is None:
            return []
        if self._found[number]:
            raise UserError(f"{name}: comes a second time, after {self._found[number]}; nobody can tell whose segments "
                            "are ranked: name files whose ids are unique")  # fmt: skip
        self._found[number] = name
        part = slice(self._bounds[number], self._bounds[number + 1])
        return list(zip(*(array[part].tolist() for array in self._labels[1:]), strict=True))

    def unknown_segments(self):
        """How many segments have a label whose video was not found."""
        lost = np.repeat([not where for where in self._found], np.diff(self._bounds))
        return len(set(zip(self._labels.ids[lost].tolist(), self._labels.starts[lost].tolist(), strict=True)))


def _records(source, number, wanted, tally):
    """Yields a file's records that get labels, serialized."""
    shard, _ = source.index_and_items(number)
    features = source.data.features
    reader = FrameReader(shard, features, verify_crc=True)  # else a damaged record would get a right checksum
    for record, video_id in enumerate(shard.ids.tolist()):
        asked = wanted.of(video_id, shard.name(record))
        rated, added = _pairs(shard, record, asked, tally) if asked else ([], {})
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


def _pairs(shard, record, asked, tally):
    """-> (people's ratings of a video: (start, class, score) each, what is added: (start, class) -> score)."""
    part = slice(*shard.segment_splits[record : record + 2])
    ratings = shard.segment_starts, shard.segment_labels, shard.segment_scores
    rated = list(zip(*(array[part].tolist() for array in ratings), strict=True))
    known, added, beyond = {pair[:2] for pair in rated}, {}, set()
    for start, c, score in asked:
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
