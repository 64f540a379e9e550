"""How threads share the workgroups of a kernel."""

from __future__ import annotations

import heapq

import pytest

from pock_mlir.backends.iree.workgroups import even_divisor, largest_divisor, unevenness


@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_unevenness_is_that_of_threads_that_take_what_is_next(threads: int):
    for workgroups in range(1, 200):
        size = 8 if workgroups >= 8 * threads else 1
        free, left = [0] * threads, workgroups
        while left:
            taken = min(size, left)
            heapq.heapreplace(free, free[0] + taken)
            left -= taken
        assert unevenness(workgroups, threads) == max(free) * threads / workgroups


def test_no_count_of_threads_is_worse_for_a_smaller_divisor():
    smaller = 0
    for number in range(1, 130):
        for limit in (1, 3, 8, 24):
            for shares in (1, 2, 3, 6, 9, 10):
                n, largest = even_divisor(number, limit, shares), largest_divisor(number, limit)
                assert number % n == 0 and largest <= 4 * n <= 4 * largest
                for threads in (2, 4):
                    now, then = (
                        unevenness(shares * number // each, threads) for each in (n, largest)
                    )
                    assert now <= max(1.1, then)
                smaller += n < largest
    assert smaller > 20


def test_a_divisor_that_is_even_stays():
    assert even_divisor(32, 8, 8) == 8
    assert even_divisor(1, 8, 24) == 1
