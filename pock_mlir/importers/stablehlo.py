"""StableHLO: text, bytecode or a portable artifact, with a TOML file beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.axes import mark_axes
from pock_mlir.importers.cleanup import clean
from pock_mlir.importers.hlo import lone_function, parse, public_functions, type_problems
from pock_mlir.importers.stablehlo_toml import Description, read_description
from pock_mlir.importers.values import element_of
from pock_mlir.ir import FunctionType, Module, RankedTensorType, TypeAttr


def import_stablehlo(
    path: str | Path,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
) -> ImportedModel:
    """Import a StableHLO file, whose shapes are those of the model; the TOML file is beside it.

    Args:
        path: `model.mlir`, `.mlirbc` or `.bin`; the TOML file is `model.toml`.
        example_inputs: not needed; checked against the module's inputs where given.
        training: refused: a module has its mode built in.
        loss: refused: there is no framework to write it in.
        example_targets: as `loss`.

    Raises:
        ModelImportError: with everything that is wrong with the module or the TOML file.
    """
    del example_targets
    path = Path(path)
    if training:
        raise ModelImportError(f"{path}: a StableHLO module has its mode built in")
    if loss is not None:
        raise ModelImportError(f"{path}: name one of the losses; StableHLO has no functions")
    description = read_description(path.with_suffix(".toml"))
    context = make_context()
    module = _parsed(path, context)
    entry = _entry(path, module, description)
    types = _argument_types(public_functions(module)[entry])
    _check(path, entry, types, description, example_inputs)
    assembler = Assembler(context)
    for argument, type_ in zip(description.arguments, types, strict=True):
        if argument.kind != "input":
            assembler.declare(
                argument.name, argument.kind, list(type_.shape), str(type_.element_type)
            )
    bindings: list[Binding] = [None if a.kind == "input" else a.name for a in description.arguments]
    text = lone_function(module, entry, "forward")
    outputs = len(FunctionType(TypeAttr(_function_type(module, entry)).value).results)
    assembler.add_function(text, bindings, [None] * outputs)
    clean(assembler.module)
    mark_axes(assembler.module)
    inputs = [a.name for a in description.arguments if a.kind == "input"]
    return ImportedModel(context, assembler.module, dict(description.values), inputs=inputs)


def _parsed(path: Path, context: Any) -> Module:
    try:
        return parse(path.read_bytes(), context)
    except ModelImportError as error:
        raise ModelImportError(f"{path}: {error}") from error


def _entry(path: Path, module: Module, description: Description) -> str:
    """The name of the model function."""
    public = list(public_functions(module))
    if description.function:
        if description.function not in public:
            known = ", ".join(public) or "none"
            raise ModelImportError(
                f"{path}: no public function '{description.function}'; there is: {known}"
            )
        return description.function
    if len(public) != 1:
        raise ModelImportError(
            f"{path}: it has {len(public)} public functions; name one in the TOML file, as "
            f'function = "...": {", ".join(public)}'
        )
    return public[0]


def _function_type(module: Module, name: str) -> Any:
    for op in module.body.operations:
        if op.operation.name == "func.func":
            return op.operation.attributes["function_type"]
    raise AssertionError(name)


def _argument_types(function: Any) -> list[Any]:
    type_ = FunctionType(TypeAttr(function.operation.attributes["function_type"]).value)
    return [RankedTensorType(t) if isinstance(t, RankedTensorType) else t for t in type_.inputs]


def _check(
    path: Path, entry: str, types: list[Any], description: Description, example: Any
) -> None:
    """Raise with everything in which the function and its description differ."""
    arguments = description.arguments
    if len(types) != len(arguments):
        raise ModelImportError(
            f"{path}: function '{entry}' has {len(types)} arguments, but "
            f"{path.with_suffix('.toml').name} describes {len(arguments)}"
        )
    problems: list[str] = []
    for argument, type_ in zip(arguments, types, strict=True):
        wrong = [f"{argument.name}: {reason}" for reason in type_problems(type_)]
        problems += wrong
        if argument.kind != "input" and not wrong:
            problems += _value_problems(argument.name, description.values[argument.name], type_)
    inputs = [t for a, t in zip(arguments, types, strict=True) if a.kind == "input"]
    problems += _input_problems(inputs, example)
    if problems:
        raise ModelImportError(f"{path}:", problems)


def _value_problems(name: str, value: np.ndarray, type_: Any) -> list[str]:
    element = element_of(value.dtype)
    if list(value.shape) == list(type_.shape) and element == str(type_.element_type):
        return []
    shape = "x".join([*map(str, value.shape), element or str(value.dtype)])
    return [f"{name}: the module has {type_}, the file of values tensor<{shape}>"]


def _input_problems(types: list[Any], example: Any) -> list[str]:
    given = list(example.values()) if isinstance(example, dict) else example
    given = list(given) if isinstance(given, list | tuple) else [given]
    if not given:
        return []
    if len(given) != len(types):
        return [f"the module has {len(types)} inputs, {len(given)} examples are given"]
    return [
        f"input {i}: the module has {type_}, the example has shape {list(np.shape(x))}"
        for i, (x, type_) in enumerate(zip(given, types, strict=True))
        if list(np.shape(x)) != list(type_.shape)
    ]
