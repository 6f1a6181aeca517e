"""Runs a generator in a thread of its own, so that the next batch is made while the one before is used."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator
from typing import Any

THREAD_NAME = "prefetch"
_POLL = 0.1  # seconds between two looks at whether anybody still wants a batch, and whether one can still come
_END = object()


def prefetch(
    batches: Generator[Any, None, None], depth: int = 1, given_up: Callable[[], bool] = lambda: False
) -> Generator[Any, None, None]:
    """Yields what a generator yields, from a thread that runs up to `depth` items ahead.

    Closing it closes the generator and waits for the thread.

    Args:
      batches: the generator. Its errors are raised here, the same objects.
      depth: items that wait to be drawn.
      given_up: once it returns True, the items end, and nothing waits for the thread: it may be busy with something
        long, such as a download, and ends after the item that it is making.
    """
    made: queue.Queue = queue.Queue(depth)
    closed = threading.Event()
    maker = threading.Thread(target=_make, args=(batches, made, closed), name=THREAD_NAME, daemon=True)
    maker.start()
    try:
        while True:
            batch, error = _get(made, given_up)
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
            del batch  # else its memory stays lent while the next one is waited for
    finally:
        closed.set()
        if not given_up():
            maker.join()


def _make(batches, made, closed):
    try:
        for batch in batches:
            if not _put(made, closed, (batch, None)):
                return
            del batch
        _put(made, closed, (_END, None))
    except BaseException as error:  # whatever it is, it belongs to the consumer
        _put(made, closed, (None, error))
    finally:
        batches.close()


def _get(made, given_up):
    while not given_up():
        with contextlib.suppress(queue.Empty):
            return made.get(timeout=_POLL)
    return _END, None


def _put(made, closed, item):
    while not closed.is_set():
        with contextlib.suppress(queue.Full):
            made.put(item, timeout=_POLL)
            return True
    return False
