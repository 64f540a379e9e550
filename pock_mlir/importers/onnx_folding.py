"""ONNX graphs without what exporters leave in them: arithmetic on shapes, and copies of weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pock_mlir.importers import ModelImportError

LIMIT = 1 << 24
"""Elements of the largest constant that is computed."""
_ROUNDS = 8
_NEVER = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial"}


def fold(model: ModelProto, parameters: Mapping[str, Any]) -> ModelProto:
    """Compute what depends on constants and shapes only, and infer the type of every value.

    Args:
        model: is changed.
        parameters: initialisers that are no constants.

    Raises:
        ModelImportError: the shapes do not fit.
    """
    for _ in range(_ROUNDS):
        model = _inferred(model)
        if not _fold_once(model, parameters):
            break
    return model


def _inferred(model: ModelProto) -> ModelProto:
    del model.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ModelImportError("the shapes of the ONNX model do not fit:", lines) from error


def _fold_once(model: ModelProto, parameters: Mapping[str, Any]) -> bool:
    """Replace nodes by constants, where that can be done now; whether there were any."""
    graph = model.graph
    known = {t.name: t for t in graph.initializer if t.name not in parameters}
    shapes = static_shapes(model)
    outputs = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    for node in graph.node:
        tensors = None if outputs.intersection(node.output) else _value(model, node, known, shapes)
        if tensors is None:
            kept.append(node)
        else:
            known |= dict(zip(node.output, tensors, strict=True))
    changed = len(kept) < len(graph.node)
    used = {name for node in kept for name in _reads(node)}
    constants = [t for name, t in known.items() if name in used]
    constants += [t for t in graph.initializer if t.name in parameters]
    _replace(graph.node, kept)
    _replace(graph.initializer, constants)
    return changed


def _replace(field: Any, messages: list[Any]) -> None:
    copies = [type(message)() for message in messages]
    for copy, message in zip(copies, messages, strict=True):
        copy.CopyFrom(message)
    del field[:]
    field.extend(copies)


def _reads(node: NodeProto) -> list[str]:
    """What a node reads, the graphs inside it included."""
    names = list(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names += _reads(inner)
    return names


def static_shapes(model: ModelProto) -> dict[str, list[int]]:
    """The shapes that are known, of inputs and of what nodes compute."""
    shapes: dict[str, list[int]] = {}
    for value in (*model.graph.input, *model.graph.value_info):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(d.HasField("dim_value") for d in kind.shape.dim):
            shapes[value.name] = [d.dim_value for d in kind.shape.dim]
    for tensor in model.graph.initializer:
        shapes[tensor.name] = list(tensor.dims)
    return shapes


def _value(
    model: ModelProto, node: NodeProto, known: Mapping[str, Any], shapes: Mapping[str, list[int]]
) -> list[Any] | None:
    """The results of a node as tensors, where they are known."""
    if node.op_type in _NEVER or any(a.type == a.GRAPH for a in node.attribute):
        return None
    if node.op_type == "Shape" and node.input[0] in shapes:
        inputs = {node.input[0]: np.broadcast_to(np.int8(0), shapes[node.input[0]])}
    elif all(name in known for name in node.input if name):
        inputs = {name: numpy_helper.to_array(known[name]) for name in node.input if name}
    else:
        return None
    results = _evaluate(model, node, inputs)
    if results is None or any(np.size(result) > LIMIT for result in results):
        return None
    return [
        numpy_helper.from_array(np.asarray(result), name)
        for name, result in zip(node.output, results, strict=True)
    ]


def _evaluate(
    model: ModelProto, node: NodeProto, inputs: Mapping[str, np.ndarray]
) -> list[Any] | None:
    """Run one node; None where ONNX's own evaluator cannot."""
    types = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in inputs.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "node", types, outputs)
    alone = helper.make_model(graph, opset_imports=list(model.opset_import))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(ReferenceEvaluator(alone).run(None, dict(inputs)))
    except Exception:
        return None


# ---- copies of weights -----------------------------------------------------------------------


def resolve_copies(model: ModelProto) -> dict[str, str]:
    """Remove `Identity` nodes of initialisers, in place.

    PyTorch's exporter keeps initialisers of equal values once and makes an Identity for the others.
    Where all elements are the same (weights that start as zeros or ones), the initialisers happened
    to be equal and become separate again; else they are one parameter (tied weights).

    Returns:
        The further names of tied parameters, each with the name of the initialiser.
    """
    graph = model.graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    aliases: dict[str, str] = {}
    kept: list[NodeProto] = []
    for node in graph.node:
        source = aliases.get(node.input[0], node.input[0]) if node.input else ""
        if node.op_type != "Identity" or source not in held:
            kept.append(node)
        elif _is_splat(held[source]):
            copy = onnx.TensorProto()
            copy.CopyFrom(held[source])
            copy.name = node.output[0]
            held[copy.name] = copy
        else:
            aliases[node.output[0]] = source
    for node in kept:
        for i, name in enumerate(node.input):
            node.input[i] = aliases.get(name, name)
    _replace(graph.node, kept)
    _replace(graph.initializer, list(held.values()))
    return aliases


def _is_splat(tensor: Any) -> bool:
    array = numpy_helper.to_array(tensor)
    return array.size > 0 and bool(np.all(array == array.flat[0]))
