"""Writes records and files of the YouTube-8M formats.

Frame level: tf.train.SequenceExample, one bytes feature per frame and stream. Video level: tf.train.Example with the
mean of each stream. Source: research.google.com/youtube8m/download.html.
"""

import os
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from yt8m_attention import files, schema
from yt8m_attention.config import Features
from yt8m_attention.errors import UserError
from yt8m_attention.ops.quantize import dequantize


def write_shard(path: str, records: Iterable[bytes]) -> None:
    """Writes serialized records (an iterable of bytes) as one TFRecord file, complete or absent."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with files.replacing_path(path) as temporary, tf.io.TFRecordWriter(temporary) as file:
            for record in records:
                file.write(record)
    except (OSError, tf.errors.OpError) as error:
        what = error.strerror if isinstance(error, OSError) else error.message
        raise UserError(f"{path}: cannot be written: {what}; free space or name another place") from error


def frame_record(
    video_id: str,
    labels: Iterable[int],
    frames: np.ndarray,
    features: Features,
    pairs: Sequence[tuple[int, int, float]] | None = None,
    segment_size: int = schema.SEGMENT_SIZE,
) -> bytes:
    """Returns a serialized SequenceExample.

    Args:
      video_id: id of the video.
      labels: class ids of the video.
      frames: uint8 [T, F], the streams side by side.
      features: config.Features, names and sizes of the streams.
      pairs: (start, class, score) of each rated pair, or None for a record without ratings.
      segment_size: length of a segment, frames.
    """
    context = {schema.ID_KEY: _bytes([video_id.encode()]), schema.LABELS_KEY: _ints(sorted(labels))}
    if pairs is not None:
        context[schema.SEGMENT_STARTS_KEY] = _ints([start for start, _, _ in pairs])
        context[schema.SEGMENT_ENDS_KEY] = _ints([start + segment_size for start, _, _ in pairs])
        context[schema.SEGMENT_LABELS_KEY] = _ints([label for _, label, _ in pairs])
        context[schema.SEGMENT_SCORES_KEY] = _floats([score for _, _, score in pairs])
    lists = {
        name: tf.train.FeatureList(feature=[_bytes([frame.tobytes()]) for frame in stream])
        for name, stream in _streams(frames, features)
    }
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context), feature_lists=tf.train.FeatureLists(feature_list=lists)
    )
    return example.SerializeToString(deterministic=True)  # otherwise the order of keys varies by process


def video_record(video_id: str, labels: Iterable[int], frames: np.ndarray, features: Features) -> bytes:
    """Returns a serialized Example with the mean of each stream over the frames, uint8 [T, F]."""
    feature = {schema.ID_KEY: _bytes([video_id.encode()]), schema.LABELS_KEY: _ints(sorted(labels))}
    for name, stream in _streams(frames, features):
        feature[schema.MEAN_PREFIX + name] = _floats(dequantize(stream).mean(axis=0))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def _streams(frames, features):
    return zip(features.names, np.split(frames, np.cumsum(features.sizes)[:-1], axis=1), strict=True)


def _bytes(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
