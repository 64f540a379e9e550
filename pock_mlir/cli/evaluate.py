"""`pock eval`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console
from pock_mlir.cli.datasets import FORMS, load_data
from pock_mlir.runtime import Trainer

EVALUATION_BATCH = 256


EXAMPLE = """
pock eval cells.pock --data elpv --checkpoint cells.safetensors
"""


def eval_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    data: Annotated[str, typer.Option(help=f"{FORMS}.")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights to evaluate, from `pock train`.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="local-sync, local-task, cuda or vulkan.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of a local device.")] = None,
) -> None:
    """Print the loss, and a classifier's accuracy, on the test samples of a data set."""
    trainer = Trainer(program, device=device, threads=threads)
    if checkpoint is not None:
        trainer.load_checkpoint(checkpoint)
    loaded = load_data(data, trainer.inputs)
    samples = loaded.train if loaded.test is None else loaded.test
    started = time.monotonic()
    result = trainer.evaluate(samples.batches(EVALUATION_BATCH))
    seconds = time.monotonic() - started
    figures = "  ".join(f"{name} {value:.4f}" for name, value in result.items())
    console.out.print(f"{figures}  ({len(samples)} samples of {loaded.name}, {seconds:.1f} s)")
