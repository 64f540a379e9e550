"""What an ONNX graph says: its inputs, and which of its initialisers are parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, ValueInfoProto, helper, numpy_helper

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.values import element_of, kind_of

WEIGHT, BUFFER = "weight", "buffer"

_SETTINGS = {
    "Clip": (1, 2),
    "Dropout": (1,),
    "OneHot": (2,),
    "Pad": (2,),
    "Range": (0, 1, 2),
    "Resize": (1, 2),
    "Upsample": (1,),
    "DequantizeLinear": (1, 2),
    "QuantizeLinear": (1, 2),
}
"""Operands of floats that say how an op works; they are constants."""
_STATISTICS = {"BatchNormalization": (3, 4)}


def input_names(model: ModelProto) -> list[str]:
    """The inputs that are no initialisers."""
    initialised = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in initialised]


def parameter_kinds(model: ModelProto) -> dict[str, str]:
    """The initialisers that are parameters, each with its kind, in the order of their first use."""
    floats = {
        tensor.name
        for tensor in model.graph.initializer
        if len(tensor.dims) and kind_of(_dtype(tensor)) == WEIGHT
    }
    kinds: dict[str, str] = {}
    settings: set[str] = set()
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if place in _SETTINGS.get(node.op_type, ()):
                settings.add(name)
            elif name in floats:
                statistic = place in _STATISTICS.get(node.op_type, ())
                kinds.setdefault(name, BUFFER if statistic else WEIGHT)
    return {name: kind for name, kind in kinds.items() if name not in settings}


def _dtype(tensor: Any) -> np.dtype:
    return np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))


def take_parameters(model: ModelProto, kinds: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Turn initialisers into inputs behind the others, in the order of `kinds`; their values."""
    graph: GraphProto = model.graph
    values: dict[str, np.ndarray] = {}
    for tensor in list(graph.initializer):
        if tensor.name in kinds:
            values[tensor.name] = np.array(numpy_helper.to_array(tensor))
    kept = [tensor for tensor in graph.initializer if tensor.name not in kinds]
    inputs = [value for value in graph.input if value.name in input_names(model)]
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    inputs += [
        helper.make_tensor_value_info(name, types[name], values[name].shape) for name in kinds
    ]
    kept, inputs = [_copy(x) for x in kept], [_copy(x) for x in inputs]
    del graph.initializer[:], graph.input[:]
    graph.initializer.extend(kept)
    graph.input.extend(inputs)
    return {name: values[name] for name in kinds}


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


# ---- shapes of inputs ------------------------------------------------------------------------


def fix_inputs(model: ModelProto, example: Any) -> None:
    """Give the inputs the shapes of the examples, where there are any.

    Raises:
        ModelImportError: an input has a dtype or an open size that cannot be compiled, or an
            example does not fit it; with all of them.
    """
    values = {value.name: value for value in model.graph.input}
    names = input_names(model)
    problems: list[str] = []
    for name, array in _examples(names, example).items():
        problems += _fix(values[name], array) if name in values else [f"no input '{name}'"]
    for name in names:
        shape = _shape(values[name])
        element = values[name].type.tensor_type.elem_type
        if not all(isinstance(size, int) for size in shape):
            problems.append(
                f"input {name} has the open shape {shape}; give example inputs (or --batch)"
            )
        if element_of(helper.tensor_dtype_to_np_dtype(element)) is None:
            problems.append(f"input {name}: its element type is not supported")
    if problems:
        raise ModelImportError("the inputs of the ONNX model do not fit:", problems)
    for value in model.graph.output:  # to be inferred
        value.type.tensor_type.ClearField("shape")


def _examples(names: list[str], example: Any) -> dict[str, Any]:
    if isinstance(example, Mapping):
        return dict(example)
    arrays = list(example) if isinstance(example, tuple | list) else [example]
    if arrays and len(arrays) != len(names):
        raise ModelImportError(
            f"the ONNX model has {len(names)} inputs ({', '.join(names)}), {len(arrays)} are given"
        )
    return dict(zip(names, arrays, strict=False))


def _fix(value: ValueInfoProto, array: Any) -> list[str]:
    shape, given = _shape(value), list(np.shape(array))
    fits = len(shape) == len(given) and all(
        a == b or not isinstance(a, int) for a, b in zip(shape, given, strict=True)
    )
    if not fits:
        return [f"input {value.name} has shape {shape}, its example {given}"]
    for dimension, size in zip(value.type.tensor_type.shape.dim, given, strict=True):
        dimension.dim_value = size
    return []


def _shape(value: ValueInfoProto) -> list[int | str]:
    """The sizes of an input; a name or "?" for those that are open."""
    return [
        d.dim_value if d.HasField("dim_value") else d.dim_param or "?"
        for d in value.type.tensor_type.shape.dim
    ]


def zeros(model: ModelProto, batch: int) -> list[np.ndarray]:
    """Example inputs of zeros, where an open first size is `batch`."""
    values = {value.name: value for value in model.graph.input}
    arrays: list[np.ndarray] = []
    for name in input_names(model):
        shape = _shape(values[name])
        if shape and not isinstance(shape[0], int):
            shape[0] = batch
        element = values[name].type.tensor_type.elem_type
        if all(isinstance(size, int) for size in shape):
            sizes = [int(size) for size in shape]
            arrays.append(np.zeros(sizes, helper.tensor_dtype_to_np_dtype(element)))
    return arrays if len(arrays) == len(input_names(model)) else []
