"""The masks of dropout, written again in NumPy from the docstring of passes/kernels/random_mask."""

import hashlib
from collections.abc import Sequence

import numpy as np

Words = np.ndarray


def _mix(x: Words, key: Words | np.uint32) -> Words:
    x = x ^ (x >> np.uint32(17))
    x = x * np.uint32(0xED5AD4BB)
    x = x ^ key
    x = x ^ (x >> np.uint32(11))
    x = x * np.uint32(0xAC4C1B51)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x31848BAB)
    return x ^ (x >> np.uint32(14))


def random_mask(
    shape: Sequence[int], seed: int, site: int, step: int, keep: float, value: float
) -> np.ndarray:
    digest = hashlib.blake2b(f"{seed}:{site}".encode(), digest_size=8).digest()
    first, second = np.frombuffer(digest, ">u4").astype(np.uint32)[:, None]
    a = _mix(np.full(1, step, np.uint32) + first, second)
    b = _mix(a + second, first)
    bits = _mix(np.arange(np.prod(shape), dtype=np.uint32) + a, b)
    return np.where(bits >> np.uint32(1) < keep * 2**31, value, 0.0).reshape(shape)
