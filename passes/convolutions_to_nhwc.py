"""convolutions-to-nhwc: channels last inside, whatever the front end's layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pock_mlir.dialects.pock import ParameterOp, ReadOp
from pock_mlir.dialects.stablehlo import Builder, i64s, type_of
from pock_mlir.ir import (
    FlatSymbolRefAttr,
    InsertionPoint,
    Module,
    TypeAttr,
    stablehlo_bindings,
)
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.layouts import Layouts, Permutation, ints, is_identity, rebuild
from pock_mlir.rewriting import body, erase_dead_ops, functions, named_ops, parameters


@dataclass(frozen=True)
class ConvolutionsToNhwc(ModulePass):
    """Makes every convolution [N, space..., C] x [space..., C / groups, O] -> [N, space..., O].

    Requires straight-line functions. Ensures that the layout spreads through elementwise ops,
    broadcasts, reductions, windows, pads, slices, concatenations and reshapes, so that transposes
    stand only where data enters, leaves, or meets an op that mixes dimensions; and that a weight
    which was only read through one transpose is stored transposed (`layout`). Types of functions
    stay as they are. Sums may be added up in another order.

        pock.parameter @w : tensor<8x3x3x3xf32>
        %y = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]
        %z = stablehlo.tanh %y
      becomes
        pock.parameter @w {layout = array<i64: 2, 3, 1, 0>} : tensor<3x3x3x8xf32>
        %t = stablehlo.transpose %x, dims = [0, 2, 3, 1]
        %y = stablehlo.convolution(%t, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]
        %u = stablehlo.tanh %y
        %z = stablehlo.transpose %u, dims = [0, 3, 1, 2]
    """

    name: ClassVar[str] = "convolutions-to-nhwc"

    def run(self, module: Module) -> None:
        for function in functions(module):
            _rewrite_function(function)
        erase_dead_ops(module)
        _store_transposed(module)
        erase_dead_ops(module)


def _rewrite_function(function: Any) -> None:
    layouts = Layouts()
    for op in list(body(function).operations):
        if op.operation.name == "stablehlo.convolution":
            with op.location:
                _convolution(layouts, op.operation)
        else:
            layouts.rewrite(op.operation)


def _convolution(layouts: Layouts, op: Any) -> None:
    numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
    image = _channels_last(
        numbers.input_batch_dimension,
        numbers.input_spatial_dimensions,
        numbers.input_feature_dimension,
    )
    kernel: Permutation = (
        *numbers.kernel_spatial_dimensions,
        numbers.kernel_input_feature_dimension,
        numbers.kernel_output_feature_dimension,
    )
    output = _channels_last(
        numbers.output_batch_dimension,
        numbers.output_spatial_dimensions,
        numbers.output_feature_dimension,
    )
    b = Builder.before(op)
    operands = [layouts.get(b, op.operands[0], image), layouts.get(b, op.operands[1], kernel)]
    new = rebuild(b, op, operands, output, dimension_numbers=_nhwc(len(image) - 2))
    layouts.define(op.result, new, output)


def _channels_last(batch: int, spatial: list[int], feature: int) -> Permutation:
    return batch, *spatial, feature


def _nhwc(spatial: int) -> Any:
    kernel, image = list(range(spatial)), list(range(1, spatial + 1))
    last = spatial + 1
    return stablehlo_bindings.ConvDimensionNumbers.get(
        0, last, image, spatial, last, kernel, 0, last, image
    )


# ---- weights stored transposed ---------------------------------------------------------------


def _store_transposed(module: Module) -> None:
    """Where every use of a parameter is one and the same transpose, store it so."""
    reads: dict[str, list[Any]] = {}
    for read in named_ops(module, "pock.read"):
        reads.setdefault(_symbol(read), []).append(read.operation)
    written = {_symbol(op) for op in named_ops(module, "pock.assign", "pock.update")}
    for name, parameter in parameters(module).items():
        permutation = _common_transpose(reads.get(name, []))
        if permutation is not None and name not in written and not is_identity(permutation):
            _permute(parameter, reads[name], permutation)


def _symbol(op: Any) -> str:
    return FlatSymbolRefAttr(op.attributes["parameter"]).value


def _common_transpose(reads: list[Any]) -> Permutation | None:
    users = [use.owner.operation for read in reads for use in read.result.uses]
    if not users or any(user.name != "stablehlo.transpose" for user in users):
        return None
    permutations = {tuple(ints(user, "permutation")) for user in users}
    return permutations.pop() if len(permutations) == 1 else None


def _permute(parameter: ParameterOp, reads: list[Any], permutation: Permutation) -> None:
    layout = parameter.layout
    stored = parameter.stored_type
    for read in reads:
        transposes = [use.owner.operation for use in read.result.uses]
        with read.location, InsertionPoint(read):
            new = ReadOp(value=transposes[0].result.type, parameter=read.attributes["parameter"])
        for op in transposes:
            op.result.replace_all_uses_with(new.value)
            op.erase()
        stored = type_of(new.value)
    with parameter.location:
        parameter.operation.attributes["type"] = TypeAttr.get(stored)
        parameter.operation.attributes["layout"] = i64s([layout[i] for i in permutation])
