"""choose-kernels: contractions in the form that is fastest on the target."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    F32Type,
    IntegerAttr,
    Module,
    stablehlo_bindings,
)
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.frozen import Frozen, symbol_of
from pock_mlir.passes.kernels.contraction import MatrixProduct, build_panels, tile_of
from pock_mlir.passes.update_rules import UPDATE_RULES, written_names
from pock_mlir.rewriting import named_ops, parameters


@dataclass(frozen=True)
class ChooseKernels(ModulePass):
    """Arrange the operands of contractions for the caches and registers of a processor.

    Requires: backward ops are lowered (`lower-pock`). Ensures: a 1x1 convolution that is a matrix
    product is written as one. A product of f32 matrices that gains more by it than the copies cost
    has its right operand in panels, its left one by rows, and says in `pock.tile` which block of
    the result the registers hold; `pock-to-iree` hands that to the code generator. What arranges a
    frozen weight is left to `fold-frozen`, so it is free. For targets whose code generator tiles
    for itself (GPUs), leave this pass out.

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

    def run(self, module: Module) -> None:
        frozen = _unwritten(module)
        for op in named_ops(module, "stablehlo.convolution"):
            if _is_pointwise(op):
                _as_product(op)
        for op in named_ops(module, "stablehlo.dot_general"):
            product = MatrixProduct.of(op) if _is_f32(op) else None
            if product is None or product.multiplications < self.minimum:
                continue
            tile = tile_of(product.m, product.n, product.k)
            if tile and _gain(product) > _cost(product, op, frozen):
                b = Builder.before(op)
                y = build_panels(b, op, product, tile)
                op.operation.results[0].replace_all_uses_with(y)
                op.operation.erase()


def _unwritten(module: Module) -> Frozen:
    """The values that no step changes."""
    written = {symbol_of(op) for op in named_ops(module, "pock.assign")}
    for op in named_ops(module, *UPDATE_RULES):
        written |= written_names(op)
    return Frozen(set(parameters(module)) - written)


def _is_f32(op: Any) -> bool:
    values = [*op.operation.operands, *op.operation.results]
    return all(isinstance(value.type.element_type, F32Type) for value in values)


# ---- the estimate, fitted on an EPYC with AVX2: IREE's own tiles reach 30 to 55 GFLOPS there, ----
# ---- panels 80 to 95; a copy that transposes takes about 1.2 ns an element                   ----

_SAVED = 0.02
"""Nanoseconds that a multiplication and addition takes less."""
_COPIED = 1.2
"""Nanoseconds to bring an element to another place."""


def _gain(product: MatrixProduct) -> float:
    return _SAVED * product.multiplications


def _cost(product: MatrixProduct, op: Any, frozen: Frozen) -> float:
    lhs, rhs = op.operands
    copied = 0 if rhs in frozen else math.prod(shape_of(rhs))
    if not product.lhs_rows_first:
        copied += math.prod(shape_of(lhs))
    return _COPIED * copied


# ---- 1x1 convolutions ------------------------------------------------------------------------


def _is_pointwise(op: Any) -> bool:
    """Whether a convolution multiplies the channels of each place by one matrix, no more."""
    attributes = op.operation.attributes
    ones = ("window_strides", "lhs_dilation")
    return (
        _channels_last(op)
        and all(size == 1 for size in shape_of(op.operands[1])[:-2])
        and IntegerAttr(attributes["feature_group_count"]).value == 1
        and not any(set(DenseI64ArrayAttr(attributes[n])) - {1} for n in ones if n in attributes)
        and not ("padding" in attributes and np.array(attributes["padding"]).any())
    )


def _channels_last(op: Any) -> bool:
    """Whether image and result are [N, spatial..., C], and the kernel is [spatial..., C, O]."""
    numbers = stablehlo_bindings.ConvDimensionNumbers(op.operation.attributes["dimension_numbers"])
    last = len(shape_of(op.operands[0])) - 1
    return (
        (numbers.input_batch_dimension, numbers.input_feature_dimension) == (0, last)
        and (numbers.output_batch_dimension, numbers.output_feature_dimension) == (0, last)
        and numbers.kernel_input_feature_dimension == last - 1
        and numbers.kernel_output_feature_dimension == last
        and IntegerAttr(op.operation.attributes["batch_group_count"]).value == 1
    )


def _as_product(op: Any) -> None:
    b = Builder.before(op)
    image, kernel = op.operands
    *places, channels = shape_of(image)
    rows = b.reshape(image, [math.prod(places), channels])
    y = b.dot_general(rows, b.reshape(kernel, shape_of(kernel)[-2:]), ([1], [0]))
    result = op.operation.results[0]
    result.replace_all_uses_with(b.reshape(y, shape_of(result)))
    op.operation.erase()
