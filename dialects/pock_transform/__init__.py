"""Transform ops that apply the passes to a part of a module."""

from pock_mlir.dialects.pock_transform.dialect import (
    PassOp,
    PockTransform,
    TransformError,
    declare,
    load,
)

__all__ = ["PassOp", "PockTransform", "TransformError", "declare", "load"]
