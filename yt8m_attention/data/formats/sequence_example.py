"""Reads a tf.train.SequenceExample or Example: its context, and the positions of its frames.

Both messages begin with a map from names to features, so one walk over the outer protobuf reads both. The walk does not
read the frames: all frames of a stream have one size, so they lie at a fixed stride. The protobuf parser reads records
of any other layout; it is slower and gives the same result.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.formats.tfrecord import Bytes

_LENGTH_DELIMITED = 2  # protobuf's wire type of strings and messages
_FIRST_FIELD = 1 << 3 | _LENGTH_DELIMITED  # the tag of a length-delimited field 1


class Stream(NamedTuple):
    """Frames at a fixed stride: frame t's bytes are [first + t * stride + header, first + (t + 1) * stride)."""

    first: int  # offset in the file
    header: int  # bytes of protobuf before the bytes of a frame, equal for all frames
    stride: int  # 0: no fixed stride; records.read_frames parses the frames
    num_frames: int


def read(
    path: str, data: Bytes, span: tuple[int, int], wanted: set[str] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads a record. Args: see records.decode; wanted: names of the streams to locate, None for all.

    Returns:
      (context: {name: values}, lists: {name: Stream, or a list of frames if the record needs the parser}).

    Raises:
      BadRecord: when the record is neither message.
    """
    try:
        return _walk(data, *span, wanted)
    except (ValueError, IndexError):
        return parse(path, data, span)


def parse(path: str, data: Bytes, span: tuple[int, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads a record with the protobuf parser. Returns (context: {name: values}, lists: {name: list of frames}).

    Raises:
      BadRecord: when the record is neither message.
    """
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
    """Returns the bytes of a frame, or None if it is not one bytes value."""
    values = feature.bytes_list.value
    return values[0] if len(values) == 1 else None


def _walk(data, start, end, wanted):
    """Reads a record of the layout that all known writers produce; ValueError for any other."""
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
            raise ValueError("longer than the enclosing message")
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
    """Returns the values of a Feature: a list of bytes or of integers, or float32 [N]; numbers must be packed."""
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
        raise ValueError("a truncated number")
    return values


def _layout(data, start, end):
    """Returns the Stream of a FeatureList, from its first frame and its length."""
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
