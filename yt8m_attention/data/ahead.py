"""Makes batches in a thread of its own, while TensorFlow is still busy with taking over the one before."""

import queue
import threading

_POLL = 0.1  # seconds between looks at whether anybody still wants a batch
_END = object()


def ahead(batches, depth=1):
    """Yields from a generator that a thread runs, up to so many batches ahead; its errors come where they arose."""
    made, stop = queue.Queue(depth), threading.Event()
    maker = threading.Thread(target=_make, args=(batches, made, stop), daemon=True)
    maker.start()
    try:
        while True:
            batch, error = made.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
            del batch  # else its memory is lent for a batch longer
    finally:
        stop.set()
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


def _put(made, stop, item):
    while not stop.is_set():
        try:
            made.put(item, timeout=_POLL)
            return True
        except queue.Full:
            pass
    return False
