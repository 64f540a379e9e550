"""Random masks: plain integer arithmetic on 32-bit integers, the same on every target.

The bits of element i are mix(i + a, b), a keyed form of the `triple32` of C. Wellons' hash
prospector (three rounds of xor-shift and multiply, with bias close to that of a random function):

    x = i + a;  x ^= x >> 17;  x *= M0;  x ^= b;  x ^= x >> 11;  x *= M1
    x ^= x >> 15;  x *= M2;  x ^= x >> 14

The keys of a step are a = mix(step + key0, key1), b = mix(a + key1, key0), with key0 and key1 made
of seed and site at compile time. So masks of different steps or sites are different functions of i,
with 64 bits of key between them; they are good enough for dropout, not for cryptography.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import IntegerType, RankedTensorType, Value
from pock_mlir.passes.kernels.form import Form, always

_MULTIPLIERS = (0xED5AD4BB, 0xAC4C1B51, 0x31848BAB)
_SHIFTS = (17, 11, 15, 14)
_VIEWS = ("stablehlo.broadcast_in_dim", "stablehlo.reshape", "stablehlo.transpose")


def _signed(word: int) -> int:
    """The same 32 bits as a signed number."""
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def _keys(seed: int, site: int) -> tuple[int, int]:
    digest = hashlib.blake2b(f"{seed}:{site}".encode(), digest_size=8).digest()
    return _signed(int.from_bytes(digest[:4])), _signed(int.from_bytes(digest[4:]))


def _folded(b: Builder, x: Value, shift: int) -> Value:
    """x ^ (x >> shift), the shift filling with zeros."""
    amount = b.full_like(x, shift)
    shifted = b.create("stablehlo.shift_right_logical", [x, amount], [x.type]).results[0]
    return _xor(b, x, shifted)


def _xor(b: Builder, x: Value, y: Value) -> Value:
    return b.create("stablehlo.xor", [x, y], [x.type]).results[0]


def _mixed(b: Builder, x: Value, key: Value) -> Value:
    for i, multiplier in enumerate(_MULTIPLIERS):
        x = b.multiply(_folded(b, x, _SHIFTS[i]), b.full_like(x, _signed(multiplier)))
        x = _xor(b, x, key) if i == 0 else x
    return _folded(b, x, _SHIFTS[3])


def _bits(b: Builder, op: Any, step: Value) -> Value:
    """Random i32, one per element, of the shape of the mask flattened."""
    first, second = (b.full_like(step, key) for key in _keys(op.seed.value, op.site.value))
    a = _mixed(b, b.add(step, first), second)
    c = _mixed(b, b.add(a, second), first)
    shape = [math.prod(shape_of(op.mask))]
    places = b.iota(RankedTensorType.get(shape, IntegerType.get_signless(32)), 0)
    return _mixed(b, b.add(places, b.broadcast_to(a, places)), b.broadcast_to(c, places))


def _mask(b: Builder, op: Any, step: Value) -> Value:
    """The upper 31 bits below keep * 2^31: a comparison of signed numbers."""
    like, keep = op.mask, op.keep.value
    if keep in (0, 1):
        return b.full_like(like, op.value.value * keep)
    bits = _bits(b, op, step)
    amount = b.full_like(bits, 1)
    bits = b.create("stablehlo.shift_right_logical", [bits, amount], [bits.type]).results[0]
    limit = b.full_like(bits, min(round(keep * 2**31), 2**31 - 1))
    flat = RankedTensorType.get(shape_of(bits), type_of(like).element_type)
    kept = b.select(b.compare("LT", bits, limit), b.splat(op.value.value, flat), b.splat(0, flat))
    return b.reshape(kept, shape_of(like))


def regenerate(op: Any) -> None:
    """Compute the mask anew for each op that uses it, so that no mask waits for the backward.

    A few integer operations in the kernel of the user cost less than the memory. Since the same
    computation would be merged with the first one, the others begin with max(step, -1),
    max(step, -2), ...: the same number, as steps count from 0.
    """
    for copy, (use, views) in enumerate(list(_users(op.mask))):
        b = Builder.before(use.owner)
        step = b.maximum(op.step, b.full_like(op.step, -copy)) if copy else op.step
        mask = _mask(b, op, step)
        for view in views:
            attributes = {name: view.attributes[name] for name in view.attributes}
            mask = b.create(view.name, [mask], [view.results[0].type], attributes).results[0]
        use.owner.operands[use.operand_number] = mask
    _erase_users(op.mask)


def _erase_users(value: Value) -> None:
    """Erase the views of a mask, which nothing uses any more."""
    for use in list(value.uses):
        owner = use.owner.operation
        _erase_users(owner.results[0])
        owner.erase()


def _users(value: Value, views: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The uses of a mask, first ones first, and the views of it that lead there."""
    for use in reversed(list(value.uses)):
        owner = use.owner.operation
        if owner.name in _VIEWS:
            yield from _users(owner.results[0], (*views, owner))
        else:
            yield use, views


FORMS = [Form("hash", always, lambda b, op: _mask(b, op, op.step))]
