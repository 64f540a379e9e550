"""Into how many workgroups a kernel is divided, for threads to share them evenly."""

from __future__ import annotations

_THREADS = (2, 4)
"""Counts of threads that are to be busy evenly."""
_AT_ONCE = 8
"""Workgroups that a thread of IREE's takes at once, if there are so many for each thread."""
_EVEN = 1.1
"""How many times as long as needed the busiest thread may take: less is no better."""
_SMALLEST = 4
"""A part may be smaller than the largest by this factor: each reads the other operand again."""
_GAIN = 0.1
"""By how much threads have to be more evenly busy for smaller parts."""


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of `number` that is no more than `limit`, at least 1."""
    return next((n for n in range(min(number, limit), 1, -1) if number % n == 0), 1)


def even_divisor(number: int, limit: int, shares: int) -> int:
    """The divisor of `number`, at most `limit`, whose workgroups threads share most evenly.

    A divisor n makes `number / n` parts, and each of them `shares` workgroups. It is the largest
    one, unless a smaller one is clearly better for one count of threads, and worse for none.
    """
    largest = largest_divisor(number, limit)

    def busy(n: int) -> list[float]:
        groups = shares * number // n
        return [max(_EVEN, unevenness(groups, threads)) for threads in _THREADS]

    before = busy(largest)
    found = [
        n
        for n in range(largest, 0, -1)
        if number % n == 0
        and n * _SMALLEST >= largest
        and all(now <= then for now, then in zip(busy(n), before, strict=True))
    ]
    best = min(found, key=lambda n: sum(busy(n)))
    return best if sum(before) - sum(busy(best)) >= _GAIN else largest


def unevenness(workgroups: int, threads: int) -> float:
    """How many times as long as needed the busiest thread takes, if all workgroups are alike.

    With 24 of them and two threads it is 4/3, since one has 16: they are taken by eights.
    """
    at_once = _AT_ONCE if workgroups >= _AT_ONCE * threads else 1
    turns, rest = divmod(workgroups, at_once)
    most = max(-(-turns // threads) * at_once, turns // threads * at_once + rest)
    return most * threads / max(1, workgroups)
