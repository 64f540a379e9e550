"""`pock eval`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console
from pock_mlir.cli import datasets as d
from pock_mlir.runtime import Trainer

EVALUATION_BATCH = 256


EXAMPLE = """
pock eval cells.pock --data elpv --checkpoint cells.safetensors
"""


def eval_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    data: d.DataOption,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights to evaluate, from `pock train`.")
    ] = None,
    tokenizer: d.TokenizerOption = None,
    text_column: d.TextColumnOption = "text",
    label_column: d.LabelColumnOption = "label",
    classes: d.ClassesOption = None,
    encoding: d.EncodingOption = "utf-8",
    mean: d.MeanOption = "127",
    std: d.StdOption = "128",
    hold_out: d.HoldOutOption = None,
    split_seed: d.SplitSeedOption = 0,
    device: Annotated[
        str | None, typer.Option(help="local-sync, local-task, cuda or vulkan.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of a local device.")] = None,
) -> None:
    """Print the loss, and a classifier's accuracy, on the test samples of a data set."""
    trainer = Trainer(program, device=device, threads=threads)
    if checkpoint is not None:
        trainer.load_checkpoint(checkpoint)
    options = d.make_options(
        data,
        tokenizer=tokenizer,
        text_column=text_column,
        label_column=label_column,
        classes=classes,
        encoding=encoding,
        mean=mean,
        std=std,
        hold_out=hold_out,
        split_seed=split_seed,
    )
    with console.err.status("read the data") as status:
        loaded = d.load_data(options, d.wanted_by(trainer), status.update)
    samples = loaded.train if loaded.test is None else loaded.test
    started = time.monotonic()
    result = trainer.evaluate(samples.batches(EVALUATION_BATCH))
    seconds = time.monotonic() - started
    figures = "  ".join(f"{name} {value:.4f}" for name, value in result.items())
    console.out.print(f"{figures}  ({len(samples)} samples of {loaded.name}, {seconds:.1f} s)")
