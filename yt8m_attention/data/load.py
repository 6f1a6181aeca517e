"""The public loader: YouTube-8M's records as a tf.data.Dataset for any Keras model."""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from yt8m_attention import schema
from yt8m_attention.config import Data, Features, Sampling
from yt8m_attention.data import pipeline, shard_items
from yt8m_attention.data.batch_stream import BatchStream
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.training_stream import TrainingStream
from yt8m_attention.errors import UserError


def load(
    pattern: str,
    items: str = "videos",
    *,
    feature_names: Sequence[str] = schema.FEATURE_NAMES,
    feature_sizes: Sequence[int] = schema.FEATURE_SIZES,
    num_classes: int = schema.NUM_CLASSES,
    batch_size: int = 128,
    shuffle: bool = False,
    seed: int = 0,
    frame_sampling: str = "all",
    num_frames: int = 120,
    trim_frames: int = 0,
    frame_stride: int = 5,
    first_frame: int = 20,
    last_frame: int = 270,
    max_frames: int = schema.MAX_FRAMES,
    segment_size: int = schema.SEGMENT_SIZE,
    segment_window: tuple[int, int] = schema.RATED_WINDOW,
    holdout_fraction: float = 0.0,
    only_holdout: bool = False,
    max_bad_records: int = 0,
    index_dir: str | None = None,
    cache_dir: str | None = None,
    as_supervised: bool = False,
) -> tf.data.Dataset:
    """Loads frame-level or video-level records, one pass per iteration.

    Args:
      pattern: files: globs and names, local or gs://, separated by commas.
      items: "videos": whole videos with their labels; "rated_segments": segments with human ratings; "windows": all
        segments that inference ranks, without ratings.
      feature_names, feature_sizes: the features of a frame that are read, concatenated in this order, and their sizes.
      num_classes: number of classes (V).
      batch_size: items of a batch (B); the last batch of a pass may be smaller.
      shuffle: whether each pass has a new order, a function of seed and the number of the pass; otherwise file order.
      seed: of the order and of random frames.
      frame_sampling: which frames of a video are read. "all": all, without trim_frames at both ends, up to max_frames;
        "every": one in frame_stride, from first_frame to last_frame; "random": num_frames of those of "all", drawn anew
        in each pass, with replacement, in order of time (with shuffle only).
      segment_size: frames of a segment; all of them are read.
      segment_window: (head, tail): frames without windows at both ends of a video.
      holdout_fraction: fraction of the videos, chosen by a hash of the id, that is left out, or with only_holdout is
        read alone.
      max_bad_records: maximum number of bad records to skip before an error.
      index_dir: directory for the indices of the files; None: beside each file; "none": no indices are written.
      cache_dir: directory for copies of remote files; None: a temporary one.
      as_supervised: whether tuples for model.fit are yielded instead of dicts.

    Returns:
      tf.data.Dataset of dicts: frames uint8 [B, T, F] (float32 [B, 1, F] of video-level files), mask bool [B, T] (True:
      a frame, False: padding), labels uint8 [B, V] in {0, 1}, rated bool [B, V] (whether a label is known), and without
      shuffle id string [B], start int64 [B] (first frame; -1: a whole video), ordinal int64 [B] (0, 1, ...).
      As tuples: ({"frames", "mask"}, labels float32), and for rated segments the third element rated as float32, a
      weight for every pair, for a loss that keeps pairs apart, such as keras.ops.binary_crossentropy.
      layers.dequantize.Dequantize turns bytes into features. Errors while reading arrive as tf.errors.OpError.

    Raises:
      UserError: for an argument or a file that cannot be used.
    """
    _require(items in shard_items.KINDS, "items", items, "one of " + ", ".join(shard_items.KINDS))
    _require(isinstance(batch_size, int) and batch_size > 0, "batch_size", batch_size, "an integer, 1 or more")
    _require(0 <= holdout_fraction < 1, "holdout_fraction", holdout_fraction, "a number, 0 or more and less than 1")
    _require(holdout_fraction or not only_holdout, "only_holdout", only_holdout, "holdout_fraction with it")
    _require(shuffle or frame_sampling != "random", "frame_sampling", frame_sampling, "shuffle=True with it")
    _require(not as_supervised or items != "windows", "as_supervised", as_supervised, "items with labels, not windows")
    try:
        data = Data(
            features=Features(tuple(feature_names), tuple(feature_sizes)),
            num_classes=num_classes,
            sampling=Sampling(
                frame_sampling=frame_sampling,
                num_frames=num_frames,
                trim_frames=trim_frames,
                frame_stride=frame_stride,
                first_frame=first_frame,
                last_frame=last_frame,
                max_frames=max_frames,
            ),
            segment_size=segment_size,
            segment_window=segment_window,
            max_bad_records=max_bad_records,
            index_dir=index_dir,
            cache_dir=cache_dir,
        )
        if shuffle:
            source = ShardDataset(pattern, "pattern", data, items, holdout_fraction, only_holdout, again=True)
            signature = pipeline.batch_signature(source, training=True) | {"position": tf.TensorSpec([3], tf.int64)}
            dataset = BatchStream(_Shuffled(source, batch_size, seed), signature).dataset.map(_without_position)
        else:
            stream = pipeline.evaluation_batches(
                pattern, data, batch_size, items, holdout_fraction, only_holdout, "pattern"
            )
            dataset = stream.dataset
    except UserError as error:
        raise UserError(str(error).removeprefix("--")) from error
    return dataset.map(_supervised(items == "rated_segments")) if as_supervised else dataset


def _require(condition, name, found, wanted):
    if not condition:
        raise UserError(f"{name}: found {found!r}, wanted {wanted}")


class _Shuffled:
    """A reader of one epoch after another, each time it is asked for its batches."""

    def __init__(self, source, batch_size, seed):
        self._source, self._batch_size, self._seed = source, batch_size, seed
        self._epochs = itertools.count()
        TrainingStream(source, batch_size, seed, num_epochs=1).check()

    def batches(self):
        epoch = next(self._epochs)
        return TrainingStream(self._source, self._batch_size, self._seed, epoch + 1, (epoch, 0, 0)).batches()

    def progress(self, batch):
        return 0.0


def _without_position(batch):
    return {name: value for name, value in batch.items() if name != "position"}


def _supervised(weighted):
    def as_tuple(batch):
        inputs = {name: batch[name] for name in ("frames", "mask")}
        pair = inputs, tf.cast(batch["labels"], tf.float32)
        return (*pair, tf.cast(batch["rated"], tf.float32)) if weighted else pair

    return as_tuple
