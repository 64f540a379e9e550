"""Rows of the audit for scatter: each kind of region, repeated and outlying indices."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case, Shape

_ROWS_OF = {"window": [1], "inserted": [0], "to": [0]}
_REGION = """^bb0(%old: tensor<f64>, %new: tensor<f64>):
                {combine}
                stablehlo.return %z : tensor<f64>"""
_COMBINE = {
    "add": "%z = stablehlo.add %old, %new : tensor<f64>",
    "add, commuted": "%z = stablehlo.add %new, %old : tensor<f64>",
    "subtract": "%z = stablehlo.subtract %old, %new : tensor<f64>",
    "multiply": "%z = stablehlo.multiply %old, %new : tensor<f64>",
    "maximum": "%z = stablehlo.maximum %old, %new : tensor<f64>",
    "minimum": "%z = stablehlo.minimum %old, %new : tensor<f64>",
}
_LAX = {
    "add": "scatter_add",
    "add, commuted": "scatter_add",
    "subtract": "scatter_sub",
    "multiply": "scatter_mul",
    "maximum": "scatter_max",
    "minimum": "scatter_min",
    "overwrite": "scatter",
}


def _region(kind: str) -> str:
    text = _REGION.format(combine=_COMBINE.get(kind, ""))
    return text.replace("%z", "%new") if kind == "overwrite" else text


def _dimensions(window: list[int], inserted: list[int], to: list[int], batch: Any = None) -> str:
    operand_batch, indices_batch = batch or ([], [])
    return f"""update_window_dims = {window}, inserted_window_dims = {inserted},
        input_batching_dims = {operand_batch}, scatter_indices_batching_dims = {indices_batch},
        scatter_dims_to_operand_dims = {to}"""


def _scatter(
    kind: str,
    mode: str,
    indices: Any,
    b: Shape,
    *,
    a: Shape = (5, 3),
    unique: bool = False,
    jax: Any = None,
    numbers: Any = None,
) -> Case:
    numbers = numbers or _ROWS_OF
    shape = _shape(indices)
    type_ = f"tensor<{''.join(f'{n}x' for n in shape)}i32>"
    return Case(
        "stablehlo.scatter",
        f"{kind}, {mode}",
        f"""%i = stablehlo.constant dense<{indices}> : {type_}
            %y = "stablehlo.scatter"(%a, %i, %b) ({{{{
              {_region(kind)}
            }}}}) {{{{scatter_dimension_numbers = #stablehlo.scatter<{_dimensions(**numbers)},
                index_vector_dim = {len(shape) - 1}>,
                unique_indices = {str(unique).lower()}}}}} : ({{a}}, {type_}, {{b}}) -> {{y}}""",
        a,
        {"a": a, "b": b},
        jax or _in_jax(kind, indices, numbers, unique),
    )


def _shape(nested: Any) -> Shape:
    return (len(nested), *_shape(nested[0])) if isinstance(nested, list) else ()


def _in_jax(kind: str, indices: Any, numbers: Any, unique: bool) -> Any:
    batch = numbers.get("batch") or ((), ())

    def function(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
        dimensions = lax.ScatterDimensionNumbers(
            update_window_dims=tuple(numbers["window"]),
            inserted_window_dims=tuple(numbers["inserted"]),
            scatter_dims_to_operand_dims=tuple(numbers["to"]),
            operand_batching_dims=tuple(batch[0]),
            scatter_indices_batching_dims=tuple(batch[1]),
        )
        scatter = getattr(lax, _LAX[kind])
        return scatter(a, jnp.array(indices), b, dimensions, unique_indices=unique)

    return function


_REPEATED, _DISTINCT = [[3], [0], [3], [4]], [[3], [0], [1], [4]]
_OUTLYING = [[3], [7], [-1], [0]]
_KINDS = ["add", "subtract", "maximum", "minimum", "overwrite"]


def _product_of_repeated(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
    rows = [a[0] * b[1], a[1], a[2], a[3] * b[0] * b[2], a[4] * b[3]]
    return jnp.stack(rows)


def _added_in_part(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
    return a.at[:2].add(b[0, 1:]).at[3:].add(b[1, :2])


def _greatest_in_part(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
    return a.at[:2].max(b[0, 1:]).at[3:].max(b[1, :2])


_WINDOWS = {"window": [1, 2], "inserted": [], "to": [1, 0]}
_ALONG = {"window": [1], "inserted": [], "to": [0]}
_BATCHED = {"window": [2], "inserted": [1], "to": [1], "batch": ([0], [0])}
_SPREAD = {"window": [0, 2], "inserted": [1], "to": [1]}


def _two_operands() -> Case:
    return Case(
        "stablehlo.scatter",
        "two operands, each its own way",
        """%i = stablehlo.constant dense<[[3], [0], [3]]> : tensor<3x1xi32>
           %p:2 = "stablehlo.scatter"(%a, %b, %i, %c, %d) ({{
             ^bb0(%x: tensor<f64>, %y0: tensor<f64>, %u: tensor<f64>, %v: tensor<f64>):
               %s = stablehlo.add %x, %u : tensor<f64>
               %t = stablehlo.maximum %y0, %v : tensor<f64>
               stablehlo.return %s, %t : tensor<f64>, tensor<f64>
           }}) {{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1],
               inserted_window_dims = [0], scatter_dims_to_operand_dims = [0],
               index_vector_dim = 1>}} :
               ({a}, {b}, tensor<3x1xi32>, {c}, {d}) -> ({a}, {b})
           %y = stablehlo.multiply %p#0, %p#1 : {y}""",
        (5, 2),
        {"a": (5, 2), "b": (5, 2), "c": (3, 2), "d": (3, 2)},
        lambda jnp, lax, a, b, c, d: (
            a.at[jnp.array([3, 0, 3])].add(c) * b.at[jnp.array([3, 0, 3])].max(d)
        ),
    )


ROWS = [
    *(_scatter(kind, "repeated", _REPEATED, (4, 3)) for kind in [*_KINDS, "add, commuted"]),
    *(_scatter(kind, "outlying", _OUTLYING, (4, 3)) for kind in ["add", "maximum", "overwrite"]),
    _scatter("overwrite", "unique", _DISTINCT, (4, 3), unique=True),
    _scatter("multiply", "unique", _DISTINCT, (4, 3), unique=True),
    _scatter("multiply", "unique and outlying", _OUTLYING, (4, 3), unique=True),
    _scatter("multiply", "repeated", _REPEATED, (4, 3), jax=_product_of_repeated),
    *(
        _scatter(kind, "windows", [[2, 1], [0, 2], [2, 1]], (3, 2, 3), a=(5, 5), numbers=_WINDOWS)
        for kind in ["add", "overwrite"]
    ),
    *(
        _scatter(
            kind,
            "windows that lie outside in part",
            [[-1], [3], [-9]],
            (3, 3),
            a=(5,),
            jax=function,
            numbers=_ALONG,
        )
        for kind, function in [("add", _added_in_part), ("maximum", _greatest_in_part)]
    ),
    _scatter("add", "batched", [[[3], [1]], [[1], [1]]], (2, 2, 3), a=(2, 4, 3), numbers=_BATCHED),
    _scatter(
        "maximum", "batched", [[[3], [1]], [[1], [1]]], (2, 2, 3), a=(2, 4, 3), numbers=_BATCHED
    ),
    _scatter("add", "window around", [[3], [1]], (2, 2, 3), a=(2, 4, 3), numbers=_SPREAD),
    _two_operands(),
]
