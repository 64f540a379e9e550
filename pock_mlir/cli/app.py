"""The commands and the options that they share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

import pock_mlir
from pock_mlir.cli import compile, demo, evaluate, export, inspect, problems, train, tune

EXAMPLE = """
pock compile zoo:efficientnet_lite0 --pretrained --classes 4 --scheme last-4 -o cells.pock
pock train cells.pock --data elpv --epochs 3 --checkpoint cells.safetensors
pock eval cells.pock --data elpv --checkpoint cells.safetensors
"""
COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "compile": (compile.compile_command, compile.EXAMPLE),
    "train": (train.train_command, train.EXAMPLE),
    "eval": (evaluate.eval_command, evaluate.EXAMPLE),
    "export": (export.export_command, export.EXAMPLE),
    "tune": (tune.tune_command, tune.EXAMPLE),
    "inspect": (inspect.inspect_command, inspect.EXAMPLE),
    "demo": (demo.demo_command, demo.EXAMPLE),
}


def _epilog(example: str) -> str:
    # \b keeps the lines as they are.
    return "\b\nExample:\n" + textwrap.indent(example.strip(), "  ")


app = typer.Typer(
    name="pock",
    epilog=_epilog(EXAMPLE),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # errors as lines, not as boxes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, (_command, _example) in COMMANDS.items():
    app.command(_name, epilog=_epilog(_example))(problems.reported(_command))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pock {pock_mlir.__version__} (IREE runtime {version('iree-base-runtime')})")
        raise typer.Exit


@app.callback()
def shared(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Compile models into training steps for edge devices, and train with them."""
    problems.debugging = debug
