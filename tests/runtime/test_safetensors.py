import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pock_mlir.runtime.atomic import replacing
from pock_mlir.runtime.errors import TensorFileError
from pock_mlir.runtime.safetensors import TensorFile, save_tensors

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
Tensors = dict[str, np.ndarray[Any, Any]]


def tensors() -> Tensors:
    rng = np.random.default_rng(0)
    values: Tensors = {name: rng.uniform(-9, 9, (2, 3)).astype(name) for name in DTYPES}
    scalar, empty = np.array(7, np.int64), np.zeros((0, 4), np.float32)
    return {**values, "scalar": scalar, "empty": empty, "transposed": values["float32"].T}


def assert_same(one: Tensors, other: Tensors) -> None:
    assert set(one) == set(other)
    for name, value in one.items():
        assert other[name].dtype == value.dtype
        np.testing.assert_array_equal(other[name], value)


def test_round_trip_keeps_order_and_metadata(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", tensors(), {"step": "3"})
    with TensorFile(tmp_path / "x") as file:
        assert list(file) == list(tensors())
        assert file.metadata == {"step": "3"}
        assert_same(dict(file), tensors())


def test_the_safetensors_package_reads_ours(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", tensors(), {"step": "3"})
    assert_same(load_file(tmp_path / "x"), tensors())


def test_we_read_what_the_safetensors_package_wrote(tmp_path: Path) -> None:
    save_file({k: np.ascontiguousarray(v) for k, v in tensors().items()}, tmp_path / "x")
    with TensorFile(tmp_path / "x") as file:
        assert_same(dict(file), tensors())


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    words = np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16
    (tmp_path / "x").write_bytes(
        len(header).to_bytes(8, "little") + header + words.astype("<u2").tobytes()
    )
    with TensorFile(tmp_path / "x") as file:
        np.testing.assert_array_equal(file["x"], np.array([1.5, -2.0], np.float32))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_tensors(path, {"a": np.arange(5, dtype=np.float32)}, {"step": "3"})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(TensorFileError, match="corrupt, truncated or no safetensors file"):
            TensorFile(path)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [1]}},
        {"a": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"a": {"dtype": "F32", "shape": [1 << 62], "data_offsets": [0, 1 << 64]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": 3},
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, header: object) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "x").write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(TensorFileError):
        TensorFile(tmp_path / "x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TensorFileError, match="cannot open .*none: No such file"):
        TensorFile(tmp_path / "none")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(TensorFileError, match="complex64"):
        save_tensors(path, {"a": np.zeros(1, np.complex64)})
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_leftovers_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead, alive = tmp_path / ".x.4194399.0.partial", tmp_path / f".x.{os.getppid()}.0.partial"
    for path in (dead, alive):
        path.touch()
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
    assert (tmp_path / "x").read_text() == "new"
    assert alive.exists()
    assert not dead.exists()
