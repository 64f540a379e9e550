"""What importing a language model leaves: small constants, weights in plain matrix products."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import import_torch
from pock_mlir.rewriting import named_ops
from pock_mlir.zoo.small import small


@cache
def imported() -> ImportedModel:
    torch.manual_seed(0)
    model, inputs = small("smollm2")
    return import_torch(model, inputs.batch(2))


def ops(*names: str) -> Iterator[Any]:
    return named_ops(imported().module, *names)


def test_masks_and_rotations_are_computed_and_no_tables():
    constants = list(ops("stablehlo.constant"))
    assert constants
    assert all(splat_of(op.operation.results[0]) is not None for op in constants)
    assert len(list(ops("stablehlo.cosine"))) == 1


def test_weights_are_multiplied_as_matrices():
    """So that the gradient by a weight is one contraction, over batch and tokens at once."""
    reads = {op.operation.results[0] for op in ops("pock.read")}
    products = [
        op
        for op in ops("stablehlo.dot_general")
        if any(operand in reads for operand in op.operation.operands)
    ]
    assert len(products) == 3 * 7 + 1
    for op in products:
        assert [len(shape_of(operand)) for operand in op.operation.operands] == [2, 2]


def test_tied_parameters_are_declared_once():
    assert imported().aliases == {"lm_head.weight": "model.embed_tokens.weight"}
    assert "lm_head.weight" not in imported().values
