from pathlib import Path

import pytest

from pock_mlir.tuning import (
    MACHINES,
    Database,
    Form,
    Measured,
    Product,
    Tuning,
    TuningError,
    user_file,
)
from pock_mlir.tuning.machine import section_of

PRODUCT = Product.parse("f32 500x97x391 mk kn")  # in no shipped file
PANELS = Form.parse("panels 4x97x1")


def saved(path: Path, section: str, form: Form) -> Path:
    Database({section: {PRODUCT: Measured(form, {form: 1.0})}}).save(path)
    return path


def test_what_was_measured_is_chosen(tmp_path: Path) -> None:
    machine = MACHINES["aarch64-neon"]
    path = saved(tmp_path / "t.toml", section_of(machine), PANELS)
    assert Tuning.load(machine.name, [path]).form_of(PRODUCT) == PANELS
    assert Tuning.load("x86-64-avx2", [path]).measured(PRODUCT) is None
    assert Tuning.load("x86-64-avx2", [path]).form_of(PRODUCT).kind == "plain"


def test_a_table_without_a_version_is_for_all(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.toml", "aarch64-neon", PANELS)
    assert Tuning.load("aarch64-neon", [path]).form_of(PRODUCT) == PANELS
    other = saved(tmp_path / "u.toml", "aarch64-neon iree-0.0.1", PANELS)
    assert Tuning.load("aarch64-neon", [other]).measured(PRODUCT) is None


def test_the_last_file_is_right(tmp_path: Path) -> None:
    first = saved(tmp_path / "t.toml", "aarch64-neon", PANELS)
    last = saved(tmp_path / "u.toml", "aarch64-neon", Form("plain"))
    assert Tuning.load("aarch64-neon", [first, last]).form_of(PRODUCT) == Form("plain")


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="no such file"):
        Tuning.load("aarch64-neon", [tmp_path / "t.toml"])
    with pytest.raises(ValueError, match="unknown machine"):
        Tuning.load("vax")


def test_the_users_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCK_TUNING", "/a/b.toml")
    assert user_file() == Path("/a/b.toml")
    monkeypatch.delenv("POCK_TUNING")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert user_file() == Path("/c/pock_mlir/tuning.toml")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert user_file() == Path("/h/.cache/pock_mlir/tuning.toml")
