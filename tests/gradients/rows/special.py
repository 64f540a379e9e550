"""Rows of the audit for CHLO's special functions, and for ops that are short for others."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.gradients.case import Case, Shape

_SHAPE: Shape = (2, 3)


def _unary(op: str, jax: Any, low: float, high: float, mode: str = "elementwise") -> Case:
    return Case(
        f"chlo.{op}",
        mode,
        f'%y = "chlo.{op}"(%a) : ({{a}}) -> {{y}}',
        _SHAPE,
        {"a": _SHAPE},
        jax,
        (low, high),
    )


def _order(op: str, number: float, jax: Any) -> Case:
    return Case(
        f"chlo.{op}",
        f"of order {number}",
        f"""%n = stablehlo.constant dense<{number}> : {{y}}
            %y = "chlo.{op}"(%n, %a) : ({{y}}, {{a}}) -> {{y}}""",
        _SHAPE,
        {"a": _SHAPE},
        jax,
        (0.5, 4),
        step=1e-5,
    )


def _special(name: str) -> Any:
    def call(jnp: Any, lax: Any, a: Any) -> Any:
        return getattr(lax, name)(a)

    return call


def _polygamma(order: float) -> Any:
    return lambda jnp, lax, a: lax.polygamma(jnp.full(_SHAPE, order), a)


def _zeta(jnp: Any, x: float, q: Any) -> Any:
    """Euler's and Maclaurin's formula: JAX has no derivative of its own zeta."""
    terms = sum((q + k) ** -x for k in range(40))
    end = q + 40
    return terms + end ** (1 - x) / (x - 1) + end**-x / 2 + x / 12 * end ** (-x - 1)


_FUNCTIONS = [
    _unary("bessel_i1e", _special("bessel_i1e"), -6, 6, "below 8"),
    _unary("bessel_i1e", _special("bessel_i1e"), 8, 40, "above 8"),
    _unary("digamma", _special("digamma"), 0.5, 6),
    _unary("erf_inv", _special("erf_inv"), -0.9, 0.9),
    _unary("lgamma", _special("lgamma"), 0.5, 6),
    _unary("lgamma", _special("lgamma"), -2.8, -2.2, "negative"),
    _order("polygamma", 1.0, _polygamma(1.0)),
    _order("polygamma", 2.0, _polygamma(2.0)),
    _order("zeta", 2.5, lambda jnp, lax, a: _zeta(jnp, 2.5, a)),
    Case(
        "chlo.next_after",
        "first operand",
        '%y = "chlo.next_after"(%a, %b) : ({a}, {b}) -> {y}',
        _SHAPE,
        {"a": _SHAPE, "b": _SHAPE},
        lambda jnp, lax, a, b: a + 0 * b,
        frozen=("b",),
    ),
]

# ---- broadcasting --------------------------------------------------------------------------


def _broadcasting(op: str, jax: Any, frozen: tuple[str, ...] = (), column: bool = False) -> Case:
    """The matrix %a with %b, a row or a column."""
    given = " {{broadcast_dimensions = array<i64: 0>}}" if column else ""
    return Case(
        f"chlo.broadcast_{op}",
        "column" if column else "row",
        f"%y = chlo.broadcast_{op} %a, %b{given} : ({{a}}, {{b}}) -> {{y}}",
        _SHAPE,
        {"a": _SHAPE, "b": (2,) if column else (3,)},
        lambda jnp, lax, a, b: jax(jnp, a, b[:, None] if column else b),
        (0.5, 2),
        frozen=frozen,
    )


_BROADCASTING = [
    _broadcasting("add", lambda jnp, a, b: a + b),
    _broadcasting("add", lambda jnp, a, b: a + b, column=True),
    _broadcasting("atan2", lambda jnp, a, b: jnp.arctan2(a, b)),
    _broadcasting("divide", lambda jnp, a, b: a / b),
    _broadcasting("maximum", lambda jnp, a, b: jnp.maximum(a, b)),
    _broadcasting("minimum", lambda jnp, a, b: jnp.minimum(a, b)),
    _broadcasting("multiply", lambda jnp, a, b: a * b),
    _broadcasting("next_after", lambda jnp, a, b: a + 0 * b, ("b",)),
    _broadcasting("power", lambda jnp, a, b: a**b),
    _broadcasting("remainder", lambda jnp, a, b: jnp.fmod(a, b)),
    _broadcasting("subtract", lambda jnp, a, b: a - b),
    Case(
        "chlo.broadcast_complex",
        "row",
        """%z = chlo.broadcast_complex %a, %b :
               ({a}, {b}) -> tensor<2x3xcomplex<f64>>
           %y = stablehlo.abs %z : (tensor<2x3xcomplex<f64>>) -> {y}""",
        _SHAPE,
        {"a": _SHAPE, "b": (3,)},
        lambda jnp, lax, a, b: jnp.abs(a + 1j * b),
    ),
    Case(
        "chlo.broadcast_polygamma",
        "scalar order",
        "%y = chlo.broadcast_polygamma %one, %a : (tensor<f64>, {a}) -> {y}",
        _SHAPE,
        {"a": _SHAPE},
        _polygamma(1.0),
        (0.5, 4),
    ),
    Case(
        "chlo.broadcast_zeta",
        "scalar exponent",
        """%x = stablehlo.constant dense<3.5> : tensor<f64>
           %y = chlo.broadcast_zeta %x, %a : (tensor<f64>, {a}) -> {y}""",
        _SHAPE,
        {"a": _SHAPE},
        lambda jnp, lax, a: _zeta(jnp, 3.5, a),
        (0.5, 4),
    ),
    Case(
        "chlo.broadcast_select",
        "row",
        """%p = stablehlo.constant dense<[true, false, true]> : tensor<3xi1>
           %y = "chlo.broadcast_select"(%p, %a, %b) : (tensor<3xi1>, {a}, {b}) -> {y}""",
        _SHAPE,
        {"a": _SHAPE, "b": ()},
        lambda jnp, lax, a, b: jnp.where(jnp.array([True, False, True]), a, b),
    ),
]

# ---- contractions --------------------------------------------------------------------------


def _dot(a: Shape, b: Shape, y: Shape) -> Case:
    return Case(
        "stablehlo.dot",
        f"{a} x {b}",
        "%y = stablehlo.dot %a, %b : ({a}, {b}) -> {y}",
        y,
        {"a": a, "b": b},
        lambda jnp, lax, a, b: jnp.dot(a, b),
    )


_GROUPS = np.repeat(np.eye(3), [2, 0, 3], 0)  # which group each of the first 5 rows is in


def _ragged(mode: str, numbers: str, a: Shape, b: Shape, y: Shape, jax: Any) -> Case:
    """Groups of 2, 0 and 3 rows."""
    return Case(
        "chlo.ragged_dot",
        mode,
        f"""%sizes = stablehlo.constant dense<[2, 0, 3]> : tensor<3xi64>
            %y = "chlo.ragged_dot"(%a, %b, %sizes) {{{{ragged_dot_dimension_numbers =
                #chlo.ragged_dot<{numbers}>}}}} : ({{a}}, {{b}}, tensor<3xi64>) -> {{y}}""",
        y,
        {"a": a, "b": b},
        jax,
    )


_CONTRACTIONS = [
    _dot((2, 3), (3, 4), (2, 4)),
    _dot((2, 3), (3,), (2,)),
    _dot((3,), (3, 4), (4,)),
    _dot((3,), (3,), ()),
    _ragged(
        "rows in groups, one row in none",
        "lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1],"
        " lhs_ragged_dimensions = [0], rhs_group_dimensions = [0]",
        (6, 2),
        (3, 2, 4),
        (6, 4),
        lambda jnp, lax, a, b: jnp.einsum(
            "mg,mk,gkn->mn", np.concatenate([_GROUPS, np.zeros((1, 3))]), a, b
        ),
    ),
    _ragged(
        "contracted rows in groups",
        "lhs_contracting_dimensions = [0], rhs_contracting_dimensions = [0],"
        " lhs_ragged_dimensions = [0]",
        (5, 2),
        (5, 4),
        (3, 2, 4),
        lambda jnp, lax, a, b: jnp.einsum("mg,mk,mn->gkn", _GROUPS, a, b),
    ),
    _ragged(
        "batches in groups",
        "lhs_batching_dimensions = [0], rhs_batching_dimensions = [0],"
        " lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1],"
        " lhs_ragged_dimensions = [0]",
        (5, 2, 3),
        (5, 3, 4),
        (5, 2, 4),
        lambda jnp, lax, a, b: a @ b,
    ),
    Case(
        "stablehlo.broadcast",
        "two new dimensions",
        '%y = "stablehlo.broadcast"(%a) {{broadcast_sizes = array<i64: 2, 4>}} : ({a}) -> {y}',
        (2, 4, 3),
        {"a": (3,)},
        lambda jnp, lax, a: jnp.broadcast_to(a, (2, 4, 3)),
    ),
]


def _scan(mode: str, options: str, jax: Any) -> Case:
    """A running sum from %b; each output is the sum times what came before it."""
    return Case(
        "chlo.scan",
        mode,
        f"""%o, %c = "chlo.scan"(%a, %b) ({{{{
            ^bb0(%x: {{b}}, %s: {{b}}):
              %t = stablehlo.add %x, %s : {{b}}
              %u = stablehlo.multiply %t, %s : {{b}}
              stablehlo.return %u, %t : {{b}}, {{b}}
            }}}}) {{{{dimension = 1 : i64, {options}operandSegmentSizes = array<i32: 1, 1>,
                resultSegmentSizes = array<i32: 1, 1>}}}} : ({{a}}, {{b}}) -> ({{y}}, {{b}})
            %d = stablehlo.broadcast_in_dim %c, dims = [0] : ({{b}}) -> {{y}}
            %y = stablehlo.multiply %o, %d : {{y}}""",
        (2, 4),
        {"a": (2, 4), "b": (2,)},
        jax,
    )


def _running(jnp: Any, a: Any, b: Any) -> Any:
    sums = jnp.cumsum(jnp.concatenate([b[:, None], a], 1), 1)
    return sums[:, 1:] * sums[:, :-1] * sums[:, -1:]


_SCANS = [
    _scan("forwards", "", lambda jnp, lax, a, b: _running(jnp, a, b)),
    _scan(
        "backwards",
        "is_reverse = true, ",
        lambda jnp, lax, a, b: _running(jnp, a[:, ::-1], b)[:, ::-1],
    ),
]

ROWS = [*_SCANS, *_FUNCTIONS, *_BROADCASTING, *_CONTRACTIONS]
