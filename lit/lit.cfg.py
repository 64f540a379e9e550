"""How lit runs the FileCheck tests: `lit lit`, or `make test-lit`.

A test is an .mlir file whose RUN lines call `pock-opt` and pipe to `filecheck`. Both are taken
from the environment that lit itself runs in. `not command` passes when the command fails: lit's
own shell knows `not`, so that no LLVM tool is needed.
"""

import os
import sys
from pathlib import Path

import lit.formats

HERE = Path(__file__).resolve().parent

config.name = "pock"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = str(HERE)
config.test_exec_root = str(HERE.parent / "build" / "lit")
config.environment["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
)
config.substitutions.append(("%python", sys.executable))
