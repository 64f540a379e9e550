from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data.cache import cached_arrays, write

ARRAYS = {"x": np.arange(6).reshape(2, 3)}


@pytest.fixture(autouse=True)
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POCK_CACHE", str(tmp_path))
    return tmp_path / "arrays"


def never() -> dict[str, np.ndarray]:
    raise AssertionError("made again although it is cached")


def test_made_once_then_read(arrays: Path):
    assert np.array_equal(cached_arrays("key", lambda: ARRAYS)["x"], ARRAYS["x"])
    assert np.array_equal(cached_arrays("key", never)["x"], ARRAYS["x"])
    assert [p.name for p in arrays.iterdir()] == ["key.npz"]


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_truncated_file_is_made_again(arrays: Path, keep: int):
    cached_arrays("key", lambda: ARRAYS)
    path = arrays / "key.npz"
    path.write_bytes(path.read_bytes()[:keep])
    assert np.array_equal(cached_arrays("key", lambda: ARRAYS)["x"], ARRAYS["x"])
    assert np.array_equal(cached_arrays("key", never)["x"], ARRAYS["x"])


def test_a_failed_write_leaves_the_old_file(arrays: Path, monkeypatch: pytest.MonkeyPatch):
    cached_arrays("key", lambda: ARRAYS)

    def full_disk(*args: object, **options: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write(arrays / "key.npz", {})
    assert [p.name for p in arrays.iterdir()] == ["key.npz"]
    assert np.array_equal(cached_arrays("key", never)["x"], ARRAYS["x"])
