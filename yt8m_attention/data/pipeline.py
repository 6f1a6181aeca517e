"""From shards to batches; the one place that batches.

Letters: B items of a batch, T frames of a bag, F features, V classes. Batches carry bytes: the frames are uint8 and
the model dequantises them; only video-level files give float32, a single frame a video. T is fixed for a data set and
a way of sampling, so that nothing downstream is traced twice: shorter bags are padded with zeros, mask False. A
video without frames is a bag of padding.

The batches come out of a generator of numpy arrays, whose errors tf.data wraps; iterate within user_errors().
"""

import collections
import contextlib
import re
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from yt8m_attention import progress
from yt8m_attention.data import augmentation, shard_items, shuffling
from yt8m_attention.data.batch import Batch, bag_size
from yt8m_attention.data.buffers import Buffers
from yt8m_attention.data.prefetch import prefetch
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.shutdown import until_exit
from yt8m_attention.errors import UserError

_PREFETCHED_BATCHES = 2
_REMOTE_WINDOW = 16  # shards of some 0.4 GB
_READ_BY_HOST = ("position", "share")
START = (0, 0, 0)


def training_batches(
    pattern,
    data,
    phase,
    seed,
    position=None,
    flag="train_data_pattern",
    bad_records=None,
    shard_of=(0, 1),
    stopped=lambda: False,
    device=None,
):
    """Shuffled batches, on and on or for phase.num_epochs; each item exactly once an epoch.

    The order is a function of (seed, epoch), and a batch one of its place in it: started at a batch's position, the
    stream goes on with exactly the batches that followed. Batches go on over the end of an epoch, so each is full
    but for the very last of num_epochs.

    Args:
      pattern: files, as files.expand takes them.
      data: a config.Data.
      phase: a config.Phase; with segment_labels the items are rated segments, otherwise videos. Held-out videos are
        left out. What unrated pairs mean is for the loss to say.
      seed: an integer.
      position: int [3], (epoch, window, offset) to start at; None: the beginning.
      flag: the pattern's, for messages.
      bad_records: a bad_records.BadRecords to count in; None: one that data.max_bad_records limits.
      shard_of: (worker, workers): of the order, which all workers share, this one takes every so-manieth item, and
        phase.batch_size of them a batch. Positions are places in the shared order, the same for all workers, so a run
        goes on exactly with another number of them. Where data.max_bad_records are put up with, each worker looks over
        all records of the shards that it opens, so that all leave the same ones out.
      stopped: a function; once it is true the batches end, without waiting for one that is being made.
      device: name of the one that learns from the batches; what it needs of them is copied there ahead of time. None:
        batches stay with the host.

    Returns:
      tf.data.Dataset of dicts: frames uint8 (or float32) [B, T, F], mask bool [B, T], labels uint8 [B, V] in {0, 1},
      rated bool [B, V] (all of a video's pairs, the rated ones of a segment's), position int64 [3]: where the next
      batch starts, to be saved once this one has been learned from, and share float32 [B]: of num_epochs, by windows
      of shards and by items of one, that is done with this batch; 0 without an end. With virtual segments also
      mixup_lambda float32 [B], which augmentation.mixup_lambdas describes. With a device, an iterator of them, position
      and share being numpy arrays.

    Raises:
      UserError: where files or records cannot be used.
    """
    kind = "rated_segments" if phase.segment_labels else "videos"
    source = ShardDataset(pattern, flag, data, kind, phase.holdout_fraction, bad_records=bad_records, again=True)
    position = tuple(int(p) for p in (START if position is None else position))
    stream = _Shuffled(source, seed, phase.num_epochs, shard_of, phase.augmentation)
    stream.check(position)
    size = phase.batch_size
    signature = _signature(source, True, size if phase.num_epochs is None and shard_of == (0, 1) else None)
    signature["position"] = tf.TensorSpec([3], tf.int64)
    if phase.augmentation.virtual_segments:
        signature["mixup_lambda"] = signature["share"]
    if device:
        return _copied_ahead(stream.batches(position, size), signature, stopped, device)
    return _dataset(lambda: stream.batches(position, size), signature, stopped)


def evaluation_batches(
    pattern,
    data,
    batch_size,
    items="videos",
    holdout_fraction=0.0,
    only_holdout=False,
    flag="eval_data_pattern",
    part=None,
):
    """One pass in file order, each item once; the last batch may be smaller.

    Args:
      pattern, data, flag: as training_batches.
      batch_size: items of a batch.
      items: "videos", "rated_segments", or "windows" (see segments.window_starts).
      holdout_fraction, only_holdout: leaves the held-out videos out, or takes only them; 0.0: all videos.
      part: (worker, workers): only that worker's part of the files, which may hold nothing. Batches are the same
        whatever the number of workers; so some are smaller than the last of all. None: all files.

    Returns:
      tf.data.Dataset of dicts: training_batches', less position, with id string [B], start int64 [B] (the segment's
      first frame; -1: a video) and ordinal int64 [B] (0, 1, ...: in file order, then by start); share is the pass's.
      Windows bring no ratings: their labels are 0 and rated is False.

    Raises:
      UserError: where files or records cannot be used.
    """
    source = ShardDataset(pattern, flag, data, items, holdout_fraction, only_holdout, part=part)
    signature = _signature(source, False, None)
    signature["id"] = tf.TensorSpec([None], tf.string)
    signature["start"] = signature["ordinal"] = tf.TensorSpec([None], tf.int64)
    return _dataset(lambda: _in_file_order(source, batch_size, bool(part and part[1] > 1)), signature)


@dataclass(frozen=True)
class Summary:
    """What files hold, held-out videos left out (or alone) as asked for."""

    videos: int
    segments: int  # rated ones
    skipped_segments: int  # rated ones that begin beyond their video's last frame
    rated_pairs: int
    rated_classes: tuple[int, ...]  # ascending


def summarise(pattern, data, segment_labels=False, holdout_fraction=0.0, only_holdout=False, flag="train_data_pattern"):
    """Counts what files hold. Reads every shard's index: quick where they are local, a copy of each where not.

    Args:
      pattern, data, flag, holdout_fraction, only_holdout: as evaluation_batches.
      segment_labels: whether the ratings count; else all but videos is 0.
    """
    source = ShardDataset(pattern, flag, data, "videos", holdout_fraction, only_holdout)
    total, classes = np.zeros(4, int), set()
    shown = progress.Progress("shards looked through", len(source.paths), brief=True)
    for number in range(len(source.paths)):
        shard, videos = source.one(number)
        total[0] += len(videos)
        if segment_labels:
            kept = np.zeros(len(shard), bool)
            kept[videos.record] = True
            rated = shard_items.items("rated_segments", shard, data, kept)
            total[1:] += len(rated), rated.skipped, len(rated.classes)
            classes.update(rated.classes.tolist())
        shown.add(1)
    shown.close()
    return Summary(*total.tolist(), tuple(sorted(classes)))


@contextlib.contextmanager
def user_errors():
    """Turns a UserError that tf.data wrapped on its way out of the batches back into itself."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"(?:UserError|BadRecord): (.*)", error.message)
        if not found:
            raise
        raise UserError(found[1]) from error


def _dataset(generator, signature, stopped=lambda: False):
    def batches_ahead():
        return until_exit(prefetch(generator(), stopped=stopped))

    batches = tf.data.Dataset.from_generator(batches_ahead, output_signature=signature)
    options = tf.data.Options()
    # There is nothing here to tune, and the thread that would wakes up ever more seldom, the end of a pass waiting for
    # it at times: seen in TensorFlow 2.21, where a pass of 3 s then takes 5.
    options.autotune.enabled = False
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(options)


def _copied_ahead(batches, signature, stopped, device):
    """Yields batches whose larger part is copied to a device while that is at work on former ones.

    What the host reads after every step never goes there: reading it back would wait for all work given to the device.
    """
    kept = collections.deque()  # in the order of the batches, which is the one that tf.data keeps

    def sent():
        for batch in batches:
            kept.append({name: batch.pop(name) for name in _READ_BY_HOST})
            yield batch
            del batch  # else its memory is lent for a batch longer

    signature = {name: spec for name, spec in signature.items() if name not in _READ_BY_HOST}
    copy = tf.data.experimental.prefetch_to_device(device, _PREFETCHED_BATCHES)
    for batch in _dataset(sent, signature, stopped).apply(copy):
        yield batch | kept.popleft()


def _signature(source, training, size):
    frames, classes = bag_size(source, training), source.data.num_classes
    return {
        "frames": tf.TensorSpec(
            [size, frames, source.data.features.total], tf.float32 if source.video_level else tf.uint8
        ),
        "mask": tf.TensorSpec([size, frames], tf.bool),
        "labels": tf.TensorSpec([size, classes], tf.uint8),
        "rated": tf.TensorSpec([size, classes], tf.bool),
        "share": tf.TensorSpec([size], tf.float32),
    }


class _Shuffled:
    """Batches in the order of training."""

    def __init__(self, source, seed, num_epochs, shard_of, varied):
        self._source, self._seed, self._num_epochs, self._varied = source, seed, num_epochs, varied
        self._worker, self._workers = shard_of
        self._buffers = Buffers()
        self._window_size = source.data.shuffle_shards or (_REMOTE_WINDOW if source.remote else 0)

    def check(self, position):
        """Opens what the first batch comes from, so that what is wrong with it is said before training starts."""
        epoch, window, offset = position
        groups = self._windows(epoch)
        # Nothing is fetched ahead yet: the first batch, whose shards are opened once more, would wait for that.
        found = self._open(epoch, window, fetch=False).bounds[-1] if window < len(groups) else -1
        if offset > found:
            raise UserError(
                f"position {position} of the checkpoint lies beyond the training data, which has changed since; "
                "name the same files, or start a new model"
            )
        if len(groups) == 1 and not found:
            raise self._source.nothing()

    def batches(self, position, size):
        batch, taken, whole = self._batch(size), 0, size * self._workers
        for epoch, window, offset, opened, numbers in self._orders(position):
            places = self._usable(opened, numbers)
            at = np.searchsorted(places, offset)
            while at < len(places):
                part = places[at : at + whole - taken]
                at += len(part)
                offset = places[at] if at < len(places) else len(numbers)
                mine = numbers[part[(self._worker - taken) % self._workers :: self._workers]]
                batch.add(opened, mine, (self._seed, epoch))
                taken = batch.filled if self._workers == 1 else taken + len(part)
                if taken == whole:
                    share = self._share(epoch, window, offset / len(numbers))
                    position = self._position(epoch, window, offset, len(numbers))
                    yield self._arrays(batch, share, position)
                    batch, taken = self._batch(size), 0
        if batch.filled:
            yield self._arrays(batch, 1, np.array([self._num_epochs, 0, 0]))

    def _arrays(self, batch, share, position):
        arrays = {**batch.arrays(share), "position": position}
        if self._varied.virtual_segments:
            arrays["mixup_lambda"] = augmentation.mixup_lambdas(self._varied, batch.filled, self._seed, position)
        return arrays

    def _usable(self, opened, numbers):
        """The places in a window's order that are dealt out: int64, ascending.

        Alone, what bad records leave in a batch is filled up as they are met. Of several workers none knows what the
        others meet, so each looks everything over first; unless a bad record stops them all anyway.
        """
        if self._workers == 1 or not self._source.data.max_bad_records:
            return np.arange(len(numbers))
        return np.flatnonzero(self._source.usable(opened)[numbers])

    def _orders(self, position):
        """Yields (epoch, window, first item, ShardGroup, order of its items), on and on or to the last epoch's end."""
        epoch, window, offset = position
        while self._num_epochs is None or epoch < self._num_epochs:
            found = window + offset  # a position within the epoch is itself a sign of items
            while window < len(self._windows(epoch)):
                opened = self._open(epoch, window)
                numbers = shuffling.item_order(opened.bounds[-1], self._seed, epoch, window)
                yield epoch, window, offset, opened, numbers
                found += opened.good
                window, offset = window + 1, 0
            if not found:
                raise self._source.nothing()
            epoch, window = epoch + 1, 0

    def _batch(self, size):
        return Batch(self._source, size, True, self._buffers, self._varied)

    def _windows(self, epoch):
        return shuffling.windows(len(self._source.paths), self._window_size, self._seed, epoch)

    def _open(self, epoch, window, fetch=True):
        groups = self._windows(epoch)
        ahead = groups[window + 1] if window + 1 < len(groups) else self._windows(epoch + 1)[0]
        return self._source.open(groups[window], ahead, fetch)

    def _position(self, epoch, window, offset, num_items):
        if offset == num_items:
            window, offset = window + 1, 0
        if window == len(self._windows(epoch)):
            epoch, window = epoch + 1, 0
        return np.array([epoch, window, offset])

    def _share(self, epoch, window, of_window):
        if not self._num_epochs:
            return 0
        return (epoch + (window + of_window) / len(self._windows(epoch))) / self._num_epochs


def _in_file_order(source, size, may_be_nothing):
    buffers, ordinal = Buffers(), 0
    batch = Batch(source, size, False, buffers)
    for number in range(len(source.paths)):
        opened = source.open([number], range(number + 1, len(source.paths))[:1])
        numbers, offset = np.arange(opened.bounds[-1]), 0
        while offset < len(numbers):
            taken = numbers[offset : offset + batch.room]
            offset += len(taken)
            batch.add(opened, taken)
            if not batch.room:
                share = (number + offset / len(numbers)) / len(source.paths)
                yield {**batch.arrays(share), **batch.names(ordinal)}
                ordinal += size
                batch = Batch(source, size, False, buffers)
        if number in source.ends and batch.filled:
            yield {**batch.arrays(share=(number + 1) / len(source.paths)), **batch.names(ordinal)}
            ordinal += batch.filled
            batch = Batch(source, size, False, buffers)
    if not (ordinal or may_be_nothing):
        raise source.nothing()
    source.bad_records.say()
