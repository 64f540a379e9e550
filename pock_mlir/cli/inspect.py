"""`pock inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console, summary
from pock_mlir.runtime.artifact import load_artifact

EXAMPLE = """
pock inspect cells.pock
pock inspect cells.pock --json
"""


def inspect_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    everything: Annotated[
        bool, typer.Option("--all", help="List the frozen parameters too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest as JSON instead.")
    ] = False,
) -> None:
    """Show what a .pock file trains, and what it takes.

    That is the parameters, the operations of a step, and the memory that it needs.
    """
    manifest = load_artifact(program).manifest
    if as_json:
        typer.echo(manifest.to_json())
        return
    console.out.print(f"[bold]{program}[/bold]: {summary.headline(manifest)}")
    parts = (
        summary.about(manifest),
        summary.parameter_counts(manifest),
        summary.trained_parameters(manifest, everything=everything),
        summary.phases(manifest),
        summary.memory(manifest),
    )
    for part in filter(None, parts):
        console.out.print()
        console.out.print(part)
