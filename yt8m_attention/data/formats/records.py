"""Decodes one record: a video's id, labels and segment ratings, and the positions of its frames.

A record is a tf.train.SequenceExample (frame level) or a tf.train.Example (video level). sequence_example.py reads the
protobuf message; this module interprets its parts.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention import schema
from yt8m_attention.config import Features
from yt8m_attention.data.formats import sequence_example
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.sequence_example import Stream
from yt8m_attention.data.formats.tfrecord import Bytes


@dataclass(frozen=True)
class Record:
    """One video without its frames. S rated pairs; the four segment arrays are parallel."""

    id: bytes
    labels: np.ndarray  # int64, as written
    segment_labels: np.ndarray  # int64 [S]
    segment_starts: np.ndarray  # int64 [S], frames
    segment_ends: np.ndarray  # int64 [S], or [0] if the record has no ends
    segment_scores: np.ndarray  # float32 [S]
    streams: tuple[Stream, ...]  # one per feature name; empty if decoded without features
    num_frames: int  # of the shortest stream; -1: the record holds no frames
    video_level: bool  # one frame of float32 features
    begin: float = 0.0  # time of the first frame in the video, seconds; not 0 for a clip


def decode(path: str, data: Bytes, span: tuple[int, int], features: Features | None = None) -> Record:
    """Decodes one record.

    Args:
      path: path of its file, for messages.
      data: bytes of the file: a memory map or bytes.
      span: (start, end) of the record in data.
      features: config.Features of the frames; None: only ids, labels and ratings.

    Raises:
      BadRecord: when the record cannot be decoded, or lacks one of the features.
    """
    context, lists = sequence_example.read(path, data, span, None if features is None else set(features.names))
    video_id = _id(path, span, context)
    where = path, span[0], video_id
    video_level = not lists and any(name.startswith(schema.MEAN_PREFIX) for name in context)
    streams: tuple[Stream, ...] = ()
    if features is None:
        num_frames = _num_frames(where, lists) if lists else 1 if video_level else -1
    elif video_level:
        means = _means(where, context, features)
        streams, num_frames = (Stream(0, 0, 0, 1),) * len(means), 1
    else:
        _check_streams(where, features.names, features.sizes, lists)
        streams = tuple(_stream(lists[n]) for n in features.names)
        num_frames = _num_frames(where, {n: lists[n] for n in features.names})
    segment_labels, segment_starts, segment_ends, segment_scores = _ratings(where, context)
    labels = _numbers(where, context, schema.LABELS_KEY, np.int64)
    return Record(
        id=video_id,
        labels=labels,
        segment_labels=segment_labels,
        segment_starts=segment_starts,
        segment_ends=segment_ends,
        segment_scores=segment_scores,
        streams=streams,
        num_frames=num_frames,
        video_level=video_level,
        begin=_begin(context),
    )


def read_frames(path: str, data: Bytes, span: tuple[int, int], features: Features) -> np.ndarray:
    """Reads the frames of a record of any layout: uint8 [T, F], or float32 [1, F] of a video-level record.

    Raises:
      BadRecord: see decode.
    """
    record = decode(path, data, span, features)
    where = path, span[0], record.id
    if record.video_level:
        context, _ = sequence_example.read(path, data, span, set())
        return np.concatenate(_means(where, context, features))[None]
    lists = sequence_example.parse(path, data, span)[1]
    _check_streams(where, features.names, features.sizes, lists)
    parts = [lists[name] for name in features.names]
    frames = [b"".join(f[t] for f in parts) for t in range(record.num_frames)]
    return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, features.total)


def _stream(frames):
    return frames if isinstance(frames, Stream) else Stream(0, 0, 0, len(frames or ()))


def _num_frames(where, lists):
    """Returns the length of the shortest stream. In YouTube-8M, lengths differ by one frame at most."""
    counts = {name: _stream(frames).num_frames for name, frames in lists.items()}
    if max(counts.values()) - min(counts.values()) > 1:
        found = ", ".join(f"{count} frames of {name}" for name, count in sorted(counts.items()))
        raise _bad(where, f"{found}, wanted equal numbers or one less; write the file again")
    return min(counts.values())


def _id(path, span, context):
    values = context.get(schema.ID_KEY, context.get(schema.VIDEO_ID_KEY, ()))
    if not len(values) or not isinstance(values[0], bytes):
        raise BadRecord(
            path,
            span[0],
            f"the record has neither {schema.ID_KEY!r} nor {schema.VIDEO_ID_KEY!r}, only {sorted(context)}; "
            "the file is not in YouTube-8M's format",
        )
    if not _is_text(values[0]):
        raise BadRecord(path, span[0], f"the record's id is {values[0][:40]!r}, wanted UTF-8 text without zero bytes; "
                        "write the file again")  # fmt: skip
    return values[0]


def _is_text(video_id):
    """Whether an id is non-empty UTF-8 text without zero bytes, so that numpy arrays and CSV files can hold it."""
    try:
        return bool(video_id.decode()) and b"\0" not in video_id
    except UnicodeDecodeError:
        return False


def _means(where, context, features):
    """Returns the streams of a video-level record, one float32 array each."""
    names = [schema.MEAN_PREFIX + n for n in features.names]
    means = {n: _numbers(where, context, n, np.float32) for n in names if n in context}
    # Checked as streams of one frame, for the same messages.
    _check_streams(where, names, features.sizes, {**context, **{n: [m] for n, m in means.items()}})
    for name, mean in means.items():
        if not np.isfinite(mean).all():
            raise _bad(where, f"{name} holds NaN or infinity; write the file again")
    return list(means.values())


def _check_streams(where, names, sizes, streams):
    for name, size in zip(names, sizes, strict=True):
        if name not in streams:
            raise _bad(where, f"has no feature {name!r}, only {sorted(streams)}; set --feature_names accordingly")
        for number in _sizes(streams[name]):
            if number != size:
                raise _bad(
                    where, f"{name} has {number} features per frame, wanted {size}; set --feature_sizes accordingly"
                )


def _sizes(stream):
    """Returns the distinct sizes of a stream's frames; None for a frame that is not one bytes value."""
    if isinstance(stream, Stream):
        return {stream.stride - stream.header} if stream.num_frames else ()
    return {None if frame is None else len(frame) for frame in stream}


def _bad(where, what):
    path, offset, video_id = where
    return BadRecord(path, offset, f"record {video_id.decode(errors='replace')!r}: {what}")


def _ratings(where, context):
    keys = (
        (schema.SEGMENT_LABELS_KEY, np.int64),
        (schema.SEGMENT_STARTS_KEY, np.int64),
        (schema.SEGMENT_ENDS_KEY, np.int64),
        (schema.SEGMENT_SCORES_KEY, np.float32),
    )
    arrays = [_numbers(where, context, key, dtype) for key, dtype in keys]
    lengths = [len(a) for a in arrays]
    without_ends = lengths[:2] + lengths[3:]
    if len(set(without_ends)) > 1 or lengths[2] not in (0, lengths[0]):
        found = ", ".join(f"{len(a)} {key}" for (key, _), a in zip(keys, arrays, strict=True))
        raise _bad(where, f"{found}; the lists must have equal lengths; write the file again")
    return arrays


def _begin(context):
    values = context.get(schema.BEGIN_KEY, ())
    is_number = len(values) == 1 and isinstance(values[0], (int, float, np.floating)) and np.isfinite(values[0])
    return float(values[0]) if is_number else 0.0


def _numbers(where, context, key, dtype):
    values = context.get(key, ())
    allowed = int if dtype == np.int64 else (int, float, np.floating)
    if len(values) and not isinstance(values[0], allowed):
        raise _bad(
            where,
            f"{key} holds {type(values[0]).__name__} values, wanted {np.dtype(dtype).name}; write the file again",
        )
    return np.asarray(values, dtype)
