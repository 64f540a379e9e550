"""`lower-pock`: ops that backends do not know become others, of StableHLO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Module, WalkResult
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.kernels import FORMS, Form, conv_input_gradient, conv_kernel_gradient
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.passes.kernels.random_mask import regenerate


@dataclass(frozen=True)
class LowerPock(ModulePass):
    """Compute each backward op of the dialect in one of its forms, in StableHLO.

    Requires: nothing. Ensures: no `pock.conv_*_gradient`, `pock.max_pool_gradient`,
    `pock.softmax_cross_entropy*` or `pock.random_mask` (which each of its users computes anew) is
    left; reads and updates stay. So are ops of StableHLO lowered that backends do not take:
    `cholesky`, `triangular_solve`, `select_and_scatter`, `fft` but for powers of two, and the
    `scatter` that is an embedding's gradient: it becomes a gather, which an update computes in its
    own kernel. The form is the first legal one of `pock_mlir.passes.kernels.FORMS`, unless the
    option `forms` names another. With `keep=depthwise`, gradients of depthwise convolutions are
    left, for which `pock-to-iree` has kernels.

        %dw = "pock.conv_kernel_gradient"(%x, %dy) {...} : ... -> tensor<1x1x8x16xf32>
    becomes, for a 1x1 kernel,
        %rows = stablehlo.reshape %x : (tensor<2x4x4x8xf32>) -> tensor<32x8xf32>
        %0 = stablehlo.dot_general %rows, %dy_rows, contracting_dims = [0] x [0]
        %dw = stablehlo.reshape %0 : (tensor<8x16xf32>) -> tensor<1x1x8x16xf32>
    """

    name = "lower-pock"
    forms: str = field(
        default="",
        metadata={"help": "forms to prefer: 'op:form' pairs joined by '+', op without its prefix"},
    )

    keep: str = field(
        default="",
        metadata={
            "help": "'depthwise': leave the gradients of depthwise convolutions to the backend"
        },
    )

    def run(self, module: Module) -> None:
        """Replace every op that has forms."""
        if self.keep not in ("", "depthwise"):
            raise PassError.at(module.operation, f"keep must be 'depthwise', got '{self.keep}'")
        preferred = self._preferred(module)
        found: list[Any] = []

        def collect(op: Any) -> WalkResult:
            if any(form.legal(op.opview) for form in FORMS.get(op.name, ())):
                found.append(op.opview)
            return WalkResult.ADVANCE

        module.operation.walk(collect)
        for op in found:
            if self.keep and op.operation.name in OF_CONVOLUTIONS and geometry_of(op).depthwise:
                continue
            form = _choose(op, preferred.get(op.operation.name, ""))
            if op.operation.name == "pock.random_mask":
                regenerate(op)
            else:
                op.operation.results[0].replace_all_uses_with(form.build(Builder.before(op), op))
            op.operation.erase()

    def _preferred(self, module: Module) -> dict[str, str]:
        chosen = {}
        for item in filter(None, self.forms.split("+")):
            op, _, form = item.partition(":")
            names = {name.partition(".")[2]: name for name in FORMS}
            known = [each.name for each in FORMS.get(names.get(op, ""), [])]
            if form not in known:
                choice = ", ".join(known) or "no forms: it is not an op that lower-pock lowers"
                raise PassError.at(module.operation, f"unknown form '{item}'; {op} has {choice}")
            chosen[names[op]] = form
        return chosen


OF_CONVOLUTIONS: dict[str, Callable[[Any], ConvGeometry]] = {
    "pock.conv_input_gradient": conv_input_gradient.geometry_of,
    "pock.conv_kernel_gradient": conv_kernel_gradient.geometry_of,
}


def geometry_of(op: Any) -> ConvGeometry:
    """The convolution that a `pock.conv_*_gradient` is the gradient of."""
    return OF_CONVOLUTIONS[op.operation.name](op)


def preferred_form(op: Any) -> Form:
    """The form that an op has if nothing else is asked for."""
    return _choose(op, "")


def _choose(op: Any, preferred: str) -> Form:
    legal = [form for form in FORMS[op.operation.name] if form.legal(op)]
    return next((form for form in legal if form.name == preferred), legal[0])
