"""Lets a process end while tf.data still draws from a Python generator.

A generator of Dataset.from_generator runs in TensorFlow's threads. One that runs while the interpreter ends waits
for it forever, and the interpreter for the thread: seen in TensorFlow 2.21 whenever an iterator outlived its
function, as after an error. So before the interpreter ends, generators stop, and it waits until none is at work.
"""

import atexit
import threading
import time

_LONGEST_WAIT = 10.0  # seconds; a download may take more
_POLL = 0.02
_QUIET_POLLS = 5  # so many in a row without a generator at work: it is not just between two batches

_leaving = threading.Event()
_drawn = threading.Event()
_at_work = set()


def until_exit(batches):
    """Yields from a generator until the interpreter is about to end."""
    me = object()
    _drawn.set()
    try:
        while not _leaving.is_set():
            _at_work.add(me)
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                _at_work.discard(me)
            yield batch
    finally:
        batches.close()


@atexit.register
def _leave():
    _leaving.set()
    end, quiet = time.monotonic() + _LONGEST_WAIT, 0
    # A process that never drew a batch has nothing to wait for.
    while _drawn.is_set() and quiet < _QUIET_POLLS and time.monotonic() < end:
        time.sleep(_POLL)
        quiet = 0 if _at_work else quiet + 1
