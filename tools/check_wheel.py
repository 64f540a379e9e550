"""Check what users install: the sdist, the wheel built from it, and what that wheel can import.

1. The sdist holds `dialects/` and `passes/` once, without the links inside `pock_mlir/`.
2. The wheel built from that sdist holds them as `pock_mlir/dialects` and `pock_mlir/passes`.
3. With only its base dependencies, as on a board, the runtime imports, and a name that needs the
   compiler fails with an error that says which extra brings it.
4. With the extras, every module imports from the wheel, and both commands start.

The extras come from the environment that runs this script, to save installing them again.
"""

import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ON_A_BOARD = """
import sys, pock_mlir, pock_mlir.runtime
assert pock_mlir.Trainer is pock_mlir.runtime.Trainer
unwanted = {"torch", "torch_mlir", "iree.compiler", "typer", "rich"} & set(sys.modules)
assert not unwanted, f"the runtime imported {unwanted}"
try:
    pock_mlir.compile
except ImportError as error:
    assert "pip install 'pock-mlir[compiler]'" in str(error), error
else:
    raise AssertionError("pock_mlir.compile resolved without the compiler")
"""

EVERY_MODULE = """
import importlib, pathlib, sys, pock_mlir
root = pathlib.Path(pock_mlir.__file__).parent
assert root.is_relative_to(sys.prefix), f"{root} is not the installed wheel"
names = [p.relative_to(root.parent).with_suffix("").parts for p in sorted(root.rglob("*.py"))]
names = [".".join(n[:-1] if n[-1] == "__init__" else n) for n in names if n[-1] != "__main__"]
for name in names:
    importlib.import_module(name)
print(f"imported {len(names)} modules")
"""


def run(*command: str | Path) -> None:
    """Run a command from a directory without the sources; raise when it fails."""
    subprocess.run([str(part) for part in command], check=True, cwd=tempfile.gettempdir())


def build(out: Path) -> tuple[Path, Path]:
    """Build the sdist and, from it, the wheel; return both paths."""
    run(sys.executable, "-m", "build", "--outdir", out, ROOT)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def check_sdist(sdist: Path) -> None:
    """Raise unless the sdist holds the two linked directories once."""
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {"dialects/__init__.py", "passes/__init__.py", "LICENSE"} <= set(names), names
    links = [n for n in names if n.startswith(("pock_mlir/dialects", "pock_mlir/passes"))]
    assert not links, f"the sdist holds the links {links}"


def check_wheel(wheel: Path) -> None:
    """Raise unless the wheel holds every source file of the package, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {f"pock_mlir/{p.relative_to(ROOT)}" for d in ("dialects", "passes") for p in tree(d)}
    sources |= {str(p.relative_to(ROOT)) for p in tree("pock_mlir")}
    missing = {name for name in sources if name.endswith(".py")} - names
    assert not missing, f"the wheel lacks {sorted(missing)}"
    assert "pock_mlir/py.typed" in names
    strange = {name for name in names if not name.startswith("pock_mlir/")}
    assert not strange, f"the wheel installs {sorted(strange)}"


def tree(directory: str) -> list[Path]:
    """List the files under a directory of the checkout, without following links."""
    return [path for path in (ROOT / directory).rglob("*") if path.is_file()]


def check_board(wheel: Path, environment: Path) -> Path:
    """Install the wheel with its base dependencies and use the runtime; return its Python."""
    run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    run(python, "-I", "-c", ON_A_BOARD)
    return python


def check_extras(python: Path) -> None:
    """Lend the extras of this environment to the other one and import every module there."""
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.check_output([python, "-c", script], text=True).strip()
    Path(site, "extras.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(python, "-I", "-c", EVERY_MODULE)
    run(python.parent / "pock", "--help")
    run(python.parent / "pock-opt", "--help")


def main() -> None:
    """Run the checks in order; the first that fails raises."""
    with tempfile.TemporaryDirectory() as scratch:
        sdist, wheel = build(Path(scratch, "dist"))
        check_sdist(sdist)
        check_wheel(wheel)
        print(f"{sdist.name} and {wheel.name}: contents as expected")
        python = check_board(wheel, Path(scratch, "venv"))
        print("base install: the runtime imports, the compiler is refused with the extra's name")
        check_extras(python)
        print("with the extras: every module imports, both commands start")


if __name__ == "__main__":
    main()
