"""Ours: a compiled program, run by the project's runtime."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.peers.job import Job, Step
from pock_mlir import __version__ as VERSION
from pock_mlir.runtime import Trainer
from pock_mlir.runtime.artifact import load_artifact

__all__ = ["VERSION", "build", "compile_program", "program_path"]


def program_path(folder: Path, scheme: str) -> Path:
    """Where the program of a scheme is kept."""
    return folder / f"{scheme}.pock"


def build(job: Job) -> Step:
    """A step of the program that `compile_program` wrote."""
    # By default it may use all processors, or find one enough.
    threads = None if job.threads == os.cpu_count() != 1 else job.threads
    trainer = Trainer(program_path(job.folder, job.scheme), threads=threads)
    inputs, targets = job.batch()
    rate = job.facts["learning_rate"]
    return lambda: trainer.step(*inputs, targets, lr=rate)


def products_ms(path: Path) -> float:
    """What the products and dense convolutions of a program take on one thread, each by itself.

    Without those of very many steps, which programs do in pieces that it does not list.
    """
    from pock_mlir.passes.kernels.contraction import pieces_of
    from pock_mlir.tuning import Product, Tuning, parse_subject, user_file

    tuning, total = Tuning.load(files=[user_file()] if user_file().exists() else []), 0.0
    listed = load_artifact(path).manifest.report.get("products") or {}
    for text, count in listed.items():
        subject = parse_subject(text)
        if isinstance(subject, Product) and pieces_of(subject) > 1:
            continue
        form, measured = tuning.form_of(subject), tuning.measured(subject)
        if measured is not None and form in measured.times:
            total += count * measured.times[form]
        else:
            total += count * tuning.model.estimate(subject, form, tuning.machine)
    return total / 1e6


def compile_program(job: Job) -> float:
    """Compile the program of a job; the seconds that took.

    `<scheme>.json` keeps them, and what its products take.
    """
    import torch

    import pock_mlir as pock
    from benchmarks.peers.frameworks.pytorch import load_model

    model = load_model(job).requires_grad_(True)
    inputs, _ = job.batch()
    shards = job.facts["shards"]
    begin = time.perf_counter()
    program = pock.compile(
        model,
        tuple(torch.from_numpy(each[: len(each) // shards]) for each in inputs),
        loss="causal-lm" if job.language_model else "cross-entropy",
        optimizer=pock.SGD(lr=job.facts["learning_rate"], momentum=job.facts["momentum"]),
        scheme=job.facts["schemes"][job.scheme],
        shards=shards,
    )
    seconds = time.perf_counter() - begin
    path = program_path(job.folder, job.scheme)
    program.save(path)
    facts = {"compile_s": seconds, "products_ms": products_ms(path)}
    path.with_suffix(".json").write_text(json.dumps(facts))
    return seconds
