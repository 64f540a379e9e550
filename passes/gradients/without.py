"""Ops that no gradient flows through, and ops that a trained value must not reach."""

from __future__ import annotations

from pock_mlir.passes.gradients.registry import no_gradient, unsupported

no_gradient(
    "stablehlo.after_all",
    "stablehlo.create_token",
    "stablehlo.get_dimension_size",
    "stablehlo.infeed",
    "stablehlo.outfeed",
    "stablehlo.partition_id",
    "stablehlo.recv",
    "stablehlo.replica_id",
    "stablehlo.rng_bit_generator",
    "stablehlo.send",
)

_PREPARE = "prepare-for-gradients replaces it"

unsupported(
    "func.call",
    "stablehlo.composite",
    "stablehlo.einsum",
    "stablehlo.get_tuple_element",
    "stablehlo.map",
    "stablehlo.torch_index_select",
    "stablehlo.tuple",
    "stablehlo.unary_einsum",
    reason=f"{_PREPARE} by what has one",
)

unsupported(
    "stablehlo.dynamic_broadcast_in_dim",
    "stablehlo.dynamic_conv",
    "stablehlo.dynamic_gather",
    "stablehlo.dynamic_iota",
    "stablehlo.dynamic_pad",
    "stablehlo.dynamic_reshape",
    "stablehlo.real_dynamic_slice",
    "stablehlo.set_dimension_size",
    reason=f"shapes must be static; {_PREPARE} where the operands that give shapes are constants",
)

unsupported(
    "stablehlo.all_gather",
    "stablehlo.all_reduce",
    "stablehlo.all_to_all",
    "stablehlo.async_done",
    "stablehlo.async_start",
    "stablehlo.collective_broadcast",
    "stablehlo.collective_permute",
    "stablehlo.collective_reduce",
    "stablehlo.cross-replica-sum",
    "stablehlo.reduce_scatter",
    reason="a training step runs on one device",
)

unsupported(
    "stablehlo.rng",
    reason="sample with constant bounds, then scale and shift the sample",
)

unsupported(
    "stablehlo.custom_call",
    reason="what it computes is not known; write it in ops of StableHLO",
)

unsupported(
    "stablehlo.uniform_dequantize",
    "stablehlo.uniform_quantize",
    reason="its result moves in steps; train the floats and quantise what was trained",
)

unsupported(
    "chlo._asin_acos_kernel",
    reason="it is a part of asin and acos, which have rules; do not lower CHLO beforehand",
)

unsupported(
    "stablehlo.return",
    reason="it ends a region, which the rule of the op around it reads",
)
