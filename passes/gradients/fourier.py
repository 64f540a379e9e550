"""Derivatives of Fourier transforms: a linear function, whose matrix is symmetric."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import constant
from pock_mlir.dialects.stablehlo import i64s, shape_of, type_of
from pock_mlir.ir import (
    ComplexType,
    DenseI64ArrayAttr,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@gradient("stablehlo.fft")
def fft(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The transposed transform of the gradient

    FFT, IFFT:  dx = fft(dy), dx = ifft(dy)
    RFFT:       dx = real(fft(dy)), dy with zeros for the frequencies that rfft leaves out
    IRFFT:      dx = w / n * conj(rfft(dy)), w = 2 for the frequencies that irfft counts twice
    """
    x, kind = op.operands[0], stablehlo_bindings.FftTypeAttr(op.attributes["fft_type"]).value
    lengths = list(DenseI64ArrayAttr(op.attributes["fft_length"]))
    if kind == "RFFT":
        missing = shape_of(x)[-1] - shape_of(dy)[-1]
        none = [0] * len(shape_of(x))
        whole = b.pad(dy, none, [*none[:-1], missing])
        return (b.real(_transform(b, "FFT", whole, lengths, whole.type)),)
    if kind == "IRFFT":
        return (_of_irfft(b, x, dy, lengths),)
    return (_transform(b, kind, dy, lengths, x.type),)


def _transform(b: GradientBuilder, kind: str, x: Value, lengths: list[int], result: Any) -> Value:
    attributes = {
        "fft_type": stablehlo_bindings.FftTypeAttr.get(kind),
        "fft_length": i64s(lengths),
    }
    return b.create("stablehlo.fft", [x], [result], attributes).results[0]


def _of_irfft(b: GradientBuilder, x: Value, dy: Value, lengths: list[int]) -> Value:
    half, even = shape_of(x)[-1], lengths[-1] % 2 == 0
    spectrum = _transform(b, "RFFT", dy, lengths, x.type)
    counted = np.full(half, 2.0)
    counted[0] = 1
    if even and half > 1:
        counted[-1] = 1
    real = ComplexType(type_of(x).element_type).element_type
    dtype = np.float64 if str(real) == "f64" else np.float32
    weights = constant(b, (counted / math.prod(lengths)).astype(dtype), real)
    spread = b.broadcast_in_dim(weights, shape_of(x), [len(shape_of(x)) - 1])
    scaled = [b.multiply(part, spread) for part in (b.real(spectrum), b.imag(spectrum))]
    return b.complex(scaled[0], b.negate(scaled[1]))
