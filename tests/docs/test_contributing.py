"""CONTRIBUTING.md, followed to the letter in a copy of the sources."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPT = "import sys; from pock_mlir.opt import main; sys.exit(main())"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("dialects", "passes", "pock_mlir"):
        shutil.copytree(
            ROOT / part,
            tmp_path / part,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return tmp_path


def example(heading: str) -> str:
    """The Python block under a heading."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    block = re.search(r"```python\n(.*?)```", section, re.S)
    assert block is not None
    return "\n".join(line.removeprefix("   ") for line in block[1].splitlines()) + "\n"


def pock_opt(copy: Path, source: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPT, "-", *arguments],
        input=source,
        capture_output=True,
        text=True,
        check=False,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def insert(path: Path, before: str, text: str) -> None:
    source = path.read_text()
    assert before in source
    path.write_text(source.replace(before, text + before, 1))


def test_a_new_pass(copy: Path) -> None:
    header = (
        "from dataclasses import dataclass, field\n"
        "from pock_mlir.ir import Module\n"
        "from pock_mlir.passes.base import ModulePass\n\n"
    )
    (copy / "passes/the_name.py").write_text(header + example("Add a pass"))
    line = '    "the-name": "pock_mlir.passes.the_name:TheName",\n'
    insert(copy / "passes/__init__.py", '    "sparsify-backward"', line)

    assert "the-name" in pock_opt(copy, "", "--help")
    source = "func.func @f() { return }"
    assert "@f" in pock_opt(copy, source, "--the-name=budget=3")
    pipeline = pock_opt(copy, source, "--the-name=budget=3", "--dump-pass-pipeline")
    assert "the-name{budget=3}" in pipeline
    schedule = """module attributes {transform.with_named_sequence} {
      func.func @g() { return }
      transform.named_sequence @__transform_main(%m: !transform.any_op) {
        %n = "pock_transform.the_name"(%m) : (!transform.any_op) -> !transform.any_op
        transform.yield
      } }"""
    assert "@g" in pock_opt(copy, schedule, "--transform-interpreter")


def test_a_new_rule(copy: Path) -> None:
    step = """
      "pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
      func.func @train_step() -> tensor<f32> {
        %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
        %y = stablehlo.tanh %w : tensor<f32>
        return %y : tensor<f32>
      }"""
    rule, registered = example("Add a derivative rule"), '@gradient("stablehlo.tanh")\n'
    elementwise = copy / "passes/gradients/elementwise.py"
    without, found, rest = elementwise.read_text().partition(registered)
    assert found and registered in rule
    elementwise.write_text(f"{without}{rest}\n\n{rule.replace('def tanh', 'def new')}")

    derived = pock_opt(copy, step, "--differentiate")
    assert "stablehlo.subtract" in derived  # 1 - y * y
    assert '"pock.update"' in derived


def test_a_new_op(copy: Path) -> None:
    (copy / "dialects/pock/gate.py").write_text(
        "from pock_mlir.dialects.pock.dialect import Pock, require, tensor_type, verifier\n"
        "from pock_mlir.ir import RankedTensorType, ext\n\n\n"
        'class GateOp(Pock.Operation, name="gate", traits=[ext.Pure]):\n'
        '    """x where it is positive."""\n\n'
        "    x: ext.Operand[RankedTensorType]\n"
        "    y: ext.Result[RankedTensorType]\n"
        "    verify_invariants = verifier(\n"
        '        lambda op: require(tensor_type(op.x, "x") == op.y.type, "x and y must agree")\n'
        "    )\n"
    )
    names = copy / "dialects/pock/__init__.py"
    insert(
        names,
        "from pock_mlir.dialects.pock.dialect import Pock\n",
        "from pock_mlir.dialects.pock.gate import GateOp\n",
    )
    insert(names, '    "AdamWOp",\n', '    "GateOp",\n')
    text = """func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = "pock.gate"(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }"""
    assert '"pock.gate"(%arg0)' in pock_opt(copy, text)
    wrong = """func.func @f(%x: tensor<4xf32>) -> tensor<5xf32> {
      // expected-error@+1 {{x and y must agree}}
      %y = "pock.gate"(%x) : (tensor<4xf32>) -> tensor<5xf32>
      return %y : tensor<5xf32>
    }"""
    pock_opt(copy, wrong, "--verify-diagnostics")
