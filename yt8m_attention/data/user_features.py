"""Reads a user's own features, one video at a time, from files of several formats.

  .npy        one video, [T, F]
  .npz        one video per array, whose key is the id
  TFRecord    YouTube-8M's frame-level records, rated or not
  MediaSequence records (MediaPipe's YouTube-8M extractor), in a TFRecord file or a single one as the extractor writes
              it (features.pb): feature list RGB/feature/floats for the stream `rgb`, AUDIO/feature/floats for `audio`

Letters: T frames, F features of a frame. Source of the names: mediapipe/util/sequence/README.md and
mediapipe/graphs/youtube8m/feature_extraction.pbtxt.
"""

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from yt8m_attention.config import Features
from yt8m_attention.data.formats import records, tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord, BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError
from yt8m_attention.files import reading_arrays
from yt8m_attention.ops.quantize import quantize

_MEDIA_LIST = "{}/feature/floats"
_MEDIA_IDS = ("example/id", "clip/media_id", "clip/data_path")
# Every MediaSequence record holds one of these names, with or without features; YouTube-8M's records hold none.
_MEDIA_MARKS = tuple(key.encode() for key in (_MEDIA_LIST.format(""), *_MEDIA_IDS))

# Floats whose magnitudes have a larger mean are refused. Whitened features have a mean of about 1. In one AudioSet clip
# 84 % of the values were clipped to bytes 0 and 255, so a mean of 8 is possible. Bytes saved as floats exceed 100.
_MOST_MEAN = 16


@dataclass(frozen=True, eq=False)
class Video:
    """Frames of one video, with the labels and ratings of its record."""

    id: str
    frames: np.ndarray  # uint8 [T, F]
    labels: tuple[int, ...] = ()
    ratings: tuple[tuple[int, int, float], ...] = ()  # (start, class, score) of each rated segment
    begin: float = 0.0  # seconds before the first frame, for a clip of the video with that id
    progress: float = 1.0  # fraction of all input that is done with this video: by files, and by videos of a file


def videos(
    pattern: str, features: Features, flag: str = "input", bad_records: BadRecords | None = None
) -> Iterator[Video]:
    """Yields the videos of files, in file order; videos without a frame are left out.

    Floats become bytes, as in training: values beyond [-2, 2] are clipped, and floats on another scale are refused.

    Args:
      pattern: files, as file_patterns.expand takes them.
      features: the features that the network was trained on.
      flag: the flag of the pattern, for messages.
      bad_records: counts and limits the bad records that are skipped; None: the first one is an error.

    Raises:
      UserError: for a file or a record that cannot be used.
    """
    cache, bad_records = ShardCache(), BadRecords(0) if bad_records is None else bad_records
    paths = file_patterns.expand(pattern, flag)
    for place, path in enumerate(paths):
        cache.use([path])
        local = cache.local_path(path)
        read = _READERS.get(os.path.splitext(path)[1], _records)
        for video in read(local, path, features, bad_records):
            if len(video.frames):
                yield dataclasses.replace(video, progress=(place + video.progress) / len(paths))


def _array(local, path, features, _):
    yield Video(_stem(path), _frames(_load(local, path), features, path))


def _refusal(where):
    return lambda error: f"{where} cannot be read: {error}; write the file again"


def _archive(local, path, features, _):
    with _load(local, path) as archive:
        for number, name in enumerate(archive.files, start=1):
            where = f"{path}: array {name!r}"
            with reading_arrays(_refusal(where)):
                array = archive[name]
            frames = _frames(array, features, where)
            yield Video(name, frames, progress=number / len(archive.files))


_READERS = {".npy": _array, ".npz": _archive}


def _load(local, path):
    with reading_arrays(
        lambda error: f"{path}: cannot be read by numpy: {error}; write it with numpy.save or numpy.savez"
    ):
        return np.load(local, allow_pickle=False)


def _frames(array, features, where):
    """Converts an array to uint8 [T, F]."""
    wanted = f"wanted [frames, {features.total}], {' + '.join(map(str, features.sizes))} of {', '.join(features.names)}"
    if array.ndim != 2 or array.shape[1] != features.total:
        raise UserError(f"{where}: has shape {list(array.shape)}; {wanted}, as the network was trained on")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise UserError(f"{where}: holds {array.dtype}; wanted uint8 (bytes as YouTube-8M stores them) or floats")
    if not np.isfinite(array).all():
        raise UserError(f"{where}: holds NaN or infinity; extract the features again")
    _check_scale(array, features, where)
    return quantize(array)


def _check_scale(array, features, where):
    """Refuses floats that cannot be features, such as bytes that were saved as floats."""
    edges = np.cumsum((0, *features.sizes))
    for name, first, end in zip(features.names, edges, edges[1:], strict=False):
        stream = array[:, first:end]
        with np.errstate(over="ignore"):  # an infinite mean is refused too
            if stream.size and np.abs(stream).mean(dtype=np.float64) > _MOST_MEAN:
                raise UserError(f"{where}: {name} holds floats from {stream.min():.6g} to {stream.max():.6g}; float "
                                "features lie in -2..2, and bytes have to be saved as uint8")  # fmt: skip


def _records(local, path, features, bad_records):
    data = tfrecord.mapped(tfrecord.stamp(local))
    try:
        spans, faults = tfrecord.record_spans(path, data)
    except BadRecord:
        if not _is_media_sequence(data[:]):
            raise
        spans, faults = np.array([(0, len(data))]), []
    for fault in faults:
        bad_records.add(fault)
    for number, span in enumerate(spans):
        span = int(span[0]), int(span[1])
        raw = data[span[0] : span[1]]
        if _is_media_sequence(raw):
            video = _media_sequence(raw, features, path, number)
        else:
            try:
                video = _youtube8m(path, data, span, features)
            except BadRecord as error:
                bad_records.add(error)
                continue
        yield dataclasses.replace(video, progress=(number + 1) / len(spans))


def _youtube8m(path, data, span, features):
    record = records.decode(path, data, span, features)
    if record.video_level:
        raise UserError(f"{path}: holds video-level records, which have no moments; name frame-level files")
    rated = zip(
        record.segment_starts.tolist(), record.segment_labels.tolist(), record.segment_scores.tolist(), strict=True
    )
    frames = records.read_frames(path, data, span, features)
    name = record.id.decode(errors="replace")
    return Video(name, frames, tuple(record.labels.tolist()), tuple(rated), record.begin)


def _is_media_sequence(raw):
    """Whether a record holds names of MediaSequence, of the wanted features or others."""
    return any(mark in raw for mark in _MEDIA_MARKS)


def _media_list(name):
    return _MEDIA_LIST.format(name.upper())


def _media_sequence(raw, features, path, number):
    try:
        message = tf.train.SequenceExample.FromString(raw)
    except DecodeError as error:
        raise UserError(
            f"{path}: record {number}: is not a tf.train.SequenceExample; extract the features again"
        ) from error
    lists = {name: _rows(feature_list) for name, feature_list in message.feature_lists.feature_list.items()}
    wanted = {_media_list(name): size for name, size in zip(features.names, features.sizes, strict=True)}
    if any(_widths(lists.get(name, ())) != [size] for name, size in wanted.items()):
        names = " and ".join(f"{name} with {size} features a frame" for name, size in wanted.items())
        found = ", ".join(name + _described(_widths(rows)) for name, rows in sorted(lists.items()))
        raise UserError(f"{path}: record {number}: wanted the feature lists {names}, found {found or 'none'}; "
                        "extract the features that the network was trained on")  # fmt: skip
    streams = [np.array(lists[name], np.float32) for name in wanted]
    length = min(map(len, streams))  # audio may be one frame shorter than the picture
    frames = np.concatenate([stream[:length] for stream in streams], axis=1)
    return Video(_media_id(message, path, number), _frames(frames, features, f"{path}: record {number}"))


def _rows(feature_list):
    return [feature.float_list.value for feature in feature_list.feature]


def _widths(rows):
    """The distinct numbers of features of a list's frames; usable lists have one."""
    return sorted({len(row) for row in rows})


def _described(widths):
    return f" with {' or '.join(map(str, widths))}" if any(widths) else ""  # lists of times have no floats


def _media_id(message, path, number):
    for key in _MEDIA_IDS:
        values = message.context.feature[key].bytes_list.value if key in message.context.feature else ()
        if values:
            return _stem(values[0].decode(errors="replace"))
    return f"{_stem(path)}-{number}" if number else _stem(path)


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0]
