"""pock-opt from end to end, in this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pock_mlir.opt import main
from pock_mlir.opt.expected import parse_expected

GOOD = "func.func @f() {\n  return\n}\n"
BAD = 'func.func @f() {\n\t%w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>\n  return\n}\n'


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.mlir"
    path.write_text(BAD)
    return path


def test_an_error_shows_its_line_with_tabs_kept(bad: Path, capfd: pytest.CaptureFixture[str]):
    assert main([str(bad)]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith(f"{bad}:2:7: error: 'pock.read' op names '@w'")
    assert lines[2] == "\t     ^"


def test_a_failure_leaves_the_old_output(bad: Path, tmp_path: Path):
    output = tmp_path / "out.mlir"
    output.write_text("old")
    assert main([str(bad), "-o", str(output)]) == 1
    assert output.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.mlir", "out.mlir"]


def test_neither_text_nor_bytecode(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / "noise.mlir"
    path.write_bytes(b"\xff\xfe\x00")
    assert main([str(path)]) == 1
    assert "is neither UTF-8 text nor MLIR bytecode" in capfd.readouterr().err
    path.write_bytes(b"ML\xefR broken")
    assert main([str(path)]) == 1
    assert "error: " in capfd.readouterr().err


def test_a_directory_is_no_input(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert main([str(tmp_path)]) == 1
    assert "cannot open input file" in capfd.readouterr().err


def test_the_reader_may_leave_early():
    many = "\n".join(f"func.func @f{i}() {{ return }}" for i in range(20000))
    process = subprocess.Popen(
        [sys.executable, "-m", "pock_mlir.opt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr
    process.stdout.close()
    process.stdin.write(many.encode())
    process.stdin.close()
    error = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1 and error == ""


def test_nothing_heavy_is_imported_to_run_upstreams_passes():
    code = (
        "import sys; from pock_mlir.opt import main; main(['-', '--cse', '-o', sys.argv[1]]);"
        "print({'torch', 'jax', 'iree', 'matplotlib', 'rich'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, "/dev/null"]
    ran = subprocess.run(command, input=GOOD, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_where_expectations_point():
    text = "\n".join(
        [
            "a // expected-error {{one}}",
            "// expected-warning @+2 {{two}}",
            "// expected-note@below {{three}}",
            "b",
            "// expected-remark @above {{four}}",
            "// expected-error-re @unknown {{f{{i.}}e}}",
            "// not expected-error {{never}} because something follows",
        ]
    )
    found = [(e.kind, e.line, e.text) for e in parse_expected(text)]
    assert found == [
        ("error", 1, "one"),
        ("warning", 4, "two"),
        ("note", 4, "three"),
        ("remark", 4, "four"),
        ("error", None, "f{{i.}}e"),
    ]
    assert parse_expected(text)[-1].matches("has five in it")
    assert not parse_expected(text)[-1].matches("has four in it")
