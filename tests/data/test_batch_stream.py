import contextlib
import gc
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.data.batch_stream import BatchStream
from yt8m_attention.data.prefetch import THREAD_NAME

SIGNATURE = {"number": tf.TensorSpec([2], tf.int64), "position": tf.TensorSpec([3], tf.int64)}
DEVICES = pytest.mark.parametrize("device", [None, "/cpu:0"])


class Numbers:
    """A reader of 0, 1, ... that raises an error, or waits for an event, before it makes a certain one."""

    def __init__(self, end=10**9, at=None, error=None, event=None):
        self.end, self.at, self.error, self.event, self.left = end, at, error, event, 0

    def batches(self):
        try:
            for number in range(self.end):
                if number == self.at and self.event:
                    self.event.wait()
                if number == self.at and self.error:
                    try:
                        raise OSError("the cause")
                    except OSError as cause:
                        raise self.error from cause
                yield {"number": np.full(2, number), "position": np.array([0, 0, number])}
        finally:
            self.left += 1

    def progress(self, batch):
        return int(batch["position"][2]) / 10


def numbers(batches):
    return [int(batch["number"][0]) for batch in batches]


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def makers():
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


@DEVICES
def test_every_iteration_is_a_new_pass_of_its_own(device):
    stream = BatchStream(Numbers(5), SIGNATURE, device=device)
    assert numbers(stream) == numbers(stream) == list(range(5))
    assert [(int(a["number"][0]), int(b["number"][0])) for a, b in zip(stream, stream, strict=True)] == [
        (n, n) for n in range(5)
    ]


@DEVICES
@pytest.mark.parametrize("error", [ValueError("a fault"), KeyError("other"), StopAsyncIteration(), MemoryError()])
def test_an_error_is_the_object_that_the_reader_raised(device, error):
    stream, seen = BatchStream(Numbers(at=3, error=error), SIGNATURE, device=device), []
    with pytest.raises(type(error)) as caught:
        for batch in stream:
            seen += numbers([batch])
    assert caught.value is error and str(error.__cause__) == "the cause" and error.__context__ is error.__cause__
    assert seen == [0, 1, 2]


def test_a_dataset_says_what_the_reader_raised():
    with pytest.raises(tf.errors.OpError, match="ValueError: a fault"):
        list(BatchStream(Numbers(at=3, error=ValueError("a fault")), SIGNATURE).dataset)


@DEVICES
@pytest.mark.parametrize("leaving", ["break", "raise", "forget"])
def test_who_leaves_ends_the_reader_and_all_threads(device, leaving):
    reader = Numbers()
    wait_until(lambda: not makers())
    stream = BatchStream(reader, SIGNATURE, device=device)
    if leaving == "forget":
        next(iter(stream))
    else:
        with contextlib.suppress(RuntimeError), contextlib.closing(iter(stream)) as batches:
            for _ in batches:
                if leaving == "raise":
                    raise RuntimeError
                break
    wait_until(lambda: reader.left == 1 and not makers())


@DEVICES
def test_who_leaves_does_not_wait_for_a_batch_that_is_being_made(device):
    event = threading.Event()
    reader = Numbers(at=1, event=event)
    with contextlib.closing(iter(BatchStream(reader, SIGNATURE, device=device))) as batches:
        next(batches)
    assert not reader.left
    event.set()
    wait_until(lambda: reader.left == 1 and not makers())


@DEVICES
def test_a_request_to_stop_ends_the_batches_without_waiting_for_one(device):
    event, stop = threading.Event(), threading.Event()
    batches = iter(BatchStream(Numbers(at=1, event=event), SIGNATURE, stop.is_set, device))
    next(batches)
    threading.Timer(0.3, stop.set).start()
    assert next(batches, None) is None
    event.set()


@DEVICES
def test_no_more_batches_are_made_than_wait_ahead(device):
    made = []
    reader = Numbers()
    batches = reader.batches()
    reader.batches = lambda: (made.append(batch) or batch for batch in batches)
    with contextlib.closing(iter(BatchStream(reader, SIGNATURE, device=device))) as drawn:
        next(drawn)
        time.sleep(0.5)
        assert len(made) <= 9


def test_progress_is_that_of_the_last_batch_drawn():
    stream = BatchStream(Numbers(10), SIGNATURE)
    assert stream.progress == 0
    for number, batch in enumerate(stream):
        assert stream.measure(batch | {"mask": [0, 0]}) == (2, number / 10)


def test_closing_leaves_no_iterator_of_tensorflow():
    def alive():
        return sum(issubclass(type(found), tf.data.Iterator) for found in gc.get_objects())

    before = alive()
    stream = BatchStream(Numbers(), SIGNATURE)
    batches = iter(stream)
    next(batches)
    assert alive() == before + 1
    batches.close()
    assert alive() == before
