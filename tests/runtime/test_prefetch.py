"""Batches are made one ahead, in order, and errors come where the batch would have."""

import threading

import pytest

from pock_mlir.runtime.prefetch import prefetched


def test_order_and_end():
    assert list(prefetched(range(5))) == [0, 1, 2, 3, 4]
    assert list(prefetched([])) == []


def test_the_next_is_made_while_one_is_in_use():
    made = [threading.Event() for _ in range(3)]

    def batches():
        for i, event in enumerate(made):
            event.set()
            yield i

    items = prefetched(batches())
    assert next(items) == 0
    assert made[1].wait(5), "the second batch is made while the first is in use"
    assert not made[2].is_set(), "no more than one ahead"
    assert list(items) == [1, 2]


def test_an_error_comes_where_the_batch_would_have():
    def batches():
        yield "a"
        raise OSError("the disk is gone")

    items = prefetched(batches())
    assert next(items) == "a"
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_a_consumer_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    items = prefetched(range(100))
    next(items)
    items.close()
    assert threading.active_count() == before
