"""Derivatives of what leads into the complex numbers and out of them.

The cotangent g of a complex value z is the one for which dL = real(g * dz): dL/dx - i dL/dy of
z = x + i y. So a holomorphic function has the rule of its real counterpart, letter for letter, and
a linear one is transposed without a conjugation. Only the ops here are otherwise, and of the
elementwise ones abs and sign.
"""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import is_complex
from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@gradient("stablehlo.complex")
def complex_(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x + i y;  dx = real(dz), dy = -imag(dz)"""
    return b.real(dy), b.negate(b.imag(dy))


@gradient("stablehlo.real")
def real(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """x = real(z);  dz = dx"""
    return (b.complex(dy, b.zeros_like(dy)) if is_complex(op.operands[0]) else dy,)


@gradient("stablehlo.imag")
def imag(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = imag(z);  dz = -i dy"""
    if not is_complex(op.operands[0]):
        return (None,)
    return (b.negate(b.complex(b.zeros_like(dy), dy)),)


@gradient("chlo.conj")
def conj(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = conj(z);  dz = conj(dy)"""
    return (b.conjugate(dy),)
