"""How a slice passes each op: narrowing rules, a file per op family."""

from pock_mlir.passes.narrowing import contractions, elementwise, shape, windows
from pock_mlir.passes.narrowing.site import FREE, RULES, Site

__all__ = ["FREE", "RULES", "Site", "contractions", "elementwise", "shape", "windows"]
