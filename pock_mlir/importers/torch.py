"""PyTorch: an nn.Module or a torch.export.ExportedProgram to a model module."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.axes import TORCH, mark_axes
from pock_mlir.importers.checks import check_gradients, check_program
from pock_mlir.importers.cleanup import clean
from pock_mlir.importers.decompositions import decompositions
from pock_mlir.importers.fx import lower_graph
from pock_mlir.importers.torch_loss import WithLoss, flatten_targets
from pock_mlir.importers.torch_random import draws_masks, take_out_masks

Inputs = Tensor | np.ndarray | Sequence[Tensor | np.ndarray] | Mapping[str, Tensor | np.ndarray]


def import_torch(
    model: nn.Module | ExportedProgram,
    example_inputs: Inputs = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
    seed: int = 0,
) -> ImportedModel:
    """Import a PyTorch model.

    Args:
        model: a module, or a program exported from one (which has its inputs and mode built in).
        example_inputs: one input, a sequence of them, or a mapping by name; their shapes and dtypes
            are those of `@forward`.
        training: import the training mode: `@forward` assigns batch-norm's running statistics and
            draws the masks of dropout, `@predict` is the evaluation mode. Submodules keep their own
            `training` flags; a model in evaluation mode as a whole is put in training mode as a
            whole. Without `training`, everything is imported in evaluation mode. The model's flags
            are left as they were.
        loss: a function (outputs, targets) -> scalar; the module then has `@loss(inputs, targets)`
            in the place of `@forward`, always a `@predict`, and with `training` also `@evaluate`,
            the loss of the evaluation mode.
        example_targets: an array with the shape and dtype of the targets, or a sequence or mapping
            of arrays, as `loss` takes them.
        seed: of the masks of dropout, which are a function of it and of the state `random.step`.

    Raises:
        ModelImportError: names everything that stands in the way: operators without a lowering
            (with their layers), dynamic shapes, dtypes, outputs that are not tensors.
    """
    if isinstance(model, ExportedProgram):
        if training or loss is not None:
            what = "train batch-norm" if training else "give it a loss of your own"
            raise ModelImportError(
                f"an exported program has its mode built in: pass the nn.Module to {what}"
            )
        return _assemble({"forward": _decompose(model)}, "model")
    if loss is not None:
        programs, targets = _with_loss(model, example_inputs, training, loss, example_targets)
        return _assemble(programs, type(model).__name__, seed, targets)
    programs = {"forward": _export(model, example_inputs, training)}
    forward = programs["forward"]
    if training and (_mutates(forward) or draws_masks(forward.graph)):
        programs["predict"] = _export(model, example_inputs, training=False)
    return _assemble(programs, type(model).__name__, seed)


def _with_loss(
    model: nn.Module,
    example_inputs: Inputs,
    training: bool,
    loss: Callable[..., Any],
    example_targets: Any,
) -> tuple[dict[str, ExportedProgram], list[str]]:
    """The programs of a model with a loss of the user's, and the names of the targets."""
    positional, named = _arguments(example_inputs)
    names, targets, structure = flatten_targets(example_targets)
    predict = _export(model, example_inputs, training=False)
    keywords = [None] * len(positional) + [
        name for name in predict.graph_signature.user_inputs if name in named
    ]
    if len(keywords) != len(positional) + len(named):
        raise ModelImportError("with a loss of your own, pass the inputs by position")
    arrays = (*positional, *(named[name] for name in keywords if name is not None), *targets)
    wrapped = WithLoss(model, loss, keywords, structure)
    programs = {"loss": _export(wrapped, arrays, training, model), "predict": predict}
    if training:
        programs["evaluate"] = _export(wrapped, arrays, False, model)
    elif _mutates(programs["loss"]):
        raise ModelImportError(f"{type(model).__name__} changes buffers in evaluation mode")
    return programs, names


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


def _export(
    model: nn.Module, inputs: Inputs, training: bool, inner: nn.Module | None = None
) -> ExportedProgram:
    """Export `model`, with the submodules of `inner` (by default its own) in the mode asked for."""
    positional, named = _arguments(inputs)
    with _mode(inner or model, training), _quiet():
        try:
            program = torch.export.export(model, positional, named, strict=False)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelImportError(
                f"torch.export cannot trace {type(model).__name__}:", [reason]
            ) from error
    return _decompose(program)


def _arguments(inputs: Inputs) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    if isinstance(inputs, Mapping):
        return (), {name: torch.as_tensor(value) for name, value in inputs.items()}
    if isinstance(inputs, (Tensor, np.ndarray)):
        inputs = (inputs,)
    return tuple(torch.as_tensor(value) for value in inputs), {}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch.export logs, warns and prints away: failures are reported as one error."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _mutates(program: ExportedProgram) -> bool:
    return bool(program.graph_signature.buffers_to_mutate)


# ---- what the program's signature says -------------------------------------------------------


@dataclass(frozen=True)
class _Parameter:
    name: str
    kind: str
    tensor: Tensor


def _tensor(program: ExportedProgram, name: str) -> Any:
    value: Any = program.state_dict.get(name)
    return program.constants[name] if value is None else value


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


# ---- building the module ---------------------------------------------------------------------


def _assemble(
    programs: dict[str, ExportedProgram],
    root: str,
    seed: int = 0,
    targets: Sequence[str] = ("targets",),
) -> ImportedModel:
    predict = programs.get("predict") or programs["forward"]
    if _mutates(predict):
        changed = sorted(set(predict.graph_signature.buffers_to_mutate.values()))
        raise ModelImportError(
            "the evaluation mode changes buffers; export the model in eval mode:", changed
        )
    names = _canonical_names(list(programs.values()))
    context = make_context()
    assembler = Assembler(context)
    values: dict[str, np.ndarray] = {}
    masks = {name: take_out_masks(p.graph, seed, root) for name, p in programs.items()}
    for program in programs.values():
        check_program(program, root)
        for parameter in _parameters(program).values():
            _declare(assembler, values, parameter, names)
    for function, program in programs.items():
        text = lower_graph(program.graph, function, root)
        bindings = [*_bindings(program, names), *masks[function]]
        assembler.add_function(text, bindings, _assigned(program, names))
    clean(assembler.module)
    mark_axes(assembler.module, TORCH)
    return ImportedModel(
        context=context,
        module=assembler.module,
        values=values,
        aliases={name: first for name, first in names.items() if name != first},
        inputs=[str(name) for name in predict.graph_signature.user_inputs],
        targets=list(targets),
    )


def _decompose(program: ExportedProgram) -> ExportedProgram:
    check_gradients(program)
    with _quiet():
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
