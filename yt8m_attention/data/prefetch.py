"""Makes batches in a thread of its own, while TensorFlow is still busy with taking over the one before."""

import contextlib
import queue
import threading

from yt8m_attention.data import shutdown

_POLL = 0.1  # seconds between looks at whether anybody still wants a batch, and whether one can still come
_END = object()


def prefetch(batches, depth=1, stopped=lambda: False):
    """Yields from a generator that a thread runs, up to so many batches ahead; its errors come where they arose.

    Ends early where the process does, or once `stopped()`, whatever the thread is then busy with, such as a download.
    """

    def given_up():
        return shutdown.begun() or stopped()

    made, stop = queue.Queue(depth), threading.Event()
    maker = threading.Thread(target=_make, args=(batches, made, stop), daemon=True)
    maker.start()
    try:
        while True:
            batch, error = _get(made, given_up)
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
            del batch  # else its memory is lent for a batch longer
    finally:
        stop.set()
        if not given_up():
            maker.join()


def _make(batches, made, stop):
    try:
        for batch in batches:
            if not _put(made, stop, (batch, None)):
                return
            del batch
        _put(made, stop, (_END, None))
    except BaseException as error:  # whatever it is, it belongs to who draws the batches
        _put(made, stop, (None, error))
    finally:
        batches.close()


def _get(made, given_up):
    while not given_up():
        with contextlib.suppress(queue.Empty):
            return made.get(timeout=_POLL)
    return _END, None


def _put(made, stop, item):
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            made.put(item, timeout=_POLL)
            return True
    return False
