"""`pock demo`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DemoData(StrEnum):
    """What the demo learns."""

    ELPV = "elpv"
    CIFAR10 = "cifar10"


EXAMPLE = """
pock demo
pock demo --data cifar10
"""


def demo_command(
    data: Annotated[DemoData, typer.Option(help="What to learn.")] = DemoData.ELPV,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each method.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training images.", show_default="the recipe's"),
    ] = None,
    figure: Annotated[Path, typer.Option(help="Where to put the figure.")] = Path("demo.png"),
) -> None:
    """Fine-tune EfficientNet-Lite0 three ways (head, sparse, full) and compare them."""
    from pock_mlir import demo  # needs torch, the compiler, matplotlib

    demo.run(data.value, seeds=seeds, epochs=epochs, figure=figure)
