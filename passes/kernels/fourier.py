"""Forms of Fourier transforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import constant
from pock_mlir.dialects.stablehlo import Builder, is_complex, shape_of, type_of
from pock_mlir.ir import DenseI64ArrayAttr, F32Type, F64Type, Value, stablehlo_bindings
from pock_mlir.passes.kernels.form import Form, always


def _lengths(op: Any) -> list[int]:
    return list(DenseI64ArrayAttr(op.attributes["fft_length"]))


def _kind(op: Any) -> str:
    return stablehlo_bindings.FftTypeAttr(op.attributes["fft_type"]).value


def _is_power_of_two(op: Any) -> bool:
    """What the backend has an algorithm for: one dimension, a power of two, f32."""
    lengths = _lengths(op)
    part = op.results[0] if _kind(op) == "IRFFT" else op.operands[0]
    element = type_of(part).element_type
    single = isinstance(getattr(element, "element_type", element), F32Type)
    return single and len(lengths) == 1 and lengths[0].bit_count() == 1 and lengths[0] > 1


def _native(b: Builder, op: Any) -> Value:
    """The op as it is."""
    return op.operation.clone(ip=b.insertion_point).results[0]


def _contraction(b: Builder, op: Any) -> Value:
    """The matrix of each dimension times the numbers, their real and imaginary parts apart."""
    x, lengths, kind = op.operands[0], _lengths(op), _kind(op)
    sign = 1 if kind in ("IFFT", "IRFFT") else -1
    re, im = b.real(x), (b.imag(x) if is_complex(x) else None)
    rank = len(shape_of(x))
    *outer, last = range(rank - len(lengths), rank)
    if kind == "RFFT":
        re, im = _along(b, (re, im), last, sign, shape_of(op.results[0])[-1])
    for axis in outer:
        re, im = _along(b, (re, im), axis, sign, shape_of(re)[axis])
    if kind in ("FFT", "IFFT"):
        re, im = _along(b, (re, im), last, sign, shape_of(re)[last])
    if kind == "IRFFT":
        re, im = _real_signal(b, (re, im), last, lengths[-1]), None
    if sign == 1:
        scale = 1 / math.prod(lengths)
        re = b.multiply(re, b.full_like(re, scale))
        im = im and b.multiply(im, b.full_like(im, scale))
    return re if im is None else b.complex(re, im)


Parts = tuple[Value, Value | None]


def _along(b: Builder, parts: Parts, axis: int, sign: int, frequencies: int) -> Parts:
    """The transform of one dimension, for the first `frequencies`."""
    re, im = parts
    size = shape_of(re)[axis]
    angles = _angles(np.arange(size), np.arange(frequencies), size)
    cosine, sine = (_matrix(b, table, re) for table in (np.cos(angles), sign * np.sin(angles)))
    first, second = _contract(b, re, cosine, axis), _contract(b, re, sine, axis)
    if im is None:
        return first, second
    return (
        b.subtract(first, _contract(b, im, sine, axis)),
        b.add(second, _contract(b, im, cosine, axis)),
    )


def _real_signal(b: Builder, parts: Parts, axis: int, size: int) -> Value:
    """The real signal of half a spectrum, not divided by its length yet."""
    re, im = parts
    half = np.arange(shape_of(re)[axis])
    angles = _angles(half, np.arange(size), size)
    counted = np.where((half == 0) | (2 * half == size), 1.0, 2.0)[:, None]
    signal = _contract(b, re, _matrix(b, counted * np.cos(angles), re), axis)
    assert im is not None, "the operand of an IRFFT is complex"
    return b.subtract(signal, _contract(b, im, _matrix(b, counted * np.sin(angles), re), axis))


def _angles(rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    return np.outer(rows, columns) % size * (2 * np.pi / size)


def _matrix(b: Builder, table: np.ndarray, like: Value) -> Value:
    element = type_of(like).element_type
    dtype = np.float64 if isinstance(element, F64Type) else np.float32
    return constant(b, table.astype(dtype), element)


def _contract(b: Builder, x: Value, matrix: Value, axis: int) -> Value:
    """x times a matrix along `axis`, which stays where it is."""
    rank = len(shape_of(x))
    product = b.dot_general(x, matrix, ([axis], [0]))
    return b.transpose(product, [*range(axis), rank - 1, *range(axis, rank - 1)])


FORMS = [
    Form("transform", _is_power_of_two, _native),
    Form("contraction", always, _contraction),
]
