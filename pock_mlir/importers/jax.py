"""JAX: a function and a pytree of parameters to a model module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.export import Exported

from pock_mlir.dialects import make_context
from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.assemble import Assembler, Binding
from pock_mlir.importers.axes import mark_axes
from pock_mlir.importers.cleanup import clean, erase_idle_assignments
from pock_mlir.importers.hlo import lone_function, parse
from pock_mlir.importers.jax_checks import check_derivatives
from pock_mlir.importers.jax_model import JaxModel
from pock_mlir.importers.ordering import order_by_use
from pock_mlir.importers.unsigned import store_signless
from pock_mlir.importers.values import element_of, kind_of
from pock_mlir.ir import Context
from pock_mlir.rewriting import parameters

_TRANSFORMATION = re.compile(r"^\w+\(.*\)$")


def import_jax(
    model: JaxModel,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
) -> ImportedModel:
    """Import a JAX model; the arguments are those of `import_model`.

    `example_inputs` are one array, a sequence of the function's inputs (each may be a pytree), or a
    mapping of inputs by name. An exported program needs none.

    Raises:
        ModelImportError: names everything that stands in the way: what JAX cannot trace,
            derivatives that the model defines or stops itself, ops that are not StableHLO, dtypes.
    """
    if loss is not None and example_targets is None:
        raise ModelImportError("a loss of your own needs example_targets, for their shape and type")
    if training and model.train is None:
        raise ModelImportError(
            "the JaxModel has no training mode: give it as JaxModel(..., train=)"
        )
    names = _Names.of(model)
    inputs = _Inputs.of(model, example_inputs)
    functions = _functions(model, training, loss)
    context = make_context()
    assembler = Assembler(context)
    values = names.declare(assembler)
    for function, (call, targets, trains) in functions.items():
        arguments = [names.leading, *inputs.arguments(example_targets if targets else None)]
        text, results = _lower(call, arguments, function, context)
        outputs = results - len(names.buffers) if trains else results
        bindings: list[Binding] = [*names.all, *[None] * inputs.count(example_targets, targets)]
        assigned = [None] * outputs + (list(names.buffers) if trains else [])
        assembler.add_function(text, bindings, assigned)
    clean(assembler.module)
    erase_idle_assignments(assembler.module)
    store_signless(assembler.module, values)
    mark_axes(assembler.module)
    order_by_use(assembler.module)
    ordered = {name: values[name] for name in parameters(assembler.module) if name in values}
    return ImportedModel(context, assembler.module, ordered, inputs=inputs.names)


_Call = Callable[..., Any]


def _functions(
    model: JaxModel, training: bool, loss: _Call | None
) -> dict[str, tuple[_Call, bool, bool]]:
    """The functions to make: (what to trace, whether it has targets, whether it assigns buffers).

    Each takes (params, buffers), then the inputs by position and by name, then the targets.
    """
    call = model.function.call if isinstance(model.function, Exported) else model.function

    def evaluate(state: Any, positional: Any, named: Any) -> Any:
        return call(*_state(model, state), *positional, **named)

    def train(state: Any, positional: Any, named: Any) -> Any:
        assert model.train is not None
        outputs, buffers = model.train(*state, *positional, **named)
        if jax.tree.structure(buffers) != jax.tree.structure(model.buffers):
            raise ModelImportError(
                "train must return (outputs, new buffers), the latter in the tree of the old ones"
            )
        return outputs, buffers

    forward = train if training else evaluate

    def with_loss(state: Any, positional: Any, named: Any, targets: Any) -> Any:
        assert loss is not None
        if not training:
            return loss(forward(state, positional, named), targets)
        outputs, buffers = forward(state, positional, named)
        return loss(outputs, targets), buffers

    if loss is not None:
        return {"loss": (with_loss, True, training), "predict": (evaluate, False, False)}
    made = {"forward": (forward, False, training)}
    return {**made, "predict": (evaluate, False, False)} if training else made


def _state(model: JaxModel, state: Any) -> tuple[Any, ...]:
    return state if model.buffers is not None else state[:1]


# ---- names -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Names:
    """The leaves of the parameters and buffers, by the names that they get."""

    params: dict[str, Any]
    buffers: dict[str, Any]
    leading: tuple[Any, Any]

    @classmethod
    def of(cls, model: JaxModel) -> _Names:
        params, buffers = _named(model.params), _named(model.buffers)
        problems = [f"two parameters are named '{name}'" for name in params if name in buffers]
        for name, leaf in {**params, **buffers}.items():
            if not hasattr(leaf, "dtype") or element_of(leaf.dtype) is None:
                kind = getattr(leaf, "dtype", type(leaf).__name__)
                problems.append(f"{name}: {kind} is not supported")
        if not params:
            problems.append("it has no parameters: JaxModel(function, params)")
        if problems:
            raise ModelImportError("the model's parameters cannot be compiled:", problems)
        return cls(params, buffers, (_specs(model.params), _specs(model.buffers)))

    @property
    def all(self) -> list[str]:
        """All names, in the order of the arguments."""
        return [*self.params, *self.buffers]

    def declare(self, assembler: Assembler) -> dict[str, np.ndarray]:
        """Declare every parameter; the values of those that have one."""
        for name, leaf in {**self.params, **self.buffers}.items():
            kind = "buffer" if name in self.buffers else kind_of(leaf.dtype)
            assembler.declare(name, kind, list(leaf.shape), str(element_of(leaf.dtype)))
        leaves = {**self.params, **self.buffers}.items()
        return {
            name: np.array(leaf)
            for name, leaf in leaves
            if not isinstance(leaf, jax.ShapeDtypeStruct)
        }


def _named(tree: Any) -> dict[str, Any]:
    """The leaves of a pytree by their paths, as JAX would see them (which may be in f32)."""
    found: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not isinstance(leaf, jax.ShapeDtypeStruct):
            leaf = jax.numpy.asarray(leaf)
        name = name_of(path)
        if name in found:
            raise ModelImportError(f"two leaves of the tree have the path '{name}'; rename one")
        found[name] = leaf
    return found


def name_of(path: Sequence[Any]) -> str:
    """`dense.0.kernel` for the path of the leaf of {"dense": [{"kernel": ...}]}."""
    keys = [getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))) for key in path]
    if len(keys) > 1 and keys[-1] == "value":  # the array inside a variable of Flax
        keys = keys[:-1]
    return ".".join(str(key) for key in keys)


def _specs(tree: Any) -> Any:
    return jax.tree.map(_spec, tree)


def _spec(x: Any) -> jax.ShapeDtypeStruct:
    """The shape of an array of any framework, and its type as JAX would have it (f32 for f64)."""
    if not isinstance(x, jax.ShapeDtypeStruct | jax.Array):
        x = np.asarray(x)
    return jax.ShapeDtypeStruct(x.shape, jax.dtypes.canonicalize_dtype(x.dtype))


# ---- inputs ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Inputs:
    """Shapes and names of the model's inputs."""

    positional: tuple[Any, ...]
    named: dict[str, Any]
    names: list[str]

    @classmethod
    def of(cls, model: JaxModel, example: Any) -> _Inputs:
        function, skipped = model.function, 1 if model.buffers is None else 2
        if isinstance(function, Exported) and _is_empty(example):
            specs = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in function.in_avals]
            args, kwargs = jax.tree_util.tree_unflatten(function.in_tree, specs)
            example = args[skipped:] or kwargs
        if isinstance(example, Mapping):
            return cls((), _specs(dict(example)), list(_named(_specs(dict(example)))))
        sequence = tuple(example) if isinstance(example, tuple | list) else (example,)
        if not sequence:
            raise ModelImportError("a JAX model needs example inputs: compile(model, inputs, ...)")
        specs = tuple(_specs(each) for each in sequence)
        labels = _argument_names(function, skipped, len(specs))
        paths = [_named(each) for each in specs]
        names = [
            f"{label}.{path}" if path else label
            for label, tree in zip(labels, paths, strict=True)
            for path in tree
        ]
        return cls(specs, {}, names)

    def arguments(self, targets: Any) -> list[Any]:
        """What the functions of `_functions` take after the state."""
        extra = [] if targets is None else [_specs(targets)]
        return [self.positional, self.named, *extra]

    def count(self, targets: Any, has_targets: bool) -> int:
        """How many arguments of the lowered function are inputs or targets."""
        return len(self.names) + (len(jax.tree.leaves(targets)) if has_targets else 0)


def _is_empty(example: Any) -> bool:
    return isinstance(example, tuple | list | Mapping) and not example


def _argument_names(function: Any, skipped: int, count: int) -> list[str]:
    """The names of the positional arguments behind the parameters, or x0, x1, ..."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return [f"x{i}" for i in range(count)]
    simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in simple][skipped:]
    return names[:count] + [f"x{i}" for i in range(len(names), count)]


# ---- lowering --------------------------------------------------------------------------------


def _lower(call: _Call, arguments: list[Any], function: str, context: Context) -> tuple[str, int]:
    """The text of a function of all leaves of its arguments, and the number of its results."""
    try:
        traced = jax.jit(call, keep_unused=True).trace(*arguments)
        lowered = traced.lower(lowering_platforms=("cpu",))
    except ModelImportError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelImportError("JAX cannot trace the model:", [reason]) from error
    check_derivatives(traced.jaxpr, "the model")
    module: Any = lowered.compiler_ir("stablehlo")
    source = parse(module.operation.get_asm(enable_debug_info=True), context)
    return lone_function(source, "main", function, _layer), len(traced.jaxpr.out_avals)


def _layer(name: str) -> str:
    """A location of JAX, `jit(f)/dense/dot_general`, without the transformations: `dense`."""
    parts = [part for part in name.split("/") if not _TRANSFORMATION.match(part)]
    return "/".join(parts)
