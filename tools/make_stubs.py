"""Write the type stubs that the wheel of the MLIR bindings lacks, next to its extension modules.

The wheel is marked as typed, but its native modules come without stubs, so that a type checker
sees nothing of `Operation`, `Value` and the rest. nanobind, which the bindings are made with, can
write them from the modules themselves; what it cannot know is mended here. Run by `make lint`.
"""

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

from nanobind.stubgen import StubGen

PACKAGE = "torch_mlir._mlir_libs"
MODULES = {
    "_mlir": "_mlir/__init__.pyi",
    "_mlir.ir": "_mlir/ir.pyi",
    "_mlir.passmanager": "_mlir/passmanager.pyi",
    "_mlir.rewrite": "_mlir/rewrite.pyi",
    "_stablehlo": "_stablehlo.pyi",
    "_mlirDialectsTransform": "_mlirDialectsTransform.pyi",
    "_mlirTransformInterpreter": "_mlirTransformInterpreter.pyi",
    "_torchMlir": "_torchMlir.pyi",
}
IR = f"{PACKAGE}._mlir.ir"
SELF_IMPORT = re.compile(r"^import (torch_mlir(\._mlir_libs\._mlir)?|_mlir)\.ir\n", re.MULTILINE)
QUALIFIED = re.compile(r"(?<![\w.])(torch_mlir(\._mlir_libs\._mlir)?|_mlir)\.ir\.")
PREAMBLE = """from typing import Any
from typing_extensions import TypeVar
from numpy import ndarray
_T = TypeVar("_T", covariant=True, default=Any)
Buffer: TypeAlias = ndarray[Any, Any] | bytes | memoryview
"""


def stub_of(name: str) -> str:
    """Return the stub of one extension module."""
    generator = StubGen(module=importlib.import_module(f"{PACKAGE}.{name}"), recursive=False)
    generator.put(generator.module)
    return mend(generator.get(), is_ir=name == "_mlir.ir")


def mend(stub: str, *, is_ir: bool) -> str:
    """Mend the names that the bindings spell as their C++ sources do.

    They annotate with `_mlir.ir.X`, and make `Value` generic in the class of its type without
    defining the type variable. That is Any by default, and so is the owner of a value: the
    bindings return the most derived class, which a type checker cannot know. Before Python 3.12 it
    does not see NumPy arrays as buffers either.
    """
    stub = SELF_IMPORT.sub("", stub)
    stub = QUALIFIED.sub("" if is_ir else f"{IR}.", stub)
    if is_ir:
        stub = stub.replace("def owner(self) -> OpView | Block:", "def owner(self) -> Any:")
        return stub.replace("from typing_extensions import Buffer, CapsuleType", PREAMBLE)
    return stub.replace("\n\n\n", f"\nimport {IR}\n\n\n", 1)


def main() -> None:
    """Write every stub into the installed package."""
    ir: Any = importlib.import_module(f"{PACKAGE}._mlir.ir")
    ir.Context = ir._Context  # the package replaces the class by one local to a function
    spec = importlib.util.find_spec(PACKAGE)
    assert spec and spec.submodule_search_locations
    for name, file in MODULES.items():
        Path(spec.submodule_search_locations[0], file).write_text(stub_of(name))


if __name__ == "__main__":
    main()
