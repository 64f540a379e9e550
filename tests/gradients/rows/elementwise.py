"""Rows of the audit for elementwise ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.gradients.case import Case, Shape

_SHAPE: Shape = (2, 3)


def _unary(
    op: str, jax: Callable[..., Any], low: float = -2, high: float = 2, dialect: str = "stablehlo"
) -> Case:
    return Case(
        rule=f"{dialect}.{op}",
        mode="elementwise",
        body=f'%y = "{dialect}.{op}"(%a) : ({{a}}) -> {{y}}',
        y=_SHAPE,
        shapes={"a": _SHAPE},
        jax=lambda jnp, lax, a: jax(jnp, lax, a),
        domain=(low, high),
    )


def _binary(
    op: str,
    mode: str,
    jax: Callable[..., Any],
    low: float = -2,
    high: float = 2,
    frozen: tuple[str, ...] = (),
) -> Case:
    return Case(
        rule=f"stablehlo.{op}",
        mode=mode,
        body=f"%y = stablehlo.{op} %a, %b : {{y}}",
        y=_SHAPE,
        shapes={"a": _SHAPE, "b": _SHAPE},
        jax=lambda jnp, lax, a, b: jax(jnp, a, b),
        domain=(low, high),
        frozen=frozen,
    )


def _with_constant(op: str, number: float, jax: Callable[..., Any], low: float = -2) -> Case:
    return Case(
        rule=f"stablehlo.{op}",
        mode=f"constant {number}",
        body=f"""%c = stablehlo.constant dense<{float(number)}> : {{y}}
                 %y = stablehlo.{op} %a, %c : {{y}}""",
        y=_SHAPE,
        shapes={"a": _SHAPE},
        jax=lambda jnp, lax, a: jax(jnp, a),
        domain=(low, 2.0),
    )


_UNARY = [
    _unary("abs", lambda jnp, lax, a: jnp.abs(a)),
    _unary("cbrt", lambda jnp, lax, a: jnp.cbrt(a), 0.2, 3),
    _unary("cosine", lambda jnp, lax, a: jnp.cos(a)),
    _unary("exponential", lambda jnp, lax, a: jnp.exp(a)),
    _unary("exponential_minus_one", lambda jnp, lax, a: jnp.expm1(a)),
    _unary("log", lambda jnp, lax, a: jnp.log(a), 0.2, 3),
    _unary("log_plus_one", lambda jnp, lax, a: jnp.log1p(a), -0.5, 3),
    _unary("logistic", lambda jnp, lax, a: lax.logistic(a)),
    _unary("negate", lambda jnp, lax, a: -a),
    _unary("rsqrt", lambda jnp, lax, a: lax.rsqrt(a), 0.2, 3),
    _unary("sine", lambda jnp, lax, a: jnp.sin(a)),
    _unary("sqrt", lambda jnp, lax, a: jnp.sqrt(a), 0.2, 3),
    _unary("tan", lambda jnp, lax, a: jnp.tan(a), -1, 1),
    _unary("tanh", lambda jnp, lax, a: jnp.tanh(a)),
    _unary("acos", lambda jnp, lax, a: jnp.arccos(a), -0.9, 0.9, "chlo"),
    _unary("acosh", lambda jnp, lax, a: jnp.arccosh(a), 1.2, 3, "chlo"),
    _unary("asin", lambda jnp, lax, a: jnp.arcsin(a), -0.9, 0.9, "chlo"),
    _unary("asinh", lambda jnp, lax, a: jnp.arcsinh(a), dialect="chlo"),
    _unary("atan", lambda jnp, lax, a: jnp.arctan(a), dialect="chlo"),
    _unary("atanh", lambda jnp, lax, a: jnp.arctanh(a), -0.9, 0.9, "chlo"),
    _unary("cosh", lambda jnp, lax, a: jnp.cosh(a), dialect="chlo"),
    _unary("erf", lambda jnp, lax, a: lax.erf(a), dialect="chlo"),
    _unary("erfc", lambda jnp, lax, a: lax.erfc(a), dialect="chlo"),
    _unary("sinh", lambda jnp, lax, a: jnp.sinh(a), dialect="chlo"),
    _unary("square", lambda jnp, lax, a: a * a, dialect="chlo"),
    _unary("tan", lambda jnp, lax, a: jnp.tan(a), -1, 1, "chlo"),
]

_BINARY = [
    _binary("add", "both trained", lambda jnp, a, b: a + b),
    _binary("atan2", "both trained", lambda jnp, a, b: jnp.arctan2(a, b), 0.5, 2),
    _binary("divide", "both trained", lambda jnp, a, b: a / b, 0.5, 2),
    _binary("divide", "divisor trained", lambda jnp, a, b: a / b, 0.5, 2, frozen=("a",)),
    _binary("maximum", "both trained", lambda jnp, a, b: jnp.maximum(a, b)),
    _binary("maximum", "second trained", lambda jnp, a, b: jnp.maximum(a, b), frozen=("a",)),
    _binary("minimum", "both trained", lambda jnp, a, b: jnp.minimum(a, b)),
    _binary("minimum", "first trained", lambda jnp, a, b: jnp.minimum(a, b), frozen=("b",)),
    _binary("multiply", "both trained", lambda jnp, a, b: a * b),
    _binary("power", "both trained", lambda jnp, a, b: a**b, 0.3, 2),
    _binary("power", "base trained", lambda jnp, a, b: a**b, 0.3, 2, frozen=("b",)),
    _binary("remainder", "both trained", lambda jnp, a, b: jnp.fmod(a, b), 0.5, 4),
    _binary("subtract", "both trained", lambda jnp, a, b: a - b),
    _with_constant("divide", 3, lambda jnp, a: a / 3),
    _with_constant("maximum", 0, lambda jnp, a: jnp.maximum(a, 0.0)),
    _with_constant("minimum", 1, lambda jnp, a: jnp.minimum(a, 1.0)),
    _with_constant("multiply", 3, lambda jnp, a: a * 3),
    _with_constant("power", 2, lambda jnp, a: a**2),
    _with_constant("power", 3, lambda jnp, a: a**3),
    _with_constant("power", -1.5, lambda jnp, a: a**-1.5, 0.4),
    Case(
        "stablehlo.multiply",
        "square",
        "%y = stablehlo.multiply %a, %a : {y}",
        _SHAPE,
        {"a": _SHAPE},
        lambda jnp, lax, a: a * a,
    ),
    Case(
        "stablehlo.maximum",
        "relu6",
        """%zeros = stablehlo.constant dense<0.0> : {y}
           %six = stablehlo.constant dense<6.0> : {y}
           %m = stablehlo.maximum %a, %zeros : {y}
           %y = stablehlo.minimum %m, %six : {y}""",
        (4, 5),
        {"a": (4, 5)},
        lambda jnp, lax, a: jnp.clip(a, 0, 6),
        (-9, 9),
    ),
]

_OTHERS = [
    Case(
        "stablehlo.clamp",
        "scalar bounds",
        "%y = stablehlo.clamp %zero, %a, %one : (tensor<f64>, {a}, tensor<f64>) -> {y}",
        (3, 4),
        {"a": (3, 4)},
        lambda jnp, lax, a: jnp.clip(a, 0, 1),
    ),
    Case(
        "stablehlo.clamp",
        "upper bound infinite",
        "%y = stablehlo.clamp %zero, %a, %infinity : (tensor<f64>, {a}, tensor<f64>) -> {y}",
        (3, 4),
        {"a": (3, 4)},
        lambda jnp, lax, a: jnp.maximum(a, 0),
    ),
    Case(
        "stablehlo.clamp",
        "no bound",
        """%y = stablehlo.clamp %minus_infinity, %a, %infinity :
               (tensor<f64>, {a}, tensor<f64>) -> {y}""",
        (3, 4),
        {"a": (3, 4)},
        lambda jnp, lax, a: a,
    ),
    Case(
        "stablehlo.clamp",
        "trained bounds",
        "%y = stablehlo.clamp %a, %b, %c : {y}",
        (3, 4),
        {"a": (3, 4), "b": (3, 4), "c": (3, 4)},
        lambda jnp, lax, a, b, c: jnp.minimum(jnp.maximum(a, b), c),
    ),
    Case(
        "stablehlo.clamp",
        "trained scalar bounds",
        "%y = stablehlo.clamp %a, %b, %one : ({a}, {b}, tensor<f64>) -> {y}",
        (3, 4),
        {"a": (), "b": (3, 4)},
        lambda jnp, lax, a, b: jnp.minimum(jnp.maximum(a, b), 1),
    ),
    Case(
        "stablehlo.convert",
        "through f32",
        """%narrow = stablehlo.convert %a : ({a}) -> tensor<3x4xf32>
           %y = stablehlo.convert %narrow : (tensor<3x4xf32>) -> {y}""",
        (3, 4),
        {"a": (3, 4)},
        lambda jnp, lax, a: a,
        step=64.0,  # the op is linear but for its rounding, which a large step makes small
    ),
    Case(
        "stablehlo.reduce_precision",
        "to f32",
        "%y = stablehlo.reduce_precision %a, format = e8m23 : {a}",
        (3, 4),
        {"a": (3, 4)},
        lambda jnp, lax, a: lax.reduce_precision(a, 8, 23),
        step=64.0,  # as above
    ),
    Case(
        "stablehlo.select",
        "elementwise",
        """%p = stablehlo.compare LT, %a, %b : ({a}, {b}) -> tensor<3x4xi1>
           %y = stablehlo.select %p, %a, %b : tensor<3x4xi1>, {y}""",
        (3, 4),
        {"a": (3, 4), "b": (3, 4)},
        lambda jnp, lax, a, b: jnp.where(a < b, a, b),
    ),
    Case(
        "stablehlo.select",
        "scalar condition",
        """%p = stablehlo.compare LT, %zero, %one : (tensor<f64>, tensor<f64>) -> tensor<i1>
           %y = stablehlo.select %p, %a, %b : tensor<i1>, {y}""",
        (3, 4),
        {"a": (3, 4), "b": (3, 4)},
        lambda jnp, lax, a, b: a + 0 * b,
    ),
]

ROWS = [*_UNARY, *_BINARY, *_OTHERS]
