"""Derivatives of factorisations and solutions of linear systems.

Both ops read one triangle of a matrix only, so the gradient by the other one is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import BoolAttr, IntegerType, RankedTensorType, Value, stablehlo_bindings
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@dataclass(frozen=True)
class Solve:
    """The options of a `stablehlo.triangular_solve`."""

    left: bool
    lower: bool
    unit: bool
    transposed: str

    @classmethod
    def of(cls, op: Any) -> Solve:
        """Those of `op`."""
        left, lower, unit = (
            BoolAttr(op.attributes[name]).value for name in ("left_side", "lower", "unit_diagonal")
        )
        kind = stablehlo_bindings.TransposeAttr(op.attributes["transpose_a"]).value
        return cls(left, lower, unit, kind)

    def __call__(self, b: GradientBuilder, a: Value, c: Value) -> Value:
        """The x of a x = c, with these options."""
        attributes = {
            "left_side": BoolAttr.get(self.left),
            "lower": BoolAttr.get(self.lower),
            "unit_diagonal": BoolAttr.get(self.unit),
            "transpose_a": stablehlo_bindings.TransposeAttr.get(self.transposed),
        }
        return b.create("stablehlo.triangular_solve", [a, c], [c.type], attributes).results[0]


def _product(b: GradientBuilder, x: Value, y: Value, contracting: tuple[int, int]) -> Value:
    """A batched product of matrices; `contracting` counts from the first matrix dimension."""
    rank = len(shape_of(x))
    batch = list(range(rank - 2))
    over = tuple([rank - 2 + i] for i in contracting)
    return b.dot_general(x, y, (over[0], over[1]), (batch, batch))


def _transpose(b: GradientBuilder, x: Value) -> Value:
    rank = len(shape_of(x))
    return b.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def _where(b: GradientBuilder, direction: str, like: Value) -> Value:
    """Whether row `direction` column, for each element of matrices."""
    rank = len(shape_of(like))
    type_ = RankedTensorType.get(shape_of(like), IntegerType.get_signless(32))
    return b.compare(direction, b.iota(type_, rank - 2), b.iota(type_, rank - 1))


@gradient("stablehlo.triangular_solve")
def triangular_solve(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """a x = c;  dc = a^-T dx, da = -dc x^T      x a = c;  dc = dx a^-T, da = -x^T dc

    a stands for the operand as `transpose_a` says; da is kept where a was read.
    """
    (a, _), x, solve = op.operands, op.result, Solve.of(op)
    adjoint = solve.transposed == "ADJOINT"
    straight = solve.transposed == "NO_TRANSPOSE"
    back = Solve(solve.left, solve.lower, solve.unit, "TRANSPOSE" if straight else "NO_TRANSPOSE")
    dc = back(b, b.conjugate(a) if adjoint else a, dy)
    if solve.left:
        da = _product(b, dc, x, (1, 1)) if straight else _product(b, x, dc, (1, 1))
    else:
        da = _product(b, x, dc, (0, 0)) if straight else _product(b, dc, x, (0, 0))
    da = b.conjugate(da) if adjoint else da
    direction = ("G" if solve.lower else "L") + ("T" if solve.unit else "E")
    return b.negate(b.select(_where(b, direction, a), da, b.zeros_like(a))), dc


@gradient("stablehlo.cholesky")
def cholesky(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """a = l l^H;  s = l^-H p l^-1, p = the lower triangle of l^H dl, its diagonal halved

    da is s + s^H below the diagonal and half of that on it, since an element below the diagonal
    stands for the one above it too. Of an upper factor, all this transposed.
    Source: I. Murray, Differentiation of the Cholesky decomposition, 2016 (arXiv:1602.07527).
    """
    lower = "lower" in op.attributes and BoolAttr(op.attributes["lower"]).value
    factor = op.result if lower else b.conjugate(_transpose(b, op.result))
    slope = b.conjugate(dy) if lower else _transpose(b, dy)
    inner = _product(b, b.conjugate(factor), slope, (0, 0))
    p = _lower(b, inner)
    left = Solve(left=True, lower=True, unit=False, transposed="ADJOINT")(b, factor, p)
    s = Solve(left=False, lower=True, unit=False, transposed="NO_TRANSPOSE")(b, factor, left)
    both = b.add(s, b.conjugate(_transpose(b, s)))
    da = _lower(b, both)
    return (b.conjugate(da) if lower else _transpose(b, da),)


def _lower(b: GradientBuilder, x: Value) -> Value:
    """The lower triangle of matrices, their diagonal halved."""
    half = b.multiply(x, b.full_like(x, 0.5))
    rest = b.select(_where(b, "EQ", x), half, b.zeros_like(x))
    return b.select(_where(b, "GT", x), x, rest)
