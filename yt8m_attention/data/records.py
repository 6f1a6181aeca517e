"""Decodes one record: a video's id, labels, segment ratings, and where its frames lie.

A record is a tf.train.SequenceExample (frame level) or a tf.train.Example (video level). Both begin with a map from
names to features, so one walk over the outer protobuf reads either, without touching the frames: every frame's
feature has one size, so a stream's frames lie at a fixed stride. A record of any other shape goes through the
protobuf parser, which takes longer and says the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from yt8m_attention import schema
from yt8m_attention.data.bad_records import BadRecord

_LENGTH_DELIMITED = 2  # protobuf's wire type of strings and messages
_FIRST_FIELD = 1 << 3 | _LENGTH_DELIMITED  # the tag of a length-delimited field 1


class Stream(NamedTuple):
    """Frames at a fixed stride: frame t's bytes are [first + t * stride + header, first + (t + 1) * stride)."""

    first: int  # offset in the file
    header: int  # bytes before each frame's own, the same for all
    stride: int  # 0: the frames do not lie so; read_frames parses them
    count: int


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
    context, lists = _read(path, data, span, None if features is None else set(features.names))
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
        context, _ = _read(path, data, span, set())
        return np.concatenate(_means(where, context, features))[None]
    lists = _parse(path, data, span)[1]
    _check_streams(where, features.names, features.sizes, lists)
    frames = [b"".join(f[t] for f in map(lists.get, features.names)) for t in range(record.num_frames)]
    return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, features.total)


def _read(path, data, span, wanted):
    """-> (context: name -> values, lists: name -> Stream, or list of frames where the parser had to read them)."""
    try:
        return _walk(data, *span, wanted)
    except (ValueError, IndexError):
        return _parse(path, data, span)


def _parse(path, data, span):
    try:
        message = tf.train.SequenceExample.FromString(data[span[0] : span[1]])
    except DecodeError as error:
        raise BadRecord(
            path, span[0], "the record is no tf.train.SequenceExample or Example; write the file again"
        ) from error
    context = {name: _message_values(value) for name, value in message.context.feature.items()}
    lists = message.feature_lists.feature_list
    return context, {name: [_message_frame(f) for f in lists[name].feature] for name in lists}


def _message_values(feature):
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _message_frame(feature):
    """The bytes of a frame, or None where it is anything but one bytes value."""
    values = feature.bytes_list.value
    return values[0] if len(values) == 1 else None


def _walk(data, start, end, wanted):
    """Reads a record whose parts are written as every known writer writes them; ValueError for any other."""
    context, lists = {}, {}
    for number, at, stop in _fields(data, start, end):
        if number == 1:
            context.update({name: _values(data, *value) for name, value in _entries(data, at, stop)})
        elif number == 2:
            for name, (first, last) in _entries(data, at, stop):
                lists[name] = _layout(data, first, last) if wanted is None or name in wanted else None
        else:
            raise ValueError("neither context nor feature lists")
    return context, lists


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _fields(data, at, end):
    """Yields (number, start, end) of each field of a message that holds only strings and messages."""
    while at < end:
        tag, at = _varint(data, at)
        if tag & 7 != _LENGTH_DELIMITED:
            raise ValueError("not length-delimited")
        length, at = _varint(data, at)
        if at + length > end:
            raise ValueError("longer than what it is in")
        yield tag >> 3, at, at + length
        at += length


def _entries(data, start, end):
    """Yields (key, (start, end) of the value) of a map."""
    for number, at, stop in _fields(data, start, end):
        fields = list(_fields(data, at, stop))
        if number != 1 or [f[0] for f in fields] != [1, 2]:
            raise ValueError("not a key and a value")
        (_, key, key_end), (_, value, value_end) = fields
        yield data[key:key_end].decode(), (value, value_end)


def _values(data, start, end):
    """The values of a Feature: a list of bytes or of integers, or float32 [N]; numbers must be packed."""
    fields = list(_fields(data, start, end))
    if not fields:
        return []
    ((kind, at, stop),) = fields
    inner = list(_fields(data, at, stop))
    if any(number != 1 for number, _, _ in inner):
        raise ValueError("not a list of values")
    if kind == 1:
        return [data[a:b] for _, a, b in inner]
    if not inner:
        return []
    ((_, at, stop),) = inner
    if kind == 2:
        return np.frombuffer(data[at:stop], "<f4")
    if kind != 3:
        raise ValueError("a feature of unknown kind")
    return _packed_integers(data, at, stop)


def _packed_integers(data, at, end):
    values = []
    while at < end:
        value, at = _varint(data, at)
        values.append((value & (1 << 64) - 1) - (1 << 64 if value >> 63 & 1 else 0))
    if at != end:
        raise ValueError("a number cut off")
    return values


def _layout(data, start, end):
    """The Stream of a FeatureList, from its first frame and its length."""
    if start == end:
        return Stream(start, 0, 1, 0)
    at, ends = start, set()
    for _ in ("Feature", "BytesList", "value"):
        if data[at] != _FIRST_FIELD:
            raise ValueError("not a feature that holds bytes")
        length, at = _varint(data, at + 1)
        ends.add(at + length)
    (stop,) = ends
    if (end - start) % (stop - start):
        raise ValueError("frames of several sizes")
    return Stream(start, at - start, stop - start, (end - start) // (stop - start))


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
