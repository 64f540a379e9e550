import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pock_mlir.runtime import Artifact, ArtifactError, Manifest, Trainer, load_artifact
from pock_mlir.runtime.artifact import FROZEN, MANIFEST, MODULE, PARAMETERS
from tests.runtime.programs import batch, classifier


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return classifier()


@pytest.fixture
def path(artifact: Artifact, tmp_path: Path) -> Path:
    artifact.save(tmp_path / "p.pock")
    return tmp_path / "p.pock"


def rewrite(path: Path, changes: dict[str, bytes | None], compression: int = 0) -> None:
    """Replace members of the archive; None leaves one out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in {**members, **changes}.items():
            if data is not None:
                archive.writestr(name, data)


def edited(path: Path, **changes: Any) -> bytes:
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read(MANIFEST))
    return json.dumps({**manifest, **changes}).encode()


def test_round_trip(artifact: Artifact, path: Path) -> None:
    loaded = load_artifact(path)
    assert loaded.module == artifact.module
    assert replace(loaded.manifest, checksums={}) == artifact.manifest
    assert loaded.manifest.fingerprint() == artifact.manifest.fingerprint()
    for ours, theirs in (
        (artifact.parameters, loaded.parameters),
        (artifact.frozen, loaded.frozen),
    ):
        assert list(ours) == list(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_the_same_program_gives_the_same_file(artifact: Artifact, path: Path) -> None:
    before = path.read_bytes()
    load_artifact(path).save(path)
    assert path.read_bytes() == before


def test_no_compression_no_pickle(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [MODULE, PARAMETERS, FROZEN, MANIFEST]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_every_truncation_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 97), *range(len(whole) - 200, len(whole))]:
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="p.pock: "):
            load_artifact(path)


def test_a_flipped_bit_is_refused_or_harmless(artifact: Artifact, path: Path) -> None:
    whole = path.read_bytes()
    refused = 0
    places = range(0, len(whole), 61)
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            loaded = load_artifact(path)
        except ArtifactError:
            refused += 1
        else:  # in a field of the zip that means nothing, such as a date
            assert loaded.module == artifact.module
            assert replace(loaded.manifest, checksums={}) == artifact.manifest
    assert refused > 0.95 * len(places)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", bytes(5000)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ArtifactError, match="corrupt, truncated or no .pock file"):
        load_artifact(tmp_path / "x")


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ArtifactError, match="no such file"):
            load_artifact(path)


@pytest.mark.parametrize("name", [MODULE, PARAMETERS, FROZEN, MANIFEST])
def test_a_missing_member_is_refused(path: Path, name: str) -> None:
    rewrite(path, {name: None})
    with pytest.raises(ArtifactError, match=name):
        load_artifact(path)


@pytest.mark.parametrize("name", [MODULE, PARAMETERS, FROZEN])
def test_a_replaced_member_is_refused(path: Path, name: str) -> None:
    with zipfile.ZipFile(path) as archive:
        data = bytearray(archive.read(name))
    data[-1] ^= 1
    rewrite(path, {name: bytes(data)})
    with pytest.raises(ArtifactError, match=f"{name} is damaged"):
        load_artifact(path)


def test_a_compressed_archive_is_refused(path: Path) -> None:
    rewrite(path, {}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ArtifactError, match="is compressed"):
        load_artifact(path)


def test_a_newer_format_is_named(path: Path) -> None:
    rewrite(path, {MANIFEST: edited(path, format_version=99)})
    with pytest.raises(ArtifactError, match="made by a newer pock-mlir: format 99"):
        load_artifact(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": 3}, "'target' must be of type str"),
        ({"shards": "2"}, "'shards' must be of type int"),
        ({"shards": 0}, "shards must be positive, got 0"),
        ({"format_version": True}, "'format_version' must be of type int"),
        ({"parameters": [3]}, r"parameters\[0\] must be a JSON object"),
        ({"parameters": []}, "nothing is known about head.weight"),
        ({"functions": {}}, "nothing is known about train_step, predict"),
        (
            {"functions": {"predict": {"inputs": [], "outputs": 1}}},
            "'outputs' must be of type list",
        ),
        ({"state_order": ["a", 1]}, "'state_order' must be a list of texts"),
        ({"predicted_bytes": {"peak": "much"}}, "'predicted_bytes' must hold values of type int"),
    ],
)
def test_a_malformed_manifest_is_refused(path: Path, changes: Any, message: str) -> None:
    rewrite(path, {MANIFEST: edited(path, **changes)})
    with pytest.raises(ArtifactError, match=message):
        load_artifact(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "wait"}, "unknown kind 'wait'"),
        ({"shape": [-1]}, "'shape' must be a list of non-negative integers"),
        ({"layout": [0, 0]}, "is no permutation"),
        ({"trained": "some"}, "'trained' must be of type list"),
        ({"trained": [{"offsets": [0]}]}, "'sizes' must be of type list"),
        ({"name": "head.weight"}, "two parameters have the same name"),
        ({"name": "other"}, "no value of shape"),
    ],
)
def test_a_malformed_parameter_is_refused(path: Path, changes: Any, message: str) -> None:
    manifest = json.loads(edited(path))
    manifest["parameters"][0] |= changes
    rewrite(path, {MANIFEST: json.dumps(manifest).encode()})
    with pytest.raises(ArtifactError, match=message):
        load_artifact(path)


def test_a_manifest_that_is_not_json() -> None:
    for text in ("", "{", "[" * 100_000, b"\xff"):
        with pytest.raises(ArtifactError, match=r"manifest.json is not JSON|must be a JSON object"):
            Manifest.from_json(text)


def test_the_file_may_go_while_it_is_used(artifact: Artifact, path: Path) -> None:
    trainer = Trainer(path)
    path.unlink()
    trainer.step(*batch())
    np.testing.assert_array_equal(trainer.state_dict()["scale"], artifact.parameters["scale"])
