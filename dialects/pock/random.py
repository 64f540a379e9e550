"""Random numbers, drawn by a counter: a step draws the same ones whenever it is run again."""

import math

from pock_mlir.dialects.pock.dialect import Pock, require, tensor_type, verifier
from pock_mlir.ir import FloatAttr, FloatType, IntegerAttr, IntegerType, RankedTensorType, ext


def _verify_mask(op: "RandomMaskOp") -> None:
    step, mask = tensor_type(op.step, "step"), tensor_type(op.mask, "mask")
    element = step.element_type
    require(
        step.rank == 0 and isinstance(element, IntegerType) and element.width == 32,
        f"step must be a tensor<i32>, got {step}",
    )
    require(isinstance(mask.element_type, FloatType), f"mask must be of floats, got {mask}")
    keep = op.keep.value
    require(0 <= keep <= 1, f"'keep' must be in [0, 1], got {keep:g}")
    require(math.prod(mask.shape) < 1 << 31, f"mask must have fewer than 2^31 elements, got {mask}")


class RandomMaskOp(Pock.Operation, name="random_mask", traits=[ext.Pure]):
    """Each element is `value` with the probability `keep`, else 0: a mask of dropout.

    Which elements, is a function of `seed`, `site` (what tells the masks of a step apart), `step`,
    which counts from 0, and the element's place in row-major order. There is no other state. The
    bits are those of a keyed mixing function of 32 bits, defined in `passes/kernels/random_mask`.
    """

    step: ext.Operand[RankedTensorType]
    seed: IntegerAttr
    site: IntegerAttr
    keep: FloatAttr
    value: FloatAttr
    mask: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_mask)
