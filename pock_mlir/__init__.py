"""A compiler from models and sparse update schemes to training steps for edge devices.

Importing this package costs nothing: each public name is loaded when it is first asked for, so
that a board with only NumPy and the IREE runtime can use ``pock_mlir.Trainer``, while the names
that compile need the extra ``pock-mlir[compiler]``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pock_mlir.api import Program as Program
    from pock_mlir.api import compile as compile
    from pock_mlir.importers.jax_model import JaxModel as JaxModel
    from pock_mlir.losses import L1 as L1
    from pock_mlir.losses import MSE as MSE
    from pock_mlir.losses import BinaryCrossEntropy as BinaryCrossEntropy
    from pock_mlir.losses import CausalLM as CausalLM
    from pock_mlir.losses import CrossEntropy as CrossEntropy
    from pock_mlir.optimizers import SGD as SGD
    from pock_mlir.optimizers import Adafactor as Adafactor
    from pock_mlir.optimizers import Adam as Adam
    from pock_mlir.optimizers import AdamW as AdamW
    from pock_mlir.optimizers import Constant as Constant
    from pock_mlir.optimizers import Cosine as Cosine
    from pock_mlir.optimizers import Group as Group
    from pock_mlir.optimizers import Linear as Linear
    from pock_mlir.optimizers import Lion as Lion
    from pock_mlir.optimizers import Step as Step
    from pock_mlir.runtime import Trainer as Trainer
    from pock_mlir.schemes import Scheme as Scheme

__version__ = "0.1.0"

_HOME = {
    "compile": "pock_mlir.api",
    "Program": "pock_mlir.api",
    "JaxModel": "pock_mlir.importers.jax_model",
    "BinaryCrossEntropy": "pock_mlir.losses",
    "CausalLM": "pock_mlir.losses",
    "CrossEntropy": "pock_mlir.losses",
    "L1": "pock_mlir.losses",
    "MSE": "pock_mlir.losses",
    "SGD": "pock_mlir.optimizers",
    "Adafactor": "pock_mlir.optimizers",
    "Adam": "pock_mlir.optimizers",
    "AdamW": "pock_mlir.optimizers",
    "Constant": "pock_mlir.optimizers",
    "Cosine": "pock_mlir.optimizers",
    "Group": "pock_mlir.optimizers",
    "Linear": "pock_mlir.optimizers",
    "Lion": "pock_mlir.optimizers",
    "Step": "pock_mlir.optimizers",
    "Scheme": "pock_mlir.schemes",
    "Trainer": "pock_mlir.runtime",
}

_EXTRA_WITH = {
    "torch_mlir": "compiler",
    "iree.compiler": "compiler",
    "torch": "torch",
    "jax": "jax",
    "keras": "keras",
    "onnx": "onnx",
    "typer": "cli",
    "rich": "cli",
    "matplotlib": "demo",
    "PIL": "demo",
    "h5py": "demo",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it.

    Raises:
        AttributeError: If the package has no such name.
        ImportError: If the name needs a package that is not installed; says which extra brings it.
    """
    if name not in _HOME:
        raise AttributeError(f"module 'pock_mlir' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        package = _package_of(error.name or "")
        if package is None:
            raise
        raise ImportError(
            f"pock_mlir.{name} needs the package {package!r}, which is not installed: "
            f"pip install 'pock-mlir[{_EXTRA_WITH[package]}]'"
        ) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])


def _package_of(module: str) -> str | None:
    """Return the package of an extra that a module belongs to, or None."""
    return next((p for p in _EXTRA_WITH if f"{module}.".startswith(f"{p}.")), None)
