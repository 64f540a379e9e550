"""choose-kernels: contractions in the form that is fastest on the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder, i64
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
from pock_mlir.passes.frozen import Frozen, symbol_of
from pock_mlir.passes.kernels.contraction import (
    build_in_pieces,
    build_product,
    pieces_of,
    product_of,
)
from pock_mlir.passes.kernels.dense_convolution import (
    as_product,
    as_taps,
    row_product,
)
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.passes.update_rules import UPDATE_RULES, written_names
from pock_mlir.rewriting import named_ops, parameters
from pock_mlir.tuning import PLAIN, Product, Tuning

_ELEMENTS_OF_A_MEBIBYTE = (1 << 20) // 4

_FEWEST_OF_A_PRODUCT = 32
"""Channels of a 1x1 convolution below which it waits for memory, not for arithmetic. As it is, IREE
writes its result into the padded image of the convolution behind it; that of a product is copied
there, and in memory twice."""
_FEWEST_OF_A_SUM = 8
"""Channels of another dense convolution below which each product of a sum does too little."""

PRODUCTS = "pock.products"
"""On a module: the products of a training step and how many there are of each."""


@dataclass(frozen=True)
class ChooseKernels(ModulePass):
    """Give contractions the form that is fastest on a kind of processor.

    Requires: backward ops are lowered (`lower-pock`). Ensures: a 1x1 convolution that is a matrix
    product of enough channels is written as one, another dense one as a sum of products, one for
    each place of its kernel. A product of f32 matrices has the form that was fastest when it was
    measured, or that a model of costs finds (docs/tuning.md). Other forms than
    IREE's own say in `pock.tile` which block of the result the registers hold, which `pock-to-iree`
    hands to the code generator; some have their right operand in panels, and their left one by
    rows. What arranges a frozen weight is left to `fold-frozen`, so it is free. The module says in
    `pock.products` what a training step multiplies, for `pock tune`. For targets whose code
    generator tiles for itself (GPUs), leave this pass out.

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
        default=32, metadata={"help": "MiB of a tensor that may be arranged anew in each step"}
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

    def run(self, module: Module) -> None:
        tuning = self._tuning()
        for op in named_ops(module, "stablehlo.convolution"):
            self._rewrite_convolution(op, tuning)
        products = list(self._products(module))
        _put_products(module, products)
        for op, product in products:
            y = self._product(op, product, tuning)
            if y is not None:
                op.operation.results[0].replace_all_uses_with(y)
                op.operation.erase()

    def _rewrite_convolution(self, op: Any, tuning: Tuning) -> None:
        """As one product, or as one with a tile for each place of the kernel, if it is dense."""
        g = ConvGeometry.of_convolution(op) if _is_f32(op) else None
        if g is None or g.groups > 1:
            return
        b, (image, kernel) = Builder.before(op), op.operands
        if g.pointwise and all(stride == 1 for stride in g.strides):
            if g.kernel[-2] < _FEWEST_OF_A_PRODUCT:
                return
            y = as_product(b, image, kernel, g)
        else:
            tile = tuning.tile_of_row(row_product(g))
            worth = g.kernel[-2] >= _FEWEST_OF_A_SUM and g.multiplications >= self.minimum
            if tile is None or not worth:
                return
            y = as_taps(b, image, kernel, g, tile)
        op.operation.results[0].replace_all_uses_with(y)
        op.operation.erase()

    def _product(self, op: Any, product: Product, tuning: Tuning) -> Value | None:
        """A product in the form that it is to have; None where that is the one it has."""
        b, (lhs, rhs) = Builder.before(op), op.operands
        if pieces_of(product) > 1:
            tile = tuning.tile_of_piece(replace(product, k=product.k // pieces_of(product)))
            if tile is not None:
                return build_in_pieces(b, lhs, rhs, product, tile)
        form = tuning.form_of(product, self._largest_copy(product))
        return None if form == PLAIN else build_product(b, lhs, rhs, product, form)

    def _largest_copy(self, product: Product) -> int:
        """How many elements may be arranged for a product.

        None for a large result: it keeps its shape, so that an update that adds another gradient,
        as that of a tied embedding, need not store it.
        """
        limit = self.copy * _ELEMENTS_OF_A_MEBIBYTE
        return 0 if product.count * product.m * product.n > limit else limit

    def _tuning(self) -> Tuning:
        try:
            return Tuning.load(self.target, [self.database] if self.database else [])
        except ValueError as error:
            raise PassError([(Location.unknown(), str(error))]) from error

    def _products(self, module: Module) -> Iterator[tuple[Any, Product]]:
        """The contractions worth looking at, and what they multiply."""
        frozen = _unwritten(module)
        for op in named_ops(module, "stablehlo.dot_general"):
            product = product_of(op) if _is_f32(op) else None
            if product is not None and product.multiplications >= self.minimum:
                lhs, rhs = (_is_free(operand, frozen) for operand in op.operands)
                yield op, replace(product, lhs_frozen=lhs, rhs_frozen=rhs)


def _put_products(module: Module, products: Sequence[tuple[Any, Product]]) -> None:
    """Keep what `@train_step` multiplies as an attribute of the module."""
    counts = Counter(
        str(product)
        for op, product in products
        if StringAttr(op.operation.parent.attributes["sym_name"]).value == "train_step"
    )
    if counts:
        entries: dict[str, Attribute] = {key: i64(count) for key, count in counts.items()}
        module.operation.attributes[PRODUCTS] = DictAttr.get(entries)


def products_of_step(module: Module) -> dict[str, int]:
    """How many products of each kind `choose-kernels` found in `@train_step`, by their texts."""
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


def _is_free(value: Value, frozen: Frozen) -> bool:
    """Whether `fold-frozen` would arrange a value: a frozen parameter that nothing else reads."""
    while len(list(value.uses)) == 1 and not isinstance(value, BlockArgument):
        op: Any = value.owner
        if op.name == "pock.read":
            return value in frozen
        if op.name not in ("stablehlo.reshape", "stablehlo.transpose"):
            return False
        value = op.operands[0]
    return False


def _is_f32(op: Any) -> bool:
    values = [*op.operation.operands, *op.operation.results]
    return all(isinstance(value.type.element_type, F32Type) for value in values)
