"""choose-kernels: contractions and convolutions in the form that is fastest on the target."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder, i64, shape_of
from pock_mlir.ir import (
    Attribute,
    BlockArgument,
    DictAttr,
    F32Type,
    IntegerAttr,
    Location,
    Module,
    StringAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.fold_frozen import MOVES
from pock_mlir.passes.frozen import Frozen, symbol_of
from pock_mlir.passes.kernels.contraction import (
    build_in_pieces,
    build_product,
    pieces_of,
    product_of,
)
from pock_mlir.passes.kernels.dense_convolution import as_product, build_convolution, subject_of
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.passes.shard_batch import SHARD
from pock_mlir.passes.update_rules import UPDATE_RULES, written_names
from pock_mlir.rewriting import (
    callees,
    erase_dead_ops,
    functions,
    named_ops,
    parameters,
    replace_op,
)
from pock_mlir.tuning import PLAIN, Convolution, Limits, Product, Subject, Tuning, candidates

_FEWEST_OF_A_PRODUCT = 32
"""Channels of a 1x1 convolution below which it waits for memory, not for arithmetic. As it is, IREE
writes its result into the padded image of the convolution behind it; that of a product is copied
there, and in memory twice."""
_STEP = "train_step"
_STEPS = (_STEP, f"{_STEP}{SHARD}")
"""Functions that a training step is computed by."""
PRODUCTS = "pock.products"
"""On a module: the products of a training step and how many there are of each."""


@dataclass(frozen=True)
class ChooseKernels(ModulePass):
    """Give contractions the form that is fastest on a kind of processor.

    Requires: backward ops are lowered (`lower-pock`). Ensures: a 1x1 convolution that is a matrix
    product of enough channels is written as one. Another dense convolution, and a product of
    matrices, if they are of f32, have the form that was fastest when it was measured, or that a
    model of costs finds (docs/tuning.md). Convolutions may become sums of products, one for each
    place of the kernel, or Winograd's: a stack of products between three transforms. Products in
    other forms than IREE's own say in `pock.tile` which block of the result the registers hold,
    and in `pock.block` after how many steps the next block's turn is, if that is not when all are
    done; `pock-to-iree` hands both to the code generator. Some have their right operand in panels,
    and their left one by rows. What arranges a frozen weight is left to `fold-frozen`, so it is
    free. The module says in `pock.products` what a training step multiplies, for `pock tune`. For
    targets whose code generator tiles for itself (GPUs), leave this pass out.

        %y = stablehlo.dot_general %x, %w : (tensor<512x384xf32>, tensor<384x96xf32>) -> ...
    becomes
        %0 = stablehlo.reshape %w : (tensor<384x96xf32>) -> tensor<384x6x16xf32>
        %1 = stablehlo.transpose %0 : (tensor<384x6x16xf32>) -> tensor<6x384x16xf32>
        %2 = stablehlo.dot_general %x, %1 {pock.tile = array<i64: 4, 16, 4>} ...
        %y = stablehlo.reshape %2 : (tensor<512x6x16xf32>) -> tensor<512x96xf32>
    """

    name: ClassVar[str] = "choose-kernels"
    minimum: int = field(
        default=1 << 17, metadata={"help": "multiplications of a product worth looking at"}
    )
    copy: int = field(
        default=Limits.copy,
        metadata={"help": "MiB of what a step may arrange anew, or of a frozen tensor kept twice"},
    )
    target: str = field(
        default="",
        metadata={
            "help": "the kind of processor, such as x86-64-avx2; by default that of this machine"
        },
    )
    database: str = field(
        default="", metadata={"help": "a file of measurements, right where it and others differ"}
    )
    growth: int = field(
        default=Limits.kernel,
        metadata={"help": "MiB of a convolution's kernel as Winograd's form has it"},
    )
    parts: int = field(
        default=Limits.parts,
        metadata={"help": "MiB of image and products of Winograd's form, while it is computed"},
    )

    def run(self, module: Module) -> None:
        tuning, frozen = self._tuning(), _unwritten(module)
        convolutions = list(self._convolutions(module, frozen, tuning))
        twice = self._kept_twice(module, frozen, tuning)
        found: list[tuple[Any, Subject]] = [(op, subject) for op, _, subject in convolutions]
        # Not the stacks of Winograd's, which `pock tune` knows by their convolutions.
        _put_products(module, [*found, *self._products(module, frozen, twice)])
        for op, g, subject in convolutions:
            form = tuning.form_of(subject)
            if form != PLAIN:
                image, kernel = op.operands
                replace_op(op, build_convolution(Builder.before(op), image, kernel, g, form))
        for op, product in list(_as_in_the_step(list(self._products(module, frozen, twice)))):
            y = self._product(op, product, tuning)
            if y is not None:
                replace_op(op, y)
        erase_dead_ops(module)

    def _convolutions(
        self, module: Module, frozen: Frozen, tuning: Tuning
    ) -> Iterator[tuple[Any, ConvGeometry, Convolution]]:
        """The dense convolutions worth looking at; those that are products are written as such."""
        for op in named_ops(module, "stablehlo.convolution"):
            g = ConvGeometry.of_convolution(op) if _is_f32(op) else None
            if g is None or g.groups > 1:
                continue
            image, kernel = op.operands
            if g.pointwise and all(stride == 1 for stride in g.strides):
                if g.kernel[-2] >= _FEWEST_OF_A_PRODUCT:
                    replace_op(op, as_product(Builder.before(op), image, kernel, g))
            elif g.multiplications >= self.minimum:
                subject = subject_of(g, frozen=_is_arranged(kernel, frozen))
                if len(candidates(subject, tuning.machine)) > 1:
                    yield op, g, subject

    def _product(self, op: Any, product: Product, tuning: Tuning) -> Value | None:
        """A product in the form that it is to have; None where that is the one it has."""
        b, (lhs, rhs) = Builder.before(op), op.operands
        if pieces_of(product) > 1:
            tile = tuning.tile_of_piece(replace(product, k=product.k // pieces_of(product)))
            if tile is not None:
                return build_in_pieces(b, lhs, rhs, product, tile)
        form = tuning.form_of(product)
        return None if form == PLAIN else build_product(b, lhs, rhs, product, form)

    def _tuning(self) -> Tuning:
        try:
            files = [self.database] if self.database else []
            return Tuning.load(self.target, files, Limits(self.copy, self.growth, self.parts))
        except ValueError as error:
            raise PassError([(Location.unknown(), str(error))]) from error

    def _products(
        self, module: Module, frozen: Frozen, twice: set[Value]
    ) -> Iterator[tuple[Any, Product]]:
        """The contractions worth looking at, and what they multiply."""
        for op in named_ops(module, "stablehlo.dot_general"):
            product = product_of(op) if _is_f32(op) else None
            if product is not None and product.multiplications >= self.minimum:
                lhs, rhs = (_is_free(operand, frozen, twice) for operand in op.operands)
                yield op, replace(product, lhs_frozen=lhs, rhs_frozen=rhs)

    def _kept_twice(self, module: Module, frozen: Frozen, tuning: Tuning) -> set[Value]:
        """Frozen weights that are kept in two arrangements in any case.

        Several products read them, and nothing else, and one of these has panels also where they
        count. So the other ones may have panels too, instead of the weight as it is.
        """
        found: set[Value] = set()
        for op, product in self._products(module, frozen, found):
            value = op.operands[1]
            *_, source = _moves(value)
            panels = tuning.form_of(product).kind in ("panels", "panels-km")
            small = tuning.limits.allows_copy(math.prod(shape_of(value)))
            if panels and small and _is_arranged(value, frozen) and _is_for_products(source):
                found.add(source)
        return found


def _as_in_the_step(products: Sequence[tuple[Any, Product]]) -> Iterator[tuple[Any, Product]]:
    """Those of other functions as what the training step multiplies by the same parameters.

    In another form, `fold-frozen` would keep a frozen weight in another arrangement too.
    """
    known: dict[tuple[tuple[str, ...], Product], Product] = {}
    for op, product in sorted(products, key=lambda each: _function(each[0]) not in _STEPS):
        names = tuple(_parameter(operand) for operand in op.operands)
        bare = replace(product, lhs_frozen=False, rhs_frozen=False)
        yield op, known.setdefault((names, bare), product) if any(names) else product


def _parameter(value: Value) -> str:
    """The parameter that a value is an arrangement of, or ""."""
    *_, source = _moves(value)
    return symbol_of(source.owner) if _name(source) == "pock.read" else ""


def _function(op: Any) -> str:
    """The name of the function that an op stands in."""
    return StringAttr(op.operation.parent.attributes["sym_name"]).value


def _put_products(module: Module, products: Sequence[tuple[Any, Subject]]) -> None:
    """Keep what a training step multiplies, in all its shards, as an attribute of the module."""
    times = Counter[str]()
    for step in functions(module):
        if step.sym_name.value == _STEP:
            times.update([_STEP, *(each.sym_name.value for each in callees(step))])
    counts = Counter[str]()
    for op, subject in products:
        counts[str(subject)] += times[_function(op)]
    counts = +counts
    if counts:
        entries: dict[str, Attribute] = {key: i64(count) for key, count in counts.items()}
        module.operation.attributes[PRODUCTS] = DictAttr.get(entries)


def products_of_step(module: Module) -> dict[str, int]:
    """How many products of each kind `choose-kernels` found in a step, by their texts."""
    attributes = module.operation.attributes
    if PRODUCTS not in attributes:
        return {}
    return {entry.name: IntegerAttr(entry.attr).value for entry in DictAttr(attributes[PRODUCTS])}


def _unwritten(module: Module) -> Frozen:
    """The values that no step changes."""
    written = {symbol_of(op) for op in named_ops(module, "pock.assign")}
    for op in named_ops(module, *UPDATE_RULES):
        written |= written_names(op)
    return Frozen(set(parameters(module)) - written)


def _is_free(value: Value, frozen: Frozen, twice: set[Value]) -> bool:
    """Whether arranging a value costs nothing: a frozen parameter that nothing else reads.

    Or one that is kept `twice`, as forward and backward read it. A transformed kernel is another
    tensor than the kernel, whatever else reads that.
    """
    if not _is_arranged(value, frozen):
        return False
    moves = list(_moves(value))
    if any(_name(each) == "pock.winograd_kernel" for each in moves) or moves[-1] in twice:
        return True
    return all(len(list(each.uses)) == 1 for each in moves)


def _is_for_products(value: Value) -> bool:
    """Whether only products read a value and its rearrangements."""
    users = [use.owner.operation for use in value.uses]
    return all(
        _is_for_products(user.results[0])
        if user.name in MOVES
        else user.name == "stablehlo.dot_general"
        for user in users
    )


def _is_arranged(value: Value, frozen: Frozen) -> bool:
    """Whether `fold-frozen` would arrange a value: a frozen parameter in another arrangement."""
    *_, source = _moves(value)
    return _name(source) == "pock.read" and source in frozen


def _moves(value: Value) -> Iterator[Value]:
    """A value and those that it is a rearrangement of, as far as `fold-frozen` looks."""
    yield value
    while _name(value) in MOVES:
        value = value.owner.operands[0]
        yield value


def _name(value: Value) -> str:
    """The name of the op that makes a value; "" of an argument."""
    return "" if isinstance(value, BlockArgument) else value.owner.name


def _is_f32(op: Any) -> bool:
    values = [*op.operation.operands, *op.operation.results]
    return all(isinstance(value.type.element_type, F32Type) for value in values)
