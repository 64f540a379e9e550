"""Rows of the audit for sort and top_k."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case, Shape


def _sort(mode: str, a: Shape, dimension: int, direction: str, jax: Any) -> Case:
    return Case(
        "stablehlo.sort",
        mode,
        f"""%y = "stablehlo.sort"(%a) ({{{{
              ^bb0(%p: tensor<f64>, %q: tensor<f64>):
                %less = stablehlo.compare {direction}, %p, %q :
                    (tensor<f64>, tensor<f64>) -> tensor<i1>
                stablehlo.return %less : tensor<i1>
            }}}}) {{{{dimension = {dimension} : i64, is_stable = true}}}} : ({{a}}) -> {{y}}""",
        a,
        {"a": a},
        jax,
    )


_PAIRS = """%p:2 = "stablehlo.sort"(%a, %b) ({{
       ^bb0(%k: tensor<f64>, %l: tensor<f64>, %v: tensor<f64>, %w: tensor<f64>):
         %less = stablehlo.compare LT, %k, %l : (tensor<f64>, tensor<f64>) -> tensor<i1>
         stablehlo.return %less : tensor<i1>
     }}) {{dimension = 1 : i64, is_stable = true}} : ({a}, {b}) -> ({a}, {b})
     %y = """


def _top_k(mode: str, a: Shape, k: int, use: str, jax: Any) -> Case:
    shape = (*a[:-1], k)
    indices = f"tensor<{'x'.join(map(str, shape))}xi32>"
    return Case(
        "chlo.top_k",
        mode,
        f"""%v, %i = chlo.top_k(%a, k = {k}) : {{a}} -> ({{y}}, {indices})
            {use}""",
        shape,
        {"a": a},
        jax,
    )


ROWS = [
    _sort("ascending", (3, 5), 1, "LT", lambda jnp, lax, a: jnp.sort(a, 1)),
    _sort("descending, leading", (4, 3), 0, "GT", lambda jnp, lax, a: -jnp.sort(-a, 0)),
    _sort("last but one", (2, 3, 2), -2, "LT", lambda jnp, lax, a: jnp.sort(a, 1)),
    Case(
        "stablehlo.sort",
        "keys and values",
        f"{_PAIRS}stablehlo.multiply %p#0, %p#1 : {{y}}",
        (3, 4),
        {"a": (3, 4), "b": (3, 4)},
        lambda jnp, lax, a, b: jnp.prod(jnp.stack(lax.sort((a, b), dimension=1, num_keys=1)), 0),
    ),
    Case(
        "stablehlo.sort",
        "values by keys",
        f"{_PAIRS}stablehlo.tanh %p#1 : {{y}}",
        (3, 4),
        {"a": (3, 4), "b": (3, 4)},
        lambda jnp, lax, a, b: jnp.tanh(jnp.take_along_axis(b, jnp.argsort(a, 1), 1)),
        frozen=("a",),
    ),
    _top_k(
        "two of each row",
        (3, 5),
        2,
        "%y = stablehlo.tanh %v : {y}",
        lambda jnp, lax, a: jnp.tanh(lax.top_k(a, 2)[0]),
    ),
    _top_k(
        "of a vector",
        (6,),
        3,
        "%y = stablehlo.tanh %v : {y}",
        lambda jnp, lax, a: jnp.tanh(lax.top_k(a, 3)[0]),
    ),
]
