"""`python -m pock_mlir.opt` is `pock-opt`."""

import sys

from pock_mlir.opt import main

sys.exit(main())
