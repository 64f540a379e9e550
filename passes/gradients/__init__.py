"""Derivative rules, a file per family of ops, and the registry that finds them."""

from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import (
    all_rules,
    gradient,
    no_gradient,
    rule_of,
    stops_gradient,
)

__all__ = [
    "GradientBuilder",
    "all_rules",
    "gradient",
    "no_gradient",
    "rule_of",
    "stops_gradient",
]
