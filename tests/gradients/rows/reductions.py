"""Rows of the audit for reductions."""

from __future__ import annotations

from dataclasses import dataclass
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
        combine, init = {
            "add": (lax.add, 0.0),
            "maximum": (lax.max, -jnp.inf),
            "minimum": (lax.min, jnp.inf),
        }[kind]
        return lax.reduce_window(
            a,
            init,
            combine,
            window.size,
            window.strides,
            window.padding,
            window.base_dilation,
            window.dilation,
        )

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

ROWS = [
    _reduce("add", [1], (2, 4), lambda jnp: jnp.sum),
    _reduce("add", [0, 2], (3,), lambda jnp: jnp.sum),
    _reduce("add", [0, 1, 2], (), lambda jnp: jnp.sum),
    _reduce("multiply", [1], (2, 4), lambda jnp: jnp.prod),
    _reduce("multiply", [0, 2], (3,), lambda jnp: jnp.prod),
    _reduce("maximum", [2], (2, 3), lambda jnp: jnp.max),
    _reduce("minimum", [0, 1], (4,), lambda jnp: jnp.min),
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
]
