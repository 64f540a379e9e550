"""Training with a compiled program: all that a board needs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pock_mlir.runtime import batches, checkpoint
from pock_mlir.runtime.artifact import Artifact, load_artifact
from pock_mlir.runtime.device import (
    DeviceModule,
    allocator_statistics,
    driver_for,
    open_device,
)
from pock_mlir.runtime.manifest import ParameterSpec, TensorSpec
from pock_mlir.runtime.memory import MemoryUse, memory_use

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
        of the target it was compiled for; `threads` sets how many a local device uses. `caching`
        keeps freed buffers for the next step: faster, a little more memory.

        Raises:
            ArtifactError: the file is missing or damaged.
            DeviceError: the device is not there or refuses the program.
        """
        artifact = program if isinstance(program, Artifact) else load_artifact(program)
        self._artifact = artifact
        self.manifest = artifact.manifest
        self._parameters = {spec.name: spec for spec in self.manifest.parameters}
        self._steps = 0
        self.device = driver_for(device or self.manifest.driver, threads)
        handle = open_device(self.device, threads, caching=caching)
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
        """How many classes the targets tell apart, where they are labels."""
        outputs = self.manifest.functions["predict"].outputs
        labels = self.manifest.loss.get("kind") == "cross-entropy" and outputs[0].shape
        return outputs[0].shape[-1] if labels else None

    def step(self, *batch: ArrayLike, lr: float | None = None) -> float:
        """Train on one batch (inputs, then targets); returns its loss before the update.

        Raises:
            ValueError: a wrong number, shape or type of arrays, a label outside the classes, or no
                learning rate.
        """
        arrays = batches.check_batch(self.inputs, batch)
        self._check_labels(arrays)
        rate = self.manifest.learning_rate if lr is None else float(lr)
        if rate is None:
            raise ValueError("the program has no default learning rate; give one: step(..., lr=)")
        if not math.isfinite(rate) or rate < 0:
            raise ValueError(f"the learning rate must be finite and not negative, got {rate}")
        (loss,) = self._module.call("train_step", *arrays, np.asarray(rate, np.float32))
        self._steps += 1
        return float(loss)

    def predict(self, *inputs: ArrayLike) -> Array | tuple[Array, ...]:
        """The model's output for one batch of inputs; a tuple where it has several.

        Raises:
            ValueError: a wrong number, shape or type of arrays.
        """
        specs = self.manifest.functions["predict"].inputs
        outputs = self._module.call("predict", *batches.check_batch(specs, inputs))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def evaluate(self, data: Iterable[Sequence[ArrayLike]]) -> dict[str, float]:
        """Mean "loss", and "accuracy" of a classifier, over batches of (inputs..., targets).

        Batches may be of any length.

        Raises:
            ValueError: no data at all, or a batch that does not fit.
        """
        total = np.zeros(2)
        count = 0
        for batch in data:
            arrays = batches.check_batch(self.inputs, batch, any_length=self.batch_size is not None)
            self._check_labels(arrays)
            size = self.batch_size or max(1, len(arrays[0]))
            for piece, rows in batches.chunks(arrays, size):
                total += self._score(piece, rows)
                count += rows
        if not count:
            raise ValueError("nothing to evaluate: the data is empty")
        means = {"loss": float(total[0] / count)}
        return means if self.classes is None else {**means, "accuracy": float(total[1] / count)}

    def _score(self, batch: Sequence[Array], rows: int) -> tuple[float, float]:
        outputs = self._module.call("predict", *batch[:-1])[0][:rows]
        targets = batch[-1][:rows]
        loss = batches.losses(str(self.manifest.loss.get("kind")), outputs, targets).sum()
        if self.classes is None:
            return float(loss), 0.0
        hits = (outputs.argmax(axis=-1) == targets).reshape(rows, -1).mean(axis=1).sum()
        return float(loss), float(hits)

    def _check_labels(self, batch: Sequence[Array]) -> None:
        if self.classes is not None:
            batches.check_labels(self.inputs[-1], batch[-1], self.classes)

    def state_dict(self) -> dict[str, Array]:
        """All parameters and buffers of the model by the framework's names, in its layouts.

        The arrays are copies. Tied parameters appear under each of their names.
        """
        current = self._read_state()
        values: dict[str, Array] = {}
        for spec in self.manifest.parameters:
            if spec.kind in ("weight", "buffer"):
                value = current[spec.name] if spec.name in current else self._constant(spec)
                for name in (spec.name, *spec.aliases):
                    values[name] = value.copy()
        return values

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
        """The value, in the framework's layout, of a parameter that no step changes."""
        if spec.in_module:
            return _to_framework(spec, self._artifact.parameters[spec.name])
        return self._artifact.frozen[spec.name]

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Save `state_dict()` alone, as safetensors."""
        checkpoint.save_weights(path, self.state_dict(), self.manifest, self._steps)

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Save the weights, the optimizer's state and the count of steps, as safetensors.

        The file takes the place of an older one as a whole: a crash at any moment leaves the old
        or the new one. A run that is resumed from it continues bit for bit.
        """
        checkpoint.save(path, self.state_dict(), self.optimizer_state(), self.manifest, self._steps)

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
