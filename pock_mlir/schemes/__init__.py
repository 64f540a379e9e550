"""Update schemes: which parameters a fine-tuning step trains, and which part of each.

Pure Python: a scheme knows parameters by the names and shapes their framework gives them.
"""

from pock_mlir.schemes.builtin import BUILTINS
from pock_mlir.schemes.rule import Rule, SchemeError
from pock_mlir.schemes.scheme import Scheme
from pock_mlir.schemes.selection import ALL, FROZEN, Selection

__all__ = ["ALL", "BUILTINS", "FROZEN", "Rule", "Scheme", "SchemeError", "Selection"]
