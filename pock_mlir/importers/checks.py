"""What an exported PyTorch program may contain; everything else is named in one error."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument
from torch.fx import Node

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.fx import layer_of, offenders
from pock_mlir.importers.hlo import listing

DTYPES = {
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
}


def check_program(program: ExportedProgram, root: str) -> None:
    """Check inputs, outputs and every operator of a decomposed program.

    Raises:
        ModelImportError: with every problem; also with the operators that cannot be lowered, where
            there is another problem anyway (without one, lowering finds them sooner).
    """
    problems = [*_input_problems(program), *_output_problems(program)]
    by_reason: dict[str, list[str]] = {}
    if not problems:
        for node in program.graph.nodes:
            for reason in _node_problems(node):
                by_reason.setdefault(reason, []).append(layer_of(node, root))
    problems += [f"{reason}, in {listing(layers)}" for reason, layers in by_reason.items()]
    if problems:
        sound = [node for node in program.graph.nodes if not any(_all_problems(node))]
        problems += offenders(sound, root)
        raise ModelImportError(f"{root} cannot be compiled:", list(dict.fromkeys(problems)))


def check_gradients(program: ExportedProgram) -> None:
    """Check, before decomposition, that no gradient of a parameter is stopped on purpose.

    `detach()` and `torch.no_grad()` vanish in the lowering, which would make other gradients.

    Raises:
        ModelImportError: with every place.
    """
    parameters = {
        spec.arg.name
        for spec in program.graph_signature.input_specs
        if spec.kind is InputKind.PARAMETER
    }
    trained: set[Node] = set()
    stops: list[str] = []
    for node in program.graph.nodes:
        if node.name in parameters or trained.intersection(node.all_input_nodes):
            trained.add(node)
            if (what := _stop(node)) is not None:
                stops.append(f"{what} in {layer_of(node)}")
    if stops:
        raise ModelImportError(
            "gradients that the model stops cannot be compiled; move this out of the model, or "
            "freeze the parameters behind it with a scheme:",
            list(dict.fromkeys(stops)),
        )


def _stop(node: Node) -> str | None:
    """How the source says it, if `node` stops gradients."""
    if node.target in (torch.ops.aten.detach.default, torch.ops.aten.detach_.default):
        return "detach()"
    name = getattr(node.target, "__name__", "")
    return "torch.no_grad()" if name == "wrap_with_set_grad_enabled" and not node.args[0] else None


def _input_problems(program: ExportedProgram) -> Iterator[str]:
    placeholders = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        if spec.arg.name not in placeholders:
            continue
        what = spec.target or f"input {spec.arg.name}"
        value = placeholders[spec.arg.name].meta.get("val")
        if spec.kind in (InputKind.CUSTOM_OBJ, InputKind.TOKEN):
            yield f"{what}: inputs of kind {spec.kind.name} are not supported"
        elif isinstance(value, Tensor):
            yield from (f"{what}: {reason}" for reason in _tensor_problems(value))
        else:
            yield f"{what} is not a tensor"


def _output_problems(program: ExportedProgram) -> Iterator[str]:
    for i, spec in enumerate(program.graph_signature.output_specs):
        if spec.kind not in (OutputKind.USER_OUTPUT, OutputKind.BUFFER_MUTATION):
            yield f"{spec.target or spec.arg}: outputs of kind {spec.kind.name} are not supported"
        elif not isinstance(spec.arg, TensorArgument):
            yield f"output {i} is not a tensor"


def _node_problems(node: Node) -> Iterator[str]:
    if node.op != "call_function" or node.target is operator.getitem:
        return
    value = node.meta.get("val")
    for tensor in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(tensor, Tensor):
            yield from (f"{node.target}: {reason}" for reason in _tensor_problems(tensor))
    if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) and _trains(node):
        yield f"{node.target}: random numbers in the step, other than those of dropout"


def _trains(node: Node) -> bool:
    """Whether the operator's argument `training`, where it has one, is true."""
    schema: Any = getattr(node.target, "_schema", None)
    for i, argument in enumerate(schema.arguments if schema else ()):
        if argument.name == "training":
            given = node.args[i] if i < len(node.args) else node.kwargs.get("training")
            return bool(argument.default_value if given is None else given)
    return True


def _all_problems(node: Node) -> Iterator[str]:
    """The problems of a node and of its operands."""
    yield from _node_problems(node)
    for operand in node.all_input_nodes:
        value = operand.meta.get("val")
        yield from _tensor_problems(value) if isinstance(value, Tensor) else ()


def _tensor_problems(value: Tensor) -> Iterator[str]:
    if value.layout is not torch.strided:
        yield "sparse tensors are not supported"
    elif not all(isinstance(size, int) for size in value.shape):
        yield f"dynamic shape {list(value.shape)}; every size must be a number"
    if value.dtype not in DTYPES:
        yield f"dtype {value.dtype} is not supported"
