"""Slices of attention's weights are pushed through heads, rotations and batched contractions."""

from functools import cache

import pytest

pytest.importorskip("torch")

import torch

import pock_mlir as pock
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Context, Location, Module
from pock_mlir.pipelines import run_pipeline, training_pipeline
from pock_mlir.report.operations import Phase, count_operations
from pock_mlir.rewriting import functions
from pock_mlir.zoo.small import small

LAYER = "model.layers.2.self_attn"


@cache
def imported() -> tuple[Context, str]:
    torch.manual_seed(0)
    model, inputs = small("smollm2")
    result = import_torch(model, inputs.batch(2))
    return result.context, result.module.operation.get_asm()


def phases(rule: str) -> dict[str, Phase]:
    """Operations of a step that trains what one rule says."""
    context, text = imported()
    scheme = pock.Scheme.from_toml(f"[[rule]]\n{rule}", name="slice")
    with context, Location.unknown():
        module = Module.parse(text)
        run_pipeline(module, training_pipeline(scheme=scheme.option, loss="causal-lm"))
        (step,) = [f for f in functions(module) if f.sym_name.value == "train_step"]
        return count_operations(step)


def backward(projection: str, update: str) -> int:
    return phases(f'match = "{LAYER}.{projection}_proj.weight"\n{update}')["backward"].flops


# A head has 4 channels; there are 6 of queries, 2 of keys and values.
@pytest.mark.parametrize("projection", ["q", "k", "v"])
def test_one_head_needs_less_than_all(projection: str):
    whole = backward(projection, 'update = "all"')
    head = backward(projection, 'update = "slice"\naxis = "out"\ncount = 4')
    part = backward(projection, 'update = "slice"\naxis = "in"\ncount = 12')
    assert head < whole
    assert part < whole


def test_half_of_the_output_projection_costs_half():
    whole = phases(f'match = "{LAYER}.o_proj.weight"\nupdate = "all"')
    half = phases(f'match = "{LAYER}.o_proj.weight"\nupdate = "slice"\naxis = "in"\ncount = 12')
    assert half["update"].flops == whole["update"].flops // 2
