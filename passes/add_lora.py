"""add-lora: give weights a trainable term of low rank."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.dialects.stablehlo import Builder, i64, i64s, shape_of, type_of
from pock_mlir.ir import (
    DictAttr,
    F64Type,
    FlatSymbolRefAttr,
    FloatAttr,
    InsertionPoint,
    IntegerAttr,
    Module,
    RankedTensorType,
    StringAttr,
    TypeAttr,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.selection import resolve_scheme
from pock_mlir.rewriting import named_ops, parameters
from pock_mlir.schemes import Selection


@dataclass(frozen=True)
class AddLora(ModulePass):
    """Add `scale * B A` to each weight that the scheme trains with `update = "lora"`.

    Requires: no update yet (run it before `differentiate`), and that such a weight is only read by
    `dot_general` without batch dimensions on the weight's side and one contracted dimension there,
    or by ungrouped convolutions. Ensures: parameters `<layer>.lora_A.weight` [rank, in, ...] and
    `<layer>.lora_B.weight` [out, rank] of kind `adapter`, and that the product B A is nowhere
    formed: activations pass through A, then B, so the backward has no gradient of the size of the
    weight.

        %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<64x32xf32>
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    becomes
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
        %h = stablehlo.dot_general %x, %a, contracting_dims = [1] x [1]     // [8, rank]
        %t = stablehlo.dot_general %h * scale, %b, contracting_dims = [1] x [1]
        %z = stablehlo.add %y, %t
    """

    name: ClassVar[str] = "add-lora"
    scheme: str = field(
        default="full", metadata={"help": "a built-in scheme's name, or the path of a TOML file"}
    )

    def run(self, module: Module) -> None:
        selections = resolve_scheme(module, self.scheme)
        adapted = {name: s for name, s in selections.items() if s.kind == "lora"}
        if not adapted:
            return
        sites = _sites(module, set(adapted))
        declared = parameters(module)
        for name, selection in adapted.items():
            if sites[name]:
                _Adapter(declared[name], selection, sites[name][0].axis).insert(sites[name])


# ---- where a weight is used --------------------------------------------------------------------


@dataclass(frozen=True)
class _Site:
    """A contraction or convolution that reads a weight; `axis` of the stored weight is "out"."""

    op: Any
    read: Any
    operand: int
    axis: int


def _sites(module: Module, names: set[str]) -> dict[str, list[_Site]]:
    """Every use of the weights `names`. Raises PassError, with every use that does not fit."""
    sites: dict[str, list[_Site]] = {name: [] for name in names}
    problems = []
    for read in named_ops(module, "pock.read"):
        name = read.parameter.value
        for use in read.value.uses if name in names else ():
            axis = _out_dimension(use.owner.operation, use.operand_number)
            if axis is None:
                message = f"lora cannot adapt @{name} here: {_REQUIRED}"
                problems.append((use.owner.location, message))
            else:
                sites[name].append(_Site(use.owner.operation, read, use.operand_number, axis))
    problems += [
        (site.op.location, f"lora cannot adapt @{name}: its uses contract different dimensions")
        for name, all_ in sites.items()
        for site in all_
        if site.axis != all_[0].axis
    ]
    if problems:
        raise PassError(problems)
    return sites


_REQUIRED = (
    "it must be an operand of a dot_general that contracts one of its two dimensions, "
    "or the kernel of a convolution without groups"
)


def _out_dimension(op: Any, operand: int) -> int | None:
    """The dimension of the weight that the result keeps, None where there is no single one."""
    if op.name == "stablehlo.convolution":
        return _kernel_out(op) if operand == 1 else None
    if op.name != "stablehlo.dot_general":
        return None
    batch, contracted = _dimensions(op, operand)
    if batch or len(contracted) != 1 or type_of(op.operands[operand]).rank != 2:
        return None
    return 1 - contracted[0]


def _kernel_out(op: Any) -> int | None:
    groups = [
        IntegerAttr(op.attributes[f"{name}_group_count"]).value for name in ("feature", "batch")
    ]
    numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
    return numbers.kernel_output_feature_dimension if groups == [1, 1] else None


def _dimensions(op: Any, operand: int) -> tuple[list[int], list[int]]:
    """The batching and the contracting dimensions of one operand of a `dot_general`."""
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    if operand == 0:
        return list(numbers.lhs_batching_dimensions), list(numbers.lhs_contracting_dimensions)
    return list(numbers.rhs_batching_dimensions), list(numbers.rhs_contracting_dimensions)


# ---- the factors -------------------------------------------------------------------------------


class _Adapter:
    """The factors of one weight: declared once, read once a function."""

    def __init__(self, weight: ParameterOp, selection: Selection, stored_axis: int) -> None:
        self.weight, self.scale = weight, selection.scale
        self.stored_axis = stored_axis
        self.axis = weight.layout[stored_axis]
        self.types = self._types(selection.rank)
        stem = weight.sym_name.value.removesuffix(".weight")
        self.names = {factor: f"{stem}.lora_{factor}.weight" for factor in "AB"}

    def _types(self, rank: int) -> dict[str, RankedTensorType]:
        stored = self.weight.stored_type
        shape, element = list(stored.shape), stored.element_type
        out = shape[self.stored_axis]
        shape[self.stored_axis] = rank
        if len(shape) == 2:
            shape = [rank, shape[1 - self.stored_axis]]
        return {
            "A": RankedTensorType.get(shape, element),
            "B": RankedTensorType.get([out, rank], element),
        }

    def insert(self, sites: list[_Site]) -> None:
        """Declare the factors and add the term at every site."""
        for factor in "BA":
            self._declare(factor)
        reads: dict[Any, dict[str, Value]] = {}
        for site in sites:
            block = site.op.block
            if block not in reads:
                b = Builder.before(next(iter(block.operations)))
                reads[block] = {factor: self._read(b, factor) for factor in "AB"}
            self._add_term(site, reads[block])

    def _declare(self, factor: str) -> None:
        b = Builder(InsertionPoint.after(self.weight.operation), self.weight.location)
        attributes: dict[str, Any] = {
            "sym_name": StringAttr.get(self.names[factor]),
            "type": TypeAttr.get(self.types[factor]),
            "kind": StringAttr.get("adapter"),
            "adapter": DictAttr.get(
                {
                    "of": FlatSymbolRefAttr.get(self.weight.sym_name.value),
                    "factor": StringAttr.get(factor),
                    "axis": i64(self.axis),
                    "scale": FloatAttr.get(F64Type.get(), self.scale),
                }
            ),
        }
        layout = list(self._layout()) if factor == "A" else []
        if layout != sorted(layout):
            attributes["layout"] = i64s(layout)
        b.create("pock.parameter", [], [], attributes)

    def _layout(self) -> Iterator[int]:
        """How A is stored, its rank being the framework's first dimension."""
        if self.types["A"].rank == 2:
            yield from (0, 1)
            return
        for dimension in self.weight.layout:
            yield 0 if dimension == self.axis else dimension + (dimension < self.axis)

    def _read(self, b: Builder, factor: str) -> Value:
        symbol = {"parameter": FlatSymbolRefAttr.get(self.names[factor])}
        return b.create("pock.read", [], [self.types[factor]], symbol).results[0]

    def _add_term(self, site: _Site, factors: dict[str, Value]) -> None:
        b = Builder(InsertionPoint.after(site.op), site.op.location)
        with site.op.location:
            term = self._term(b, site, factors["A"], factors["B"])
            total = b.add(site.op.result, term)
        site.op.result.replace_all_uses_except(total, total.owner.operation)

    def _term(self, b: Builder, site: _Site, a: Value, factor_b: Value) -> Value:
        """scale * (x A) B in the form of the site's own op."""
        if site.op.name == "stablehlo.convolution":
            inner = _with_kernel(site, a)
            return b.dot_general(self._scaled(b, inner), factor_b, _last_by_rank(inner))
        x = site.op.operands[1 - site.operand]
        (contracted,) = _dimensions(site.op, 1 - site.operand)[1]
        if site.operand == 1:
            inner = self._scaled(b, b.dot_general(x, a, ([contracted], [1])))
            return b.dot_general(inner, factor_b, _last_by_rank(inner))
        inner = self._scaled(b, b.dot_general(a, x, ([1], [contracted])))
        return b.dot_general(factor_b, inner, ([1], [0]))

    def _scaled(self, b: Builder, inner: Value) -> Value:
        if math.isclose(self.scale, 1.0):
            return inner
        return b.multiply(inner, b.full_like(inner, self.scale))


def _last_by_rank(inner: Value) -> tuple[list[int], list[int]]:
    return [type_of(inner).rank - 1], [1]


def _with_kernel(site: _Site, kernel: Value) -> Value:
    """A copy of the convolution with another kernel, channels last in its result."""
    copy = site.op.clone(ip=InsertionPoint.after(site.op))
    copy.operands[1] = kernel
    shape = shape_of(site.op.result)
    shape[-1] = shape_of(kernel)[site.axis]
    copy.results[0].set_type(RankedTensorType.get(shape, type_of(kernel).element_type))
    return copy.results[0]
