"""Every op of StableHLO and CHLO has a rule, has no gradient, or says why it has neither."""

from __future__ import annotations

import pytest

from pock_mlir.passes.gradients import all_rules, stops_gradient
from pock_mlir.passes.gradients.registry import all_accounted_for, why_unsupported
from tests.support.dialect_ops import registered_ops

DIALECTS = {"stablehlo": 110, "chlo": 50}

# What may have no rule, and not for being piecewise constant.
WITHOUT = {
    "chlo._asin_acos_kernel",
    "stablehlo.return",
    # Nothing is known of them, or they are random.
    "stablehlo.custom_call",
    "stablehlo.rng",
    # Numbers that move in steps.
    "stablehlo.uniform_dequantize",
    "stablehlo.uniform_quantize",
    # More than one device.
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
    # Shapes that are not static.
    "stablehlo.dynamic_broadcast_in_dim",
    "stablehlo.dynamic_conv",
    "stablehlo.dynamic_gather",
    "stablehlo.dynamic_iota",
    "stablehlo.dynamic_pad",
    "stablehlo.dynamic_reshape",
    "stablehlo.real_dynamic_slice",
    "stablehlo.set_dimension_size",
    # prepare-for-gradients replaces them.
    "stablehlo.composite",
    "stablehlo.einsum",
    "stablehlo.get_tuple_element",
    "stablehlo.map",
    "stablehlo.torch_index_select",
    "stablehlo.tuple",
    "stablehlo.unary_einsum",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_walk_sees_the_whole_dialect(dialect: str):
    ops = registered_ops(dialect)
    assert len(ops) >= DIALECTS[dialect]
    ours = {name for name in all_accounted_for() if name.startswith(f"{dialect}.")}
    assert ours <= ops, "these are not ops of the dialect"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_op_is_accounted_for(dialect: str):
    assert not registered_ops(dialect) - all_accounted_for()


def test_what_has_no_rule_is_known_and_says_why():
    ops = registered_ops("stablehlo") | registered_ops("chlo")
    without = {name for name in ops if name not in all_rules() and not stops_gradient(name)}
    assert without == WITHOUT
    assert all(why_unsupported(name) for name in without)
