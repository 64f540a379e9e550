"""Derivatives of the elementwise functions that CHLO has and StableHLO has not."""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient, no_gradient

no_gradient("chlo.is_inf", "chlo.is_neg_inf", "chlo.is_pos_inf", "chlo.mulhi")

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def _unary(b: GradientBuilder, name: str, x: Value) -> Value:
    return b.create(f"chlo.{name}", [x], [x.type]).results[0]


def _plus(b: GradientBuilder, x: Value, constant: float) -> Value:
    return b.add(x, b.full_like(x, constant))


def _one_minus_square(b: GradientBuilder, x: Value) -> Value:
    """1 - x*x, exact where |x| is near 1"""
    one = b.ones_like(x)
    return b.multiply(b.subtract(one, x), b.add(one, x))


def _bell(b: GradientBuilder, op: Any, dy: Value) -> Value:
    """dy * 2 / sqrt(pi) * exp(-x*x)"""
    x = op.operands[0]
    slope = b.exponential(b.negate(b.multiply(x, x)))
    return b.multiply(b.multiply(dy, b.full_like(dy, _TWO_OVER_SQRT_PI)), slope)


@gradient("chlo.erf")
def erf(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = erf(x);  dx = dy * 2 / sqrt(pi) * exp(-x*x)"""
    return (_bell(b, op, dy),)


@gradient("chlo.erfc")
def erfc(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = 1 - erf(x);  dx = -dy * 2 / sqrt(pi) * exp(-x*x)"""
    return (b.negate(_bell(b, op, dy)),)


@gradient("chlo.square")
def square(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x*x;  dx = 2 * dy * x"""
    return (b.multiply(b.multiply(dy, b.full_like(dy, 2)), op.operands[0]),)


@gradient("chlo.tan")
def tan(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = tan(x);  dx = dy * (1 + y*y)"""
    return (b.multiply(dy, _plus(b, b.multiply(op.result, op.result), 1)),)


@gradient("chlo.sinh")
def sinh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = sinh(x);  dx = dy * cosh(x)"""
    return (b.multiply(dy, _unary(b, "cosh", op.operands[0])),)


@gradient("chlo.cosh")
def cosh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = cosh(x);  dx = dy * sinh(x)"""
    return (b.multiply(dy, _unary(b, "sinh", op.operands[0])),)


@gradient("chlo.asin")
def asin(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = asin(x);  dx = dy / sqrt(1 - x*x)"""
    return (b.multiply(dy, b.rsqrt(_one_minus_square(b, op.operands[0]))),)


@gradient("chlo.acos")
def acos(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = acos(x);  dx = -dy / sqrt(1 - x*x)"""
    return (b.negate(b.multiply(dy, b.rsqrt(_one_minus_square(b, op.operands[0])))),)


@gradient("chlo.atan")
def atan(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = atan(x);  dx = dy / (1 + x*x)"""
    x = op.operands[0]
    return (b.divide(dy, _plus(b, b.multiply(x, x), 1)),)


@gradient("chlo.asinh")
def asinh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = asinh(x);  dx = dy / sqrt(x*x + 1)"""
    x = op.operands[0]
    return (b.multiply(dy, b.rsqrt(_plus(b, b.multiply(x, x), 1))),)


@gradient("chlo.acosh")
def acosh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = acosh(x);  dx = dy / sqrt(x*x - 1)"""
    x = op.operands[0]
    return (b.multiply(dy, b.rsqrt(b.multiply(_plus(b, x, -1), _plus(b, x, 1)))),)


@gradient("chlo.atanh")
def atanh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = atanh(x);  dx = dy / (1 - x*x)"""
    return (b.divide(dy, _one_minus_square(b, op.operands[0])),)
