"""Rows of the audit for reductions over dimensions."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case, Shape

_INIT = {
    "add": "%zero",
    "multiply": "%one",
    "maximum": "%minus_infinity",
    "minimum": "%infinity",
}


def _reduce(kind: str, dims: list[int], y: Shape, jax: Any) -> Case:
    return Case(
        "stablehlo.reduce",
        f"{kind} over {dims}",
        f"""%y = stablehlo.reduce(%a init: {_INIT[kind]}) applies stablehlo.{kind}
                across dimensions = {dims} : ({{a}}, tensor<f64>) -> {{y}}""",
        y,
        {"a": (2, 3, 4)},
        lambda jnp, lax, a: jax(jnp)(a, axis=tuple(dims)),
    )


def _from(kind: str, jax: Any) -> Case:
    """A reduction that starts from the trained scalar %b."""
    return Case(
        "stablehlo.reduce",
        f"{kind} from a trained number",
        f"""%y = stablehlo.reduce(%a init: %b) applies stablehlo.{kind}
                across dimensions = [1] : ({{a}}, {{b}}) -> {{y}}""",
        (5,),
        {"a": (5, 2), "b": ()},
        lambda jnp, lax, a, b: jax(jnp, a, b),
    )


def _region(mode: str, body: str, a: Shape, y: Shape, jax: Any, dims: list[int]) -> Case:
    """A reduction from 0 by a region of its own."""
    return Case(
        "stablehlo.reduce",
        mode,
        f"""%y = "stablehlo.reduce"(%a, %zero) ({{{{
            ^bb0(%p: tensor<f64>, %q: tensor<f64>):
              {body}
              stablehlo.return %r : tensor<f64>
            }}}}) {{{{dimensions = array<i64: {", ".join(map(str, dims))}>}}}}
            : ({{a}}, tensor<f64>) -> {{y}}""",
        y,
        {"a": a},
        jax,
    )


_LARGEST_BY_INDEX = """
    %i = stablehlo.iota dim = 1 : tensor<3x5xi32>
    %none = stablehlo.constant dense<-1> : tensor<i32>
    %y, %at = "stablehlo.reduce"(%a, %i, %minus_infinity, %none) ({{
    ^bb0(%p: tensor<f64>, %m: tensor<i32>, %q: tensor<f64>, %n: tensor<i32>):
      %g = stablehlo.compare GE, %p, %q : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %v = stablehlo.select %g, %p, %q : tensor<i1>, tensor<f64>
      %k = stablehlo.select %g, %m, %n : tensor<i1>, tensor<i32>
      stablehlo.return %v, %k : tensor<f64>, tensor<i32>
    }}) {{dimensions = array<i64: 1>}} : ({a}, tensor<3x5xi32>, tensor<f64>, tensor<i32>)
        -> ({y}, tensor<3xi32>)"""

_TWO_SUMS = """
    %s, %t = "stablehlo.reduce"(%a, %b, %zero, %one) ({{
    ^bb0(%p: tensor<f64>, %m: tensor<f64>, %q: tensor<f64>, %n: tensor<f64>):
      %u = stablehlo.add %p, %q : tensor<f64>
      %v = stablehlo.multiply %m, %n : tensor<f64>
      stablehlo.return %u, %v : tensor<f64>, tensor<f64>
    }}) {{dimensions = array<i64: 0, 2>}} : ({a}, {b}, tensor<f64>, tensor<f64>) -> ({y}, {y})
    %y = stablehlo.multiply %s, %t : {y}"""

_LOG_OF_SUM = """%e = stablehlo.exponential %p : tensor<f64>
              %f = stablehlo.exponential %q : tensor<f64>
              %s = stablehlo.add %e, %f : tensor<f64>
              %r = stablehlo.log %s : tensor<f64>"""

_SCALED = """%two = stablehlo.constant dense<2.0> : tensor<f64>
              %s = stablehlo.add %p, %q : tensor<f64>
              %t = stablehlo.multiply %p, %q : tensor<f64>
              %u = stablehlo.multiply %t, %two : tensor<f64>
              %v = stablehlo.add %s, %u : tensor<f64>
              %r = stablehlo.multiply %v, %one : tensor<f64>"""

ROWS = [
    _reduce("add", [1], (2, 4), lambda jnp: jnp.sum),
    _reduce("add", [0, 2], (3,), lambda jnp: jnp.sum),
    _reduce("add", [0, 1, 2], (), lambda jnp: jnp.sum),
    _reduce("multiply", [1], (2, 4), lambda jnp: jnp.prod),
    _reduce("multiply", [0, 2], (3,), lambda jnp: jnp.prod),
    _reduce("maximum", [2], (2, 3), lambda jnp: jnp.max),
    _reduce("minimum", [0, 1], (4,), lambda jnp: jnp.min),
    _from("add", lambda jnp, a, b: a.sum(1) + b),
    _from("multiply", lambda jnp, a, b: a.prod(1) * b),
    _from("maximum", lambda jnp, a, b: jnp.maximum(a.max(1), b)),
    _from("minimum", lambda jnp, a, b: jnp.minimum(a.min(1), b)),
    _region(
        "log of a sum of exponentials",
        _LOG_OF_SUM,
        (2, 5),
        (2,),
        lambda jnp, lax, a: jnp.log(jnp.exp(a).sum(1) + 1),
        [1],
    ),
    _region(
        "constant and captured value in the region",
        _SCALED,  # x + y + 2 x y is associative: 1 + 2 of it is (1 + 2 x) (1 + 2 y)
        (2, 3, 2),
        (3,),
        lambda jnp, lax, a: ((1 + 2 * a).prod((0, 2)) - 1) / 2,
        [0, 2],
    ),
    Case(
        "stablehlo.reduce",
        "the largest, and where it is",
        _LARGEST_BY_INDEX,
        (3,),
        {"a": (3, 5)},
        lambda jnp, lax, a: a.max(1),
    ),
    Case(
        "stablehlo.reduce",
        "two operands",
        _TWO_SUMS,
        (3,),
        {"a": (2, 3, 2), "b": (2, 3, 2)},
        lambda jnp, lax, a, b: a.sum((0, 2)) * b.prod((0, 2)),
    ),
]
