"""Rows of the audit for reductions over windows, and for what picks elements of windows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.gradients.case import Case, Shape

_INIT = {
    "add": "%zero",
    "multiply": "%one",
    "maximum": "%minus_infinity",
    "minimum": "%infinity",
}


@dataclass(frozen=True)
class _Window:
    """The attributes of a reduce_window over an image of 7 x 6."""

    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    base_dilation: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

    @property
    def places(self) -> Shape:
        return tuple(
            ((n - 1) * base + 1 + sum(pad) - (window - 1) * dilation - 1) // stride + 1
            for n, base, pad, window, dilation, stride in zip(
                (7, 6),
                self.base_dilation,
                self.padding,
                self.size,
                self.dilation,
                self.strides,
                strict=True,
            )
        )

    def elements(self, padded: Any) -> Iterator[Any]:
        """Of each window, the element at each of its places."""
        for place in itertools.product(*(range(n) for n in self.size)):
            first = [i * step for i, step in zip(place, self.dilation, strict=True)]
            yield padded[
                tuple(
                    slice(start, start + (n - 1) * stride + 1, stride)
                    for start, n, stride in zip(first, self.places, self.strides, strict=True)
                )
            ]

    @property
    def attributes(self) -> str:
        arrays = {
            "window_dimensions": self.size,
            "window_strides": self.strides,
            "base_dilations": self.base_dilation,
            "window_dilations": self.dilation,
        }
        listed = [f"{key} = array<i64: {a}, {b}>" for key, (a, b) in arrays.items()]
        (a, b), (c, d) = self.padding
        return ", ".join([*listed, f"padding = dense<[[{a}, {b}], [{c}, {d}]]> : tensor<2x2xi64>"])


def _reduce_window(kind: str, mode: str, window: _Window) -> Case:
    def jax(jnp: Any, lax: Any, a: Any) -> Any:
        init = {"add": 0.0, "multiply": 1.0, "maximum": -jnp.inf, "minimum": jnp.inf}[kind]
        padding = [(*pad, n - 1) for pad, n in zip(window.padding, window.base_dilation)]  # noqa: B905
        padded = lax.pad(a, init, padding)
        names = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
        return getattr(jnp, names[kind])(jnp.stack([*window.elements(padded)]), 0)

    return Case(
        "stablehlo.reduce_window",
        f"{kind}, {mode}",
        f"""%y = "stablehlo.reduce_window"(%a, {_INIT[kind]}) ({{{{
            ^bb0(%p: tensor<f64>, %q: tensor<f64>):
              %r = stablehlo.{kind} %p, %q : tensor<f64>
              stablehlo.return %r : tensor<f64>
            }}}}) {{{{{window.attributes}}}}} : ({{a}}, tensor<f64>) -> {{y}}""",
        window.places,
        {"a": (7, 6)},
        jax,
    )


_OVERLAPPING = _Window((3, 3), (2, 2), ((1, 1), (0, 1)))


def _selected(mode: str, padding: str, jax: Any) -> Case:
    """What was picked of overlapping windows of %a gets the elements of %b."""
    return Case(
        "stablehlo.select_and_scatter",
        mode,
        f"""%y = "stablehlo.select_and_scatter"(%a, %b, %zero) ({{{{
            ^bb0(%p: tensor<f64>, %q: tensor<f64>):
              %r = stablehlo.compare GE, %p, %q : (tensor<f64>, tensor<f64>) -> tensor<i1>
              stablehlo.return %r : tensor<i1>
            }}}}, {{{{
            ^bb0(%p: tensor<f64>, %q: tensor<f64>):
              %r = stablehlo.add %p, %q : tensor<f64>
              stablehlo.return %r : tensor<f64>
            }}}}) {{{{window_dimensions = array<i64: 1, 3>, window_strides = array<i64: 1, 2>
                {padding}}}}} : ({{a}}, {{b}}, tensor<f64>) -> {{y}}""",
        (2, 5),
        {
            "a": (2, 5),
            "b": (2, 2 if not padding else 3),
        },
        jax,
        frozen=("a",),
    )


def _scattered(low: int) -> Any:
    """The same by the derivative of JAX's maximum over windows."""

    def jax_function(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
        import jax

        def pool(x: Any) -> Any:
            sizes = ((1, 3), (1, 2), ((0, 0), (low, low)))
            return lax.reduce_window(x, -jnp.inf, lax.max, *sizes)

        return jax.vjp(pool, a)[1](b)[0]

    return jax_function


def _bounded() -> Case:
    """Windows that begin from the trained %b, which is also what they are padded with."""
    return Case(
        "stablehlo.reduce_window",
        "maximum from a trained number",
        """%y = "stablehlo.reduce_window"(%a, %b) ({{
            ^bb0(%p: tensor<f64>, %q: tensor<f64>):
              %r = stablehlo.maximum %p, %q : tensor<f64>
              stablehlo.return %r : tensor<f64>
            }}) {{window_dimensions = array<i64: 2>, padding = dense<1> : tensor<1x2xi64>}}
            : ({a}, {b}) -> {y}""",
        (7,),
        {"a": (6,), "b": ()},
        lambda jnp, lax, a, b: jnp.maximum(jnp.maximum(jnp.append(a, b), jnp.insert(a, 0, b)), b),
    )


_LARGEST_OF_WINDOWS = """
    %i = stablehlo.iota dim = 0 : tensor<6xi32>
    %none = stablehlo.constant dense<-1> : tensor<i32>
    %y, %at = "stablehlo.reduce_window"(%a, %i, %minus_infinity, %none) ({{
    ^bb0(%p: tensor<f64>, %m: tensor<i32>, %q: tensor<f64>, %n: tensor<i32>):
      %g = stablehlo.compare GE, %p, %q : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %v = stablehlo.select %g, %p, %q : tensor<i1>, tensor<f64>
      %k = stablehlo.select %g, %m, %n : tensor<i1>, tensor<i32>
      stablehlo.return %v, %k : tensor<f64>, tensor<i32>
    }}) {{window_dimensions = array<i64: 3>, window_strides = array<i64: 2>,
          padding = dense<[[1, 0]]> : tensor<1x2xi64>}}
        : ({a}, tensor<6xi32>, tensor<f64>, tensor<i32>) -> ({y}, tensor<3xi32>)"""

_DILATED = _Window((2, 3), (2, 1), ((1, 0), (0, 2)), dilation=(3, 2))
_DILATED_BASE = _Window((2, 3), (2, 1), ((1, 0), (0, 2)), base_dilation=(2, 3))

ROWS = [
    _reduce_window("add", "overlapping", _OVERLAPPING),
    _reduce_window("add", "tiles", _Window((7, 2), (7, 2))),
    _reduce_window("add", "tiles with a remainder", _Window((2, 4), (2, 4))),
    _reduce_window("add", "gaps", _Window((2, 1), (3, 2))),
    _reduce_window("add", "cumulative", _Window((7, 1), (1, 1), ((6, 0), (0, 0)))),
    _reduce_window("add", "dilated", _Window((2, 3), (2, 1), ((1, 0), (0, 2)), dilation=(3, 2))),
    _reduce_window(
        "add", "dilated base", _Window((2, 3), (2, 1), ((1, 0), (0, 2)), base_dilation=(2, 3))
    ),
    _reduce_window("maximum", "overlapping", _OVERLAPPING),
    _reduce_window("maximum", "tiles", _Window((1, 2), (1, 2))),
    _reduce_window("maximum", "gaps", _Window((2, 1), (3, 2))),
    _reduce_window("minimum", "overlapping", _OVERLAPPING),
    _reduce_window("maximum", "dilated", _DILATED),
    _reduce_window("maximum", "dilated base", _Window((3, 4), (2, 1), base_dilation=(2, 3))),
    _reduce_window(
        "minimum", "dilated, cropped", _Window((2, 2), padding=((-1, 0), (1, -2)), dilation=(2, 1))
    ),
    _reduce_window("multiply", "overlapping", _OVERLAPPING),
    _reduce_window("multiply", "dilated", _DILATED),
    _reduce_window("multiply", "dilated base", _DILATED_BASE),
    _bounded(),
    Case(
        "stablehlo.reduce_window",
        "the largest, and where it is",
        _LARGEST_OF_WINDOWS,
        (3,),
        {"a": (6,)},
        lambda jnp, lax, a: lax.reduce_window(a, -jnp.inf, lax.max, (3,), (2,), ((1, 0),)),
    ),
    _selected("overlapping windows", "", _scattered(0)),
    _selected("padded", ", padding = dense<[[0, 0], [1, 1]]> : tensor<2x2xi64>", _scattered(1)),
]
