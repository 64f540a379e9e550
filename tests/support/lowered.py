"""Training steps as the compiler has them before it generates code: much cheaper than programs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pock_mlir.backends.iree.compiler import CompiledModule, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Context, Location, Module
from pock_mlir.pipelines import run_pipeline, training_pipeline
from pock_mlir.report.operations import Phase, count_operations
from pock_mlir.rewriting import erase_unread_parameters, functions
from tests.support.training import OPTIMIZERS, Task, make_task

PIXELS, BATCH = 32, 2


@dataclass(frozen=True)
class LoweredStep:
    """A step's operations by phase (forward, backward, update), and what IREE makes of it."""

    phases: dict[str, Phase]
    compiled: CompiledModule


@cache
def _imported(model: str) -> tuple[Task, Context, str]:
    task = make_task(model, pixels=PIXELS, batch=BATCH)
    imported = import_torch(task.model, (task.inputs,))
    return task, imported.context, imported.module.operation.get_asm()


@cache
def lowered(
    model: str, scheme: str, optimizer: str = "momentum", target: str = "cpu"
) -> LoweredStep:
    """The step of a zoo model under a scheme of its task, or a built-in one."""
    task, context, text = _imported(model)
    chosen = task.schemes[scheme].option if scheme in task.schemes else scheme
    options = dict(OPTIMIZERS[optimizer](0.01).pass_options())
    with context, Location.unknown():
        module = Module.parse(text)
        kind = str(options.pop("kind"))
        run_pipeline(
            module,
            training_pipeline(
                scheme=chosen,
                optimizer=kind,
                optimizer_options=options,
                processor=TARGETS[target].processor,
            ),
        )
        for function in functions(module):
            if function.sym_name.value == "fold":
                function.operation.erase()
        (step,) = [f for f in functions(module) if f.sym_name.value == "train_step"]
        phases = count_operations(step)
        erase_unread_parameters(module)
        PockToIree().run(module)
        compiled = compile_module(str(module), TARGETS[target], generate_code=False)
    return LoweredStep(phases, compiled)
