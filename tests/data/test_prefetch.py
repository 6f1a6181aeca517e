import threading
import time

import pytest

from yt8m_attention.data.prefetch import prefetch


def test_items_come_in_order_and_made_in_another_thread():
    found = list(prefetch((i, threading.get_ident()) for i in range(20)))
    assert [i for i, _ in found] == list(range(20))
    assert {thread for _, thread in found}.isdisjoint({threading.get_ident()})


def test_an_error_comes_after_what_was_made_before_it():
    def batches():
        yield 1
        raise KeyError("a fault")

    drawn = prefetch(batches())
    assert next(drawn) == 1
    with pytest.raises(KeyError, match="a fault"):
        next(drawn)


def test_who_stops_drawing_ends_the_thread_and_the_generator():
    ended = threading.Event()

    def batches():
        try:
            yield from range(10**9)
        finally:
            ended.set()

    threads = threading.active_count()
    drawn = prefetch(batches())
    assert next(drawn) == 0
    drawn.close()
    assert ended.is_set() and threading.active_count() == threads


def test_no_more_is_made_than_asked_for():
    made = []
    drawn = prefetch((made.append(i) or i for i in range(99)), depth=2)
    next(drawn)
    time.sleep(0.3)
    assert len(made) <= 4  # one drawn, two waiting, one in hand
    drawn.close()
