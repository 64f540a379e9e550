"""What random graphs are made of: each function draws an op, or None where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.gradients.random_graph import MOST_ELEMENTS, Graph, Op, Shape, dense, elements

DRAWS: list[Callable[[Graph], Op | None]] = []


def draw(function: Callable[[Graph], Op | None]) -> Callable[[Graph], Op | None]:
    """Register a way to draw an op."""
    DRAWS.append(function)
    return function


def random_graph(seed: int, size: int) -> Graph:
    """A graph of so many ops."""
    graph = Graph(np.random.default_rng(seed))
    for shape in [(3, 4), (2, 3, 2)]:
        graph.parameter(shape)
    while len(graph.ops) < size:
        op = DRAWS[graph.random.integers(len(DRAWS))](graph)
        if op is not None and 0 < elements(op.shape) <= MOST_ELEMENTS:
            graph.add(op)
    return graph


def _ints(values: Any) -> str:
    listed = ", ".join(str(int(value)) for value in values)
    return f"array<i64: {listed}>" if listed else "array<i64>"


def _choice(graph: Graph, options: dict[str, Any]) -> tuple[str, Any]:
    name = list(options)[graph.random.integers(len(options))]
    return name, options[name]


def _dimension(graph: Graph, index: int) -> int:
    return int(graph.random.integers(len(graph.shapes[index])))


# ---- elementwise -----------------------------------------------------------------------------

_SQUARE_PLUS_ONE = """%_s = stablehlo.multiply %0, %0 : TR
    %_c = stablehlo.constant dense<1.0> : TR
    %_p = stablehlo.add %_s, %_c : TR
    %r = stablehlo.{} %_p : TR"""
_UNARY = {
    "tanh": lambda jnp, lax, x: jnp.tanh(x),
    "sine": lambda jnp, lax, x: jnp.sin(x),
    "cosine": lambda jnp, lax, x: jnp.cos(x),
    "logistic": lambda jnp, lax, x: lax.logistic(x),
    "negate": lambda jnp, lax, x: -x,
    "abs": lambda jnp, lax, x: jnp.abs(x),
}
_OF_POSITIVE = {
    "log": lambda jnp, lax, x: jnp.log(x * x + 1),
    "sqrt": lambda jnp, lax, x: jnp.sqrt(x * x + 1),
    "rsqrt": lambda jnp, lax, x: lax.rsqrt(x * x + 1),
    "cbrt": lambda jnp, lax, x: jnp.cbrt(x * x + 1),
    "log_plus_one": lambda jnp, lax, x: jnp.log1p(x * x + 1),
}
_BINARY = {
    "add": lambda jnp, lax, x, y: x + y,
    "subtract": lambda jnp, lax, x, y: x - y,
    "multiply": lambda jnp, lax, x, y: x * y,
    "maximum": lambda jnp, lax, x, y: jnp.maximum(x, y),
    "minimum": lambda jnp, lax, x, y: jnp.minimum(x, y),
    "atan2": lambda jnp, lax, x, y: jnp.arctan2(x, y),
}


@draw
def unary(graph: Graph) -> Op:
    name, function = _choice(graph, _UNARY)
    x = graph.pick()
    return Op(name, graph.shapes[x], f"%r = stablehlo.{name} %0 : TR", function, (x,))


@draw
def of_positive(graph: Graph) -> Op:
    name, function = _choice(graph, _OF_POSITIVE)
    x = graph.pick()
    return Op(name, graph.shapes[x], _SQUARE_PLUS_ONE.format(name), function, (x,))


@draw
def bounded_exponential(graph: Graph) -> Op:
    x = graph.pick()
    text = "%_t = stablehlo.tanh %0 : TR\n%r = stablehlo.exponential %_t : TR"
    return Op("exp", graph.shapes[x], text, lambda jnp, lax, x: jnp.exp(jnp.tanh(x)), (x,))


@draw
def binary(graph: Graph) -> Op:
    name, function = _choice(graph, _BINARY)
    x = graph.pick()
    inputs = (x, graph.like(x))
    return Op(name, graph.shapes[x], f"%r = stablehlo.{name} %0, %1 : TR", function, inputs)


@draw
def quotient(graph: Graph) -> Op:
    x = graph.pick()
    text = _SQUARE_PLUS_ONE.replace("%0", "%1").replace(
        "stablehlo.{} %_p", "stablehlo.divide %0, %_p"
    )
    inputs = (x, graph.like(x))
    return Op("divide", graph.shapes[x], text, lambda jnp, lax, x, y: x / (y * y + 1), inputs)


@draw
def clamp(graph: Graph) -> Op:
    x = graph.pick()
    low, high = np.sort(graph.random.normal(size=2))
    text = f"""%_l = {dense(low, "f64")}
        %_h = {dense(high, "f64")}
        %r = stablehlo.clamp %_l, %0, %_h : (tensor<f64>, TR, tensor<f64>) -> TR"""
    return Op("clamp", graph.shapes[x], text, lambda jnp, lax, x: lax.clamp(low, x, high), (x,))


@draw
def selection(graph: Graph) -> Op:
    x = graph.pick()
    shape = graph.shapes[x]
    inputs = (x, graph.like(x), graph.like(x))
    type_ = f"tensor<{''.join(f'{n}x' for n in shape)}i1>"
    text = f"""%_p = stablehlo.compare LT, %0, %1 : (TR, TR) -> {type_}
        %r = stablehlo.select %_p, %1, %2 : {type_}, TR"""
    return Op("select", shape, text, lambda jnp, lax, x, y, z: jnp.where(x < y, y, z), inputs)


# ---- shapes ----------------------------------------------------------------------------------


@draw
def transpose(graph: Graph) -> Op:
    x = graph.pick(2)
    order = [int(i) for i in graph.random.permutation(len(graph.shapes[x]))]
    shape = tuple(graph.shapes[x][i] for i in order)
    text = f"%r = stablehlo.transpose %0, dims = {order} : (T0) -> TR"
    return Op("transpose", shape, text, lambda jnp, lax, x: jnp.transpose(x, order), (x,))


@draw
def reshape(graph: Graph) -> Op:
    x = graph.pick()
    shape = [int(i) for i in graph.random.permutation(graph.shapes[x])]
    if len(shape) > 1 and graph.random.random() < 0.5:
        shape = [shape[0] * shape[1], *shape[2:]]
    else:
        shape.insert(int(graph.random.integers(len(shape) + 1)), 1)
    new = tuple(shape)
    text = "%r = stablehlo.reshape %0 : (T0) -> TR"
    return Op("reshape", new, text, lambda jnp, lax, x: x.reshape(new), (x,))


@draw
def broadcast(graph: Graph) -> Op:
    x = graph.pick()
    old = list(graph.shapes[x])
    place, size = int(graph.random.integers(len(old) + 1)), int(graph.random.integers(1, 4))
    dims = [i + (i >= place) for i in range(len(old))]
    stretched = [size if n == 1 else n for n in old]
    shape = (*stretched[:place], size, *stretched[place:])
    text = f"%r = stablehlo.broadcast_in_dim %0, dims = {dims} : (T0) -> TR"
    return Op(
        "broadcast", shape, text, lambda jnp, lax, x: lax.broadcast_in_dim(x, shape, dims), (x,)
    )


@draw
def slice_(graph: Graph) -> Op:
    x = graph.pick(1)
    old = graph.shapes[x]
    start = [int(graph.random.integers(n)) for n in old]
    limit = [int(graph.random.integers(a + 1, n + 1)) for a, n in zip(start, old, strict=True)]
    steps = [int(graph.random.integers(1, 3)) for _ in old]
    shape = tuple(-(-(b - a) // s) for a, b, s in zip(start, limit, steps, strict=True))
    text = f"""%r = "stablehlo.slice"(%0) {{start_indices = {_ints(start)},
        limit_indices = {_ints(limit)}, strides = {_ints(steps)}}} : (T0) -> TR"""
    return Op("slice", shape, text, lambda jnp, lax, x: lax.slice(x, start, limit, steps), (x,))


@draw
def pad(graph: Graph) -> Op | None:
    x = graph.pick(1)
    old = graph.shapes[x]
    config = [tuple(int(i) for i in graph.random.integers([-1, -1, 0], [3, 3, 2])) for _ in old]
    shape = tuple(lo + hi + n + (n - 1) * mid for n, (lo, hi, mid) in zip(old, config, strict=True))
    if min(shape) < 1:
        return None
    low, high, interior = ([*column] for column in zip(*config, strict=True))
    text = f"""%r = stablehlo.pad %0, %zero, low = {low}, high = {high}, interior = {interior} :
        (T0, tensor<f64>) -> TR"""
    return Op(
        "pad", shape, text, lambda jnp, lax, x: lax.pad(x, jnp.zeros((), x.dtype), config), (x,)
    )


@draw
def concatenate(graph: Graph) -> Op:
    x = graph.pick(1)
    d = _dimension(graph, x)
    shape = list(graph.shapes[x])
    shape[d] *= 2
    text = f"%r = stablehlo.concatenate %0, %1, dim = {d} : (T0, T1) -> TR"
    inputs = (x, graph.like(x))
    return Op(
        "concatenate", tuple(shape), text, lambda jnp, lax, *xs: jnp.concatenate(xs, d), inputs
    )


@draw
def reverse(graph: Graph) -> Op:
    x = graph.pick(1)
    d = _dimension(graph, x)
    text = f"%r = stablehlo.reverse %0, dims = [{d}] : TR"
    return Op("reverse", graph.shapes[x], text, lambda jnp, lax, x: jnp.flip(x, d), (x,))


def without(shape: Shape, dimensions: list[int]) -> Shape:
    """A shape less some dimensions."""
    return tuple(n for i, n in enumerate(shape) if i not in dimensions)
