from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pock_mlir.tuning import Database, Product, this_machine
from pock_mlir.tuning.machine import section_of
from tests.cli.conftest import Pock
from tests.runtime.programs import classifier

KEY = "f32 4x16x6 mk kn"
PRODUCT = Product.parse(KEY)


@pytest.fixture(autouse=True)
def no_file_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCK_TUNING", str(tmp_path / "cache" / "t.toml"))


@pytest.fixture
def with_product(tmp_path: Path) -> Path:
    return program(tmp_path / "p.pock", {"products": {KEY: 3}})


def program(path: Path, report: Mapping[str, object], driver: str = "local-task") -> Path:
    artifact = classifier()
    manifest = replace(artifact.manifest, report=report, driver=driver)
    replace(artifact, manifest=manifest).save(path)
    return path


def test_tune(pock: Pock, with_product: Path, tmp_path: Path) -> None:
    result = pock("tune", with_product, "--seconds", 0.001)
    assert result.exit_code == 0, result.output
    section = Database.load(tmp_path / "cache" / "t.toml").sections[section_of(this_machine())]
    measured = section[PRODUCT]
    assert len(measured.times) > 1 and not measured.failed
    assert "f32 4x16x6 mk kn      3" in result.stdout
    assert "compile the program again to use them" in result.stdout

    text = (tmp_path / "cache" / "t.toml").read_text()
    result = pock("tune", with_product)
    assert "All 1 of them are known already; --again" in result.stdout
    assert (tmp_path / "cache" / "t.toml").read_text() == text

    result = pock("tune", with_product, "--again", "--seconds", 0.001, "-o", tmp_path / "u.toml")
    assert list(Database.load(tmp_path / "u.toml").sections.values()) != []
    assert (tmp_path / "cache" / "t.toml").read_text() == text


def test_nothing_to_tune(pock: Pock, tmp_path: Path) -> None:
    for report in ({}, {"products": {}}):
        result = pock("tune", program(tmp_path / "p.pock", report))
        assert result.exit_code == 1
        assert "lists no products or convolutions" in result.stderr


def test_only_processors(pock: Pock, tmp_path: Path) -> None:
    result = pock("tune", program(tmp_path / "p.pock", {"products": {KEY: 1}}, driver="cuda"))
    assert result.exit_code == 1
    assert "only programs for processors are tuned" in result.stderr


def test_damaged_measurements(pock: Pock, with_product: Path, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("format = 1\n[a\n")
    for words in (("tune", with_product, "-o"), ("compile", "zoo:mlp", "--tuning")):
        result = pock(*words, tmp_path / "t.toml")
        assert result.exit_code == 1
        assert f"error: {tmp_path / 't.toml'}: no file of measurements" in result.stderr
    assert "no such file" in pock("compile", "zoo:mlp", "--tuning", tmp_path / "no").stderr
