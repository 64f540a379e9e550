"""PyTorch: an nn.Module or a torch.export.ExportedProgram to a model module."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.cleanup import clean
from pock_mlir.importers.decompositions import decompositions
from pock_mlir.importers.fx import lower_graph

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


def import_torch(
    model: nn.Module | ExportedProgram,
    example_inputs: Tensor | Sequence[Tensor] = (),
    *,
    training: bool = False,
) -> ImportedModel:
    """Import a PyTorch model.

    Args:
        model: a module, or a program exported from one (which has its inputs and mode built in).
        example_inputs: positional inputs; their shapes and dtypes are those of `@forward`.
        training: import the training mode: `@forward` assigns batch-norm's running statistics, and
            `@predict` is the evaluation mode. Submodules keep their own `training` flags; a model
            in evaluation mode as a whole is put in training mode as a whole. Without `training`,
            everything is imported in evaluation mode. The model's flags are left as they were.

    Raises:
        ModelImportError: names everything that stands in the way: operators without a lowering
            (with their layers), dynamic shapes, dtypes, outputs that are not tensors.
    """
    inputs = (example_inputs,) if isinstance(example_inputs, Tensor) else tuple(example_inputs)
    if isinstance(model, ExportedProgram):
        if training:
            raise ModelImportError(
                "an exported program has its mode built in: pass the nn.Module to train batch-norm"
            )
        return _assemble({"forward": model}, type(model.graph_module).__name__)
    programs = {"forward": _export(model, inputs, training)}
    if training and _mutates(programs["forward"]):
        programs["predict"] = _export(model, inputs, training=False)
    return _assemble(programs, type(model).__name__)


# ---- exporting -------------------------------------------------------------------------------


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    saved = {module: module.training for module in model.modules()}
    if not training or not model.training:
        model.train(training)
    try:
        yield
    finally:
        for module, flag in saved.items():
            module.training = flag


def _export(model: nn.Module, inputs: tuple[Tensor, ...], training: bool) -> ExportedProgram:
    with _mode(model, training), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(model, inputs, strict=False)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelImportError(
                f"torch.export cannot trace {type(model).__name__}:", [reason]
            ) from error


def _mutates(program: ExportedProgram) -> bool:
    return bool(program.graph_signature.buffers_to_mutate)


# ---- what the program's signature says -------------------------------------------------------


@dataclass(frozen=True)
class _Parameter:
    name: str
    kind: str
    tensor: Tensor


def _tensor(program: ExportedProgram, name: str) -> Tensor:
    return program.state_dict[name] if name in program.state_dict else program.constants[name]


def _parameters(program: ExportedProgram) -> dict[str, _Parameter]:
    """Placeholder name to the parameter or buffer that it stands for."""
    kinds = {InputKind.PARAMETER: "weight", InputKind.BUFFER: "buffer"}
    return {
        spec.arg.name: _Parameter(spec.target, kinds[spec.kind], _tensor(program, spec.target))
        for spec in program.graph_signature.input_specs
        if spec.kind in kinds and spec.target is not None
    }


def _identity(tensor: Tensor) -> Any:
    """Equal for tensors that are one and the same storage (tied parameters)."""
    if tensor.device.type == "meta" or tensor.numel() == 0:
        return id(tensor)
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _canonical_names(programs: Sequence[ExportedProgram]) -> dict[str, str]:
    """Every parameter name to the first name of the same tensor."""
    first: dict[Any, str] = {}
    names: dict[str, str] = {}
    for program in programs:
        listed = [p.name for p in _parameters(program).values()]
        for name in dict.fromkeys([*listed, *program.state_dict]):
            key = _identity(_tensor(program, name))
            names.setdefault(name, first.setdefault(key, name))
    return names


# ---- checks ----------------------------------------------------------------------------------


def _check(program: ExportedProgram) -> None:
    problems = [*_input_problems(program), *_output_problems(program)]
    if problems:
        raise ModelImportError("the model cannot be compiled:", list(dict.fromkeys(problems)))


def _input_problems(program: ExportedProgram) -> Iterator[str]:
    placeholders = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        what = spec.target or spec.arg.name
        value = placeholders[spec.arg.name].meta.get("val")
        if spec.kind in (InputKind.CUSTOM_OBJ, InputKind.TOKEN):
            yield f"{what}: inputs of kind {spec.kind.name} are not supported"
        elif isinstance(value, Tensor):
            yield from _tensor_problems(what, value)
        elif placeholders[spec.arg.name].users:
            yield f"input {what} is not a tensor"
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if node.op == "call_function" and isinstance(value, Tensor):
            yield from _tensor_problems(f"{node.target} in {node.name}", value)


def _tensor_problems(what: str, value: Tensor) -> Iterator[str]:
    if value.layout is not torch.strided:
        yield f"{what}: sparse tensors are not supported"
    elif not all(isinstance(size, int) for size in value.shape):
        yield f"{what}: dynamic shape {list(value.shape)}; every size must be a number"
    if value.dtype not in DTYPES:
        yield f"{what}: dtype {value.dtype} is not supported"


def _output_problems(program: ExportedProgram) -> Iterator[str]:
    for i, spec in enumerate(program.graph_signature.output_specs):
        if spec.kind not in (OutputKind.USER_OUTPUT, OutputKind.BUFFER_MUTATION):
            yield f"{spec.target or spec.arg}: outputs of kind {spec.kind.name} are not supported"
        elif not isinstance(spec.arg, TensorArgument):
            yield f"output {i} is not a tensor"


# ---- building the module ---------------------------------------------------------------------


def _assemble(programs: dict[str, ExportedProgram], root: str) -> ImportedModel:
    if "predict" not in programs and _mutates(programs["forward"]):
        changed = sorted(set(programs["forward"].graph_signature.buffers_to_mutate.values()))
        raise ModelImportError(
            "the evaluation mode changes buffers; export the model in eval mode:", changed
        )
    decomposed = {name: _decompose(program) for name, program in programs.items()}
    names = _canonical_names(list(decomposed.values()))
    context = make_context()
    assembler = Assembler(context)
    values: dict[str, np.ndarray] = {}
    for function, program in decomposed.items():
        _check(program)
        for parameter in _parameters(program).values():
            _declare(assembler, values, parameter, names)
    for function, program in decomposed.items():
        text = lower_graph(program.graph, function, root)
        assembler.add_function(text, _bindings(program, names), _assigned(program, names))
    clean(assembler.module)
    return ImportedModel(
        context=context,
        module=assembler.module,
        values=values,
        aliases={name: first for name, first in names.items() if name != first},
        inputs=[name for name in decomposed["forward"].graph_signature.user_inputs if name],
    )


def _decompose(program: ExportedProgram) -> ExportedProgram:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = program.run_decompositions(decompositions())
    for node in list(program.graph.nodes):
        unused = node.op == "placeholder" and not node.users
        if unused and not isinstance(node.meta.get("val"), Tensor):
            program.graph.erase_node(node)
    return program


def _declare(
    assembler: Assembler,
    values: dict[str, np.ndarray],
    parameter: _Parameter,
    names: dict[str, str],
) -> None:
    name, tensor = names[parameter.name], parameter.tensor.detach()
    assembler.declare(name, parameter.kind, list(tensor.shape), _element(tensor.dtype))
    if tensor.device.type != "meta" and name not in values:
        values[name] = to_numpy(tensor)


def _bindings(program: ExportedProgram, names: dict[str, str]) -> list[Binding]:
    """What each argument of the lowered function stands for."""
    parameters = _parameters(program)
    placeholders = {node.name for node in program.graph.nodes if node.op == "placeholder"}
    bindings: list[Binding] = []
    for spec in program.graph_signature.input_specs:
        if spec.arg.name not in placeholders:
            continue
        if spec.arg.name in parameters:
            bindings.append(names[parameters[spec.arg.name].name])
        elif spec.kind == InputKind.CONSTANT_TENSOR and spec.target is not None:
            bindings.append(to_numpy(_tensor(program, spec.target)))
        else:
            bindings.append(None)
    return bindings


def _assigned(program: ExportedProgram, names: dict[str, str]) -> list[str | None]:
    """For each result, the buffer that it is the next value of; None for an output."""
    return [
        names[spec.target] if spec.kind == OutputKind.BUFFER_MUTATION and spec.target else None
        for spec in program.graph_signature.output_specs
    ]


def _element(dtype: torch.dtype) -> str:
    special = {torch.bfloat16: "bf16", torch.bool: "i1", torch.uint8: "ui8"}
    if dtype in special:
        return special[dtype]
    kind = "f" if dtype.is_floating_point else "i"
    return f"{kind}{dtype.itemsize * 8}"


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A contiguous copy of `tensor`; bfloat16 by way of ml_dtypes."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy().copy()
    import ml_dtypes

    return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16).copy()
