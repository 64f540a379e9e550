"""The architecture, enforced: who may import whom, where the bindings enter, how long a file is."""

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400

# A part of pock_mlir may import the parts of its own rank or lower.
RANKS = {
    "ir": 0,
    "dialects": 1,
    "rewriting": 2,
    "lora": 2,
    "passes": 3,
    "pipelines": 4,
    "importers": 4,
    "backends": 5,
    "describe": 5,
    "api": 6,
    "opt": 6,
    "cli": 7,
    "demo": 7,
}
# These know nothing of the compiler; others may use them.
APART = {"data", "losses", "optimizers", "progress", "runtime", "schemes", "tuning", "zoo"}
# This one may look at anything but the entry points.
RANKS["report"] = RANKS["backends"]

BINDINGS = "torch_mlir"
BINDINGS_IN = {
    "pock_mlir/ir.py": ("torch_mlir",),
    "pock_mlir/importers/torch.py": ("torch_mlir.fx", "torch_mlir.extras"),
}
ON_A_BOARD = {"numpy", "ml_dtypes", "iree", "pock_mlir"}


def sources(*directories: str) -> list[Path]:
    """List the Python files under directories of the repository; links are not followed."""
    return sorted(path for d in directories for path in (ROOT / d).rglob("*.py"))


PACKAGE = sources("pock_mlir", "dialects", "passes")
by_path = pytest.mark.parametrize("path", PACKAGE, ids=lambda p: str(p.relative_to(ROOT)))


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """Return the part of pock_mlir that a file belongs to: a key of RANKS or a name in APART."""
    relative = path.relative_to(ROOT).with_suffix("").parts
    return relative[1] if relative[0] == "pock_mlir" else relative[0]


def imported_parts(path: Path) -> set[str]:
    """Return the parts of pock_mlir that a file imports."""
    names = [name.split(".") for name in imports(path)]
    return {n[1] for n in names if n[0] == "pock_mlir" and len(n) > 1} & (set(RANKS) | APART)


@by_path
def test_imports_only_lower_layers(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    assert part in set(RANKS) | APART, f"give {part!r} a rank in {Path(__file__).name}"
    allowed = {other for other, rank in RANKS.items() if rank <= RANKS.get(part, -1)} | APART
    above = imported_parts(path) - allowed
    assert not above, f"{part} must not import {sorted(above)}"


@by_path
def test_bindings_enter_through_ir_only(path: Path) -> None:
    allowed = BINDINGS_IN.get(str(path.relative_to(ROOT)), ())
    entries = {name for name in imports(path) if name.split(".")[0] == BINDINGS}
    assert all(name.startswith(allowed) for name in entries) if allowed else not entries


@pytest.mark.parametrize("path", sources("pock_mlir/runtime"), ids=lambda p: p.stem)
def test_runtime_needs_numpy_and_iree_only(path: Path) -> None:
    names = set(imports(path))
    foreign = {name.split(".")[0] for name in names} - ON_A_BOARD - sys.stdlib_module_names
    assert not foreign
    assert not {name for name in names if name.startswith("iree.compiler")}
    assert imported_parts(path) <= {"runtime"}


@pytest.mark.parametrize(
    "path",
    sources("pock_mlir", "dialects", "passes", "tests", "tools", "benchmarks", "examples"),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_files_are_short(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MAX_LINES


@pytest.mark.parametrize("name", ["dialects", "passes"])
def test_bare_names_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    with pytest.raises(ImportError, match=f"import pock_mlir.{name} instead"):
        import_module(name)
