"""Records for tests: written by TensorFlow, or put together by hand in shapes that it never writes."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention import config

FEATURES = config.Features(("rgb", "audio"), (3, 2))
NUM_CLASSES = 12


def shared_data(*parts):
    """A path in the real data; skips the test where there is none."""
    root = pathlib.Path(os.environ.get("YT8M_SHARED_DATA") or pathlib.Path(__file__).parents[3] / "shared/data")
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data absent: {path}")
    return path


def data(**changes):
    return config.Data(**{"features": FEATURES, "num_classes": NUM_CLASSES, "segment_window": (0, 0), **changes})


def feature(*values):
    if values and isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def context(video_id, labels, segments=(), size=5, id_key="id"):
    """name -> Feature; segments: (start, class, score) of each rated pair."""
    parts = {id_key: feature(video_id.encode()), "labels": feature(*map(int, labels))}
    if segments:
        starts, classes, scores = zip(*segments, strict=True)
        parts["segment_start_times"] = feature(*starts)
        parts["segment_end_times"] = feature(*(s + size for s in starts))
        parts["segment_labels"] = feature(*classes)
        parts["segment_scores"] = feature(*map(float, scores))
    return parts


def frames_of(number, length):
    """uint8 [length, F], different for each video and frame."""
    return np.random.default_rng(number).integers(0, 256, (length, FEATURES.total), np.uint8)


def feature_lists(frames):
    """name -> FeatureList; frames: uint8 [T, F]."""
    columns = np.split(frames, np.cumsum(FEATURES.sizes)[:-1], axis=1)
    return {
        name: tf.train.FeatureList(feature=[feature(row.tobytes()) for row in rows])
        for name, rows in zip(FEATURES.names, columns, strict=True)
    }


def sequence_example(parts, lists):
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=parts), feature_lists=tf.train.FeatureLists(feature_list=lists)
    ).SerializeToString()


def video(number, length, labels=(1,), segments=(), size=5):
    return sequence_example(context(f"v{number:04}", labels, segments, size), feature_lists(frames_of(number, length)))


def video_level(number, labels=(1,)):
    means = np.random.default_rng(number).normal(size=FEATURES.total).astype(np.float32)
    rgb, audio = np.split(means, [FEATURES.sizes[0]])
    parts = context(f"v{number:04}", labels)
    parts |= {"mean_rgb": feature(*map(float, rgb)), "mean_audio": feature(*map(float, audio))}
    return tf.train.Example(features=tf.train.Features(feature=parts)).SerializeToString(), means


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def delimited(number, payload):
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + varint(len(payload)) + payload


def varint(value):
    out = bytearray()
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def unpacked_integers(values):
    """A serialised Feature whose integers are a field each, as protobuf's version 2 wrote them."""
    return delimited(3, b"".join(b"\x08" + varint(v) for v in values))


def assemble(entries, lists, split=False):
    """A SequenceExample's bytes, its map entries in the order given.

    entries, lists: pairs (name, serialised Feature or FeatureList); split: each entry in a context of its own.
    """

    def maps(number, pairs):
        fields = [delimited(1, delimited(1, name.encode()) + delimited(2, value)) for name, value in pairs]
        return b"".join(delimited(number, f) for f in (fields if split else [b"".join(fields)]))

    return maps(1, entries) + maps(2, lists)
