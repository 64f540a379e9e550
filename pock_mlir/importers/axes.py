"""What schemes want to know of a weight: which of its dimensions is "out" and which "in".

Frameworks order them differently (PyTorch [out, in, ...], JAX and Keras [..., in, out]), so it is
read off the op that the weight enters: a contraction sums over "in" and keeps "out"; a convolution
says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import i64s, shape_of
from pock_mlir.ir import Module, stablehlo_bindings
from pock_mlir.passes.layouts import ints, shared_factors
from pock_mlir.rewriting import named_ops, parameters

TORCH = (0, 1)
"""What is assumed of a parameter without the attribute `axes`."""
_SAME = ("convert", "reverse", "optimization_barrier")

Dims = list[int | None]


def mark_axes(module: Module, default: tuple[int, int] | None = None) -> None:
    """Give each parameter of two or more dimensions its `axes = array<i64: out, in>`.

    Where the uses do not tell, it gets `default`, or an empty array, which makes a scheme that
    counts on it an error. A parameter whose axes are PyTorch's has no attribute.
    """
    found: dict[str, tuple[int, int]] = {}
    for read in named_ops(module, "pock.read"):
        axes = _axes(read.operation.result, list(range(len(shape_of(read.operation.result)))))
        if axes is not None:
            found.setdefault(read.parameter.value, axes)
    for name, op in parameters(module).items():
        axes = found.get(name, default)
        if len(op.framework_shape) < 2 or axes == TORCH:
            continue
        with op.location:
            op.operation.attributes["axes"] = i64s(list(axes or ()))


def _axes(value: Any, dims: Dims) -> tuple[int, int] | None:
    """(out, in), from the first user that tells; `dims` are the weight's, for each of `value`."""
    for use in value.uses:
        op, operand = use.owner.operation, use.operand_number
        out, into = _contracted(op, operand)
        if out is not None and into is not None:
            o, i = dims[out], dims[into]
            if o is not None and i is not None and o != i:  # groups may mix the two
                return o, i
            continue
        for moved in _moved(op, dims):
            if (axes := _axes(op.results[0], moved)) is not None:
                return axes
    return None


def _contracted(op: Any, operand: int) -> tuple[int | None, int | None]:
    """Which dimensions of the operand are "out" and "in" to `op`; Nones if it is no contraction."""
    if op.name == "stablehlo.convolution" and operand == 1:
        numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
        return numbers.kernel_output_feature_dimension, numbers.kernel_input_feature_dimension
    if op.name != "stablehlo.dot_general":
        return None, None
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    side = "rhs" if operand else "lhs"
    summed = list(getattr(numbers, f"{side}_contracting_dimensions"))
    batch = list(getattr(numbers, f"{side}_batching_dimensions"))
    rank = len(shape_of(op.operands[operand]))
    kept = [i for i in range(rank) if i not in summed and i not in batch]
    return (kept[0], min(summed)) if kept and summed else (None, None)


def _moved(op: Any, dims: Dims) -> Iterator[Dims]:
    """The dimensions of the result of an op that only moves its operand's."""
    kind = op.name.removeprefix("stablehlo.")
    if kind in _SAME:
        yield dims
    elif kind == "transpose":
        yield [dims[i] for i in ints(op, "permutation")]
    elif kind == "reshape":
        yield _reshaped(shape_of(op.operands[0]), shape_of(op.results[0]), dims)
    elif kind == "broadcast_in_dim":
        moved: Dims = [None] * len(shape_of(op.results[0]))
        for dim, place in zip(dims, ints(op, "broadcast_dimensions"), strict=True):
            moved[place] = dim
        yield moved


def _reshaped(source: Sequence[int], target: Sequence[int], dims: Dims) -> Dims:
    """A dimension that others merge into is the first of them; those of size 1 keep their order."""
    moved: Dims = [None] * len(target)
    for left, right in shared_factors(list(source), list(target)):
        for place in right:
            moved[place] = dims[left[0]]
    ones = [i for i, size in enumerate(source) if size == 1]
    for place, one in zip((i for i, size in enumerate(target) if size == 1), ones, strict=False):
        moved[place] = dims[one]
    return moved
