"""fold-batch-norm: normalisation by frozen statistics becomes a scale in the weight and a shift."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    InsertionPoint,
    Module,
    OpView,
    RankedTensorType,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.frozen import Frozen, frozen_parameters
from pock_mlir.passes.patterns import producer
from pock_mlir.passes.simplify import ints
from pock_mlir.rewriting import erase_dead_ops, named_ops

_LINKS = ("stablehlo.add", "stablehlo.subtract", "stablehlo.multiply", "stablehlo.divide")


@dataclass(frozen=True)
class FoldBatchNorm(ModulePass):
    """Shortens chains of per-channel arithmetic that follow a convolution or a contraction.

    Requires nothing; a chain is additions, subtractions, multiplications and divisions by one value
    per channel, and ends where a result is used twice. Ensures that a chain is at most one
    multiplication and one addition; that frozen factors are in the weight where that is frozen
    (so a multiplication is left only for a trained factor); and that a trained shift takes the
    frozen one. What is computed of frozen parameters only, `fold-frozen` takes out of the step.
    Rounding differs from the original's.

        %y = stablehlo.convolution(%x, %w)
        %0 = stablehlo.subtract %y, broadcast(%mean)
        %1 = stablehlo.multiply %0, broadcast(%inverse_deviation)
        %z = stablehlo.add %1, broadcast(%beta)
      becomes, when only %beta is trained,
        %v = stablehlo.multiply %w, broadcast(%inverse_deviation)
        %y = stablehlo.convolution(%x, %v)
        %z = stablehlo.add %y, broadcast(%beta - %mean * %inverse_deviation)
    """

    name: ClassVar[str] = "fold-batch-norm"
    scheme: str = field(
        default="",
        metadata={"help": "what is trained: a built-in scheme or a TOML file; empty: every weight"},
    )

    def run(self, module: Module) -> None:
        frozen = Frozen(frozen_parameters(module, self.scheme))
        for op in list(named_ops(module, "stablehlo.convolution", "stablehlo.dot_general")):
            channels = _channels(op)
            if channels is not None:
                with op.location:
                    _shorten(op, *channels, frozen)
        erase_dead_ops(module)


def _channels(op: Any) -> tuple[int, int] | None:
    """The channel dimension of the result, and the one of the weight that it comes from."""
    if op.name == "stablehlo.convolution":
        numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
        return numbers.output_feature_dimension, numbers.kernel_output_feature_dimension
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    contracted = set(numbers.rhs_contracting_dimensions)
    free = [i for i in range(type_of(op.operands[1]).rank) if i not in contracted]
    if numbers.rhs_batching_dimensions or len(free) != 1:
        return None
    return type_of(op.result).rank - 1, free[0]


# ---- the chain -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    op: OpView
    vector: Value


def _chain(value: Value, channel: int) -> list[_Link]:
    """The ops from `value` on that combine it with one value per channel."""
    links: list[_Link] = []
    while len(uses := list(value.uses)) == 1:
        op, index = uses[0].owner, uses[0].operand_number
        commutes = op.name in ("stablehlo.add", "stablehlo.multiply")
        if op.name not in _LINKS or (index == 1 and not commutes):
            break
        other = op.operands[1 - index]
        if not _is_per_channel(other, channel):
            break
        links.append(_Link(op, other))
        value = op.results[0]
    return links


def _is_per_channel(value: Value, channel: int) -> bool:
    shape = shape_of(value)
    if splat_of(value) is not None:
        return True
    if broadcast := producer(value, "stablehlo.broadcast_in_dim"):
        return ints(broadcast, "broadcast_dimensions") in ([], [channel])
    reshape = producer(value, "stablehlo.reshape")
    only_channels = all(size == 1 for i, size in enumerate(shape) if i != channel)
    return reshape is not None and only_channels and type_of(reshape.operands[0]).rank == 1


def _vector(b: Builder, value: Value, size: int) -> Value:
    """The values per channel, as a vector."""
    number = splat_of(value)
    if number is not None:
        return b.splat(number, RankedTensorType.get([size], type_of(value).element_type))
    source = value.owner.operands[0]
    if shape_of(source) == [size]:
        return source
    if type_of(source).rank == 1:  # one value for all channels
        source = b.reshape(source, [])
    return b.broadcast_in_dim(source, [size], [])


# ---- scale and shift -------------------------------------------------------------------------


@dataclass
class _Affine:
    """y * frozen * trained + shift; None stands for 1 or 0."""

    b: Builder
    frozen: Value | None = None
    trained: Value | None = None
    shift: Value | None = None

    def follow(self, name: str, vector: Value, is_frozen: bool) -> None:
        """Apply one link of the chain."""
        if name in ("add", "subtract"):
            self.shift = self._combine(name, self.shift, vector)
            return
        if is_frozen:
            self.frozen = self._combine(name, self.frozen, vector)
        else:
            self.trained = self._combine(name, self.trained, vector)
        if self.shift is not None:
            self.shift = self._combine(name, self.shift, vector)

    def _combine(self, name: str, value: Value | None, vector: Value) -> Value:
        if value is not None:
            return getattr(self.b, name)(value, vector)
        if name == "subtract":
            return self.b.negate(vector)
        return self.b.divide(self.b.ones_like(vector), vector) if name == "divide" else vector

    def scale_outside(self, weight_is_frozen: bool) -> Value | None:
        """The factor that the weight does not take."""
        if weight_is_frozen or self.frozen is None:
            return self.trained
        return self._combine("multiply", self.trained, self.frozen)


def _shorten(op: Any, channel: int, weight_dimension: int, frozen: Frozen) -> None:
    links = _chain(op.result, channel)
    if not links:
        return
    last = links[-1].op
    b = Builder(InsertionPoint(last), last.location)
    affine = _Affine(b)
    for link in links:
        vector = _vector(b, link.vector, shape_of(op.result)[channel])
        affine.follow(link.op.name.removeprefix("stablehlo."), vector, link.vector in frozen)
    folds = op.operands[1] in frozen
    scale = affine.scale_outside(folds)
    if len(links) <= (scale is not None) + (affine.shift is not None):
        return  # as short as it gets; what was built is dead
    result = _scaled(b, op, affine.frozen, weight_dimension) if folds else op.result
    for combine, vector in ((b.multiply, scale), (b.add, affine.shift)):
        if vector is not None:
            result = combine(result, b.broadcast_in_dim(vector, shape_of(op.result), [channel]))
    last.results[0].replace_all_uses_with(result)


def _scaled(b: Builder, op: Any, factor: Value | None, dimension: int) -> Value:
    """The convolution with each channel of its weight multiplied by a factor."""
    if factor is None:
        return op.result
    weight = op.operands[1]
    with b.at(op.location):
        scale = b.broadcast_in_dim(factor, shape_of(weight), [dimension])
        scaled = b.multiply(weight, scale)
    copy = op.operation.clone(ip=b.insertion_point)
    copy.operands[1] = scaled
    return copy.result
