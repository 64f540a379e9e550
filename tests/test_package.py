"""What `import pock_mlir` offers, and what it says when an extra is missing."""

import subprocess
import sys

import pytest

import pock_mlir


@pytest.mark.parametrize("name", sorted(pock_mlir._HOME))
def test_public_names_resolve(name: str) -> None:
    assert getattr(pock_mlir, name).__name__ == name
    assert name in dir(pock_mlir)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'compiel'"):
        _ = pock_mlir.compiel  # pyright: ignore[reportAttributeAccessIssue]


def test_missing_extra_is_named() -> None:
    script = "import sys; sys.modules['torch_mlir'] = None; import pock_mlir; pock_mlir.compile"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "needs the package 'torch_mlir'" in done.stderr
    assert "pip install 'pock-mlir[compiler]'" in done.stderr


def test_import_costs_nothing() -> None:
    script = "import sys, pock_mlir; print({'numpy', 'iree', 'torch_mlir'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "set()\n"
