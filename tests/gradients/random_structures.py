"""More of what random graphs are made of: contractions, windows, indexing, order, control flow."""

from __future__ import annotations

import numpy as np

from tests.gradients.random_graph import Graph, Op, dense
from tests.gradients.random_ops import _choice, _dimension, _ints, draw, without

# ---- reductions and contractions -------------------------------------------------------------

_REDUCTIONS = {
    "add": ("0.0", lambda jnp, lax, x, d: jnp.sum(x, d)),
    "multiply": ("1.0", lambda jnp, lax, x, d: jnp.prod(x, d)),
    "maximum": ("0xFFF0000000000000", lambda jnp, lax, x, d: jnp.max(x, d)),
    "minimum": ("0x7FF0000000000000", lambda jnp, lax, x, d: jnp.min(x, d)),
}


@draw
def reduction(graph: Graph) -> Op:
    name, (initial, function) = _choice(graph, _REDUCTIONS)
    x = graph.pick(1)
    d = _dimension(graph, x)
    text = f"""%_i = stablehlo.constant dense<{initial}> : tensor<f64>
        %r = stablehlo.reduce(%0 init: %_i) applies stablehlo.{name} across dimensions = [{d}] :
            (T0, tensor<f64>) -> TR"""
    shape = without(graph.shapes[x], [d])
    return Op(f"reduce {name}", shape, text, lambda jnp, lax, x: function(jnp, lax, x, d), (x,))


@draw
def contraction(graph: Graph) -> Op | None:
    x, y = graph.pick(1), graph.pick(1)
    left, right = graph.shapes[x], graph.shapes[y]
    pairs = [(i, j) for i, n in enumerate(left) for j, m in enumerate(right) if n == m]
    if not pairs:
        return None
    i, j = pairs[graph.random.integers(len(pairs))]
    batch = (
        [(k, m) for k, m in pairs if k != i and m != j][:1] if graph.random.random() < 0.5 else []
    )
    (lb, rb) = ([k for k, _ in batch], [m for _, m in batch])
    shape = (*(left[k] for k in lb), *without(left, [i, *lb]), *without(right, [j, *rb]))
    batching = f"batching_dims = {lb} x {rb}, " if batch else ""
    text = f"""%r = stablehlo.dot_general %0, %1, {batching}contracting_dims = [{i}] x [{j}] :
        (T0, T1) -> TR"""
    numbers = (((i,), (j,)), (tuple(lb), tuple(rb)))
    return Op("dot", shape, text, lambda jnp, lax, x, y: lax.dot_general(x, y, numbers), (x, y))


@draw
def convolution(graph: Graph) -> Op | None:
    x = graph.pick(3)
    shape = graph.shapes[x]
    if len(shape) != 3:
        return None
    width, stride = int(graph.random.integers(1, 3)), int(graph.random.integers(1, 3))
    low, high = (int(i) for i in graph.random.integers(0, 2, 2))
    kernel = graph.parameter((width, shape[2], 2))
    places = (shape[1] + low + high - width) // stride + 1
    text = f"""%r = stablehlo.convolution(%0, %1) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f],
        window = {{stride = [{stride}], pad = [[{low}, {high}]]}}
        {{batch_group_count = 1 : i64, feature_group_count = 1 : i64}} : (T0, T1) -> TR"""
    return Op(
        "convolution",
        (shape[0], places, 2),
        text,
        lambda jnp, lax, x, w: lax.conv_general_dilated(
            x, w, [stride], [(low, high)], dimension_numbers=("NWC", "WIO", "NWC")
        ),
        (x, kernel),
    )


@draw
def window(graph: Graph) -> Op:
    name = ["add", "maximum"][graph.random.integers(2)]
    x = graph.pick(1)
    shape = graph.shapes[x]
    size = [int(graph.random.integers(1, min(n, 3) + 1)) for n in shape]
    strides = [int(graph.random.integers(1, 3)) for _ in shape]
    new = tuple((n - w) // s + 1 for n, w, s in zip(shape, size, strides, strict=True))
    initial = _REDUCTIONS[name][0]
    text = f"""%_i = stablehlo.constant dense<{initial}> : tensor<f64>
        %r = "stablehlo.reduce_window"(%0, %_i) ({{
          ^bb0(%_a: tensor<f64>, %_b: tensor<f64>):
            %_m = stablehlo.{name} %_a, %_b : tensor<f64>
            stablehlo.return %_m : tensor<f64>
        }}) {{window_dimensions = {_ints(size)}, window_strides = {_ints(strides)}}} :
            (T0, tensor<f64>) -> TR"""

    def function(jnp, lax, x):
        combine, first = (lax.add, 0.0) if name == "add" else (lax.max, -np.inf)
        return lax.reduce_window(x, first, combine, size, strides, "VALID")

    return Op(f"window {name}", new, text, function, (x,))


# ---- indexing and order ----------------------------------------------------------------------


def _take(shape: tuple[int, ...], count: int) -> str:
    rest = list(range(1, len(shape)))
    return f"""dimension_numbers = #stablehlo.gather<offset_dims = {rest},
        collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>,
        slice_sizes = {_ints([1, *shape[1:]])}, indices_are_sorted = false"""


@draw
def gather(graph: Graph) -> Op:
    x = graph.pick(1)
    shape = graph.shapes[x]
    rows = graph.random.integers(0, shape[0], 3)
    text = f"""%_i = {dense(rows)}
        %r = "stablehlo.gather"(%0, %_i) {{{_take(shape, 3)}}} : (T0, tensor<3xi32>) -> TR"""
    return Op("gather", (3, *shape[1:]), text, lambda jnp, lax, x: x[rows], (x,))


@draw
def scatter(graph: Graph) -> Op:
    kind = ["add", "maximum", "overwrite"][graph.random.integers(3)]
    x = graph.pick(1)
    shape = graph.shapes[x]
    rows = graph.random.integers(0, shape[0], 2)
    updates = graph.parameter((2, *shape[1:]))
    combined = "%_n" if kind == "overwrite" else "%_m"
    combine = "" if kind == "overwrite" else f"%_m = stablehlo.{kind} %_o, %_n : tensor<f64>"
    window = list(range(1, len(shape)))
    text = f"""%_i = {dense(rows[:, None])}
        %r = "stablehlo.scatter"(%0, %_i, %1) ({{
          ^bb0(%_o: tensor<f64>, %_n: tensor<f64>):
            {combine}
            stablehlo.return {combined} : tensor<f64>
        }}) {{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = {window},
            inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}}
            : (T0, tensor<2x1xi32>, T1) -> TR"""
    method = {"add": "add", "maximum": "max", "overwrite": "set"}[kind]
    return Op(
        f"scatter {kind}",
        shape,
        text,
        lambda jnp, lax, x, u: getattr(x.at[rows], method)(u),
        (x, updates),
    )


@draw
def dynamic_update_slice(graph: Graph) -> Op:
    x = graph.pick(1)
    shape = graph.shapes[x]
    start = [int(graph.random.integers(0, n + 2)) for n in shape]
    update = graph.parameter(tuple(max(1, n - 1) for n in shape))
    starts = "\n".join(f"%_{i} = {dense(n)}" for i, n in enumerate(start))
    names = ", ".join(f"%_{i}" for i in range(len(shape)))
    text = f"""{starts}
        %r = stablehlo.dynamic_update_slice %0, %1, {names} :
            (T0, T1{", tensor<i32>" * len(shape)}) -> TR"""
    return Op(
        "dynamic_update_slice",
        shape,
        text,
        lambda jnp, lax, x, u: lax.dynamic_update_slice(x, u, start),
        (x, update),
    )


@draw
def sort(graph: Graph) -> Op:
    x = graph.pick(1)
    d = _dimension(graph, x)
    text = f"""%r = "stablehlo.sort"(%0) ({{
          ^bb0(%_a: tensor<f64>, %_b: tensor<f64>):
            %_m = stablehlo.compare LT, %_a, %_b : (tensor<f64>, tensor<f64>) -> tensor<i1>
            stablehlo.return %_m : tensor<i1>
        }}) {{dimension = {d} : i64, is_stable = true}} : (T0) -> TR"""
    return Op("sort", graph.shapes[x], text, lambda jnp, lax, x: jnp.sort(x, d), (x,))


# ---- control flow ----------------------------------------------------------------------------


@draw
def branch(graph: Graph) -> Op:
    x = graph.pick()
    inputs = (x, graph.like(x))
    every = list(range(len(graph.shapes[x])))
    text = f"""%_s = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across
            dimensions = {every} : (T0, tensor<f64>) -> tensor<f64>
        %_p = stablehlo.compare GT, %_s, %zero : (tensor<f64>, tensor<f64>) -> tensor<i1>
        %r = "stablehlo.if"(%_p) ({{
          %_a = stablehlo.sine %0 : TR
          %_b = stablehlo.multiply %_a, %1 : TR
          stablehlo.return %_b : TR
        }}, {{
          stablehlo.return %1 : TR
        }}) : (tensor<i1>) -> TR"""

    def function(jnp, lax, x, y):
        return lax.cond(x.sum() > 0, lambda: jnp.sin(x) * y, lambda: y)

    return Op("if", graph.shapes[x], text, function, inputs)


@draw
def loop(graph: Graph) -> Op:
    x = graph.pick()
    inputs = (x, graph.like(x))
    trips = int(graph.random.integers(0, 4))
    text = f"""%_0 = {dense(0)}
        %_1 = {dense(1)}
        %_n = {dense(trips)}
        %_r:2 = stablehlo.while(%_i = %_0, %_x = %0) : tensor<i32>, TR
        cond {{
          %_c = stablehlo.compare LT, %_i, %_n : (tensor<i32>, tensor<i32>) -> tensor<i1>
          stablehlo.return %_c : tensor<i1>
        }} do {{
          %_j = stablehlo.add %_i, %_1 : tensor<i32>
          %_m = stablehlo.multiply %_x, %1 : TR
          %_y = stablehlo.sine %_m : TR
          stablehlo.return %_j, %_y : tensor<i32>, TR
        }}
        %r = stablehlo.tanh %_r#1 : TR"""

    def function(jnp, lax, x, y):
        for _ in range(trips):
            x = jnp.sin(x * y)
        return jnp.tanh(x)

    return Op(f"while {trips}", graph.shapes[x], text, function, inputs)
