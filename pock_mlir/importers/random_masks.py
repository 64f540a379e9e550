"""Random masks of a model module: what a front end's dropout becomes."""

from __future__ import annotations

from dataclasses import dataclass

from pock_mlir.dialects.pock import AssignOp, ReadOp
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    F64Type,
    FlatSymbolRefAttr,
    FloatAttr,
    InsertionPoint,
    IntegerAttr,
    IntegerType,
    Operation,
    RankedTensorType,
    Type,
    Value,
)

STEP = "random.step"
"""The state that counts how often random numbers were drawn; saved with a checkpoint."""


@dataclass(frozen=True)
class RandomMask:
    """Each element is `value` with the probability `keep`, else 0.

    `site` tells the masks of a step apart, `layer` says where in the model it is.
    """

    seed: int
    site: int
    keep: float
    value: float
    layer: str = ""


def read_step(b: Builder) -> Value:
    """How many steps have drawn random numbers before this one."""
    scalar = RankedTensorType.get([], IntegerType.get_signless(32))
    attributes = {"parameter": FlatSymbolRefAttr.get(STEP)}
    return b.create(ReadOp.OPERATION_NAME, [], [scalar], attributes).results[0]


def make_mask(b: Builder, mask: RandomMask, type_: Type) -> Value:
    """The mask of this step."""
    with b.location:
        attributes = {
            "seed": IntegerAttr.get(IntegerType.get_signless(64), mask.seed),
            "site": IntegerAttr.get(IntegerType.get_signless(64), mask.site),
            "keep": FloatAttr.get(F64Type.get(), mask.keep),
            "value": FloatAttr.get(F64Type.get(), mask.value),
        }
        return b.create("pock.random_mask", [read_step(b)], [type_], attributes).results[0]


def count_step(function: Operation) -> None:
    """Make the function count that it has drawn random numbers."""
    block = function.regions[0].blocks[0]
    end = block.operations[len(block.operations) - 1]
    b = Builder(InsertionPoint(end), function.location)
    with b.location:
        done = read_step(b)
        attributes = {"parameter": FlatSymbolRefAttr.get(STEP)}
        b.create(AssignOp.OPERATION_NAME, [b.add(done, b.ones_like(done))], [], attributes)
