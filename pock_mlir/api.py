"""`pock_mlir.compile`: from a model and a scheme to a program that trains."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.backends import host
from pock_mlir.backends.iree.compiler import (
    CompilationError,
    CompiledModule,
    allocations,
    compile_module,
)
from pock_mlir.backends.iree.evaluate import evaluate
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS, Target
from pock_mlir.describe import describe
from pock_mlir.importers import ImportedModel, import_model
from pock_mlir.ir import Location, Module
from pock_mlir.lora import first_factors
from pock_mlir.losses import Loss, find_loss, pass_options
from pock_mlir.optimizers import Optimizer
from pock_mlir.passes.expand_bf16 import ExpandBf16
from pock_mlir.pipelines import run_pipeline, training_pipeline
from pock_mlir.report.indices import index_limits
from pock_mlir.report.memory import predict_memory
from pock_mlir.rewriting import erase_unread_parameters, functions, parameters
from pock_mlir.runtime.artifact import Artifact, load_artifact
from pock_mlir.runtime.manifest import Manifest
from pock_mlir.runtime.shards import MOST_SHARDS
from pock_mlir.schemes import Scheme
from pock_mlir.tuning import Database, user_file

Progress = Callable[[str], object]
"""Is told the name of each stage of a compilation as it begins."""


@dataclass(frozen=True)
class Program:
    """A compiled training program.

    Attributes:
        artifact: what `save` writes.
        training_module: text of the module that was handed to the backend.
        compiled: what the backend made of it; None for a program that was loaded.
    """

    artifact: Artifact
    training_module: str = ""
    compiled: CompiledModule | None = None

    def __repr__(self) -> str:
        known = self.manifest
        functions = ", ".join(known.functions)
        peak = known.predicted_bytes.get("peak", 0) / 1e6
        return f"<Program for {known.target}: {functions}; {peak:.1f} MB a step>"

    @property
    def manifest(self) -> Manifest:
        """What the program says about itself."""
        return self.artifact.manifest

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `.pock` file, as a whole or not at all."""
        self.artifact.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Program:
        """Read a `.pock` file. Raises ArtifactError."""
        return cls(load_artifact(path))


def compile(
    model: Any,
    example_inputs: Any = (),
    *,
    loss: str | Loss | Callable[..., Any] = "cross-entropy",
    example_targets: Any = None,
    optimizer: Optimizer,
    scheme: str | Path | Scheme = "full",
    target: str = "cpu",
    training: bool = False,
    seed: int = 0,
    precision: str = "f32",
    shards: int = 1,
    tuning: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Program:
    """Compile a model and its training step.

    Args:
        model: a PyTorch module or exported program, a `pock_mlir.JaxModel`, a Keras model, a
            tf.function, an ONNX model, or the path of a file of one of these or of StableHLO
            (see docs/frontends.md).
        example_inputs: arrays with the shapes and types of a batch; a model that says them itself
            needs none.
        loss: a kind ("cross-entropy", "causal-lm", "binary-cross-entropy", "mse", "l1"), one with
            options (pock_mlir.CrossEntropy(...), ...), or a function (outputs, targets) -> scalar
            of the model's framework.
        example_targets: for such a function, arrays with the shapes and types of the targets.
        optimizer: pock_mlir.SGD(...), or another of `pock_mlir.optimizers`.
        scheme: what to train: a Scheme, the name of a built-in one, or a TOML file.
        target: a name in `pock_mlir.backends.iree.targets.TARGETS`.
        training: train in the framework's training mode: batch-norm's statistics are trained too,
            and dropout is drawn anew at each step, with masks that are the same in every run.
        seed: of dropout's masks.
        precision: "f32", or what contractions and convolutions compute with: "bf16", or "f16", with
            dynamic loss scaling. Weights, sums and all other arithmetic stay f32.
        shards: batches of the model's that a step takes and computes side by side, each on threads
            of its own: faster for small networks, but a gradient of each is in memory. Losses and
            gradients are the means of the shards', whose samples do not see each other.
        tuning: a file that `pock tune` wrote; by default the one that it writes, if there is one.
        progress: is told each stage as it begins.

    Raises:
        TypeError: the optimizer is none, such as its name.
        ValueError: unknown target or loss, a function without example targets, a precision that
            the target does not have, or no shard or too many.
        TuningError: the file of measurements cannot be read.
        SchemeError: the scheme does not fit the model.
        ModelImportError: the model cannot be imported.
        PipelineFailure: a pass found something it cannot do, e.g. an op without a derivative.
        CompilationError: the backend rejected the module.
    """
    if not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"optimizer: expected one like pock_mlir.SGD(lr=0.05), got {optimizer!r}")
    tell = progress or _no_progress
    if not 1 <= shards <= MOST_SHARDS:
        raise ValueError(f"shards must be 1 to {MOST_SHARDS}, got {shards}")
    chosen = find_target(target)
    _check_precision(precision, chosen)
    scheme = scheme if isinstance(scheme, Scheme) else Scheme.load(scheme)
    measurements = _tuning(tuning)
    function, described = _loss(loss, example_targets)
    tell("import")
    imported = import_model(
        model,
        example_inputs,
        training=training,
        loss=function,
        example_targets=example_targets,
        seed=seed,
    )
    limits = index_limits(imported.module, imported.inputs)
    with imported.context, Location.unknown():
        tell("differentiate and optimise")
        options: dict[str, object] = dict(optimizer.pass_options())
        pipeline = training_pipeline(
            loss=described["kind"],
            loss_options={k: v for k, v in pass_options(described).items() if k != "kind"},
            optimizer=str(options.pop("kind")),
            optimizer_options=options,
            **optimizer.pipeline_options(),
            scheme=scheme.option,
            precision=precision,
            shards=shards,
            processor=chosen.processor if precision == "f32" else None,
            tuning=measurements,
        )
        run_pipeline(imported.module, pipeline)
        tell("fold frozen parameters")
        stored = _stored_values(imported)
        manifest = describe(
            imported,
            target=chosen,
            loss=described,
            optimizer=optimizer.to_dict(),
            scheme=scheme.to_dict(),
            limits=limits,
            seed=seed,
            shards=shards,
        )
        tell(f"compile for {chosen.name}")
        return _build(imported, manifest, stored, chosen, tell)


def find_target(name: str) -> Target:
    """The target of that name. Raises ValueError, listing what there is."""
    if name not in TARGETS:
        raise ValueError(f"unknown target '{name}'; there is {', '.join(TARGETS)}")
    return TARGETS[name]


def _tuning(file: str | os.PathLike[str] | None) -> str:
    """The file of measurements to use besides the shipped ones. Raises TuningError."""
    if file is None:
        return str(user_file()) if user_file().is_file() else ""
    Database.load(file)  # now, not after the model was imported
    return os.fspath(file)


def _check_precision(precision: str, target: Target) -> None:
    known = ("f32", "bf16", "f16")
    if precision not in known:
        raise ValueError(f"unknown precision '{precision}'; there is {', '.join(known)}")
    if precision != "f32" and precision not in target.narrow_floats:
        has = ", ".join(each for each in known if each in {"f32", *target.narrow_floats})
        raise ValueError(f"the target {target.name} has no {precision}; it has {has}")


def _loss(
    loss: str | Loss | Callable[..., Any], example_targets: Any
) -> tuple[Callable[..., Any] | None, dict[str, Any]]:
    """The user's function, if it is one, and what a manifest says of the loss."""
    if isinstance(loss, str | Loss):
        if example_targets is not None:
            raise ValueError("example_targets are for a loss that is a function")
        return None, dict(find_loss(loss).to_dict())
    if not callable(loss):
        raise ValueError(f"loss must be a kind, a Loss or a function, got {loss!r}")
    if example_targets is None:
        raise ValueError("a loss that is a function needs example_targets")
    return loss, {"kind": "custom"}


# ---- values ----------------------------------------------------------------------------------


def _stored_values(imported: ImportedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The value of every parameter in its stored layout; folded ones are computed here."""
    declared = parameters(imported.module)
    imported.values.update(first_factors(declared))
    stored = {
        # Not ascontiguousarray, which makes a vector of a scalar (num_batches_tracked).
        name: np.asarray(np.transpose(value, declared[name].layout), order="C")
        for name, value in imported.values.items()
        if name in declared
    }
    folded = [name for name, op in declared.items() if op.kind.value == "folded"]
    if folded:
        results = host.evaluate(imported.module, "fold", stored)
        if results is None:
            results = evaluate(imported.module, "fold", stored)
        stored |= dict(zip(folded, results, strict=True))
    for function in functions(imported.module):
        if function.sym_name.value == "fold":
            function.operation.erase()
    return stored


# ---- the program -----------------------------------------------------------------------------


def _build(
    imported: ImportedModel,
    manifest: Manifest,
    stored: Mapping[str, np.ndarray[Any, Any]],
    target: Target,
    tell: Progress,
) -> Program:
    module = imported.module
    text = str(module)
    erase_unread_parameters(module)
    if target.processor is not None:
        ExpandBf16().run(module)
    compiled = _compiled(str(module), target, tell)
    step = allocations(compiled, "train_step")
    manifest = replace(
        manifest,
        predicted_bytes=_predicted_bytes(compiled, manifest),
        report={**manifest.report, "dispatches": step.dispatches, "stages": step.stages},
    )
    held = {spec.name for spec in manifest.parameters if spec.in_module}
    artifact = Artifact(
        manifest,
        compiled.vmfb,
        {name: value for name, value in stored.items() if name in held},
        {name: value for name, value in imported.values.items() if name not in held},
    )
    return Program(artifact, text, compiled)


def _no_progress(stage: str) -> None:
    """For who asked for none."""


def _compiled(text: str, target: Target, tell: Progress) -> CompiledModule:
    """With the tiles that were chosen, or where IREE rejects them, with its own."""

    def lowered(*, tiles: bool) -> str:
        module = Module.parse(text)
        PockToIree(tiles=tiles, vector_width=target.vector_width).run(module)
        return str(module)

    chosen = lowered(tiles=True)
    try:
        return compile_module(chosen, target)
    except CompilationError as error:
        safe = lowered(tiles=False)
        if safe == chosen:
            raise
        reason = str(error).splitlines()[1:2] or [str(error)]
        said = (
            f"compile for {target.name} without the chosen tiles, which IREE rejects: {reason[0]}"
        )
        if tell is _no_progress:
            warnings.warn(said, RuntimeWarning, stacklevel=2)  # a slower program is never silent
        tell(said)
        return compile_module(safe, target)


def _predicted_bytes(compiled: CompiledModule, manifest: Manifest) -> dict[str, int]:
    """The memory of a step by kind: of the step that needs most, where there are two."""
    steps = {"train_step", "accumulate_step"} & set(manifest.functions)
    memory = max((predict_memory(compiled, each) for each in steps), key=lambda m: m.peak)
    return {**asdict(memory), "peak": memory.peak}
