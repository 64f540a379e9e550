"""`pock demo`."""

from __future__ import annotations

import importlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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
    output: Annotated[
        Path | None, typer.Option(help="Where to put the figure.", show_default="build/demo")
    ] = None,
) -> None:
    """Fine-tune EfficientNet-Lite0 three ways (head, sparse, full) and compare them."""
    demo: Any = importlib.import_module("pock_mlir.demo")  # needs torch, the compiler, matplotlib
    options = {} if output is None else {"output": output}
    demo.run(data=data.value, **options)
