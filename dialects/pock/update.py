"""Updates before there is an optimizer: what is trained, along which gradient.

What is done to a gradient before an optimizer sees it is said by the update, not by ops in front of
it, so that the kernel that computes the gradient can do it too:

g <- accumulated ? the buffer's value : gradient
g <- scale * g                              (clipping by norm, the mean over batches)
g <- min(max(g, -clip_value), clip_value)

Where it is `guarded`, weight and state stay as they are unless `scale` is positive.
"""

from typing import Any

from pock_mlir.dialects.pock.dialect import (
    Pock,
    int_array,
    last_operand_optional,
    require,
    require_scalar,
    tensor_type,
    verifier,
)
from pock_mlir.ir import FlatSymbolRefAttr, FloatAttr, RankedTensorType, ext


def verify_slice(op: Any, operand: Any, name: str = "gradient") -> None:
    """Check `offsets` and `sizes`: the part of the parameter that `operand` is about."""
    type_ = tensor_type(operand, name)
    offsets, sizes = int_array(op, "offsets"), int_array(op, "sizes")
    require(
        len(offsets) == len(sizes) == type_.rank,
        f"'offsets' and 'sizes' must have {type_.rank} entries, the rank of the {name}",
    )
    require(all(offset >= 0 for offset in offsets), f"'offsets' must not be negative: {offsets}")
    require(list(type_.shape) == sizes, f"'sizes' {sizes} must be the {name}'s shape {type_.shape}")


def verify_treatment(op: Any) -> None:
    """Check what an update says: `scale`, `guarded`, `clip_value`, `accumulated`."""
    if op.scale is not None:
        require_scalar(op.scale, "scale")
    require("guarded" not in op.attributes or op.scale is not None, "'guarded' needs a scale")
    if "clip_value" in op.attributes:
        value = op.attributes["clip_value"]
        positive = isinstance(value, FloatAttr) and FloatAttr(value).value > 0
        require(positive, f"'clip_value' must be a positive number, got {value}")
    if "accumulated" in op.attributes:
        symbol = op.attributes["accumulated"]
        require(isinstance(symbol, FlatSymbolRefAttr), "'accumulated' must be a symbol")
        maker = getattr(op.gradient.owner, "name", None)
        require(
            maker == "pock.accumulate"
            and op.gradient.owner.attributes["parameter"] == op.attributes["accumulated"],
            f"the gradient must be what 'pock.accumulate' has added to {symbol}",
        )


def _verify_update(op: "UpdateOp") -> None:
    verify_slice(op, op.gradient)
    verify_treatment(op)


@last_operand_optional
class UpdateOp(Pock.Operation, name="update"):
    """Train the slice [offsets, offsets + sizes) of a parameter along `gradient`.

    These are the roots of the backward graph: what no update needs, dead code elimination takes.
    `apply-optimizer` turns each into the update of a particular optimizer.

    Optional: the operand `scale`, a rank-0 tensor; the attribute `clip_value`, a positive number;
    the attribute `accumulated`, the state that the gradient was accumulated in, which the update
    leaves full of zeros; the attribute `guarded`, which needs a `scale` and says that the update is
    skipped unless that is positive.
    """

    gradient: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    verify_invariants = verifier(_verify_update)


def _verify_accumulate(op: "AccumulateOp") -> None:
    type_ = tensor_type(op.gradient, "gradient")
    require(op.total.type == type_, f"total must be of the gradient's type {type_}")


class AccumulateOp(Pock.Operation, name="accumulate"):
    """Add a gradient to a buffer of kind `state`, in place; `total` is what is in it then.

    buffer <- buffer + gradient

    The one exception to reads being snapshots: `total` lies in the buffer, and is gone once an
    update that names the buffer as `accumulated` has run.
    """

    gradient: ext.Operand[RankedTensorType]
    parameter: FlatSymbolRefAttr
    total: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_accumulate)
