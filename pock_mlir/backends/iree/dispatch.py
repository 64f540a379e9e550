"""In-place updates as IREE dispatches whose operands are tied to their results.

One dispatch holds the gradient's contraction (or reduction) and the optimizer's arithmetic, reads
and writes the parameter and the optimizer's state where they lie, and so never materialises the
gradient. Ops of IREE's dialects are built unregistered, in generic form: their text is what IREE
parses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pock_mlir.backends.iree.gradients import GradientSource
from pock_mlir.backends.iree.linalg import (
    ScalarArithmetic,
    elementwise,
)
from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    ArrayAttr,
    DenseI32ArrayAttr,
    IndexType,
    InsertionPoint,
    IntegerAttr,
    Operation,
    RankedTensorType,
    Type,
    Value,
)
from pock_mlir.passes.update_arithmetic import Spread
from pock_mlir.passes.update_rules import UpdateRule

_GIVEN = -(1 << 63)
"""MLIR's mark of a number that is an operand."""


@dataclass(frozen=True)
class Binding:
    """An operand of a dispatch: a whole tensor, of which the kernel sees a slice.

    Attributes:
        value: the tensor outside of the dispatch.
        offsets: first index of the slice in every dimension: a number, or a value of type index
            that the kernel is given.
        sizes: extent of the slice in every dimension.
        shape: the slice's shape in the kernel, where some dimensions of extent 1 may be missing.
        written: whether the kernel also stores to it.
        strides: steps of the slice in every dimension; none are ones.
    """

    value: Value
    offsets: Sequence[int | Value]
    sizes: Sequence[int]
    shape: Sequence[int]
    written: bool = False
    strides: Sequence[int] = ()

    @classmethod
    def whole(cls, value: Value) -> Binding:
        """All of `value`, read only."""
        shape = shape_of(value)
        return cls(value, [0] * len(shape), shape, shape)

    @classmethod
    def part(
        cls,
        b: Builder,
        value: Value,
        offsets: Sequence[int],
        sizes: Sequence[int],
        shape: Sequence[int],
        *,
        written: bool = False,
        strides: Sequence[int] = (),
    ) -> Binding:
        """A slice that the kernel is told where to find, so that it serves for other slices too."""
        given = [
            offset if size == extent else _opaque(b, offset)
            for offset, size, extent in zip(offsets, sizes, shape_of(value), strict=True)
        ]
        return cls(value, given, sizes, shape, written, strides)

    def as_written(self) -> Binding:
        """The same slice, which the kernel also stores to."""
        return replace(self, written=True)

    @property
    def argument_type(self) -> Type:
        """The type that the kernel gives the binding."""
        access = "readwrite" if self.written else "readonly"
        return Type.parse(f"!iree_tensor_ext.dispatch.tensor<{access}:{self.value.type}>")

    @property
    def given(self) -> list[Value]:
        """The offsets that the kernel is given."""
        return [offset for offset in self.offsets if isinstance(offset, Value)]

    def load(self, b: Builder, argument: Value, offsets: Sequence[Value]) -> Value:
        """The slice as a tensor, inside the kernel, where what is `given` are `offsets`."""
        result = RankedTensorType.get(list(self.shape), type_of(self.value).element_type)
        segments = DenseI32ArrayAttr.get([1, 0, len(offsets), 0, 0])
        return b.create(
            "iree_tensor_ext.dispatch.tensor.load",
            [argument, *offsets],
            [result],
            {"operandSegmentSizes": segments, **self._geometry()},
        ).results[0]

    def store(self, b: Builder, value: Value, argument: Value, offsets: Sequence[Value]) -> None:
        """Write the slice back, inside the kernel, where what is `given` are `offsets`."""
        segments = DenseI32ArrayAttr.get([1, 1, 0, len(offsets), 0, 0])
        b.create(
            "iree_tensor_ext.dispatch.tensor.store",
            [value, argument, *offsets],
            [],
            {"operandSegmentSizes": segments, **self._geometry()},
        )

    def _geometry(self) -> dict[str, Any]:
        offsets = [_GIVEN if isinstance(offset, Value) else offset for offset in self.offsets]
        return {
            "static_offsets": i64s(offsets),
            "static_sizes": i64s(self.sizes),
            "static_strides": i64s(self.strides or [1] * len(self.sizes)),
        }


def _opaque(b: Builder, number: int) -> Value:
    """A number that IREE cannot know; else it would be a part of the kernel.

    It is made at the function's start: IREE would split the step in two at a barrier within it.
    """
    index = IndexType.get()
    first = Builder(InsertionPoint.at_block_begin(b.insertion_point.block), b.location)
    value = {"value": IntegerAttr.get(index, number)}
    constant = first.create("arith.constant", [], [index], value)
    after = Builder(InsertionPoint.after(constant), b.location)
    return after.create("util.optimization_barrier", list(constant.results), [index]).results[0]


Compute = Callable[[Builder, list[Value], list[Value]], list[Value]]
"""(builder inside the kernel, what is read, what is there before) -> what is there after."""


def dispatch(
    b: Builder, read: Sequence[Binding], written: Sequence[Binding], compute: Compute
) -> list[Value]:
    """Build a kernel that changes tensors where they lie; returns them as they are then.

    Several bindings may be of one tensor: those that are written then share its memory.
    """
    bindings = [*read, *written]
    given = [offset for binding in bindings for offset in binding.given]
    sources = {(binding.value, binding.written): binding.argument_type for binding in bindings}
    results = [value for value, is_written in sources if is_written]
    first = len(sources) - len(results)
    tied = [IntegerAttr.get(IndexType.get(), first + i) for i in range(len(results))]
    op = b.create(
        "flow.dispatch.workgroups",
        [*(value for value, _ in sources), *given],
        [value.type for value in results],
        {
            "operandSegmentSizes": DenseI32ArrayAttr.get([0, len(sources) + len(given), 0, 0]),
            "tied_operands": ArrayAttr.get(tied),
        },
        regions=2,
    )
    types = [*sources.values(), *(IndexType.get() for _ in given)]
    body = op.regions[0].blocks.append(*types, arg_locs=[b.location] * len(types))
    inner = Builder(InsertionPoint(body), b.location)
    places = dict(zip(sources, body.arguments, strict=False))
    arguments = [places[binding.value, binding.written] for binding in bindings]
    rest = iter(list(body.arguments)[len(sources) :])
    offsets = [list(itertools.islice(rest, len(binding.given))) for binding in bindings]
    loaded = [
        binding.load(inner, argument, where)
        for binding, argument, where in zip(bindings, arguments, offsets, strict=True)
    ]
    new = compute(inner, loaded[: len(read)], loaded[len(read) :])
    for binding, value, argument, where in list(
        zip(written, new, arguments[len(read) :], offsets[len(read) :], strict=True)
    ):
        binding.store(inner, value, argument, where)
    inner.create("flow.return", [], [])
    _workgroup_count(b, op)
    return list(op.results)


def enclose(place: Any, ops: Sequence[Operation], results: Sequence[Value]) -> None:
    """Move ops, in order, into a kernel in front of `place`, which yields `results`."""
    b = Builder.before(place)
    types = [value.type for value in results]
    segments = {"operandSegmentSizes": DenseI32ArrayAttr.get([0, 0])}
    kernel = b.create("flow.dispatch.region", [], types, segments, regions=2)
    inner = Builder(InsertionPoint(kernel.regions[0].blocks.append()), b.location)
    for value, outside in zip(results, kernel.results, strict=True):
        value.replace_all_uses_with(outside)
    end = inner.create("flow.return", list(results), [])
    for op in ops:
        op.move_before(end)
    made = dict(zip(kernel.results, results, strict=True))
    for op in ops:
        for i, operand in enumerate(op.operands):
            op.operands[i] = made.get(operand, operand)
    _workgroup_count(b, kernel)


def update_in_place(
    b: Builder,
    op: Any,
    rule: UpdateRule,
    source: GradientSource,
    parts: Sequence[Spread],
    states: Sequence[Binding],
) -> list[Value]:
    """Build the kernel that applies `rule`; returns the new states (the old ones' storage)."""
    count = len(source.operands)

    def compute(inner: Builder, read: list[Value], old: list[Value]) -> list[Value]:
        gradient = source.build(inner, read[:count])
        inside = [
            Spread(value, part.dimensions) for value, part in zip(read[count:], parts, strict=True)
        ]
        return apply_rule(inner, op, rule, gradient, inside, old)

    read = [Binding.whole(value) for value in [*source.operands, *(p.value for p in parts)]]
    return dispatch(b, read, states, compute)


def apply_rule(
    b: Builder,
    op: Any,
    rule: UpdateRule,
    gradient: Value | None,
    parts: Sequence[Spread],
    states: Sequence[Value],
) -> list[Value]:
    """One elementwise kernel that computes the new states from tensors of the slice's shape."""

    def body(
        arithmetic: ScalarArithmetic, inputs: list[Value], outputs: list[Value]
    ) -> list[Value]:
        # A rule that reads no gradient gets none.
        given: Any = inputs.pop(0) if gradient is not None else None
        return rule.formula(arithmetic, op, given, inputs, outputs)

    inputs = [(part.value, part.dimensions) for part in parts]
    if gradient is not None:
        inputs.insert(0, (gradient, range(len(shape_of(gradient)))))
    return elementwise(b, inputs, states, body)


def _workgroup_count(b: Builder, op: Any) -> None:
    """Let IREE derive the number of workgroups from its own tiling of the kernel."""
    block = op.regions[1].blocks.append()
    inner = Builder(InsertionPoint(block), b.location)
    counts = inner.create(
        "iree_tensor_ext.dispatch.workgroup_count_from_slice", [], [IndexType.get()] * 3
    )
    inner.create("flow.return", list(counts.results), [])
