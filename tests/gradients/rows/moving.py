"""Rows of the audit for ops that move elements: shapes and indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.gradients.case import Case, Shape, tensor


def _one(op: str, mode: str, attributes: str, a: Shape, y: Shape, jax: Any) -> Case:
    return Case(
        f"stablehlo.{op}",
        mode,
        f'%y = "stablehlo.{op}"(%a) {{{{{attributes}}}}} : ({{a}}) -> {{y}}',
        y,
        {"a": a},
        jax,
    )


def _array(values: list[int]) -> str:
    return f"array<i64: {', '.join(map(str, values))}>"


def _broadcast(mode: str, a: Shape, y: Shape, dims: list[int]) -> Case:
    return _one(
        "broadcast_in_dim",
        mode,
        f"broadcast_dimensions = {_array(dims) if dims else 'array<i64>'}",
        a,
        y,
        # JAX's own gradient fails where dims are not sorted.
        lambda jnp, lax, x: lax.broadcast_in_dim(
            jnp.transpose(x, np.argsort(dims)), y, sorted(dims)
        ),
    )


def _slice(mode: str, start: list[int], limit: list[int], strides: list[int], y: Shape) -> Case:
    return _one(
        "slice",
        mode,
        f"start_indices = {_array(start)}, limit_indices = {_array(limit)},"
        f" strides = {_array(strides)}",
        (7, 5),
        y,
        lambda jnp, lax, x: lax.slice(x, start, limit, strides),
    )


def _pad(mode: str, config: list[tuple[int, int, int]], value: str = "%zero") -> Case:
    low, high, interior = ([*column] for column in zip(*config, strict=True))
    sizes = zip((4, 5), config, strict=True)
    y = tuple(lo + hi + n + (n - 1) * mid for n, (lo, hi, mid) in sizes)
    shapes: dict[str, Shape] = {"a": (4, 5)}
    if value == "%b":
        shapes["b"] = ()
    return Case(
        "stablehlo.pad",
        mode,
        f"""%y = stablehlo.pad %a, {value}, low = {low}, high = {high}, interior = {interior} :
                ({{a}}, tensor<f64>) -> {{y}}""",
        y,
        shapes,
        lambda jnp, lax, a, b=0.0: lax.pad(a, jnp.asarray(b, a.dtype), config),
    )


_SHAPE = [
    _one("reshape", "split", "", (6, 4), (2, 3, 4), lambda jnp, lax, a: a.reshape(2, 3, 4)),
    _one("reshape", "to scalar", "", (1, 1), (), lambda jnp, lax, a: a.reshape(())),
    _one(
        "transpose",
        "cycle",
        "permutation = array<i64: 2, 0, 1>",
        (2, 3, 4),
        (4, 2, 3),
        lambda jnp, lax, a: jnp.transpose(a, (2, 0, 1)),
    ),
    _broadcast("scalar", (), (2, 3), []),
    _broadcast("leading", (3,), (2, 3), [1]),
    _broadcast("middle", (3,), (2, 3, 4), [1]),
    _broadcast("stretch", (1, 3, 1), (2, 3, 4), [0, 1, 2]),
    _broadcast("permuted", (4, 2), (2, 3, 4), [2, 0]),
    _broadcast("permuted and stretched", (1, 2), (2, 3, 4), [2, 0]),
    _broadcast("same", (2, 3), (2, 3), [0, 1]),
    _slice("contiguous", [1, 0], [4, 5], [1, 1], (3, 5)),
    _slice("strided", [1, 0], [7, 4], [2, 3], (3, 2)),
    _pad("around", [(1, 2, 0), (0, 3, 0)]),
    _pad("interior", [(1, 0, 2), (0, 0, 1)]),
    _pad("negative", [(-1, -1, 0), (2, -2, 0)]),
    _pad("negative and interior", [(-2, -1, 1), (-1, 1, 2)]),
    _pad("trained value", [(1, 2, 0), (-1, 1, 1)], "%b"),
    _one(
        "reverse",
        "two dimensions",
        "dimensions = array<i64: 0, 2>",
        (2, 3, 4),
        (2, 3, 4),
        lambda jnp, lax, a: jnp.flip(a, (0, 2)),
    ),
    Case(
        "stablehlo.concatenate",
        "three operands",
        "%y = stablehlo.concatenate %a, %b, %c, dim = 1 : ({a}, {b}, {c}) -> {y}",
        (2, 6),
        {"a": (2, 3), "b": (2, 1), "c": (2, 2)},
        lambda jnp, lax, a, b, c: jnp.concatenate([a, b, c], 1),
    ),
    Case(
        "stablehlo.optimization_barrier",
        "two operands",
        """%p, %q = stablehlo.optimization_barrier %a, %b : {a}, {b}
           %y = stablehlo.multiply %p, %q : {y}""",
        (2, 3),
        {"a": (2, 3), "b": (2, 3)},
        lambda jnp, lax, a, b: a * b,
    ),
    Case(
        "stablehlo.optimization_barrier",
        "a result without a use",
        "%y, %q = stablehlo.optimization_barrier %a, %a : {a}, {a}",
        (2, 3),
        {"a": (2, 3)},
        lambda jnp, lax, a: a,
    ),
]


def _gather(
    mode: str,
    a: Shape,
    y: Shape,
    indices: str,
    index_type: str,
    attributes: str,
    sizes: list[int],
    jax: Any,
) -> Case:
    return Case(
        "stablehlo.gather",
        mode,
        f"""%i = stablehlo.constant dense<{indices}> : {index_type}
            %y = "stablehlo.gather"(%a, %i) {{{{dimension_numbers =
                #stablehlo.gather<{attributes}>, slice_sizes = {_array(sizes)},
                indices_are_sorted = false}}}} : ({{a}}, {index_type}) -> {{y}}""",
        y,
        {"a": a},
        jax,
    )


_ROWS_OF = "offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0],"

_INDEXING = [
    Case(
        "stablehlo.dynamic_slice",
        "clamped start",
        f"""%i = stablehlo.constant dense<1> : tensor<i32>
            %j = stablehlo.constant dense<9> : tensor<i32>
            %y = stablehlo.dynamic_slice %a, %i, %j, sizes = [2, 3] :
                ({{a}}, tensor<i32>, tensor<i32>) -> {tensor((2, 3))}""",
        (2, 3),
        {"a": (4, 5)},
        lambda jnp, lax, a: lax.dynamic_slice(a, (1, 9), (2, 3)),
    ),
    Case(
        "stablehlo.dynamic_update_slice",
        "both trained",
        """%i = stablehlo.constant dense<1> : tensor<i32>
           %j = stablehlo.constant dense<9> : tensor<i32>
           %y = stablehlo.dynamic_update_slice %a, %b, %i, %j :
               ({a}, {b}, tensor<i32>, tensor<i32>) -> {y}""",
        (4, 5),
        {"a": (4, 5), "b": (2, 3)},
        lambda jnp, lax, a, b: lax.dynamic_update_slice(a, b, (1, 9)),
    ),
    _gather(
        "embedding with repeated rows",
        (5, 3),
        (4, 3),
        "[3, 0, 3, 4]",
        "tensor<4xi64>",
        f"{_ROWS_OF} index_vector_dim = 1",
        [1, 3],
        lambda jnp, lax, a: a[jnp.array([3, 0, 3, 4])],
    ),
    _gather(
        "indices out of bounds",
        (5, 3),
        (3, 3),
        "[[7], [-2], [1]]",
        "tensor<3x1xi32>",
        f"{_ROWS_OF} index_vector_dim = 1",
        [1, 3],
        lambda jnp, lax, a: a[jnp.array([4, 0, 1])],
    ),
    _gather(
        "windows",
        (5, 4),
        (2, 2, 3),
        "[[3, 1], [0, 7]]",
        "tensor<2x2xi32>",
        "offset_dims = [1, 2], start_index_map = [1, 0], index_vector_dim = 0",
        [2, 3],
        lambda jnp, lax, a: jnp.stack([a[0:2, 1:4], a[3:5, 1:4]]),
    ),
    _gather(
        "scalar indices, unsigned, index vector left out",
        (5, 3),
        (4, 3),
        "[3, 0, 9, 4]",
        "tensor<4xui8>",
        f"{_ROWS_OF} index_vector_dim = 1",
        [1, 3],
        lambda jnp, lax, a: a[jnp.array([3, 0, 4, 4])],
    ),
    _gather(
        "batches in both orders",
        (3, 2, 5),
        (2, 3, 2),
        "[[[3], [1], [0]], [[4], [2], [9]]]",
        "tensor<2x3x1xi32>",
        "offset_dims = [2], operand_batching_dims = [0, 1],"
        " start_indices_batching_dims = [1, 0], start_index_map = [2], index_vector_dim = 2",
        [1, 1, 2],
        lambda jnp, lax, a: jnp.stack(
            [
                jnp.stack([a[k, j, i : i + 2] for k, i in enumerate(row)])
                for j, row in enumerate([[3, 1, 0], [3, 2, 3]])
            ]
        ),
    ),
    _gather(
        "batched",
        (2, 5),
        (2, 3),
        "[[3, 1, 1], [0, 4, 2]]",
        "tensor<2x3xi32>",
        "collapsed_slice_dims = [1], operand_batching_dims = [0],"
        " start_indices_batching_dims = [0], start_index_map = [1], index_vector_dim = 2",
        [1, 1],
        lambda jnp, lax, a: jnp.take_along_axis(a, jnp.array([[3, 1, 1], [0, 4, 2]]), 1),
    ),
]

ROWS = [*_SHAPE, *_INDEXING]
