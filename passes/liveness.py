"""Live ranges of a step: which tensors take memory, from when, until when.

The analysis works on *kernels*, not ops: a backend computes an elementwise chain together with the
contraction, convolution or reduction that it follows or feeds, so the values inside a kernel take
no memory. A kernel is the op whose result is materialised plus the ops fused into it. The model is
that of IREE's dispatch formation, simplified; any pass may ask for it (`Kernels.of(block)`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import shape_of, type_of
from pock_mlir.ir import (
    Block,
    BlockArgument,
    ComplexType,
    FlatSymbolRefAttr,
    FloatType,
    IntegerType,
    Operation,
    OpResult,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.regions import reads
from pock_mlir.passes.update_rules import UPDATE_RULES

ALIGNMENT = 64
"""Bytes to which every buffer is rounded up."""

BARRIER = "stablehlo.optimization_barrier"
"""Keeps CSE from merging what is meant to be computed twice; no value is made."""

_FREE = {
    BARRIER,
    "stablehlo.constant",
    "stablehlo.iota",
    "stablehlo.reshape",
    "stablehlo.broadcast_in_dim",
    "pock.read",
}
"""Ops that a kernel recomputes (or that cost nothing) wherever it needs them."""

_ROOTS = {
    "stablehlo.convolution",
    "stablehlo.dot_general",
    "stablehlo.reduce",
    "stablehlo.reduce_window",
}
"""Ops that begin a kernel (which has one at most), into which elementwise consumers are fused."""

_ALONE = {
    "stablehlo.slice",
    "stablehlo.pad",
    "stablehlo.concatenate",
    "stablehlo.reverse",
    "pock.winograd_image",
    "pock.winograd_kernel",
    "pock.winograd_output",
    "pock.conv_input_gradient",
    "pock.conv_kernel_gradient",
}
"""Ops that are fused with nothing: they move data, or a backend has kernels of its own for them."""

_GRADIENTS = {"stablehlo.dot_general", "stablehlo.reduce"}
"""Ops that an update computes in its own kernel."""

_UPDATES = {"pock.update", "pock.assign", *UPDATE_RULES}

READS_TWICE = "pock.adafactor"
"""The update that has its gradient in memory, to read it more than once."""


def byte_size(value: Value) -> int:
    """Bytes that `value`, a tensor of static shape, takes in memory (unaligned)."""
    return type_bytes(type_of(value))


def type_bytes(type_: RankedTensorType) -> int:
    """Bytes that a tensor of a type of static shape takes in memory (unaligned)."""
    element = type_.element_type
    if isinstance(element, ComplexType):
        bits = 2 * FloatType(ComplexType(element).element_type).width
    else:
        bits = element.width if isinstance(element, (IntegerType, FloatType)) else 64
    return math.prod(type_.shape) * -(-bits // 8)


def aligned(size: int) -> int:
    """`size` rounded up to the alignment of buffers."""
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(eq=False)
class Kernel:
    """Ops computed together.

    Attributes:
        ops: in program order; the last one's results are what the kernel materialises.
        inputs: kernels whose results it reads.
        reads: parameters that it reads.
        writes: parameters that it writes in place (optimizer ops and assignments).
        bytes: aligned size of the results.
        users: kernels that read its results.
    """

    ops: list[Operation]
    index: int
    inputs: set[Kernel] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    bytes: int = 0
    users: set[Kernel] = field(default_factory=set)

    @property
    def root(self) -> Operation:
        """The op whose results the kernel materialises."""
        return self.ops[-1]


@dataclass
class Kernels:
    """The kernels of a block in program order, and the values that outlive the block."""

    kernels: list[Kernel]
    returned: set[Kernel]

    @classmethod
    def of(cls, block: Block) -> Kernels:
        """Group the ops of `block` (the body of a step) into kernels."""
        ops = [op.operation for op in block.operations]
        builder = _Grouping()
        for op in ops[:-1]:
            builder.add(op)
        returned = {
            kernel for value in ops[-1].operands for kernel in builder.sources(value).kernels
        }
        return cls(builder.kernels, returned)

    def peak(self, order: Sequence[Kernel] | None = None) -> int:
        """Most bytes alive at once when kernels run in `order` (program order by default)."""
        return max(self.profile(order), default=0)

    def profile(self, order: Sequence[Kernel] | None = None) -> list[int]:
        """Bytes alive while each kernel runs: its inputs, its results, and what waits for later."""
        order = self.kernels if order is None else order
        pending = {kernel: len(kernel.users) + (kernel in self.returned) for kernel in order}
        alive, bytes_at = 0, []
        for kernel in order:
            alive += kernel.bytes
            bytes_at.append(alive)
            for source in kernel.inputs:
                pending[source] -= 1
                if pending[source] == 0:
                    alive -= source.bytes
            if pending[kernel] == 0:
                alive -= kernel.bytes
        return bytes_at


@dataclass
class _Sources:
    """What a value depends on, looking through everything that is not materialised."""

    kernels: set[Kernel] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    ops: list[Operation] = field(default_factory=list)

    def merge(self, other: _Sources) -> None:
        self.kernels |= other.kernels
        self.reads |= other.reads
        known = set(self.ops)
        self.ops += [op for op in other.ops if op not in known]


class _Grouping:
    """Builds kernels op by op; values that are not materialised carry their sources along."""

    def __init__(self) -> None:
        self.kernels: list[Kernel] = []
        self._virtual: dict[Operation, _Sources] = {}
        self._materialised: dict[Operation, Kernel] = {}
        self._fusion = _Fusion()

    def sources(self, value: Value) -> _Sources:
        """What has to be in memory for `value` to be computed."""
        if isinstance(value, BlockArgument):
            return _Sources()
        owner = OpResult(value).owner.operation
        if owner in self._materialised:
            kernel = self._materialised[owner]
            # A backend may as well read a slice of a parameter where the parameter lies.
            return _Sources({kernel}, set(kernel.reads) if owner.name in _ALONE else set())
        return self._virtual[owner]

    def add(self, op: Operation) -> None:
        """Make `op` part of its only user's kernel, or the root of a kernel of its own."""
        needed = _Sources()
        for operand in reads(op):
            needed.merge(self.sources(operand))
        if op.name == "pock.read":
            needed.reads.add(FlatSymbolRefAttr(op.attributes["parameter"]).value)
        if op.name in _FREE or self._fusion.into_user(op):
            needed.ops.append(op)
            self._virtual[op] = needed
        else:
            self._begin(op, needed)

    def _begin(self, op: Operation, needed: _Sources) -> None:
        kernel = Kernel(
            [*needed.ops, op],
            len(self.kernels),
            needed.kernels,
            needed.reads,
            _written(op),
            # The result of an update (pock.accumulate) lies in the state.
            sum(aligned(byte_size(result)) for result in op.results if op.name not in _UPDATES),
        )
        for source in needed.kernels:
            source.users.add(kernel)
        self.kernels.append(kernel)
        self._materialised[op] = kernel


def _written(op: Operation) -> set[str]:
    if op.name not in _UPDATES:
        return set()
    values = (op.attributes[name] for name in op.attributes)
    return {FlatSymbolRefAttr(a).value for a in values if isinstance(a, FlatSymbolRefAttr)}


def _is_elementwise(op: Operation) -> bool:
    return (
        op.name.startswith("stablehlo.")
        and op.name not in _FREE | _ROOTS | _ALONE
        and not list(op.regions)
    )


def _only_user(op: Operation) -> Any | None:
    """The only op that uses the only result of `op`, unless it is in a region."""
    users: set[Any] = {use.owner.operation for result in op.results for use in result.uses}
    if len(op.results) != 1 or len(users) != 1:
        return None
    user = users.pop()
    return user if user.block == op.block else None


def _definitions(op: Operation) -> list[Operation]:
    return [value.owner.operation for value in op.operands if isinstance(value, OpResult)]


def _is_gradient(op: Operation) -> bool:
    """Whether an update computes `op`, its gradient, in its own kernel."""
    if op.name == "stablehlo.add":  # of a tied embedding
        return all(each.name != op.name and _is_gradient(each) for each in _definitions(op))
    return op.name in _GRADIENTS or "pock.inside" in op.attributes


class _Fusion:
    """Which ops the backend computes inside the kernel of the one op that uses them."""

    def __init__(self) -> None:
        self._fused: dict[Operation, bool] = {}
        self._rooted: dict[Operation, bool] = {}

    def into_user(self, op: Operation) -> bool:
        """Whether `op` is computed inside the kernel of the one op that uses it."""
        if op not in self._fused:
            self._fused[op] = self._fits_into_user(op)
        return self._fused[op]

    def _fits_into_user(self, op: Operation) -> bool:
        user = _only_user(op)
        if user is None or op.name in _ALONE | _UPDATES or user.name == READS_TWICE:
            return False
        if _is_elementwise(user):
            same_shape = shape_of(user.results[0]) == shape_of(op.results[0])
            return same_shape and not (self._has_root(op) and self._has_later_root(user, op))
        if user.name == "stablehlo.reduce":
            return _is_elementwise(op) and not self._has_root(op)
        return user.name in _UPDATES and _is_gradient(op)

    def _has_root(self, op: Operation) -> bool:
        """Whether the kernel that `op` is part of has a root no later than `op`."""
        if op not in self._rooted:
            fused = (each for each in _definitions(op) if self.into_user(each))
            self._rooted[op] = op.name in _ROOTS or (
                _is_elementwise(op) and any(map(self._has_root, fused))
            )
        return self._rooted[op]

    def _has_later_root(self, user: Operation, op: Operation) -> bool:
        """Whether another operand of `user` fills the one place for a root that its kernel has."""
        others = [each for each in _definitions(user) if op.is_before_in_block(each)]
        return any(_only_user(each) is not None and self._has_root(each) for each in others)
