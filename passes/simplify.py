"""simplify: identities of arithmetic, and shape ops that cancel or merge into their users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pock_mlir.dialects.constants import is_splat, splat_of
from pock_mlir.dialects.stablehlo import Builder, pairs, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    Module,
    RankedTensorType,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.patterns import Patterns, producer

PATTERNS = Patterns()
_UNARY = ("negate", "abs", "sqrt", "rsqrt", "exponential", "log", "tanh", "logistic")
_BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power")


@dataclass(frozen=True)
class Simplify(ModulePass):
    """Removes arithmetic with 0 and 1, merges chains of shape ops, and padding into convolutions.

    Requires nothing. Ensures that per-channel vectors stay of rank 1 until they are broadcast,
    that contractions read their operands untransposed, that a zero border made before a convolution
    is the convolution's own padding, and that a convolution has no padding that it does not use.

        %s = stablehlo.reshape %v : (tensor<8xf32>) -> tensor<8x1x1xf32>
        %b = stablehlo.broadcast_in_dim %s, dims = [1, 2, 3] : ... -> tensor<2x8x4x4xf32>
      becomes
        %b = stablehlo.broadcast_in_dim %v, dims = [1] : ... -> tensor<2x8x4x4xf32>
    """

    name: ClassVar[str] = "simplify"

    def run(self, module: Module) -> None:
        PATTERNS.apply(module)


def ints(op: Any, name: str) -> list[int]:
    """The attribute `name` of a StableHLO op, an `array<i64>`."""
    return list(DenseI64ArrayAttr(op.attributes[name]))


# ---- arithmetic ------------------------------------------------------------------------------


def _neutral(name: str, number: float, commutes: bool) -> None:
    @PATTERNS.on(f"stablehlo.{name}")
    def neutral(b: Builder, op: Any) -> Value | None:
        """x + 0 = x and its kin"""
        x, y = op.operands
        if is_splat(y, number):
            return x
        return y if commutes and is_splat(x, number) else None


_neutral("add", 0, commutes=True)
_neutral("subtract", 0, commutes=False)
_neutral("multiply", 1, commutes=True)
_neutral("divide", 1, commutes=False)
_neutral("power", 1, commutes=False)


@PATTERNS.on("stablehlo.power")
def power(b: Builder, op: Any) -> Value | None:
    """Small powers are products and roots: they are faster and their derivatives exact."""
    x, exponent = op.operands[0], splat_of(op.operands[1])
    if exponent == 2:
        return b.multiply(x, x)
    if exponent == 3:
        return b.multiply(b.multiply(x, x), x)
    if exponent == 0.5:
        return b.sqrt(x)
    if exponent == -0.5:
        return b.rsqrt(x)
    return b.divide(b.ones_like(x), x) if exponent == -1 else None


@PATTERNS.on("stablehlo.clamp")
def clamp_of_clamp(b: Builder, op: Any) -> Value | None:
    """Two clamps with known bounds are one"""
    inner = producer(op.operands[1], "stablehlo.clamp")
    if inner is None:
        return None
    low, high, least, most = map(
        splat_of, (op.operands[0], op.operands[2], inner.operands[0], inner.operands[2])
    )
    if low is None or high is None or least is None or most is None:
        return None
    bounds = [b.scalar_like(op.result, min(max(x, low), high)) for x in (least, most)]
    operands = [bounds[0], inner.operands[1], bounds[1]]
    return b.create(op.name, operands, [op.result.type]).results[0]


# ---- shapes ----------------------------------------------------------------------------------


@PATTERNS.on("stablehlo.reshape", "stablehlo.convert")
def no_change(b: Builder, op: Any) -> Value | None:
    """A reshape or conversion to the type that there is already"""
    return op.operands[0] if op.operands[0].type == op.result.type else None


@PATTERNS.on("stablehlo.reshape")
def reshape_of_reshape(b: Builder, op: Any) -> Value | None:
    """reshape(reshape(x)) = reshape(x)"""
    inner = producer(op.operands[0], "stablehlo.reshape")
    return inner and b.reshape(inner.operands[0], shape_of(op.result))


def _only_unit_dimensions(source: list[int], target: list[int]) -> bool:
    return [n for n in source if n != 1] == [n for n in target if n != 1]


@PATTERNS.on("stablehlo.broadcast_in_dim")
def broadcast_without_unit_dimensions(b: Builder, op: Any) -> Value | None:
    """Broadcast a vector, not a tensor of ones and a vector"""
    x, dimensions = op.operands[0], ints(op, "broadcast_dimensions")
    shape = shape_of(x)
    if 1 not in shape:
        return None
    kept = [i for i, size in enumerate(shape) if size != 1]
    vector = b.reshape(x, [shape[i] for i in kept])
    return b.broadcast_in_dim(vector, shape_of(op.result), [dimensions[i] for i in kept])


@PATTERNS.on("stablehlo.broadcast_in_dim")
def broadcast_that_repeats_nothing(b: Builder, op: Any) -> Value | None:
    """A broadcast that only adds dimensions of size 1 is a reshape"""
    x, dimensions = op.operands[0], ints(op, "broadcast_dimensions")
    if dimensions != sorted(dimensions):
        return None
    if np.prod(shape_of(x), dtype=np.int64) != np.prod(shape_of(op.result), dtype=np.int64):
        return None
    return b.reshape(x, shape_of(op.result))


@PATTERNS.on("stablehlo.broadcast_in_dim")
def broadcast_of_broadcast(b: Builder, op: Any) -> Value | None:
    """broadcast(broadcast(x)) = broadcast(x)"""
    inner = producer(op.operands[0], "stablehlo.broadcast_in_dim")
    if inner is None:
        return None
    outer = ints(op, "broadcast_dimensions")
    dimensions = [outer[i] for i in ints(inner, "broadcast_dimensions")]
    return b.broadcast_in_dim(inner.operands[0], shape_of(op.result), dimensions)


@PATTERNS.on(*(f"stablehlo.{name}" for name in (*_UNARY, *_BINARY)))
def elementwise_of_reshape(b: Builder, op: Any) -> Value | None:
    """f(reshape(x), c) = reshape(f(x, c)), where the reshape only adds or drops sizes of 1"""
    shapes = [_reshaped(operand) for operand in op.operands]
    sources = [shape for shape in shapes if shape is not None]
    if not sources or any(shape != sources[0] for shape in sources):
        return None
    shape, target = sources[0], shape_of(op.result)
    plain = all(s or splat_of(x) is not None for s, x in zip(shapes, op.operands, strict=True))
    if not plain or not _only_unit_dimensions(shape, target):
        return None
    operands = [_in_shape(b, operand, shape) for operand in op.operands]
    type_ = RankedTensorType.get(shape, type_of(op.result).element_type)
    return b.reshape(b.create(op.name, operands, [type_]).results[0], target)


def _reshaped(value: Value) -> list[int] | None:
    op = producer(value, "stablehlo.reshape")
    return None if op is None else shape_of(op.operands[0])


def _in_shape(b: Builder, value: Value, shape: list[int]) -> Value:
    number = splat_of(value)
    if number is None:
        return value.owner.operands[0]
    return b.splat(number, RankedTensorType.get(shape, type_of(value).element_type))


@PATTERNS.on("stablehlo.transpose")
def transpose_of_transpose(b: Builder, op: Any) -> Value | None:
    """transpose(transpose(x)) = transpose(x), and the identity is nothing"""
    outer = ints(op, "permutation")
    if outer == list(range(len(outer))):
        return op.operands[0]
    inner = producer(op.operands[0], "stablehlo.transpose")
    if inner is None:
        return None
    permutation = ints(inner, "permutation")
    return b.transpose(inner.operands[0], [permutation[i] for i in outer])


@PATTERNS.on("stablehlo.transpose")
def transpose_of_unit_dimensions(b: Builder, op: Any) -> Value | None:
    """A transpose that moves sizes of 1 only is a reshape"""
    shape = shape_of(op.operands[0])
    moved = [i for i in ints(op, "permutation") if shape[i] != 1]
    return b.reshape(op.operands[0], shape_of(op.result)) if moved == sorted(moved) else None


# ---- contractions, convolutions, windows ------------------------------------------------------


@PATTERNS.on("stablehlo.dot_general")
def dot_of_transpose(b: Builder, op: Any) -> Value | None:
    """A contraction reads a transposed operand in place when the order of results is the same"""
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    sides = [
        _untranspose(
            op.operands[0], numbers.lhs_contracting_dimensions, numbers.lhs_batching_dimensions
        ),
        _untranspose(
            op.operands[1], numbers.rhs_contracting_dimensions, numbers.rhs_batching_dimensions
        ),
    ]
    if all(value == operand for (value, _, _), operand in zip(sides, op.operands, strict=True)):
        return None
    (lhs, lhs_contract, lhs_batch), (rhs, rhs_contract, rhs_batch) = sides
    attributes = {name: op.attributes[name] for name in op.attributes}
    attributes["dot_dimension_numbers"] = stablehlo_bindings.DotDimensionNumbers.get(
        lhs_batch, rhs_batch, lhs_contract, rhs_contract
    )
    return b.create(op.name, [lhs, rhs], [op.result.type], attributes).results[0]


def _untranspose(value: Value, contracting: Any, batching: Any) -> tuple[Value, Any, Any]:
    """The operand and its dimension numbers, seen through a transpose where that is possible."""
    op = producer(value, "stablehlo.transpose")
    contracting, batching = list(contracting), list(batching)
    if op is None:
        return value, contracting, batching
    permutation = ints(op, "permutation")
    bound = {*contracting, *batching}
    free = [permutation[i] for i in range(len(permutation)) if i not in bound]
    if free != sorted(free):
        return value, contracting, batching
    return op.operands[0], [permutation[i] for i in contracting], [permutation[i] for i in batching]


@PATTERNS.on("stablehlo.convolution")
def convolution_of_pad(b: Builder, op: Any) -> Value | None:
    """A border of zeros around the image is the convolution's padding"""
    pad = _border(op.operands[0])
    if pad is None or not is_splat(pad.operands[1], 0):
        return None
    numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
    space = list(numbers.input_spatial_dimensions)
    border = _pairs_of(pad)
    elsewhere = [i for i, amount in enumerate(border) if i not in space and any(amount)]
    dilated = "lhs_dilation" in op.attributes and any(d != 1 for d in ints(op, "lhs_dilation"))
    if elsewhere or dilated:
        return None
    return _padded(b, op, pad.operands[0], [border[i] for i in space])


@PATTERNS.on("stablehlo.convolution")
def convolution_of_unused_border(b: Builder, op: Any) -> Value | None:
    """Padding that no window reaches is left out

    Where the output is one place wide, the rest of the image that no window reaches goes too: IREE
    3.13 rejects the convolution else.
    """
    numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
    if any(n != 1 for n in _of_window(op, "lhs_dilation", len(numbers.input_spatial_dimensions))):
        return None
    outputs = [shape_of(op.result)[i] for i in numbers.output_spatial_dimensions]
    border = [
        (0, -unused if size == 1 else -min(unused, max(0, high)))
        for unused, size, (_, high) in zip(
            _unused(op, numbers), outputs, _own_padding(op, len(outputs)), strict=True
        )
    ]
    return _padded(b, op, op.operands[0], border) if any(map(any, border)) else None


def _unused(op: Any, numbers: Any) -> list[int]:
    """How many places at the end of the padded image no window reaches."""
    images = [shape_of(op.operands[0])[i] for i in numbers.input_spatial_dimensions]
    kernels = [shape_of(op.operands[1])[i] for i in numbers.kernel_spatial_dimensions]
    outputs = [shape_of(op.result)[i] for i in numbers.output_spatial_dimensions]
    rank = len(images)
    return [
        image + sum(padding) - ((out - 1) * stride + (kernel - 1) * dilation + 1)
        for image, kernel, out, padding, stride, dilation in zip(
            images,
            kernels,
            outputs,
            _own_padding(op, rank),
            _of_window(op, "window_strides", rank),
            _of_window(op, "rhs_dilation", rank),
            strict=True,
        )
    ]


def _of_window(op: Any, name: str, rank: int) -> list[int]:
    return ints(op, name) if name in op.attributes else [1] * rank


def _own_padding(op: Any, rank: int) -> list[list[int]]:
    if "padding" not in op.attributes:
        return [[0, 0]] * rank
    return np.array(op.attributes["padding"]).reshape(-1, 2).tolist()


@PATTERNS.on("stablehlo.reduce_window")
def window_of_pad(b: Builder, op: Any) -> Value | None:
    """A border of the value that the windows are padded with anyway is the windows' padding"""
    pad = _border(op.operands[0])
    dilated = "base_dilations" in op.attributes and any(d != 1 for d in ints(op, "base_dilations"))
    if pad is None or dilated or len(op.operands) != 2:
        return None
    fill, init = splat_of(pad.operands[1]), splat_of(op.operands[1])
    if fill is None or fill != init:
        return None
    return _padded(b, op, pad.operands[0], _pairs_of(pad))


def _border(value: Value) -> Any | None:
    """The op that puts a border around `value`, and does nothing else."""
    pad = producer(value, "stablehlo.pad")
    if pad is None or any(ints(pad, "interior_padding")):
        return None
    return None if any(low < 0 or high < 0 for low, high in _pairs_of(pad)) else pad


def _pairs_of(pad: Any) -> list[tuple[int, int]]:
    low, high = ints(pad, "edge_padding_low"), ints(pad, "edge_padding_high")
    return list(zip(low, high, strict=True))


def _padded(b: Builder, op: Any, image: Value, border: list[tuple[int, int]]) -> Value:
    """`op` on the image without its border, and with so much more padding of its own."""
    own = _own_padding(op, len(border))
    copy = op.operation.clone(ip=b.insertion_point)
    copy.operands[0] = image
    copy.attributes["padding"] = pairs(
        [x + y for (x, _), (y, _) in zip(own, border, strict=True)],
        [x + y for (_, x), (_, y) in zip(own, border, strict=True)],
    )
    return copy.result
