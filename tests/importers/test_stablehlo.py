"""StableHLO with a TOML file beside it: every form, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import save_file

from pock_mlir.dialects import make_context
from pock_mlir.importers import ModelImportError, import_model
from pock_mlir.ir import Module, stablehlo_bindings
from tests.support.interpreter import Interpreter

MODULE = """
module {
  func.func private @twice(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %y = stablehlo.add %x, %x : tensor<2x3xf32>
    return %y : tensor<2x3xf32>
  }
  func.func @model(%w: tensor<4x3xf32>, %x: tensor<2x4xf32>, %s: tensor<3xf32>)
      -> tensor<2x3xf32> {
    %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
      : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
    %z = func.call @twice(%y) : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %b = stablehlo.broadcast_in_dim %s, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
    %r = stablehlo.multiply %z, %b : tensor<2x3xf32>
    return %r : tensor<2x3xf32>
  }
}
"""
DYNAMIC = """
func.func @model(%w: tensor<4x3xf32>, %x: tensor<?x4xf32>, %s: tensor<3xf32>) -> tensor<?x4xf32> {
  %y = stablehlo.add %x, %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
"""
FOREIGN = MODULE.replace(
    "stablehlo.add %x, %x : tensor<2x3xf32>",
    '"my.op"(%x, %x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>',
)
ARGUMENTS = """
[[argument]]
parameter = "dense.kernel"
[[argument]]
input = "x"
[[argument]]
parameter = "scale"
kind = "buffer"
"""
DESCRIPTION = 'function = "model"\nvalues = "v.npz"\n' + ARGUMENTS
VALUES = {"dense.kernel": np.arange(12, dtype="f").reshape(4, 3), "scale": np.full(3, 0.5, "f")}
X = np.ones((2, 4), "f")


def encoded(form: str) -> bytes:
    if form == "text":
        return MODULE.encode()
    with make_context() as context:
        module = Module.parse(MODULE, context)
        if form == "artifact":
            version = stablehlo_bindings.get_minimum_version()
            return stablehlo_bindings.serialize_portable_artifact(module, version)
        path = Path(form)
        with path.open("wb") as file:
            module.operation.write_bytecode(file)
        return path.read_bytes()


def write(
    folder: Path,
    module: bytes | str = MODULE,
    description: str = DESCRIPTION,
    values: dict[str, np.ndarray] = VALUES,
) -> Path:
    path = folder / "m.mlir"
    path.write_bytes(module if isinstance(module, bytes) else module.encode())
    path.with_suffix(".toml").write_text(description)
    np.savez(folder / "v.npz", **cast("dict[str, Any]", values))
    return path


@pytest.mark.parametrize("form", ["text", "bytecode", "artifact"])
def test_every_form(tmp_path: Path, form: str) -> None:
    module = encoded(str(tmp_path / "module") if form == "bytecode" else form)
    imported = import_model(write(tmp_path, module))
    (result,) = Interpreter(imported.module, "forward")(imported.values, X).results
    np.testing.assert_array_equal(result, X @ VALUES["dense.kernel"])
    assert imported.inputs == ["x"]
    assert list(imported.values) == ["dense.kernel", "scale"]
    assert "func.call" not in str(imported.module)
    assert 'kind = "buffer", sym_name = "scale"' in str(imported.module)


def test_values_in_safetensors(tmp_path: Path) -> None:
    path = write(tmp_path, description=DESCRIPTION.replace("v.npz", "v.safetensors"))
    save_file(VALUES, tmp_path / "v.safetensors")
    np.testing.assert_array_equal(import_model(path).values["scale"], VALUES["scale"])


BROKEN = {
    "no-toml": (None, "it says which arguments"),
    "not-toml": ("x = ", "is not TOML"),
    "unknown-key": ("model = 'a'\n" + DESCRIPTION, "unknown key 'model'"),
    "no-arguments": ("values = 'v.npz'", "needs an \\[\\[argument\\]\\] table"),
    "two-names": (DESCRIPTION.replace('input = "x"', 'input = "x"\nparameter = "y"'), "argument 1"),
    "no-name": (DESCRIPTION.replace('input = "x"', ""), "either 'parameter' or 'input'"),
    "bad-kind": (DESCRIPTION.replace('"buffer"', '"state"'), "weight or buffer, got 'state'"),
    "kind-of-input": (DESCRIPTION.replace('"x"', '"x"\nkind = "weight"'), "is for parameters"),
    "same-name": (DESCRIPTION.replace('"scale"', '"x"'), "two arguments are named 'x'"),
    "nothing-trained": (
        DESCRIPTION.replace('"dense.kernel"', '"dense.kernel"\nkind = "buffer"'),
        "nothing to train",
    ),
    "no-function": (DESCRIPTION.replace('"model"', '"main"'), "no public function 'main'.*: model"),
    "too-few": (
        DESCRIPTION.rpartition("[[argument]]")[0],
        "has 3 arguments, but m.toml describes 2",
    ),
    "no-values": (ARGUMENTS, "it needs 'values'"),
    "no-file": (DESCRIPTION.replace("v.npz", "w.npz"), "no such file of values"),
    "no-format": (DESCRIPTION.replace("v.npz", "m.mlir"), "from .npz and .safetensors"),
    "missing-value": (DESCRIPTION.replace('"scale"', '"shift"'), "lacks values of:\n  shift"),
    "wrong-place": (
        DESCRIPTION.replace('"dense.kernel"', '"t"').replace('"scale"', '"dense.kernel"'),
        "lacks values",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_description_that_is_wrong(tmp_path: Path, case: str) -> None:
    description, message = BROKEN[case]
    path = write(tmp_path, description=description or "")
    if description is None:
        path.with_suffix(".toml").unlink()
    with pytest.raises(ModelImportError, match=message):
        import_model(path)


def test_values_that_do_not_fit_are_all_named(tmp_path: Path) -> None:
    values = {"dense.kernel": np.zeros((3, 4), "f"), "scale": np.zeros(3)}
    with pytest.raises(ModelImportError) as caught:
        import_model(write(tmp_path, values=values))
    assert caught.value.problems == [
        "dense.kernel: the module has tensor<4x3xf32>, the file of values tensor<3x4xf32>",
        "scale: the module has tensor<3xf32>, the file of values tensor<3xf64>",
    ]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("func.func @model( {", "not StableHLO: .*error"),
        (b"\xff\xfe\x00", "not StableHLO"),
        (DYNAMIC, r"x: dynamic shape tensor<\?x4xf32>"),
        (MODULE.replace("%x, %x", "%x, %x2"), "undeclared SSA value"),
        (MODULE.replace("@model", "@other"), "no public function 'model'; there is: other"),
        (FOREIGN, "my.op: not an op of StableHLO"),
    ],
)
def test_a_module_that_is_wrong(tmp_path: Path, module: str | bytes, message: str) -> None:
    with pytest.raises(ModelImportError, match=message):
        import_model(write(tmp_path, module))


def test_inputs_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ModelImportError, match=r"input 0: .*2x4.* has shape \[3, 4\]"):
        import_model(write(tmp_path), np.ones((3, 4)))


def test_modes_that_a_module_does_not_have(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(ModelImportError, match="mode built in"):
        import_model(path, training=True)
    with pytest.raises(ModelImportError, match="name one of the losses"):
        import_model(path, loss=lambda a, b: a, example_targets=X)
