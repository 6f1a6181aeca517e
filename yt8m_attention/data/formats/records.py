"""Decodes one record: a video's id, labels, segment ratings, and where its frames lie.

A record is a tf.train.SequenceExample (frame level) or a tf.train.Example (video level); sequence_example.py reads the
protobuf message, this module gives its parts their meaning.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention import schema
from yt8m_attention.data.formats import sequence_example
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.sequence_example import Stream


@dataclass(frozen=True)
class Record:
    """One video without its frames. S rated pairs; the four segment arrays are parallel."""

    id: bytes
    labels: np.ndarray  # int64, as written
    segment_labels: np.ndarray  # int64 [S]
    segment_starts: np.ndarray  # int64 [S], frames
    segment_ends: np.ndarray  # int64 [S], or [0] where the record does not say
    segment_scores: np.ndarray  # float32 [S]
    streams: tuple[Stream, ...]  # one for each of the features' names; empty where no features were asked for
    num_frames: int  # of the shortest stream; -1: the record holds none at all
    video_level: bool  # one frame, its features float32
    begin: float = 0.0  # seconds of the video before the first frame, as of a clip


def decode(path, data, span, features=None):
    """Decodes one record.

    Args:
      path: of its file, for messages.
      data: the file's bytes: a memory map or bytes.
      span: (start, end) of the record in them.
      features: the config.Features that frames are wanted for; None: ids, labels and ratings alone.

    Raises:
      BadRecord: where the record is none, or does not hold what is wanted.
    """
    context, lists = sequence_example.read(path, data, span, None if features is None else set(features.names))
    video_id = _id(path, span, context)
    where = path, span[0], video_id
    video_level = not lists and any(name.startswith(schema.MEAN_PREFIX) for name in context)
    if features is None:
        streams = ()
        num_frames = _num_frames(where, lists) if lists else 1 if video_level else -1
    elif video_level:
        means = _means(where, context, features)
        streams, num_frames = (Stream(0, 0, 0, 1),) * len(means), 1
    else:
        _check_streams(where, features.names, features.sizes, lists)
        streams = tuple(_stream(lists[n]) for n in features.names)
        num_frames = _num_frames(where, {n: lists[n] for n in features.names})
    ratings = _ratings(where, context)
    labels = _numbers(where, context, schema.LABELS_KEY, np.int64)
    return Record(video_id, labels, *ratings, streams, num_frames, video_level, _begin(context))


def read_frames(path, data, span, features):
    """The frames of a record whatever its shape: uint8 [T, F], or float32 [1, F] of a video-level one.

    Raises:
      BadRecord: as decode.
    """
    record = decode(path, data, span, features)
    where = path, span[0], record.id
    if record.video_level:
        context, _ = sequence_example.read(path, data, span, set())
        return np.concatenate(_means(where, context, features))[None]
    lists = sequence_example.parse(path, data, span)[1]
    _check_streams(where, features.names, features.sizes, lists)
    frames = [b"".join(f[t] for f in map(lists.get, features.names)) for t in range(record.num_frames)]
    return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, features.total)


def _stream(found):
    return found if isinstance(found, Stream) else Stream(0, 0, 0, len(found or ()))


def _num_frames(where, lists):
    """Of the shortest stream; in YouTube-8M one may have a frame less than another, never many."""
    counts = {name: _stream(found).count for name, found in lists.items()}
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
    """Whether an id is one that arrays of bytes, CSV files and pages can hold: no empty one, no zero byte."""
    try:
        return bool(video_id.decode()) and b"\0" not in video_id
    except UnicodeDecodeError:
        return False


def _means(where, context, features):
    """The streams of a video-level record, a float32 array each."""
    names = [schema.MEAN_PREFIX + n for n in features.names]
    means = {n: _numbers(where, context, n, np.float32) for n in names if n in context}
    # As one frame each, so that a missing or wrong one is told as frames are.
    _check_streams(where, names, features.sizes, {**context, **{n: [m] for n, m in means.items()}})
    for name, mean in means.items():
        if not np.isfinite(mean).all():
            raise _bad(where, f"{name} holds NaN or infinity; write the file again")
    return list(means.values())


def _check_streams(where, names, sizes, found):
    for name, size in zip(names, sizes, strict=True):
        if name not in found:
            raise _bad(where, f"has no feature {name!r}, only {sorted(found)}; set --feature_names accordingly")
        for number in _sizes(found[name]):
            if number != size:
                raise _bad(
                    where, f"{name} has {number} features a frame, wanted {size}; set --feature_sizes accordingly"
                )


def _sizes(found):
    """The different sizes of a stream's frames; None stands for a frame that is not one bytes value."""
    if isinstance(found, Stream):
        return {found.stride - found.header} if found.count else ()
    return {None if frame is None else len(frame) for frame in found}


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
        raise _bad(where, f"{found}; the lists must be parallel, write it again")
    return arrays


def _begin(context):
    values = context.get(schema.BEGIN_KEY, ())
    told = len(values) == 1 and isinstance(values[0], (int, float, np.floating)) and np.isfinite(values[0])
    return float(values[0]) if told else 0.0


def _numbers(where, context, key, dtype):
    values = context.get(key, ())
    allowed = int if dtype == np.int64 else (int, float, np.floating)
    if len(values) and not isinstance(values[0], allowed):
        raise _bad(
            where,
            f"{key} holds {type(values[0]).__name__} values, wanted {np.dtype(dtype).name}; write the file again",
        )
    return np.asarray(values, dtype)
