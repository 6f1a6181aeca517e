"""Batches in the order of training, which can start again at any batch."""

from collections.abc import Generator, Sequence

import numpy as np

from yt8m_attention import aliases
from yt8m_attention.config import Augmentation
from yt8m_attention.data import augmentation, shuffling
from yt8m_attention.data.batch import Batch, Buffers
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.errors import UserError

START = (0, 0, 0)
_REMOTE_GROUP = 16  # shards, about 0.4 GB each


class TrainingStream:
    """Shuffled batches, endless or for a number of epochs; each item exactly once an epoch.

    A position is a place in the order of all items: (epoch, group of shards, item of the group), int [3]. Batches
    cross the ends of groups and epochs, so only the very last batch may be smaller.

    Args:
      source: the items.
      batch_size: items of a batch, of each worker.
      seed: an integer; the order is a function of (seed, epoch).
      num_epochs: where to end; None: never.
      position: where to start.
      shard_of: (worker, workers): this worker takes every `workers`-th item of the shared order. Positions are the same
        for all workers.
      augmentation: how bags vary.
    """

    def __init__(
        self,
        source: ShardDataset,
        batch_size: int,
        seed: int,
        num_epochs: int | None,
        position: Sequence[int] | np.ndarray = START,
        shard_of: tuple[int, int] = (0, 1),
        augmentation: Augmentation = Augmentation(),
    ):
        self._source, self._size, self._seed, self._num_epochs = source, batch_size, seed, num_epochs
        self._position, self._augmentation = tuple(map(int, position)), augmentation
        self._worker, self._workers = shard_of
        self._buffers = Buffers()
        self._group_size = source.data.shuffle_shards or (_REMOTE_GROUP if source.remote else 0)
        self._num_items: dict[tuple[int, int], int] = {}  # of the groups opened so far, by (epoch, group)

    def check(self) -> None:
        """Opens the group of the first batch, so that its errors arise before training starts.

        Raises:
          UserError: for a shard that cannot be used, data without an item, or a position beyond the data.
        """
        epoch, group, offset = self._position
        groups = self._groups(epoch)
        # Nothing is fetched ahead yet: the first batch opens the group again and would wait for it.
        num_items = len(self._open(epoch, group, fetch=False)) if group < len(groups) else -1
        if offset > num_items:
            raise UserError(
                f"position {self._position} of the checkpoint lies beyond the training data, which has changed since; "
                "name the same files, or start a new model"
            )
        if len(groups) == 1 and not num_items:
            raise self._source.no_items_error()

    def batches(self) -> Generator[dict[str, np.ndarray], None, None]:
        """Yields arrays by name: those of Batch, position [3], and mixup_lambda [B] if bags are mixed."""
        batch, taken, whole = self._new_batch(), 0, self._size * self._workers
        for epoch, number, offset, group, order in self._orders():
            places = self._usable(group, order)
            at = int(np.searchsorted(places, offset))
            while at < len(places):
                part = places[at : at + whole - taken]
                at += len(part)
                offset = places[at] if at < len(places) else len(order)
                mine = order[part[(self._worker - taken) % self._workers :: self._workers]]
                batch.add(group, mine, (self._seed, epoch))
                taken = batch.filled if self._workers == 1 else taken + len(part)
                if taken == whole:
                    yield self._arrays(batch, self._place(epoch, number, offset, len(order)))
                    batch, taken = self._new_batch(), 0
        if batch.filled:
            yield self._arrays(batch, np.array([self._num_epochs, 0, 0]))

    def progress(self, batch: aliases.Batch) -> float:
        """The fraction of all epochs that is done with a batch: by groups, and by items within a group."""
        if not self._num_epochs:
            return 0.0
        epoch, number, offset = map(int, np.asarray(batch["position"]))
        of_group = offset / self._num_items[epoch, number] if offset else 0
        return (epoch + (number + of_group) / len(self._groups(epoch))) / self._num_epochs

    def _new_batch(self):
        return Batch(self._source, self._size, True, self._buffers, self._augmentation)

    def _arrays(self, batch, position):
        arrays = batch.arrays() | {"position": position}
        if self._augmentation.virtual_segments:
            lambdas = augmentation.mixup_lambdas(self._augmentation, batch.filled, self._seed, position)
            arrays["mixup_lambda"] = lambdas
        return arrays

    def _usable(self, group, order):
        """The places in a group's order whose items are used: int64, ascending.

        A single worker skips bad records as it meets them. Several workers must leave out the same items, and none
        knows the records that others read, so each looks over all of them; unless a bad record stops them all anyway.
        """
        if self._workers == 1 or not self._source.data.max_bad_records:
            return np.arange(len(order))
        return np.flatnonzero(self._source.usable(group)[order])

    def _orders(self):
        """Yields (epoch, number of the group, first item, ShardGroup, order of its items), endless or to the end."""
        epoch, number, offset = self._position
        while self._num_epochs is None or epoch < self._num_epochs:
            found = number + offset  # a position within an epoch proves that there are items
            while number < len(self._groups(epoch)):
                group = self._open(epoch, number)
                self._num_items[epoch, number] = len(group)
                yield epoch, number, offset, group, shuffling.item_order(len(group), self._seed, epoch, number)
                found += group.good
                number, offset = number + 1, 0
            if not found:
                raise self._source.no_items_error()
            epoch, number = epoch + 1, 0

    def _groups(self, epoch):
        return shuffling.shard_groups(len(self._source.paths), self._group_size, self._seed, epoch)

    def _open(self, epoch, number, fetch=True):
        groups = self._groups(epoch)
        following = groups[number + 1] if number + 1 < len(groups) else self._groups(epoch + 1)[0]
        return self._source.open(groups[number], following, fetch)

    def _place(self, epoch, number, offset, num_items):
        """The position of an item; that behind a group's last one is in the next group."""
        if offset == num_items:
            number, offset = number + 1, 0
        if number == len(self._groups(epoch)):
            epoch, number = epoch + 1, 0
        return np.array([epoch, number, offset])
