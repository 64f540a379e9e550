"""The `pock` command: compile, train, evaluate, inspect."""

import sys


def main() -> None:
    """Run the `pock` command; the entry point of the package."""
    try:
        from pock_mlir.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(f"error: pock needs the package '{error.name}': pip install 'pock-mlir[cli]'")
    app()
