"""Training steps from JAX functions, without the importer: parameters by name, then inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pock_mlir.dialects import make_context
from pock_mlir.importers.assemble import Assembler
from pock_mlir.importers.cleanup import clean
from pock_mlir.ir import Location, Module, StringAttr
from pock_mlir.passes.differentiate import Differentiate
from pock_mlir.passes.prepare_for_gradients import PrepareForGradients
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from pock_mlir.rewriting import functions

PASSES = ["apply-optimizer{kind=sgd}", "lower-pock", "canonicalize", "cse", "reorder"]


def scheduled(step: Module) -> str:
    """The text of a differentiated step with plain SGD; the learning rate is its last argument."""
    rate = ', %rate: tensor<f32> {pock.role = "learning_rate"}'
    text = re.sub(r"(@train_step\([^)]*)", rf"\1{rate}", step.operation.get_asm())
    with step.context, Location.unknown():
        module = Module.parse(text)
        run_pipeline(module, parse_pipeline(f"builtin.module({','.join(PASSES)})"))
        return module.operation.get_asm()


def step_of(
    loss: Callable[..., Any],
    parameters: Mapping[str, np.ndarray],
    *inputs: np.ndarray,
    unroll: bool = True,
) -> Module:
    """A differentiated `@train_step` of `loss(parameters, *inputs)`; loops are left on request."""
    import jax

    lowered = jax.jit(loss, keep_unused=True).lower(dict(parameters), *inputs)
    names = sorted(parameters)  # the order of a dictionary's leaves
    context = make_context()
    source = Module.parse(lowered.as_text(), context)
    PrepareForGradients().run(source)
    (function,) = functions(source)
    with context:
        function.attributes["sym_name"] = StringAttr.get("train_step")
    assembler = Assembler(context)
    for name in names:
        value = parameters[name]
        assembler.declare(name, "weight", value.shape, f"f{value.dtype.itemsize * 8}")
    assembler.add_function(str(source), [*names, *(None for _ in inputs)], [None])
    if unroll:
        clean(assembler.module)
    Differentiate().run(assembler.module)
    return assembler.module
