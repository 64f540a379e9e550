"""Train with each method of a job through a compiled step, and say what each took and reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from pock_mlir.api import Program
from pock_mlir.api import compile as compile_program
from pock_mlir.demo.job import Batch, Job, Method, cosine
from pock_mlir.demo.report import Outcome
from pock_mlir.progress import Tracker, tracking
from pock_mlir.runtime import Trainer


def compare(job: Job, seeds: int, console: Console) -> list[Outcome]:
    """Train with each method, as often as there are seeds, and tell how far each is."""
    outcomes: list[Outcome] = []
    with tracking(console, width=34) as tracker:
        for method in job.methods:
            # All methods start from the same weights: it is enough to look at those once.
            start = _Start(outcomes[0].before, outcomes[0].samples[0]) if outcomes else None
            outcomes.append(_try(method, job, seeds, start, tracker))
    return outcomes


def _try(method: Method, job: Job, seeds: int, start: _Start | None, tracker: Tracker) -> Outcome:
    task = tracker.task(f"{method.label}: compile")

    def tell(stage: str) -> None:
        task.stage(f"{method.label}: {stage}")

    def advance(loss: float) -> None:
        task.advance(f"loss {loss:.3f}")

    program = _compile(method, job, tell)
    tell("memory")
    peak = _peak_bytes(program, next(iter(job.batches(0))))
    if start is None:
        tell("before")
        start = _look(job.begin(program, 0), job)
    runs: list[_Run] = []
    for seed in range(seeds):
        label = f"{method.label}: train" + (f" (seed {seed})" if seeds > 1 else "")
        task.stage(label, job.steps)
        runs.append(_train(job.begin(program, seed), job, seed, advance))
    tell("done")
    return _outcome(method, job, program, start, runs, peak)


def _compile(method: Method, job: Job, tell: Callable[[str], None]) -> Program:
    model, inputs = job.model()
    return compile_program(
        model,
        inputs,
        loss=job.loss,
        optimizer=job.optimizer(method.lr),
        scheme=method.scheme,
        progress=tell,
    )


def _outcome(
    method: Method,
    job: Job,
    program: Program,
    start: _Start,
    runs: Sequence[_Run],
    peak: int,
) -> Outcome:
    seconds = float(np.median([run.seconds for run in runs]))
    return Outcome(
        label=method.label,
        scores=tuple(run.score for run in runs),
        before=start.score,
        trained=program.manifest.trained_elements,
        milliseconds=1e3 * seconds,
        tokens_per_second=job.tokens / seconds,
        measured_bytes=peak,
        predicted_bytes=program.manifest.predicted_bytes["peak"],
        samples=(start.sample, runs[0].sample),
    )


@dataclass(frozen=True)
class _Start:
    score: float
    sample: str


@dataclass(frozen=True)
class _Run:
    score: float
    sample: str
    seconds: float


def _look(program: Program, job: Job) -> _Start:
    trainer = Trainer(program.artifact)
    return _Start(job.score(trainer), job.sample(trainer))


def _train(program: Program, job: Job, seed: int, tell: Callable[[float], None]) -> _Run:
    trainer = Trainer(program.artifact)
    peak_rate = program.manifest.learning_rate or 0.0
    times: list[float] = []
    smooth: float | None = None
    for i, batch in enumerate(job.batches(seed)):
        begin = time.perf_counter()
        loss = trainer.step(*batch, lr=peak_rate * cosine(i, job.steps))
        times.append(time.perf_counter() - begin)
        smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
        tell(smooth)
    return _Run(job.score(trainer), job.sample(trainer), float(np.median(times)))


def _peak_bytes(program: Program, batch: Batch) -> int:
    """Most bytes that the device held in two steps, counted by its allocator.

    On one thread: the device of several threads does not count what a step allocates.
    """
    trainer = Trainer(program.artifact, device="local-sync")
    for _ in range(2):
        trainer.step(*batch, lr=0.0)
    return trainer.memory()["peak"]
