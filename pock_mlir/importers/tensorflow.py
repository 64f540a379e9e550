"""TensorFlow: a tf.function, a SavedModel or a Keras model on TensorFlow to a model module.

TensorFlow itself lowers a function to StableHLO, where its variables are further arguments and the
variables that it assigns further results.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.axes import mark_axes
from pock_mlir.importers.cleanup import clean, erase_idle_assignments
from pock_mlir.importers.extras import require
from pock_mlir.importers.hlo import lone_function, parse, public_functions
from pock_mlir.importers.ordering import order_by_use
from pock_mlir.importers.unsigned import store_signless
from pock_mlir.importers.values import element_of
from pock_mlir.ir import ArrayAttr, Context, DenseI64ArrayAttr, DictAttr, IntegerAttr, Module
from pock_mlir.rewriting import parameters

Call = Callable[..., Any]
_COPY = re.compile(r"mhlo\.copy (%\S+) : (tensor<[^>]*>)")
_WRAPPER = "StatefulPartitionedCall"
_SIGNATURE = "serving_default"
_UNSUPPORTED = re.compile(r"No registered '(\w+)' OpKernel.*?\{\{node ([^}]+)\}\}")


def import_tensorflow(
    model: Any,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Call | None = None,
    example_targets: Any = None,
) -> ImportedModel:
    """Import a TensorFlow function.

    Variables are parameters by their names: weights where they are trainable, else buffers.

    Args:
        model: a tf.function or a callable tf.Module; the directory of a SavedModel, or what
            tf.saved_model.load made of one, of which the signature `serving_default` is the model.
        example_inputs: arrays with the shapes of a batch: one, a sequence, or a mapping by name.
        training: refused: a function has its mode built in (pass a Keras model instead).
        loss: (outputs, targets) -> scalar, in TensorFlow's functions.
        example_targets: an array with the shape and type of the targets, for `loss`.

    Raises:
        ModelImportError: with everything that stands in the way.
    """
    tf = require("tensorflow")
    if training:
        raise ModelImportError(
            "a tf.function has its mode built in: pass a Keras model to train batch-norm"
        )
    call, inputs = _callable(tf, model), _specs(tf, example_inputs)
    calls = {"forward": TensorFlowCall(call, inputs)}
    if loss is not None:
        calls = with_loss(tf, calls, loss, example_targets)
    return assemble(calls, lambda variable: variable.name.removesuffix(":0"))


def _callable(tf: Any, model: Any) -> Call:
    if isinstance(model, str | Path):
        return _Signature(*load_saved_model(tf, model))
    if isinstance(getattr(model, "signatures", None), Mapping):
        return _Signature(model, _signature(model))
    if not callable(model):
        raise ModelImportError(f"{type(model).__name__} cannot be called: pass a tf.function")
    return model


def load_saved_model(tf: Any, path: str | Path) -> tuple[Any, Any]:
    """What a SavedModel holds, and its signature `serving_default`. Raises ModelImportError."""
    try:
        model = tf.saved_model.load(str(path))
    except Exception as error:
        raise ModelImportError(f"TensorFlow cannot load {path}: {_line(error)}") from error
    return model, _signature(model)


def _signature(model: Any) -> Any:
    if _SIGNATURE not in model.signatures:
        known = ", ".join(model.signatures) or "none"
        raise ModelImportError(f"the SavedModel has no '{_SIGNATURE}' signature; has: {known}")
    return model.signatures[_SIGNATURE]


@dataclass(frozen=True)
class _Signature:
    """A signature takes its inputs by name; here they may be given by position as well.

    `owner` is what was loaded: the variables live as long as it does.
    """

    owner: Any
    function: Any

    @property
    def names(self) -> list[str]:
        """The inputs, in the order of the signature."""
        return list(self.function.structured_input_signature[1])

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        outputs = self.function(**dict(zip(self.names, inputs, strict=False)), **named)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _specs(tf: Any, example: Any) -> dict[str, Any]:
    """The inputs by name; by position, x0, x1, ..."""
    if isinstance(example, Mapping):
        return {name: spec_of(tf, value) for name, value in example.items()}
    arrays = list(example) if isinstance(example, tuple | list) else [example]
    if not arrays:
        raise ModelImportError("a TensorFlow model needs example inputs")
    return {f"x{i}": spec_of(tf, value) for i, value in enumerate(arrays)}


def spec_of(tf: Any, value: Any) -> Any:
    """The tf.TensorSpec of an array."""
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
    dtype = value.dtype if isinstance(value.dtype, tf.DType) else tf.as_dtype(str(value.dtype))
    return tf.TensorSpec(tuple(value.shape), dtype)


# ---- functions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class TensorFlowCall:
    """What to lower: a callable, the specs of its inputs by name, and those of its targets.

    `loss` is applied to the outputs and the targets. Inputs named x0, x1, ... go by position.
    """

    function: Call
    inputs: Mapping[str, Any]
    loss: Call | None = None
    targets: Sequence[Any] = field(default_factory=tuple)

    def __call__(self, *tensors: Any) -> Any:
        """The outputs, or the loss."""
        given = dict(zip(self.inputs, tensors, strict=False))
        by_position = [x for name, x in given.items() if re.fullmatch(r"x\d+", name)]
        named = {name: x for name, x in given.items() if not re.fullmatch(r"x\d+", name)}
        outputs = self.function(*by_position, **named)
        if self.loss is None:
            return outputs
        return self.loss(outputs, *tensors[len(self.inputs) :])

    @property
    def specs(self) -> list[Any]:
        """Of all arguments."""
        return [*self.inputs.values(), *self.targets]


def with_loss(
    tf: Any, calls: dict[str, TensorFlowCall], loss: Call, targets: Any
) -> dict[str, TensorFlowCall]:
    """`@loss` and `@predict` in the place of `@forward` (and `@predict`)."""
    forward = calls["forward"]
    scored = TensorFlowCall(forward.function, forward.inputs, loss, [spec_of(tf, targets)])
    return {"loss": scored, "predict": calls.get("predict", forward)}


@dataclass(frozen=True)
class _Lowered:
    """A function in StableHLO, what its captured arguments are, and what it assigns."""

    text: str
    captured: list[Any]
    assigned: list[int | None]


def _lower(call: TensorFlowCall, name: str, context: Context) -> _Lowered:
    tf = require("tensorflow")
    compiled = tf.function(call, jit_compile=True, autograph=False)
    try:
        concrete = compiled.get_concrete_function(*call.specs)
        source = compiled.experimental_get_compiler_ir(*call.specs)(stage="stablehlo")
    except Exception as error:
        raise ModelImportError("TensorFlow cannot lower the model:", _reasons(error)) from error
    module = parse(_COPY.sub(r"stablehlo.reshape \1 : (\2) -> \2", source), context)
    assigned = _assigned(module, len(call.specs))
    text = lone_function(module, "main", name, _layer)
    handles = {id(variable.handle): variable for variable in concrete.variables}
    captured = [handles.get(id(value), value) for value in concrete.captured_inputs]
    return _Lowered(text, captured, assigned)


def _reasons(error: Exception) -> list[str]:
    """The operators that XLA has no kernel for, if that is what the error says."""
    found = _UNSUPPORTED.findall(str(error))
    named = [f"{operator}: no lowering to StableHLO, in {node}" for operator, node in found]
    return list(dict.fromkeys(named)) or [_line(error)]


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return next((x for x in lines if x and x != "in user code:"), type(error).__name__)


def _assigned(module: Module, inputs: int) -> list[int | None]:
    """For each result, which captured argument it is the next value of; None for an output."""
    function = public_functions(module)["main"]
    results: list[int | None] = [None] * len(function.type.results)
    if "mhlo.input_output_alias" not in module.operation.attributes:
        return results
    for entry in ArrayAttr(module.operation.attributes["mhlo.input_output_alias"]):
        place = list(DenseI64ArrayAttr(DictAttr(entry)["output_index"]))
        alias = DictAttr(DictAttr(entry)["alias"])
        argument = IntegerAttr(alias["parameter_number"]).value
        results[place[0] if place else 0] = argument - inputs
    return results


def _layer(name: str) -> str:
    parts = [part for part in name.split("/") if part != _WRAPPER]
    return "" if parts[0].startswith(("XLA_", "reshape.")) else "/".join(parts)


# ---- the module ------------------------------------------------------------------------------


def assemble(calls: Mapping[str, TensorFlowCall], name_of: Call) -> ImportedModel:
    """A model module of these functions; `name_of` gives the name of a variable."""
    context = make_context()
    assembler = Assembler(context)
    lowered = {name: _lower(call, name, context) for name, call in calls.items()}
    variables = _variables([each for f in lowered.values() for each in f.captured], name_of)
    values = _declare(assembler, variables)
    names = {id(variable): name for name, variable in variables.items()}
    for name, function in lowered.items():
        if name == "predict" or "predict" not in calls:
            _check_evaluation(function, names)
        bound: list[Binding] = [names.get(id(each), _constant(each)) for each in function.captured]
        bindings = [*[None] * len(calls[name].specs), *bound]
        assigned = [
            None if place is None else names[id(function.captured[place])]
            for place in function.assigned
        ]
        assembler.add_function(function.text, bindings, assigned)
    clean(assembler.module)
    erase_idle_assignments(assembler.module)
    store_signless(assembler.module, values)
    mark_axes(assembler.module)
    order_by_use(assembler.module)
    ordered = {name: values[name] for name in parameters(assembler.module)}
    inputs = list(next(iter(calls.values())).inputs)
    return ImportedModel(context, assembler.module, ordered, inputs=inputs)


def _check_evaluation(function: _Lowered, names: Mapping[int, str]) -> None:
    places = [place for place in function.assigned if place is not None]
    if places:
        raise ModelImportError(
            "the evaluation mode assigns variables; move that out of the model:",
            [names[id(function.captured[place])] for place in places],
        )


def _constant(value: Any) -> Binding:
    return None if hasattr(value, "handle") else np.asarray(value)


def _variables(captured: Sequence[Any], name_of: Call) -> dict[str, Any]:
    """The variables among captured values, by name; names that repeat get a number."""
    found = {id(value): value for value in captured if hasattr(value, "handle")}
    counts: Counter[str] = Counter()
    variables: dict[str, Any] = {}
    for variable in found.values():
        name = name_of(variable)
        counts[name] += 1
        variables[name if counts[name] == 1 else f"{name}_{counts[name] - 1}"] = variable
    if not variables:
        raise ModelImportError("the TensorFlow model has no variables: nothing to train")
    return variables


def _declare(assembler: Assembler, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    problems = [
        f"{name}: {variable.dtype.name} is not supported"
        for name, variable in variables.items()
        if element_of(variable.dtype.as_numpy_dtype) is None
    ]
    if problems:
        raise ModelImportError("the TensorFlow model cannot be compiled:", problems)
    values = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    for name, value in values.items():
        floats = np.issubdtype(value.dtype, np.floating) or value.dtype.name == "bfloat16"
        kind = "weight" if variables[name].trainable and floats else "buffer"
        assembler.declare(name, kind, list(value.shape), str(element_of(value.dtype)))
    return values
