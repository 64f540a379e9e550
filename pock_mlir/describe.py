"""What a training module is, in the words of a manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Literal

import pock_mlir
from pock_mlir.backends.iree.lowering import mutable_parameters
from pock_mlir.backends.iree.targets import Target
from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.random_masks import STEP
from pock_mlir.ir import (
    BF16Type,
    DenseI64ArrayAttr,
    DictAttr,
    FlatSymbolRefAttr,
    FloatAttr,
    FloatType,
    FunctionType,
    IntegerAttr,
    IntegerType,
    Module,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
)
from pock_mlir.passes.choose_kernels import products_of_step
from pock_mlir.passes.update_rules import OPTIMIZERS
from pock_mlir.report.gradients import gradient_costs
from pock_mlir.report.operations import count_operations
from pock_mlir.rewriting import (
    body,
    functions,
    is_private,
    named_ops,
    parameters,
    read_parameters,
)
from pock_mlir.runtime.manifest import (
    AdapterSpec,
    FunctionSpec,
    Manifest,
    ParameterSpec,
    SliceSpec,
    TensorSpec,
)

_VERSIONED = ("numpy", "torch-mlir", "iree-base-compiler")


def describe(
    imported: ImportedModel,
    *,
    target: Target,
    loss: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    scheme: Mapping[str, Any],
    limits: Mapping[str, int] | None = None,
    seed: int = 0,
    shards: int = 1,
) -> Manifest:
    """The manifest of a training module that is ready for the backend, but for its memory.

    `limits` says of inputs that are indices what they must stay below; `seed` is that of random
    masks, where there are any; `shards` is how often the functions take each input.
    """
    module = imported.module
    named = {f.sym_name.value: f for f in functions(module) if not is_private(f)}
    signatures = {
        name: _signature(function, imported, limits or {}, shards)
        for name, function in named.items()
    }
    counted = count_operations(named["train_step"])
    specs = _parameter_specs(module, imported.aliases)
    phases = {name: phase.to_dict() for name, phase in counted.items()}
    return Manifest(
        target=target.name,
        driver=target.driver,
        functions=signatures,
        loss=loss,
        optimizer=optimizer,
        scheme=scheme,
        parameters=specs,
        state_order=tuple(mutable_parameters(module)),
        seed=seed if any(spec.name == STEP for spec in specs) else None,
        shards=shards,
        report={
            "phases": phases,
            "gradients": gradient_costs(body(named["train_step"])),
            "products": products_of_step(module),
        },
        versions={
            "pock-mlir": pock_mlir.__version__,
            **{name: version(name) for name in _VERSIONED},
        },
    )


def numpy_dtype(element: Type) -> str:
    """NumPy's name of an element type of the IR."""
    if isinstance(element, BF16Type):
        return "bfloat16"
    if isinstance(element, FloatType):
        return f"float{element.width}"
    integer = IntegerType(element)
    if integer.width == 1:
        return "bool"
    return f"{'u' if integer.is_unsigned else ''}int{integer.width}"


def _tensor(name: str, tensor: RankedTensorType) -> TensorSpec:
    return TensorSpec(name, tuple(tensor.shape), numpy_dtype(tensor.element_type))


def _signature(
    function: Any, imported: ImportedModel, limits: Mapping[str, int], shards: int
) -> FunctionSpec:
    """What a function takes and returns, the shards of a tensor as one."""
    type_ = FunctionType(TypeAttr(function.attributes["function_type"]).value)
    step = function.sym_name.value == "train_step"
    names = [*imported.inputs, *imported.targets, *(["learning_rate"] if step else [])]
    results = [] if function.sym_name.value == "predict" else ["loss"]
    outputs = _whole(type_.results, shards)
    results += [f"output{i}" for i in range(len(outputs))]
    inputs = [_tensor(*each) for each in zip(names, _whole(type_.inputs, shards), strict=False)]
    return FunctionSpec(
        tuple(replace(each, limit=limits.get(each.name)) for each in inputs),
        tuple(_tensor(*each) for each in zip(results, outputs, strict=False)),
    )


def _whole(types: Sequence[Type], shards: int) -> list[RankedTensorType]:
    """The types of tensors whose rows are in `shards` parts, one after the other."""
    tensors = list(map(RankedTensorType, types))
    whole: list[RankedTensorType] = []
    while tensors:
        first = tensors[0]
        parts = shards if first.rank else 1
        shape = [first.shape[0] * parts, *first.shape[1:]] if first.rank else []
        whole.append(RankedTensorType.get(shape, first.element_type))
        del tensors[:parts]
    return whole


def _parameter_specs(module: Module, aliases: Mapping[str, str]) -> tuple[ParameterSpec, ...]:
    declared = parameters(module)
    trained = _trained_slices(module, declared)
    used = read_parameters(module)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for alias, name in aliases.items():
        others[name].append(alias)
    return tuple(
        replace(
            _parameter_spec(op),
            trained=_trained(op, trained[name]),
            aliases=tuple(others[name]),
            in_module=name in used,
        )
        for name, op in declared.items()
        if name in used or op.kind.value in {"weight", "buffer"}
    )


def _parameter_spec(op: ParameterOp) -> ParameterSpec:
    layout = tuple(op.layout)
    return ParameterSpec(
        adapter=_adapter_spec(op),
        name=op.sym_name.value,
        kind=op.kind.value,
        shape=tuple(op.framework_shape),
        dtype=numpy_dtype(op.stored_type.element_type),
        layout=() if layout == tuple(sorted(layout)) else layout,
    )


def _adapter_spec(op: ParameterOp) -> AdapterSpec | None:
    if "adapter" not in op.attributes:
        return None
    adapter = DictAttr(op.attributes["adapter"])
    return AdapterSpec(
        of=FlatSymbolRefAttr(adapter["of"]).value,
        factor=StringAttr(adapter["factor"]).value,
        axis=IntegerAttr(adapter["axis"]).value,
        scale=FloatAttr(adapter["scale"]).value,
    )


def _trained_slices(
    module: Module, declared: Mapping[str, ParameterOp]
) -> defaultdict[str, list[SliceSpec]]:
    """The boxes of each parameter that an optimizer trains, in the framework's dimensions."""
    slices: defaultdict[str, list[SliceSpec]] = defaultdict(list)
    for op in named_ops(module, *OPTIMIZERS):
        name = op.parameter.value
        layout = declared[name].layout
        slices[name].append(SliceSpec(_framework(op.offsets, layout), _framework(op.sizes, layout)))
    return slices


def _framework(stored: Any, layout: list[int]) -> tuple[int, ...]:
    numbers = [0] * len(layout)
    for dimension, number in zip(layout, DenseI64ArrayAttr(stored), strict=True):
        numbers[dimension] = number
    return tuple(numbers)


def _trained(
    op: ParameterOp, slices: list[SliceSpec]
) -> Literal["all", "none"] | tuple[SliceSpec, ...]:
    if not slices:
        return "none"
    if [list(each.sizes) for each in slices] == [op.framework_shape]:
        return "all"
    return tuple(slices)
