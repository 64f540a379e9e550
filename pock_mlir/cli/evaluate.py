"""`pock eval`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console
from pock_mlir.cli import datasets as d
from pock_mlir.cli.data_options import DataOptions, with_data
from pock_mlir.cli.origin import Origin, trained_on
from pock_mlir.data.samples import Data, Split
from pock_mlir.progress import stages
from pock_mlir.runtime import Trainer

EVALUATION_BATCH = 256


EXAMPLE = """
pock eval cells.pock --data elpv --checkpoint cells.safetensors
"""


@with_data
def eval_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    data: DataOptions,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights to evaluate, from `pock train`.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="local-sync, local-task, cuda or vulkan.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of a local device.")] = None,
) -> None:
    """Print loss and accuracy on a data set.

    Of data with a test split, or with --hold-out, the test samples are evaluated, else all; the
    last line says which. A language model has a perplexity in the place of the accuracy.
    """
    trainer = Trainer(program, device=device, threads=threads)
    if checkpoint is not None:
        trainer.load_checkpoint(checkpoint)
    with stages(console.err, "read the data", seldom=True) as tell:
        loaded = d.load_data(data, d.wanted_by(trainer), tell)
    origin = None if checkpoint is None else Origin.read(checkpoint)
    if warning := trained_on(origin, loaded, data):
        console.note(warning)
    samples, which = _evaluated(loaded, held_out=data.hold_out is not None)
    started = time.monotonic()
    result = trainer.evaluate(samples.batches(EVALUATION_BATCH))
    seconds = time.monotonic() - started
    figures = "  ".join(f"{name} {value:.4f}" for name, value in result.items())
    console.out.print(f"{figures}  ({which}, {seconds:.1f} s)")


def _evaluated(data: Data, *, held_out: bool) -> tuple[Split, str]:
    """The samples to evaluate, and in words which these are."""
    if data.test is None:
        return data.train, f"all {len(data.train)} samples of {data.name}"
    kind = "samples held out" if held_out else "test samples"
    return data.test, f"{len(data.test)} {kind} of {data.name}"
