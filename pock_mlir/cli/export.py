"""`pock export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console
from pock_mlir.cli.outputs import require_new, require_other
from pock_mlir.data.samples import listed
from pock_mlir.runtime import Manifest, Trainer

EXAMPLE = """
pock export cells.pock --checkpoint cells.safetensors -o weights.safetensors
pock export texts.pock --checkpoint texts.safetensors --peft adapter/
"""
_OF_PEFT = ("adapter_model.safetensors", "adapter_config.json")


def export_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="What to export, from `pock train`.", show_default="as compiled"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Plain weights (safetensors), LoRA terms merged."),
    ] = None,
    peft: Annotated[
        Path | None, typer.Option(help="A folder for LoRA terms alone, in the format of `peft`.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "--overwrite", help="Write over files that are there.")
    ] = False,
) -> None:
    """Write weights or adapters for other software."""
    if output is None and peft is None:
        raise typer.BadParameter("give -o FILE, --peft FOLDER, or both")
    written = [output, *((peft / name for name in _OF_PEFT) if peft else ())]
    for path in filter(None, written):
        require_other(path, [program, checkpoint])
        require_new(path, force=force)
    trainer = Trainer(program, device="local-sync")
    if checkpoint is not None:
        trainer.load_checkpoint(checkpoint)
    if output is not None:
        trainer.save_weights(output)
        console.out.print(f"{output}: {len(trainer.state_dict())} tensors")
    if peft is not None:
        trainer.save_adapters(peft)
        console.out.print(f"{peft}: {', '.join(_OF_PEFT)}")
        _warn_of_others(trainer.manifest)


def _warn_of_others(manifest: Manifest) -> None:
    """Say what a step changes that is no adapter: PEFT's files do not have it."""
    changed = [manifest.parameter(name) for name in manifest.state_order]
    others = [spec.name for spec in changed if spec.kind in ("weight", "buffer")]
    if others:
        console.note(
            f"trained, but no adapters, and so not in these files: {listed(others)}; "
            "-o FILE writes all weights"
        )
