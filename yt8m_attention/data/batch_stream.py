"""Batches that a Python generator makes, as a tf.data.Dataset that can be left at any moment.

The way of a batch: a thread makes it (prefetch), a thread of TensorFlow takes it over without a copy
(Dataset.from_generator), and the consumer draws it, on a GPU through one more thread that copies it there.
"""

import atexit
import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable, Generator
from typing import Protocol

import numpy as np
import tensorflow as tf

from yt8m_attention.aliases import Batch
from yt8m_attention.data.prefetch import THREAD_NAME, prefetch

_PREFETCHED_BATCHES = 2
_READ_BY_HOST = "position"
_LAST_BATCH_SECONDS = 1.0

_exiting = threading.Event()
_held_by_tensorflow: weakref.WeakSet = weakref.WeakSet()  # generators


class Reader(Protocol):
    """What makes the batches."""

    def batches(self) -> Generator[dict[str, np.ndarray], None, None]:
        """A new pass over the batches."""

    def progress(self, batch: Batch) -> float:
        """The fraction of the pass that is done with a batch, 0..1; 0 for a pass without an end."""


class BatchStream:
    """The batches of a reader, to iterate or as a tf.data.Dataset.

    Iterating the stream draws from tf.data too, and adds: errors of the reader arrive as the objects that were raised
    (TensorFlow would wrap them), and closing the iterator ends all threads behind it:

        with contextlib.closing(iter(stream)) as batches:
            for batch in batches: ...

    Closing waits for no batch: a thread that is making one ends after it.

    Args:
      reader: a Reader; every iteration starts a new pass.
      signature: name -> tf.TensorSpec of the batches.
      stopped: once it returns True the batches end, without waiting for one that is being made.
      device: name of the device that needs the batches; they are copied there ahead of time, by a thread. None: they
        stay on the host.

    Attributes:
      progress: fraction of the pass that is done with the last batch drawn from the stream, 0..1.
    """

    def __init__(
        self,
        reader: Reader,
        signature: dict[str, tf.TensorSpec],
        stopped: Callable[[], bool] = lambda: False,
        device: str | None = None,
    ):
        self.progress = 0.0
        self._reader, self._signature, self._stopped, self._device = reader, signature, stopped, device

    @property
    def element_spec(self) -> dict[str, tf.TensorSpec]:
        return dict(self._signature)

    @property
    def dataset(self) -> tf.data.Dataset:
        """A tf.data.Dataset of the batches, on the host; TensorFlow wraps the errors of the reader."""
        return self._pass().dataset()

    def __iter__(self) -> Generator[Batch, None, None]:
        """Yields dicts of tensors; with a device, all but `position` are on it."""
        passed = self._pass()
        batches = passed.batches()
        if self._device:
            batches = prefetch(_copied(batches, self._device))
        try:
            for batch in batches:
                self.progress = self._reader.progress(batch)
                yield batch
                del batch  # else its memory stays lent while the next one is waited for
        finally:
            passed.closed = True
            batches.close()

    def measure(self, batch: Batch) -> tuple[int, float]:
        """The rows of a batch, and the progress with the last batch drawn: what progress.through asks for."""
        return len(batch["mask"]), self.progress

    def _pass(self):
        return _Pass(self._reader, self._signature, self._stopped)


class _Pass:
    """One pass: what its consumer and TensorFlow's thread tell each other."""

    def __init__(self, reader, signature, stopped):
        self._reader, self._signature, self._stopped = reader, signature, stopped
        self.closed, self._error = False, None

    def batches(self):
        """Yields tensors; raises what the reader raised."""
        iterator = iter(self.dataset())
        try:
            yield from iterator
        except tf.errors.OpError:
            if self._error is None:
                raise
        finally:
            del iterator  # the last reference: TensorFlow lets go of its thread and of the generator
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def dataset(self):
        batches = tf.data.Dataset.from_generator(self._start, output_signature=self._signature)
        options = tf.data.Options()
        # There is nothing to tune here, and the end of a pass waits for the tuning thread, which sleeps ever longer:
        # in TensorFlow 2.21 a pass of 3 s then takes 5.
        options.autotune.enabled = False
        return batches.prefetch(_PREFETCHED_BATCHES).with_options(options)

    def _start(self):
        """Called by TensorFlow, once an iterator."""
        generator = self._arrays()
        _held_by_tensorflow.add(generator)
        return generator

    def _arrays(self):
        """Yields the reader's arrays; runs in a thread of TensorFlow."""
        try:
            yield from prefetch(self._reader.batches(), given_up=self._given_up)
        except Exception as error:
            self._error = error
            raise

    def _given_up(self):
        return self.closed or self._stopped() or _exiting.is_set()


def _copied(batches, device):
    """Yields batches on a device, but for what the host reads after each step.

    Reading that back from the device would wait for all work that the device has been given.
    """
    with contextlib.closing(batches):
        for batch in batches:
            with tf.device(device):
                batch = {n: value.numpy() if n == _READ_BY_HOST else tf.identity(value) for n, value in batch.items()}
            yield batch
            del batch


@atexit.register
def _release_iterators():
    """Makes TensorFlow let go of our generators before the interpreter ends.

    Consumers of this package close what they iterate. An iterator that is still alive now is a user's own (of
    BatchStream.dataset, or never closed), or an error's traceback holds it. TensorFlow's thread would call its Python
    generator while the interpreter ends, and wait for it forever, the interpreter for the thread (TensorFlow 2.21).
    So the generators end, then all iterators of tf.data are emptied: that drops the resource behind them, which waits
    until its thread has left Python. They have no public method for it, and only the garbage collector knows them all.

    Threads that are making a batch get a moment to end: Python would end them inside whatever library they are in.
    """
    _exiting.set()
    if _held_by_tensorflow:
        for found in gc.get_objects():
            if issubclass(type(found), tf.data.Iterator):
                vars(found).clear()
    end = time.monotonic() + _LAST_BATCH_SECONDS
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(max(0, end - time.monotonic()))
