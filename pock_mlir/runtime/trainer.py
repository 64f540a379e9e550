"""Training with a compiled program: all that a board needs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pock_mlir.runtime import batches, checkpoint, losses
from pock_mlir.runtime.adapters import merged, save_peft
from pock_mlir.runtime.artifact import Artifact, load_artifact
from pock_mlir.runtime.device import (
    LOCAL_DRIVERS,
    DeviceModule,
    aligned_copy,
    allocator_statistics,
    driver_for,
    open_device,
)
from pock_mlir.runtime.evaluation import evaluate
from pock_mlir.runtime.manifest import ParameterSpec, TensorSpec
from pock_mlir.runtime.memory import MemoryUse, memory_use
from pock_mlir.runtime.prefetch import prefetched
from pock_mlir.runtime.shards import joined, split

Array = NDArray[Any]


class Trainer:
    """A program on a device: it trains, predicts, and saves what it has learnt.

    trainer = Trainer("cells.pock")
    loss = trainer.step(images, labels)
    trainer.save_checkpoint("cells.safetensors")
    """

    def __init__(
        self,
        program: str | os.PathLike[str] | Artifact,
        *,
        device: str | None = None,
        threads: int | None = None,
        caching: bool = True,
    ) -> None:
        """Load a `.pock` file, or an artifact, onto a device.

        `device` is an IREE driver ("local-sync", "local-task", "cuda", "vulkan"), by default that
        of the target it was compiled for; `threads` sets how many a local device uses. With neither
        given, a program whose steps are too short to share runs on one, "local-sync".
        `caching` keeps freed buffers for the next step: faster, a little more memory.

        Raises:
            ArtifactError: the file is missing or damaged.
            DeviceError: the device is not there or refuses the program.
        """
        artifact = program if isinstance(program, Artifact) else load_artifact(program)
        self._artifact = artifact
        self.manifest = artifact.manifest
        self._parameters = {spec.name: spec for spec in self.manifest.parameters}
        self._steps = 0
        work = self.manifest.work if device is None else None
        self.device = driver_for(device or self.manifest.driver, threads, work)
        handle = open_device(self.device, threads, caching=caching, shards=self.manifest.shards)
        self._handle = handle
        self._before = allocator_statistics(handle, self.device)
        zeros = {p.name: p.bytes for p in self.manifest.parameters if p.kind == "state"}
        self._module = DeviceModule(
            artifact.module, artifact.parameters, zeros, handle, self.device
        )

    @property
    def steps(self) -> int:
        """How many steps led to the present weights, those before a checkpoint included."""
        return self._steps

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What a batch has: the model's inputs, then the targets."""
        return self.manifest.functions["train_step"].inputs[:-1]

    @property
    def batch_size(self) -> int | None:
        """The first dimension of every input and output, or None where they differ."""
        predict = self.manifest.functions["predict"]
        sizes = {spec.shape[:1] for spec in (*self.inputs, *predict.outputs)}
        return next(iter(sizes))[0] if len(sizes) == 1 and () not in sizes else None

    @property
    def classes(self) -> int | None:
        """How many classes the targets are labels of; None where they are no class labels."""
        if self.manifest.loss.get("kind") != "cross-entropy":
            return None
        return losses.classes(self.manifest.loss, self._output)

    @property
    def _output(self) -> tuple[int, ...]:
        """The shape of the model's first output."""
        return self.manifest.functions["predict"].outputs[0].shape

    def step(self, *batch: ArrayLike, lr: float | None = None) -> float:
        """Train on one batch (inputs, then targets); returns its loss before the update.

        A program that accumulates gradients changes its weights in every so many steps only.

        Raises:
            ValueError: a wrong number, shape or type of arrays, a label outside the classes, or no
                learning rate.
        """
        return self._loss(self._start(self._parts(batch), lr))

    def run(self, data: Iterable[Sequence[ArrayLike]], *, lr: float | None = None) -> list[float]:
        """Train on batches of (inputs..., targets), one after the other; the loss of each.

        Losses stay on the device until the end. If batches take time to make, another thread makes,
        checks and places the next one while a step runs.

        Raises:
            ValueError: a batch that does not fit, with its number from 0, or no learning rate. The
                steps before it were taken: see `steps`.
        """
        taken = [self._start(arrays, lr) for arrays in prefetched(self._placed(data))]
        return [self._loss(started) for started in taken]

    def _start(self, parts: Sequence[Array], lr: float | None) -> tuple[Any, ...]:
        """Train on a batch that is checked and in its shards; its loss, on the device."""
        rate = self.manifest.learning_rate if lr is None else float(lr)
        if rate is None:
            raise ValueError("the program has no default learning rate; give one: step(..., lr=)")
        if not math.isfinite(rate) or rate < 0:
            raise ValueError(f"the learning rate must be finite and not negative, got {rate}")
        if (self._steps + 1) % self.manifest.accumulate:
            loss = self._module.start("accumulate_step", *parts)
        else:
            loss = self._module.start("train_step", *parts, np.asarray(rate, np.float32))
        self._steps += 1
        return loss

    def _loss(self, started: Sequence[Any]) -> float:
        (loss,) = self._module.fetch("train_step", started)
        return float(loss)

    def _placed(self, data: Iterable[Sequence[ArrayLike]]) -> Iterator[list[Array]]:
        """Batches to train on, checked, as copies that a local device reads in place.

        So it does not matter if the next batch is made in the memory of the last one.
        """
        place = aligned_copy if self.device in LOCAL_DRIVERS else np.copy
        for number, batch in enumerate(data):
            try:
                yield [place(array) for array in self._parts(batch)]
            except ValueError as error:
                raise ValueError(f"batch {number}: {error}") from error

    def fit(
        self,
        data: Iterable[Sequence[ArrayLike]],
        *,
        epochs: int = 1,
        lr: float | Callable[[int], float] | None = None,
        after_step: Callable[[int, float], object] | None = None,
    ) -> list[float]:
        """Train on every batch of (inputs..., targets), `epochs` times; each epoch's mean loss.

        `data` is gone through once an epoch, so an iterator is good for one; if batches take time
        to make, in a thread of its own, while a step runs. `lr` may be a function of the count of
        steps so far; `after_step` is told that count and the loss of each step.

        Raises:
            ValueError: no data at all, or a batch that does not fit, with its number from 0.
        """
        means: list[float] = []
        for epoch in range(epochs):
            taken: list[float] = []
            for arrays in prefetched(self._placed(data)):
                rate = lr(self._steps) if callable(lr) else lr
                # No variable holds what is on the device: an error's traceback may outlive that.
                taken.append(self._loss(self._start(arrays, rate)))
                if after_step is not None:
                    after_step(self._steps, taken[-1])
            if not taken:
                again = " in a second epoch; give something that can be iterated again"
                raise ValueError(f"nothing to train on: the data is empty{again if epoch else ''}")
            means.append(sum(taken) / len(taken))
        return means

    def predict(self, *inputs: ArrayLike) -> Array | tuple[Array, ...]:
        """The model's output for one batch of inputs; a tuple where it has several.

        Raises:
            ValueError: a wrong number, shape or type of arrays.
        """
        specs = self.manifest.functions["predict"].inputs
        outputs = self._call("predict", *batches.check_batch(specs, inputs))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def evaluate(self, data: Iterable[Sequence[ArrayLike]]) -> dict[str, float]:
        """Mean "loss" over batches of (inputs..., targets), and what else the loss tells.

        That is "accuracy" of a classifier and "perplexity" of a language model. Batches may be of
        any length; with a loss of the user's, the last rows that fill no batch are left out.

        Raises:
            ValueError: no data at all, or a batch that does not fit.
        """
        size = self.batch_size
        checked = (self._checked(batch, any_length=size is not None) for batch in data)
        return evaluate(self.manifest, self._call, checked, size)

    def _call(self, function: str, *arrays: Array) -> list[Array]:
        """Run "predict" or "evaluate" on a batch that is checked."""
        shards = self.manifest.shards
        results = self._module.call(function, *split(arrays, shards))
        return joined(self.manifest.functions[function].outputs, results, shards)

    def _parts(self, batch: Sequence[ArrayLike]) -> list[Array]:
        """The arrays of a batch that has a target, each in its shards. Raises ValueError."""
        return split(self._trainable(tuple(batch)), self.manifest.shards)

    def _trainable(self, batch: Sequence[ArrayLike]) -> list[Array]:
        """The arrays of a batch that has a target. Raises ValueError."""
        arrays = self._checked(batch)
        losses.require_a_target(self.manifest.loss, self.inputs[-1], arrays[-1])
        return arrays

    def _checked(self, batch: Sequence[ArrayLike], *, any_length: bool = False) -> list[Array]:
        """The arrays as the module wants them, labels and token ids in range. Raises ValueError."""
        arrays = batches.check_batch(self.inputs, batch, any_length=any_length)
        losses.check_targets(self.manifest.loss, self.inputs[-1], arrays[-1], self._output)
        return arrays

    def state_dict(self) -> dict[str, Array]:
        """All parameters and buffers of the model by the framework's names, in its layouts.

        Weights that are trained with lora have their terms added. The arrays are copies. Tied
        parameters appear under each of their names.
        """
        values = self._values()
        values |= merged(self.manifest, values)
        return self._by_every_name(values, "weight", "buffer")

    def _values(self) -> dict[str, Array]:
        """The present values of weights, buffers and adapters, in the framework's layouts."""
        current = self._read_state()
        return {
            spec.name: current[spec.name] if spec.name in current else self._constant(spec)
            for spec in self.manifest.parameters
            if spec.kind in ("weight", "buffer", "adapter")
        }

    def _by_every_name(self, values: Mapping[str, Array], *kinds: str) -> dict[str, Array]:
        """Copies of the values of these kinds of parameters, tied ones under each name."""
        return {
            name: values[spec.name].copy()
            for spec in self.manifest.parameters
            if spec.kind in kinds
            for name in (spec.name, *spec.aliases)
        }

    def optimizer_state(self) -> dict[str, Array]:
        """The optimizer's state by its names, such as `head.weight.velocity`; copies."""
        current = self._read_state()
        return {name: current[name] for name in current if self._parameters[name].kind == "state"}

    def _read_state(self) -> dict[str, Array]:
        """What a step changes, in the framework's layouts."""
        values = self._module.call("read_state")
        order = self.manifest.state_order
        return {
            name: _to_framework(self._parameters[name], value)
            for name, value in zip(order, values, strict=True)
        }

    def _write_state(self, values: Mapping[str, Array]) -> None:
        order = [self._parameters[name] for name in self.manifest.state_order]
        self._module.call("write_state", *(_to_stored(spec, values[spec.name]) for spec in order))

    def _constant(self, spec: ParameterSpec) -> Array:
        """The value that the program came with, in the framework's layout."""
        if spec.in_module:
            return _to_framework(spec, self._artifact.parameters[spec.name])
        return self._artifact.frozen[spec.name]

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Save `state_dict()` alone, as safetensors: plain weights, adapters merged."""
        checkpoint.save_weights(path, self.state_dict(), self.manifest, self._steps)

    def save_checkpoint(
        self, path: str | os.PathLike[str], *, notes: Mapping[str, object] | None = None
    ) -> None:
        """Save the weights, the optimizer's state and the count of steps, as safetensors.

        `notes` go into the file's metadata (`pock.notes`), as JSON.

        The file takes the place of an older one as a whole: a crash at any moment leaves the old
        or the new one. A run that is resumed from it continues bit for bit.
        """
        weights = self._by_every_name(self._values(), "weight", "buffer", "adapter")
        checkpoint.save(path, weights, self.optimizer_state(), self.manifest, self._steps, notes)

    def save_adapters(self, directory: str | os.PathLike[str]) -> None:
        """Save what a scheme's lora rules trained, in the file format of the `peft` package.

        Raises:
            ValueError: the program has no adapters.
        """
        save_peft(directory, self.manifest, self._values())

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint of this program.

        Raises:
            CheckpointError: it is of another model, scheme or optimizer; nothing has changed then.
            TensorFileError: the file is missing or damaged.
        """
        state, steps = checkpoint.load(path, self.manifest, self._constant)
        self._write_state(state)
        self._steps = steps

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Take over the weights of a safetensors file that a framework, or this class, wrote.

        The optimizer starts anew. Names that the program does not know are ignored.

        Raises:
            CheckpointError: a weight is missing or of another shape, or one that the program holds
                frozen has another value; nothing has changed then.
            TensorFileError: the file is missing or damaged.
        """
        state = checkpoint.load_weights(path, self.manifest, self._constant)
        self._write_state(state)
        self._steps = 0

    def memory(self) -> MemoryUse:
        """Memory so far, in bytes: {"peak", "live", "source"}.

        On "local-sync" (threads=1) it is what the device allocated: parameters, optimizer, batches
        and transients of this program; its peak is exact for the only program in a process, and
        for one that needs more than those before it. Other devices do not count what a step
        allocates; there it is the "resident set" of the whole process.
        """
        now = allocator_statistics(self._handle, self.device)
        return memory_use(now, self._before)


def _to_framework(spec: ParameterSpec, stored: Array) -> Array:
    if not spec.layout:
        return stored
    return np.ascontiguousarray(stored.transpose(np.argsort(spec.layout)))


def _to_stored(spec: ParameterSpec, value: Array) -> Array:
    if not spec.layout:
        return value
    return np.ascontiguousarray(value.transpose(spec.layout))
