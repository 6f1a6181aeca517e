"""Lets a process end while tf.data still draws from a Python generator.

A generator of Dataset.from_generator runs in TensorFlow's threads. One that runs while the interpreter ends waits
for it forever, and the interpreter for the thread: seen in TensorFlow 2.21 whenever an iterator outlived its
function, as after an error. So before the interpreter ends, generators stop, and it waits until none is at work.
"""

import atexit
import contextlib
import threading
import time
import weakref

_LONGEST_WAIT = 10.0  # seconds
_POLL = 0.02
_LATE = 3 * _POLL  # a machine that wakes this thread up so late keeps others waiting as well
# So many in a row without a generator at work: none is just between two batches, or, once TensorFlow has let go of all
# of them, just on its way back from that.
_QUIET_POLLS, _FREED_POLLS = 25, 3

_leaving = threading.Event()
_drawn = threading.Event()
_at_work = set()
_held = weakref.WeakSet()  # generators that TensorFlow may still draw from


def begin():
    """Says that the process is about to end, for good: batches end at once, whatever is being made or waited for."""
    _leaving.set()


def begun():
    """Whether the process is about to end: nothing that a generator waits for shall keep it waiting then."""
    return _leaving.is_set()


def until_exit(batches):
    """Yields from a generator until the interpreter is about to end."""
    _drawn.set()
    generator = _until_exit(batches)
    _held.add(generator)
    return generator


def _until_exit(batches):
    try:
        while not begun():
            with _working():
                try:
                    batch = next(batches)
                except StopIteration:
                    return
            yield batch
            del batch  # else its memory is lent for a batch longer
    finally:
        with _working():
            batches.close()


@contextlib.contextmanager
def _working():
    me = object()
    _at_work.add(me)
    try:
        yield
    finally:
        _at_work.discard(me)


@atexit.register
def _leave():
    begin()
    end, quiet = time.monotonic() + _LONGEST_WAIT, 0
    # A process that never drew a batch has nothing to wait for.
    while _drawn.is_set() and quiet < (_QUIET_POLLS if _held else _FREED_POLLS) and time.monotonic() < end:
        slept = time.monotonic()
        time.sleep(_POLL)
        late = time.monotonic() - slept > _LATE
        quiet = 0 if _at_work or late else quiet + 1
