"""`pock train`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from pock_mlir.cli import console
from pock_mlir.cli import datasets as d
from pock_mlir.cli.data_options import DataOptions, with_data
from pock_mlir.cli.evaluate import EVALUATION_BATCH
from pock_mlir.cli.origin import Origin, check_resumed
from pock_mlir.cli.outputs import require_other
from pock_mlir.data.samples import Data
from pock_mlir.progress import stages, tracking
from pock_mlir.runtime import Trainer
from pock_mlir.runtime.memory import MemoryUse


@dataclass(frozen=True)
class Plan:
    """Which samples each step takes: a function of the seed and the step, so that one can resume.

    Each epoch has its own order; the samples that do not fill a batch wait for the next one.
    """

    samples: int
    batch: int
    epochs: int
    seed: int

    def __post_init__(self) -> None:
        if self.samples < self.batch:
            raise ValueError(f"{self.samples} samples do not fill one batch of {self.batch}")

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return self.samples // self.batch

    @property
    def steps(self) -> int:
        """Steps from the start to the end."""
        return self.steps_per_epoch * self.epochs

    def indices(self, first_step: int) -> Iterator[NDArray[np.intp]]:
        """The samples of each step from `first_step` on."""
        for epoch in range(first_step // self.steps_per_epoch, self.epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(self.samples)
            skipped = max(0, first_step - epoch * self.steps_per_epoch)
            for i in range(skipped, self.steps_per_epoch):
                yield order[i * self.batch : (i + 1) * self.batch]


EXAMPLE = """
pock train cells.pock --data elpv --epochs 3 --checkpoint cells.safetensors
pock train cells.pock --data elpv --epochs 6 --checkpoint cells.safetensors --resume
pock train mood.pock --data reviews.csv --tokenizer tokenizer.json --hold-out 0.1
"""


@with_data
def train_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    data: DataOptions,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training samples.")] = 1,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate.", show_default="as compiled")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Where to save, after each epoch and at the end.")
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(min=1, help="Save after this many steps too.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint.")] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", "--force", help="Start anew where a checkpoint is there already."
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use at most this many training samples.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of the samples.")] = 0,
    device: Annotated[
        str | None, typer.Option(help="local-sync, local-task, cuda or vulkan.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of a local device.")] = None,
) -> None:
    """Train a program on a data set.

    Batches have the size that the program was compiled for. A run that is resumed takes the steps
    that it would have taken without the break.
    """
    if checkpoint is not None:
        require_other(checkpoint, [program, data.source])
    _check_checkpoint(checkpoint, resume=resume, overwrite=overwrite)
    trainer = Trainer(program, device=device, threads=threads)
    if trainer.batch_size is None:
        raise ValueError("the inputs and outputs of the program have no batch dimension in common")
    if resume and checkpoint is not None:
        trainer.load_checkpoint(checkpoint)
    with stages(console.err, "read the data", seldom=True) as tell:
        loaded = d.load_data(replace(data, limit=limit), d.wanted_by(trainer), tell)
    origin = Origin.of(loaded, data, seed)
    if resume and checkpoint is not None and (other := check_resumed(checkpoint, origin)):
        console.note(other)
    plan = Plan(len(loaded.train), trainer.batch_size, epochs, seed)
    if trainer.steps > plan.steps:
        raise ValueError(
            f"{checkpoint} is at step {trainer.steps}, behind the end of --epochs {epochs}, which "
            f"is step {plan.steps}: give more"
        )
    console.err.print(f"{loaded}; steps {trainer.steps} to {plan.steps} on {trainer.device}")
    run = Run(trainer, loaded, plan, lr, checkpoint, save_every, origin)
    try:
        run.train()
    except KeyboardInterrupt:
        run.save()
        again = f"; continue with --resume, {checkpoint} is saved" if checkpoint else ""
        console.err.print(f"interrupted at step {trainer.steps}{again}")
        raise typer.Exit(130) from None
    run.save()
    run.report()


def _check_checkpoint(checkpoint: Path | None, *, resume: bool, overwrite: bool) -> None:
    """Before anything takes time: nothing on the disk may be lost."""
    if checkpoint is None:
        if resume or overwrite:
            raise ValueError("--resume and --overwrite need --checkpoint")
        return
    if resume and overwrite:
        raise ValueError("--resume and --overwrite exclude each other")
    if resume and not checkpoint.is_file():
        raise ValueError(f"nothing to resume from: no such file: {checkpoint}")
    if checkpoint.exists() and not (resume or overwrite):
        raise ValueError(
            f"{checkpoint} is there already; give --resume to continue, or --overwrite"
        )
    if not checkpoint.parent.is_dir():
        raise ValueError(f"no such directory: {checkpoint.parent}")


@dataclass
class Run:
    """A training run: what is trained, on what, and where it is saved."""

    trainer: Trainer
    data: Data
    plan: Plan
    lr: float | None
    checkpoint: Path | None
    save_every: int | None
    origin: Origin
    test: str = field(default="", init=False)
    memory: MemoryUse | None = field(default=None, init=False)

    def train(self) -> None:
        """Take all steps that are left; tell of them, and of each epoch."""
        first = self.trainer.steps
        losses: list[float] = []
        started = time.monotonic()
        with tracking(console.err) as tracker:
            task = tracker.task("train", self.plan.steps, first)
            for indices in self.plan.indices(first):
                losses.append(self._step(indices))
                task.advance(f"loss {losses[-1]:.4f}")
                if self.trainer.steps % self.plan.steps_per_epoch == 0:
                    pace = 1000 * (time.monotonic() - started) / len(losses)
                    tracker.console.print(self._epoch_line(losses, pace))
                    self.save()
                    losses, started = [], time.monotonic()
                elif self.save_every and self.trainer.steps % self.save_every == 0:
                    self.save()

    def _step(self, indices: NDArray[np.intp]) -> float:
        batch = self.data.train.rows(indices)
        loss = self.trainer.step(*batch, lr=self.lr)
        if not math.isfinite(loss):
            given = [array for array in batch if np.issubdtype(array.dtype, np.floating)]
            finite = all(np.isfinite(array).all() for array in given)
            why = "try a lower --lr" if finite else "its batch has values that are not finite"
            raise ValueError(f"the loss of step {self.trainer.steps} is {loss}; {why}")
        return loss

    def _epoch_line(self, losses: list[float], milliseconds: float) -> str:
        epoch = self.trainer.steps // self.plan.steps_per_epoch
        mean = sum(losses) / len(losses)
        self.memory = self.memory or self.trainer.memory()  # before predictions add theirs
        self.test = self._test()
        return (
            f"epoch {epoch}/{self.plan.epochs}  loss {mean:.4f}{self.test}"
            f"  {milliseconds:.1f} ms/step"
        )

    def _test(self) -> str:
        if self.data.test is None:
            return ""
        result = self.trainer.evaluate(self.data.test.batches(EVALUATION_BATCH))
        return "".join(f"  test {name} {value:.4f}" for name, value in result.items())

    def save(self) -> None:
        """Save where a checkpoint is wanted."""
        if self.checkpoint is not None:
            self.trainer.save_checkpoint(self.checkpoint, notes=self.origin.notes)

    def report(self) -> None:
        """Say how it ended."""
        memory = self.memory or self.trainer.memory()
        peak = f"peak memory {console.size(memory['peak'])} ({memory['source']})"
        where = f", saved to {self.checkpoint}" if self.checkpoint else ""
        test = self.test or self._test()
        console.out.print(f"{self.trainer.steps} steps{test}, {peak}{where}")
