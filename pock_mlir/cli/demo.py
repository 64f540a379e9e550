"""`pock demo`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DemoName(StrEnum):
    """Which demo."""

    CELLS = "cells"
    SENTIMENT = "sentiment"
    SHAKESPEARE = "shakespeare"


class DemoData(StrEnum):
    """What the demo `cells` learns."""

    ELPV = "elpv"
    CIFAR10 = "cifar10"


EXAMPLE = """
pock demo
pock demo --data cifar10
pock demo sentiment --seeds 3
pock demo shakespeare
"""


def demo_command(
    name: Annotated[
        DemoName,
        typer.Argument(
            help="cells: a CNN grades photos of solar cells; sentiment: a small BERT rates movie "
            "reviews; shakespeare: a language model learns to write."
        ),
    ] = DemoName.CELLS,
    data: Annotated[
        DemoData | None, typer.Option(help="What `cells` learns.", show_default="elpv")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each method.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training data.", show_default="the demo's"),
    ] = None,
    figure: Annotated[Path, typer.Option(help="Where to put the figure.")] = Path("demo.png"),
) -> None:
    """Fine-tune a network in several ways and compare them.

    The network is pre-trained; the ways are head only, sparse, full and others.
    """
    from pock_mlir import demo  # needs torch, the compiler, matplotlib

    demo.run(
        name.value, data=data.value if data else None, seeds=seeds, epochs=epochs, figure=figure
    )
