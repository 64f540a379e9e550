"""ONNX: a file or a ModelProto to a model module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.axes import mark_axes
from pock_mlir.importers.cleanup import clean
from pock_mlir.importers.hlo import listing
from pock_mlir.importers.onnx_folding import fold, resolve_copies, static_shapes
from pock_mlir.importers.onnx_graph import (
    WEIGHT,
    fix_inputs,
    input_names,
    parameter_kinds,
    take_parameters,
)
from pock_mlir.importers.onnx_lowering import lower_onnx
from pock_mlir.importers.ordering import order_by_use
from pock_mlir.importers.values import element_of
from pock_mlir.rewriting import parameters


def import_onnx(
    model: str | Path | ModelProto,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
) -> ImportedModel:
    """Import an ONNX model.

    Initialisers of floats that nodes compute with are parameters, by their ONNX names: weights, and
    buffers where they are the mean and variance of a batch-norm. Scalars, integers, and what only
    says how an op works (the scales of Resize, the bounds of Clip, ...) are constants.

    Args:
        model: a path, or the model itself.
        example_inputs: fixes the sizes that the model leaves open; may be left out where it leaves
            none. One array, a sequence in the order of the model's inputs, or a mapping by name.
        training: refused: an ONNX model has its mode built in.
        loss: refused: there is no framework to write it in.
        example_targets: as `loss`.

    Raises:
        ModelImportError: with everything that stands in the way, such as every op that has no
            lowering, with the names of its nodes.
    """
    del example_targets
    if training:
        raise ModelImportError("an ONNX model has its mode built in: compile without training=True")
    if loss is not None:
        raise ModelImportError("an ONNX model takes one of the losses by name, not a function")
    proto = _loaded(model)
    fix_inputs(proto, example_inputs)
    aliases = resolve_copies(proto)
    kinds = parameter_kinds(proto)
    if WEIGHT not in kinds.values():
        raise ModelImportError("the ONNX model has no initialisers of floats: nothing to train")
    inferred = fold(proto, kinds)
    _check_shapes(inferred)
    names = input_names(inferred)
    values = take_parameters(inferred, kinds)
    context = make_context()
    assembler = Assembler(context)
    for name, kind in kinds.items():
        array = values[name]
        assembler.declare(name, kind, list(array.shape), str(element_of(array.dtype)))
    bindings: list[Binding] = [*[None] * len(names), *kinds]
    text = lower_onnx(inferred, "forward")
    assembler.add_function(text, bindings, [None] * len(inferred.graph.output))
    clean(assembler.module)
    mark_axes(assembler.module)
    order_by_use(assembler.module)
    ordered = {name: values[name] for name in parameters(assembler.module)}
    return ImportedModel(context, assembler.module, ordered, aliases=aliases, inputs=names)


def _loaded(model: str | Path | ModelProto) -> ModelProto:
    """A copy of the model, which is checked."""
    try:
        if isinstance(model, ModelProto):
            proto = ModelProto()
            proto.CopyFrom(model)
        else:
            proto = onnx.load(str(model))
        onnx.checker.check_model(proto)
    except Exception as error:
        where = f"{model}: " if isinstance(model, str | Path) else ""
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelImportError(f"{where}not a valid ONNX model: {reason}") from error
    return proto


def _check_shapes(model: ModelProto) -> None:
    """Raise with every node that computes something of an unknown shape."""
    known = static_shapes(model) | {value.name: [] for value in model.graph.output}
    nodes: dict[str, list[str]] = {}
    for node in model.graph.node:
        if any(name and name not in known for name in node.output):
            nodes.setdefault(node.op_type, []).append(node.name or node.output[0])
    if nodes:
        raise ModelImportError(
            "shapes in the ONNX model are not known before it runs:",
            [f"{operator}, in {listing(names)}" for operator, names in nodes.items()],
        )
