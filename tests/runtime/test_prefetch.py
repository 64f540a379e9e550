"""Batches that take time are made one ahead, and errors come where the batch would have."""

import threading
import time
from collections.abc import Iterator

import pytest

from pock_mlir.runtime import prefetch
from pock_mlir.runtime.prefetch import WORTH, prefetched


def test_order_and_end():
    assert list(prefetched(range(5))) == [0, 1, 2, 3, 4]
    assert list(prefetched([])) == []


def batches_that_take(seconds: float, made: list[threading.Event]) -> Iterator[int]:
    for i, event in enumerate(made):
        time.sleep(seconds)
        event.set()
        yield i


def test_the_next_is_made_while_one_is_in_use():
    made = [threading.Event() for _ in range(5)]
    items = prefetched(batches_that_take(2 * WORTH, made))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    assert made[3].wait(5), "the next batch is made while one is in use"
    assert not made[4].is_set(), "no more than one ahead"
    assert list(items) == [3, 4]


def test_what_is_made_quickly_is_made_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prefetch, "WORTH", 60.0)
    made = [threading.Event() for _ in range(100)]
    items = prefetched(batches_that_take(0, made))
    before = threading.active_count()
    assert [next(items) for _ in range(50)] == list(range(50))
    assert threading.active_count() == before
    assert not made[50].is_set()


def test_what_becomes_slow_goes_to_a_thread():
    def batches():
        for i in range(9):
            time.sleep(2 * WORTH if i >= 4 else 0)
            yield threading.current_thread().name

    makers = list(prefetched(batches()))
    assert makers[0] == makers[1] == threading.current_thread().name
    assert makers[-1].startswith("batches")


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("before", [1, 2, 3])
def test_an_error_comes_where_the_batch_would_have(before: int, quick: bool):
    def batches():
        for _ in range(before):
            time.sleep(0 if quick else 2 * WORTH)
            yield "a"
        raise OSError("the disk is gone")

    items = prefetched(batches())
    assert [next(items) for _ in range(before)] == ["a"] * before
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_a_consumer_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    items = prefetched(batches_that_take(2 * WORTH, [threading.Event() for _ in range(9)]))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    assert threading.active_count() > before
    items.close()
    assert threading.active_count() == before
