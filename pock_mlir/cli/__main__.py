"""`python -m pock_mlir.cli` is `pock`."""

from pock_mlir.cli import main

main()
