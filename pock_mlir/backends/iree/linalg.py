"""Builders for the linalg that in-place updates are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64, shape_of, type_of
from pock_mlir.ir import (
    AffineExpr,
    AffineMap,
    AffineMapAttr,
    ArrayAttr,
    Attribute,
    DenseI32ArrayAttr,
    FloatAttr,
    IndexType,
    InsertionPoint,
    IntegerAttr,
    IntegerType,
    RankedTensorType,
    Type,
    Value,
)

_GREATER, _LESS = 2, 4
"""Ordered comparisons, as `arith.cmpf` numbers them."""


class ScalarArithmetic:
    """Float arithmetic on scalars, for the body of a kernel."""

    def __init__(self, b: Builder, element: Type) -> None:
        self._b = b
        self._element = element

    def _op(self, name: str, *operands: Value) -> Value:
        return self._b.create(name, operands, [self._element]).results[0]

    def constant(self, value: float) -> Value:
        """A literal."""
        attributes = {"value": FloatAttr.get(self._element, value)}
        return self._b.create("arith.constant", [], [self._element], attributes).results[0]

    def add(self, x: Value, y: Value) -> Value:
        """x + y"""
        return self._op("arith.addf", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        """x - y"""
        return self._op("arith.subf", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """x * y"""
        return self._op("arith.mulf", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """x / y"""
        return self._op("arith.divf", x, y)

    def maximum(self, x: Value, y: Value) -> Value:
        """max(x, y)"""
        return self._op("arith.maximumf", x, y)

    def minimum(self, x: Value, y: Value) -> Value:
        """min(x, y)"""
        return self._op("arith.minimumf", x, y)

    def sqrt(self, x: Value) -> Value:
        """Square root of x"""
        return self._op("math.sqrt", x)

    def sign(self, x: Value) -> Value:
        """-1 or 1; x itself where it is neither below nor above zero"""
        zero = self.constant(0.0)
        below = self._select(_LESS, x, zero, self.constant(-1.0), x)
        return self._select(_GREATER, x, zero, self.constant(1.0), below)

    def where_positive(self, x: Value, then: Value, other: Value) -> Value:
        """`then` where x > 0; `other` where it is not, as where it is NaN"""
        return self.where(x, "GT", 0.0, then, other)

    def where(self, x: Value, direction: str, bound: float, then: Value, other: Value) -> Value:
        """`then` where x is above the bound ("GT") or below it ("LT"), else `other`"""
        predicate = {"GT": _GREATER, "LT": _LESS}[direction]
        return self._select(predicate, x, self.constant(bound), then, other)

    def widened(self, x: Value) -> Value:
        """A narrower float in the type of this arithmetic"""
        return x if x.type == self._element else self._op("arith.extf", x)

    def loop(self, dimension: int) -> Value:
        """The present count of a loop"""
        index = IndexType.get()
        return self._b.create("linalg.index", [], [index], {"dim": i64(dimension)}).results[0]

    def extract(self, tensor: Value, row: Value, column: Value) -> Value:
        """The element of a matrix at an integer row, and a column given as a loop's count"""
        place = self._b.create("arith.index_cast", [row], [IndexType.get()]).results[0]
        return self._op("tensor.extract", tensor, place, column)

    def _select(self, predicate: int, x: Value, y: Value, then: Value, other: Value) -> Value:
        """Compare x and y; `then` where it holds."""
        i1, i64 = IntegerType.get_signless(1), IntegerType.get_signless(64)
        attributes = {"predicate": IntegerAttr.get(i64, predicate)}
        holds = self._b.create("arith.cmpf", [x, y], [i1], attributes).results[0]
        return self._op("arith.select", holds, then, other)


Body = Callable[[ScalarArithmetic, list[Value], list[Value]], list[Value]]


def generic(
    b: Builder,
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    maps: Sequence[Sequence[int]],
    loops: int,
    reductions: Sequence[int],
    body: Body,
    attributes: Mapping[str, Attribute] | None = None,
) -> list[Value]:
    """A `linalg.generic`.

    Args:
        b: where to build.
        inputs: tensors that are read.
        outputs: tensors that give the results their initial values.
        maps: for each input, then each output, the loop that indexes each dimension.
        loops: number of loops.
        reductions: which loops are reductions; the others are parallel.
        body: (arithmetic, input elements, output elements) -> result elements.
        attributes: further ones of the op.
    """
    kinds = ["reduction" if i in set(reductions) else "parallel" for i in range(loops)]
    operands = [*inputs, *outputs]
    op = b.create(
        "linalg.generic",
        operands,
        [output.type for output in outputs],
        {
            "indexing_maps": ArrayAttr.get([_affine_map(loops, dims) for dims in maps]),
            "iterator_types": ArrayAttr.get(
                [Attribute.parse(f"#linalg.iterator_type<{kind}>") for kind in kinds]
            ),
            "operandSegmentSizes": DenseI32ArrayAttr.get([len(inputs), len(outputs)]),
            **(attributes or {}),
        },
        regions=1,
    )
    elements = [type_of(value).element_type for value in operands]
    block = op.regions[0].blocks.append(*elements, arg_locs=[b.location] * len(elements))
    inner = Builder(InsertionPoint(block), b.location)
    arguments: list[Any] = list(block.arguments)
    arithmetic = ScalarArithmetic(inner, elements[-1])
    results = body(arithmetic, arguments[: len(inputs)], arguments[len(inputs) :])
    inner.create("linalg.yield", results, [])
    return list(op.results)


def _affine_map(loops: int, dims: Sequence[int]) -> AffineMapAttr:
    return AffineMapAttr.get(AffineMap.get(loops, 0, [AffineExpr.get_dim(i) for i in dims]))


def elementwise(
    b: Builder,
    inputs: Sequence[tuple[Value, Sequence[int]]],
    outputs: Sequence[Value],
    body: Body,
) -> list[Value]:
    """A parallel `linalg.generic` over outputs of one shape.

    Each input comes with the dimension of the outputs that each of its own runs along.
    """
    rank = len(shape_of(outputs[0]))
    maps = [*(list(along) for _, along in inputs), *(list(range(rank)) for _ in outputs)]
    return generic(b, [value for value, _ in inputs], outputs, maps, rank, [], body)


def zeros(b: Builder, shape: Sequence[int], element: Type) -> Value:
    """A tensor filled with zeros."""
    type_ = RankedTensorType.get(list(shape), element)
    empty = b.create("tensor.empty", [], [type_]).results[0]
    zero = ScalarArithmetic(b, element).constant(0.0)
    fill = b.create(
        "linalg.fill",
        [zero, empty],
        [type_],
        {"operandSegmentSizes": DenseI32ArrayAttr.get([1, 1])},
        regions=1,
    )
    block = fill.regions[0].blocks.append(element, element, arg_locs=[b.location] * 2)
    Builder(InsertionPoint(block), b.location).create("linalg.yield", [block.arguments[0]], [])
    return fill.results[0]
