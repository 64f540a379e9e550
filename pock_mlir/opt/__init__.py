"""`pock-opt`: run passes on MLIR text, for those who know `mlir-opt`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script; returns the exit code (0: no error, 1: any error)."""
    # Nothing that is slow to import is needed to say what is wrong with the command line.
    from pock_mlir.opt.arguments import UsageError, parse_arguments

    try:
        options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        print(f"pock-opt: {error}", file=sys.stderr)
        return 1
    from pock_mlir.opt.driver import run

    try:
        return run(options)
    except BrokenPipeError:
        # The reader (`head`, say) has gone. Python would complain again when it flushes at exit.
        sys.stdout = None
        return 1
