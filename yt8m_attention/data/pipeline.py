"""From shards to batches: the two feeds, of training and of evaluation.

Letters: B items of a batch, T frames of a bag, F features, V classes. Batches carry bytes: frames are uint8 and the
model dequantises them; only video-level files give float32, one frame a video. T is fixed for a data set and a way of
sampling, so that nothing downstream is traced twice: shorter bags are padded with zeros, mask False. A video without
frames is a bag of padding.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from yt8m_attention import aliases, progress
from yt8m_attention.config import Data, Phase
from yt8m_attention.data import shard_items
from yt8m_attention.data.batch import Batch, Buffers, bag_size
from yt8m_attention.data.batch_stream import BatchStream
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.training_stream import START, TrainingStream


def training_batches(
    pattern: str,
    data: Data,
    phase: Phase,
    seed: int,
    position: Sequence[int] | np.ndarray | None = None,
    flag: str = "train_data_pattern",
    bad_records: BadRecords | None = None,
    shard_of: tuple[int, int] = (0, 1),
    stopped: Callable[[], bool] = lambda: False,
    device: str | None = None,
) -> BatchStream:
    """Shuffled batches, endless or for phase.num_epochs; each item exactly once an epoch.

    The order is a function of (seed, epoch), and a batch is a function of its position: a stream that starts at the
    position of a batch yields exactly the batches that followed it. Batches cross the end of an epoch, so each is full
    except the very last of num_epochs.

    Args:
      pattern: files, as file_patterns.expand takes them.
      data: how the records become bags.
      phase: with segment_labels the items are rated segments, otherwise videos. Held-out videos are left out.
      seed: an integer.
      position: int [3], (epoch, group, offset) to start at; None: the beginning.
      flag: the flag of the pattern, for messages.
      bad_records: counts bad records; None: a counter limited by data.max_bad_records.
      shard_of: (worker, workers): this worker takes every `workers`-th item of the order that all workers share, and
        phase.batch_size of them a batch. Positions are places in the shared order, so a run resumes exactly with
        another number of workers. With data.max_bad_records each worker looks over all records of the shards that it
        opens, so that all leave the same ones out.
      stopped: once it returns True the batches end, without waiting for one that is being made.
      device: name of the device that trains; the batches are copied there ahead of time. None: they stay on the host.

    Returns:
      BatchStream of dicts: frames uint8 (or float32) [B, T, F], mask bool [B, T], labels uint8 [B, V] in {0, 1}, rated
      bool [B, V] (all pairs of a video, the rated pairs of a segment), and position int64 [3]: where the next batch
      starts, to be saved after training on this one; it stays on the host. With virtual segments also mixup_lambda
      float32 [B] (augmentation.mixup_lambdas).

    Raises:
      UserError: for files or records that cannot be used.
    """
    kind = "rated_segments" if phase.segment_labels else "videos"
    source = ShardDataset(pattern, flag, data, kind, phase.holdout_fraction, bad_records=bad_records, again=True)
    reader = TrainingStream(
        source, phase.batch_size, seed, phase.num_epochs,
        START if position is None else position, shard_of, phase.augmentation,
    )  # fmt: skip
    reader.check()
    full = phase.num_epochs is None and shard_of == (0, 1)
    signature = batch_signature(source, True, phase.batch_size if full else None)
    signature["position"] = tf.TensorSpec([3], tf.int64)
    if phase.augmentation.virtual_segments:
        signature["mixup_lambda"] = tf.TensorSpec(signature["mask"].shape[:1], tf.float32)
    return BatchStream(reader, signature, stopped, device)


def evaluation_batches(
    pattern: str,
    data: Data,
    batch_size: int,
    items: str = "videos",
    holdout_fraction: float = 0.0,
    only_holdout: bool = False,
    flag: str = "eval_data_pattern",
    part: tuple[int, int] | None = None,
) -> BatchStream:
    """One pass in file order, each item once; the last batch may be smaller.

    Args:
      pattern, data, flag: as training_batches.
      batch_size: items of a batch (B).
      items: "videos", "rated_segments", or "windows" (see shard_items.window_starts).
      holdout_fraction, only_holdout: leaves the held-out videos out, or takes only them; 0.0: all videos.
      part: (worker, workers): only the files of that worker, which may hold nothing. Batches are the same for any
        number of workers; therefore some are smaller, beside the very last. None: all files.

    Returns:
      BatchStream of dicts as those of training_batches, without position, with id string [B], start int64 [B] (first
      frame of the segment; -1: a video) and ordinal int64 [B] (0, 1, ...: in file order, then by start). Windows have
      no ratings: their labels are 0 and rated is False.

    Raises:
      UserError: for files or records that cannot be used.
    """
    source = ShardDataset(pattern, flag, data, items, holdout_fraction, only_holdout, part=part)
    signature = batch_signature(source, False)
    signature["id"] = tf.TensorSpec([None], tf.string)
    signature["start"] = signature["ordinal"] = tf.TensorSpec([None], tf.int64)
    return BatchStream(EvaluationStream(source, batch_size, bool(part and part[1] > 1)), signature)


def batch_signature(source: ShardDataset, training: bool, batch_size: int | None = None) -> dict[str, tf.TensorSpec]:
    """The tf.TensorSpec of every batch's frames, mask, labels and rated; batch_size None: it may vary."""
    frames, classes = bag_size(source, training), source.data.num_classes
    dtype = tf.float32 if source.video_level else tf.uint8
    return {
        "frames": tf.TensorSpec([batch_size, frames, source.data.features.total], dtype),
        "mask": tf.TensorSpec([batch_size, frames], tf.bool),
        "labels": tf.TensorSpec([batch_size, classes], tf.uint8),
        "rated": tf.TensorSpec([batch_size, classes], tf.bool),
    }


class EvaluationStream:
    """Batches in file order, each item once.

    Args:
      source: the items.
      batch_size: items of a batch; a batch also ends where a block of files ends (ShardDataset.ends).
      may_be_empty: whether a pass without items is no error.
    """

    def __init__(self, source: ShardDataset, batch_size: int, may_be_empty: bool = False):
        self._source, self._size, self._may_be_empty = source, batch_size, may_be_empty
        self._buffers = Buffers()
        # Of each shard, once it is open: the ordinal of its first item, and its number of items.
        self._first = np.full(len(source.paths), np.iinfo(np.int64).max)
        self._num_items = np.ones(len(source.paths), np.int64)

    def batches(self) -> Generator[dict[str, np.ndarray], None, None]:
        """Yields arrays by name: those of Batch, and id, start and ordinal, [B] each."""
        source, ordinal, batch = self._source, 0, self._new_batch()
        for number in range(len(source.paths)):
            group = source.open([number], range(number + 1, len(source.paths))[:1])
            self._first[number], self._num_items[number] = ordinal + batch.filled, len(group)
            numbers, offset = np.arange(len(group)), 0
            while offset < len(numbers):
                taken = numbers[offset : offset + batch.room]
                offset += len(taken)
                batch.add(group, taken)
                if not batch.room:
                    yield batch.arrays() | batch.names(ordinal)
                    ordinal += batch.filled
                    batch = self._new_batch()
            if number in source.ends and batch.filled:
                yield batch.arrays() | batch.names(ordinal)
                ordinal += batch.filled
                batch = self._new_batch()
        if not (ordinal or self._may_be_empty):
            raise source.no_items_error()
        source.bad_records.log()

    def progress(self, batch: aliases.Batch) -> float:
        """The fraction of the pass that is done with a batch: by shards, and by items within one."""
        done = int(batch["ordinal"][-1]) + 1
        shard = int(np.searchsorted(self._first, done)) - 1  # of the batch's last item
        return (shard + (done - self._first[shard]) / self._num_items[shard]) / len(self._first)

    def _new_batch(self):
        return Batch(self._source, self._size, False, self._buffers)


@dataclass(frozen=True)
class Summary:
    """What files hold, without the held-out videos or with them alone."""

    videos: int
    segments: int  # rated ones
    skipped_segments: int  # rated ones that begin beyond the last frame of their video
    rated_pairs: int
    rated_classes: tuple[int, ...]  # ascending


def summarise(
    pattern: str,
    data: Data,
    segment_labels: bool = False,
    holdout_fraction: float = 0.0,
    only_holdout: bool = False,
    flag: str = "train_data_pattern",
) -> Summary:
    """Counts what files hold. Reads the index of every shard, and copies each remote shard for it.

    Args:
      pattern, data, flag, holdout_fraction, only_holdout: as evaluation_batches.
      segment_labels: whether ratings are counted; otherwise all counts but videos are 0.

    Raises:
      UserError: for files or records that cannot be used.
    """
    source = ShardDataset(pattern, flag, data, "videos", holdout_fraction, only_holdout)
    videos = segments = skipped = pairs = 0
    classes: set[int] = set()
    shown = progress.Progress("shards looked through", len(source.paths), brief=True)
    for number in range(len(source.paths)):
        shard, items = source.index_and_items(number)
        videos += len(items)
        if segment_labels:
            kept = np.zeros(len(shard), bool)
            kept[items.record] = True
            rated = shard_items.items("rated_segments", shard, data, kept)
            segments, skipped, pairs = segments + len(rated), skipped + rated.skipped, pairs + len(rated.classes)
            classes.update(rated.classes.tolist())
        shown.add(1)
    shown.close()
    return Summary(videos, segments, skipped, pairs, tuple(sorted(classes)))
