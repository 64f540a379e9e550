"""Gradients that are looked up row by row (an embedding's), inside the kernel of their update."""

from __future__ import annotations

from collections.abc import Sequence

from pock_mlir.backends.iree.linalg import ScalarArithmetic, generic, zeros
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import DenseI64ArrayAttr, Operation, Value, stablehlo_bindings


def takes_rows(op: Operation) -> bool:
    """Whether `op` gathers whole rows of a matrix, by a vector of indices that all are inside."""
    if op.name != "stablehlo.gather":
        return False
    rows, indices = op.operands
    numbers = stablehlo_bindings.GatherDimensionNumbers(op.attributes["dimension_numbers"])
    whole = [1, shape_of(rows)[-1]] == list(DenseI64ArrayAttr(op.attributes["slice_sizes"]))
    return (
        whole
        and "pock.inside" in op.attributes
        and len(shape_of(rows)) == 2
        and len(shape_of(indices)) == 1
        and list(numbers.offset_dims) == [1]
        and list(numbers.collapsed_slice_dims) == [0]
        and list(numbers.start_index_map) == [0]
    )


def build_rows(b: Builder, loaded: Sequence[Value], shape: Sequence[int]) -> Value:
    """rows[indices[i], j], as one generic that reads `rows` where it lies."""
    rows, indices = loaded
    element = type_of(rows).element_type

    def body(a: ScalarArithmetic, inputs: list[Value], outputs: list[Value]) -> list[Value]:
        del outputs
        return [a.extract(rows, inputs[0], a.loop(1))]

    return generic(b, [indices], [zeros(b, shape, element)], [[0], [0, 1]], 2, [], body)[0]
