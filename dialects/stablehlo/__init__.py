"""Typed builders for the StableHLO ops that the passes make; the bindings ship none.

Every builder infers its result type. They are methods of `Builder`, which knows where to insert
and which location to give, so a derivative rule reads like the formula that it implements.
"""

from pock_mlir.dialects.stablehlo.attributes import (
    i64,
    i64s,
    is_complex,
    pairs,
    shape_of,
    type_of,
)
from pock_mlir.dialects.stablehlo.contractions import Contractions
from pock_mlir.dialects.stablehlo.elementwise import ELEMENTWISE
from pock_mlir.dialects.stablehlo.reductions import Reductions
from pock_mlir.dialects.stablehlo.shape import Shaping

__all__ = ["ELEMENTWISE", "Builder", "i64", "i64s", "is_complex", "pairs", "shape_of", "type_of"]


class Builder(Reductions, Shaping, Contractions):
    """Builds StableHLO ops at an insertion point.

    Elementwise methods need operands of one type; rank-0 ones are repeated by `broadcast_to`.
    """
