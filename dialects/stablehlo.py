"""Typed builders for the StableHLO ops that the passes make; the bindings ship none.

Every builder infers its result type. They are methods of `Builder`, which knows where to insert
and which location to give, so a derivative rule reads like the formula that it implements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pock_mlir.ir import (
    Attribute,
    DenseElementsAttr,
    DenseI64ArrayAttr,
    FloatAttr,
    InsertionPoint,
    IntegerAttr,
    IntegerType,
    Location,
    Operation,
    RankedTensorType,
    Type,
    Value,
    stablehlo_bindings,
)

Shape = Sequence[int]


def type_of(value: Value) -> RankedTensorType:
    """The ranked tensor type of `value`."""
    return RankedTensorType(value.type)


def shape_of(value: Value) -> list[int]:
    """The shape of `value`, a tensor of static shape."""
    return list(type_of(value).shape)


def i64s(values: Sequence[int]) -> DenseI64ArrayAttr:
    """`array<i64: ...>`"""
    return DenseI64ArrayAttr.get([int(value) for value in values])


def i64(value: int) -> IntegerAttr:
    """`value : i64`"""
    return IntegerAttr.get(IntegerType.get_signless(64), value)


def pairs(low: Sequence[int], high: Sequence[int]) -> DenseElementsAttr:
    """Padding as StableHLO wants it: `dense<[[low, high], ...]> : tensor<Nx2xi64>`"""
    return DenseElementsAttr.get(np.array(list(zip(low, high, strict=True)), np.int64))


class Builder:
    """Builds StableHLO ops at an insertion point.

    Elementwise methods need operands of one type; `scalar` operands are splat by `broadcast_to`.
    """

    def __init__(self, insertion_point: InsertionPoint, location: Location) -> None:
        self.insertion_point = insertion_point
        self.location = location

    @classmethod
    def before(cls, op: Any) -> Builder:
        """A builder that inserts before `op`, at its location."""
        return cls(InsertionPoint(op), op.location)

    @contextmanager
    def at(self, location: Location) -> Any:
        """Give ops built inside the `with` block this location."""
        saved, self.location = self.location, location
        try:
            yield self
        finally:
            self.location = saved

    def create(
        self,
        name: str,
        operands: Sequence[Value],
        results: Sequence[Type],
        attributes: dict[str, Any] | None = None,
        regions: int = 0,
    ) -> Operation:
        """Create any op, of any dialect, here."""
        return Operation.create(
            name,
            results=list(results),
            operands=list(operands),
            attributes=attributes or {},
            regions=regions,
            loc=self.location,
            ip=self.insertion_point,
        )

    def _one(self, name: str, operands: Sequence[Value], result: Type, **attributes: Any) -> Value:
        return self.create(name, operands, [result], attributes).results[0]

    # ---- constants -------------------------------------------------------------------------

    def splat(self, value: float, type_: Type) -> Value:
        """A constant of `type_` whose elements are all `value`."""
        element = RankedTensorType(type_).element_type
        if isinstance(element, IntegerType):
            attribute: Attribute = IntegerAttr.get(element, int(value))
        else:
            attribute = FloatAttr.get(element, value)
        return self._one(
            "stablehlo.constant", [], type_, value=DenseElementsAttr.get_splat(type_, attribute)
        )

    def full_like(self, like: Value, value: float) -> Value:
        """A constant of the type of `like`."""
        return self.splat(value, like.type)

    def zeros_like(self, like: Value) -> Value:
        """Zeros of the type of `like`."""
        return self.full_like(like, 0)

    def ones_like(self, like: Value) -> Value:
        """Ones of the type of `like`."""
        return self.full_like(like, 1)

    def scalar_like(self, like: Value, value: float) -> Value:
        """A rank-0 constant of the element type of `like`."""
        return self.splat(value, RankedTensorType.get([], type_of(like).element_type))

    def iota(self, type_: Type, dimension: int) -> Value:
        """0, 1, 2, ... along `dimension`."""
        return self._one("stablehlo.iota", [], type_, iota_dimension=i64(dimension))

    # ---- elementwise -----------------------------------------------------------------------

    def _elementwise(self, name: str, *operands: Value) -> Value:
        return self._one(f"stablehlo.{name}", operands, operands[0].type)

    def add(self, x: Value, y: Value) -> Value:
        """x + y"""
        return self._elementwise("add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        """x - y"""
        return self._elementwise("subtract", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """x * y"""
        return self._elementwise("multiply", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """x / y"""
        return self._elementwise("divide", x, y)

    def maximum(self, x: Value, y: Value) -> Value:
        """max(x, y)"""
        return self._elementwise("maximum", x, y)

    def minimum(self, x: Value, y: Value) -> Value:
        """min(x, y)"""
        return self._elementwise("minimum", x, y)

    def power(self, x: Value, y: Value) -> Value:
        """x ** y"""
        return self._elementwise("power", x, y)

    def logical_and(self, x: Value, y: Value) -> Value:
        """x & y"""
        return self._elementwise("and", x, y)

    def logical_or(self, x: Value, y: Value) -> Value:
        """x | y"""
        return self._elementwise("or", x, y)

    def negate(self, x: Value) -> Value:
        """-x"""
        return self._elementwise("negate", x)

    def exponential(self, x: Value) -> Value:
        """e ** x"""
        return self._elementwise("exponential", x)

    def log(self, x: Value) -> Value:
        """ln x"""
        return self._elementwise("log", x)

    def tanh(self, x: Value) -> Value:
        """tanh x"""
        return self._elementwise("tanh", x)

    def sqrt(self, x: Value) -> Value:
        """Square root of x"""
        return self._elementwise("sqrt", x)

    def rsqrt(self, x: Value) -> Value:
        """1 / sqrt(x)"""
        return self._elementwise("rsqrt", x)

    def sign(self, x: Value) -> Value:
        """-1, 0 or 1"""
        return self._elementwise("sign", x)

    def sine(self, x: Value) -> Value:
        """sin x"""
        return self._elementwise("sine", x)

    def cosine(self, x: Value) -> Value:
        """cos x"""
        return self._elementwise("cosine", x)

    def logical_not(self, x: Value) -> Value:
        """!x"""
        return self._elementwise("not", x)

    def compare(self, direction: str, x: Value, y: Value) -> Value:
        """`direction` is EQ, NE, GE, GT, LE or LT."""
        type_ = type_of(x)
        kind = "SIGNED" if isinstance(type_.element_type, IntegerType) else "FLOAT"
        return self._one(
            "stablehlo.compare",
            [x, y],
            RankedTensorType.get(type_.shape, IntegerType.get_signless(1)),
            comparison_direction=stablehlo_bindings.ComparisonDirectionAttr.get(direction),
            compare_type=stablehlo_bindings.ComparisonTypeAttr.get(kind),
        )

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """condition ? x : y"""
        return self._one("stablehlo.select", [condition, x, y], x.type)

    def convert(self, x: Value, element: Type) -> Value:
        """x in another element type (x itself when it has it already)."""
        if type_of(x).element_type == element:
            return x
        return self._one("stablehlo.convert", [x], RankedTensorType.get(shape_of(x), element))

    # ---- shape -----------------------------------------------------------------------------

    def reshape(self, x: Value, shape: Shape) -> Value:
        """x in another shape, row-major."""
        if shape_of(x) == list(shape):
            return x
        return self._one(
            "stablehlo.reshape", [x], RankedTensorType.get(list(shape), type_of(x).element_type)
        )

    def transpose(self, x: Value, permutation: Sequence[int]) -> Value:
        """Dimension i of the result is dimension permutation[i] of x."""
        if list(permutation) == list(range(len(permutation))):
            return x
        shape = [shape_of(x)[i] for i in permutation]
        return self._one(
            "stablehlo.transpose",
            [x],
            RankedTensorType.get(shape, type_of(x).element_type),
            permutation=i64s(permutation),
        )

    def broadcast_in_dim(self, x: Value, shape: Shape, dimensions: Sequence[int]) -> Value:
        """Dimension i of x becomes dimension dimensions[i] of the result."""
        return self._one(
            "stablehlo.broadcast_in_dim",
            [x],
            RankedTensorType.get(list(shape), type_of(x).element_type),
            broadcast_dimensions=i64s(dimensions),
        )

    def broadcast_to(self, scalar: Value, like: Value) -> Value:
        """A rank-0 tensor, repeated to the shape of `like`."""
        return self.broadcast_in_dim(scalar, shape_of(like), [])

    def slice(
        self, x: Value, start: Sequence[int], limit: Sequence[int], strides: Sequence[int] = ()
    ) -> Value:
        """x[start:limit:strides] in every dimension."""
        steps = list(strides) or [1] * len(start)
        shape = [max(0, -(-(b - a) // s)) for a, b, s in zip(start, limit, steps, strict=True)]
        if shape == shape_of(x) and all(step == 1 for step in steps):
            return x
        return self._one(
            "stablehlo.slice",
            [x],
            RankedTensorType.get(shape, type_of(x).element_type),
            start_indices=i64s(start),
            limit_indices=i64s(limit),
            strides=i64s(steps),
        )

    def pad(
        self,
        x: Value,
        low: Sequence[int],
        high: Sequence[int],
        interior: Sequence[int] = (),
        value: float = 0,
    ) -> Value:
        """x with `value` around and, with `interior`, between its elements; negative crops."""
        between = list(interior) or [0] * len(low)
        if not any([*low, *high, *between]):
            return x
        shape = [
            lo + hi + size + max(0, size - 1) * mid
            for lo, hi, mid, size in zip(low, high, between, shape_of(x), strict=True)
        ]
        return self._one(
            "stablehlo.pad",
            [x, self.scalar_like(x, value)],
            RankedTensorType.get(shape, type_of(x).element_type),
            edge_padding_low=i64s(low),
            edge_padding_high=i64s(high),
            interior_padding=i64s(between),
        )

    def concatenate(self, values: Sequence[Value], dimension: int) -> Value:
        """The values one after the other along `dimension`."""
        if len(values) == 1:
            return values[0]
        shape = shape_of(values[0])
        shape[dimension] = sum(shape_of(value)[dimension] for value in values)
        return self._one(
            "stablehlo.concatenate",
            values,
            RankedTensorType.get(shape, type_of(values[0]).element_type),
            dimension=i64(dimension),
        )

    def reverse(self, x: Value, dimensions: Sequence[int]) -> Value:
        """x with the order of its elements reversed along `dimensions`."""
        if not dimensions:
            return x
        return self._one("stablehlo.reverse", [x], x.type, dimensions=i64s(dimensions))

    # ---- reductions ------------------------------------------------------------------------

    def reduce(self, kind: str, x: Value, dimensions: Sequence[int]) -> Value:
        """Reduce `dimensions` of x; `kind` is "add", "multiply", "maximum" or "minimum"."""
        if not dimensions:
            return x
        element = type_of(x).element_type
        shape = [size for i, size in enumerate(shape_of(x)) if i not in set(dimensions)]
        op = self.create(
            "stablehlo.reduce",
            [x, self.scalar_like(x, _IDENTITY[kind])],
            [RankedTensorType.get(shape, element)],
            {"dimensions": i64s(sorted(dimensions))},
            regions=1,
        )
        self._combiner(op, kind, element)
        return op.results[0]

    def reduce_add(self, x: Value, dimensions: Sequence[int]) -> Value:
        """Sum over `dimensions`."""
        return self.reduce("add", x, dimensions)

    def reduce_window(
        self,
        kind: str,
        x: Value,
        window: Sequence[int],
        strides: Sequence[int],
        low: Sequence[int],
        high: Sequence[int],
    ) -> Value:
        """Reduce every window of x; all attributes have one entry per dimension of x."""
        element = type_of(x).element_type
        shape = [
            (size + lo + hi - extent) // stride + 1
            for size, extent, stride, lo, hi in zip(
                shape_of(x), window, strides, low, high, strict=True
            )
        ]
        op = self.create(
            "stablehlo.reduce_window",
            [x, self.scalar_like(x, _IDENTITY[kind])],
            [RankedTensorType.get(shape, element)],
            {
                "window_dimensions": i64s(window),
                "window_strides": i64s(strides),
                "padding": pairs(low, high),
            },
            regions=1,
        )
        self._combiner(op, kind, element)
        return op.results[0]

    def _combiner(self, op: Operation, kind: str, element: Type) -> None:
        scalar = RankedTensorType.get([], element)
        block = op.regions[0].blocks.append(scalar, scalar, arg_locs=[self.location] * 2)
        inner = Builder(InsertionPoint(block), self.location)
        combined = inner._elementwise(kind, *block.arguments)
        inner.create("stablehlo.return", [combined], [])

    # ---- contractions ----------------------------------------------------------------------

    def dot_general(
        self,
        lhs: Value,
        rhs: Value,
        contracting: tuple[Sequence[int], Sequence[int]],
        batching: tuple[Sequence[int], Sequence[int]] = ((), ()),
    ) -> Value:
        """Batched contraction; result: batch dimensions, free ones of lhs, free ones of rhs."""
        (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = contracting, batching
        left, right = shape_of(lhs), shape_of(rhs)
        shape = [left[i] for i in lhs_batch]
        shape += [n for i, n in enumerate(left) if i not in {*lhs_contract, *lhs_batch}]
        shape += [n for i, n in enumerate(right) if i not in {*rhs_contract, *rhs_batch}]
        return self._one(
            "stablehlo.dot_general",
            [lhs, rhs],
            RankedTensorType.get(shape, type_of(lhs).element_type),
            dot_dimension_numbers=stablehlo_bindings.DotDimensionNumbers.get(
                list(lhs_batch), list(rhs_batch), list(lhs_contract), list(rhs_contract)
            ),
        )

    def convolution(
        self,
        image: Value,
        kernel: Value,
        *,
        strides: Sequence[int],
        low: Sequence[int],
        high: Sequence[int],
        lhs_dilation: Sequence[int] = (),
        rhs_dilation: Sequence[int] = (),
        groups: int = 1,
    ) -> Value:
        """Convolution of [N, spatial..., C] by [spatial..., C / groups, O]."""
        spatial = len(strides)
        lhs_dilation = list(lhs_dilation) or [1] * spatial
        rhs_dilation = list(rhs_dilation) or [1] * spatial
        shape = [shape_of(image)[0]]
        for i in range(spatial):
            size = (shape_of(image)[i + 1] - 1) * lhs_dilation[i] + 1 + low[i] + high[i]
            window = (shape_of(kernel)[i] - 1) * rhs_dilation[i] + 1
            shape.append((size - window) // strides[i] + 1)
        shape.append(shape_of(kernel)[-1])
        space = list(range(spatial))
        image_space = [i + 1 for i in space]
        return self._one(
            "stablehlo.convolution",
            [image, kernel],
            RankedTensorType.get(shape, type_of(image).element_type),
            window_strides=i64s(strides),
            padding=pairs(low, high),
            lhs_dilation=i64s(lhs_dilation),
            rhs_dilation=i64s(rhs_dilation),
            feature_group_count=i64(groups),
            batch_group_count=i64(1),
            dimension_numbers=stablehlo_bindings.ConvDimensionNumbers.get(
                0,
                spatial + 1,
                image_space,
                spatial,
                spatial + 1,
                space,
                0,
                spatial + 1,
                image_space,
            ),
        )


_IDENTITY: dict[str, float] = {
    "add": 0.0,
    "multiply": 1.0,
    "maximum": -math.inf,
    "minimum": math.inf,
}
