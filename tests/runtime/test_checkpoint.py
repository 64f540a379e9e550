import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pock_mlir.runtime import (
    Artifact,
    CheckpointError,
    SliceSpec,
    TensorFile,
    TensorFileError,
    Trainer,
)
from pock_mlir.runtime.checkpoint import read_notes
from tests.runtime.programs import batch, classifier


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return classifier()


@pytest.fixture
def trained(artifact: Artifact) -> Trainer:
    trainer = Trainer(artifact, device="local-sync")
    for i in range(3):
        trainer.step(*batch(i))
    return trainer


@pytest.fixture
def path(trained: Trainer, tmp_path: Path) -> Path:
    trained.save_checkpoint(tmp_path / "k.safetensors")
    return tmp_path / "k.safetensors"


def altered(artifact: Artifact, name: str, **changes: Any) -> Artifact:
    """The artifact with another description of the parameter `name`."""
    manifest = artifact.manifest
    parameters = tuple(replace(p, **changes) if p.name == name else p for p in manifest.parameters)
    return replace(artifact, manifest=replace(manifest, parameters=parameters))


def test_a_resumed_run_continues_bit_for_bit(
    artifact: Artifact, trained: Trainer, path: Path
) -> None:
    resumed = Trainer(artifact, device="local-sync")
    resumed.load_checkpoint(path)
    assert resumed.steps == 3
    for i in range(10):
        assert resumed.step(*batch(i)) == trained.step(*batch(i))
    for one, other in (
        (resumed.state_dict(), trained.state_dict()),
        (resumed.optimizer_state(), trained.optimizer_state()),
    ):
        assert {k: v.tobytes() for k, v in one.items()} == {
            k: v.tobytes() for k, v in other.items()
        }


def test_a_checkpoint_holds_weights_under_their_names(trained: Trainer, path: Path) -> None:
    tensors = load_file(path)
    for name, value in {**trained.state_dict(), **trained.optimizer_state()}.items():
        np.testing.assert_array_equal(tensors.pop(name), value)
    assert not tensors


def test_notes_are_found_again(artifact: Artifact, path: Path, tmp_path: Path) -> None:
    assert read_notes(path) == {}
    trainer = Trainer(artifact, device="local-sync")
    trainer.save_checkpoint(tmp_path / "n", notes={"seed": 3, "part": None})
    assert read_notes(tmp_path / "n") == {"seed": 3, "part": None}
    trainer.load_checkpoint(tmp_path / "n")


def test_save_weights_leaves_the_optimizer_out(trained: Trainer, tmp_path: Path) -> None:
    trained.save_weights(tmp_path / "w")
    assert set(load_file(tmp_path / "w")) == set(trained.state_dict())


def test_load_weights_of_a_framework(artifact: Artifact, trained: Trainer, tmp_path: Path) -> None:
    state = trained.state_dict()
    state["head.weight"] += 1
    save_file({**state, "other": np.zeros(3)}, tmp_path / "w")
    trained.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(trained.state_dict()["head.weight"], state["head.weight"])
    assert not any(value.any() for value in trained.optimizer_state().values())
    assert trained.steps == 0


def refused(artifact: Artifact, path: Path) -> str:
    """The message with which a trainer of `artifact` refuses the checkpoint; it stays as it was."""
    trainer = Trainer(artifact, device="local-sync")
    trainer.step(*batch())
    before = {**trainer.state_dict(), **trainer.optimizer_state()}
    with pytest.raises(CheckpointError) as info:
        trainer.load_checkpoint(path)
    after = {**trainer.state_dict(), **trainer.optimizer_state()}
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert trainer.steps == 1
    assert "\n" not in str(info.value)
    return str(info.value)


def test_a_checkpoint_of_another_model_is_refused(artifact: Artifact, path: Path) -> None:
    tensors = load_file(path)
    with TensorFile(path) as file:
        metadata = file.metadata
    renamed = {name.replace("head", "fc"): value for name, value in tensors.items()}
    save_file(renamed, path, metadata)
    message = refused(artifact, path)
    assert "'head.weight' is missing; 'head.bias' is missing" in message
    assert message.endswith("and 1 more")
    save_file({**tensors, "head.bias": np.zeros(5, np.float32)}, path, metadata)
    assert "'head.bias' has shape [5], the program has [4]" in refused(artifact, path)


def test_a_checkpoint_of_another_scheme_or_optimizer_is_refused(
    artifact: Artifact, path: Path
) -> None:
    box = (SliceSpec((0, 4), (4, 2)),)
    assert "another program" in refused(altered(artifact, "head.weight", trained=box), path)
    scheme = altered(artifact, "head.weight", trained=box)
    scheme = replace(scheme, manifest=replace(scheme.manifest, scheme={"name": "rows"}))
    assert "saved with the scheme columns, the program has rows" in refused(scheme, path)
    optimizer = {"kind": "momentum", "lr": 0.1, "momentum": 0.5}
    other = replace(artifact, manifest=replace(artifact.manifest, optimizer=optimizer))
    assert "saved with the optimizer" in refused(other, path)


def test_a_checkpoint_of_another_seed_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    """Its masks of dropout would be others than without the break."""
    one, other = (
        replace(artifact, manifest=replace(artifact.manifest, seed=seed)) for seed in (0, 1)
    )
    Trainer(one, device="local-sync").save_checkpoint(tmp_path / "k")
    Trainer(one, device="local-sync").load_checkpoint(tmp_path / "k")
    assert "saved with the seed 0, the program has 1" in refused(other, tmp_path / "k")
    assert "saved with the seed 0, the program has none" in refused(artifact, tmp_path / "k")


def test_another_default_learning_rate_is_no_other_program(artifact: Artifact, path: Path) -> None:
    optimizer = {**artifact.manifest.optimizer, "lr": 0.5}
    other = replace(artifact, manifest=replace(artifact.manifest, optimizer=optimizer))
    trainer = Trainer(other, device="local-sync")
    trainer.load_checkpoint(path)
    assert trainer.steps == 3


def test_a_checkpoint_over_other_frozen_values_is_refused(artifact: Artifact, path: Path) -> None:
    parameters = {**artifact.parameters, "scale": artifact.parameters["scale"] + 1}
    message = refused(replace(artifact, parameters=parameters), path)
    assert "'scale', which is frozen, has another value" in message
    assert "'mean'" in refused(replace(artifact, frozen={"mean": np.zeros(8, np.float32)}), path)


def test_plain_weights_are_no_checkpoint(
    artifact: Artifact, trained: Trainer, tmp_path: Path
) -> None:
    save_file(trained.state_dict(), tmp_path / "w")
    assert "no checkpoint of a pock program" in refused(artifact, tmp_path / "w")


def test_a_damaged_checkpoint_is_refused(artifact: Artifact, path: Path) -> None:
    whole = path.read_bytes()
    trainer = Trainer(artifact, device="local-sync")
    for length in range(0, len(whole), 41):
        path.write_bytes(whole[:length])
        with pytest.raises(TensorFileError, match="corrupt, truncated or no safetensors file"):
            trainer.load_checkpoint(path)
    with pytest.raises(TensorFileError, match="No such file"):
        trainer.load_checkpoint(path.with_name("none"))


def test_a_directory_that_cannot_be_written_is_named(trained: Trainer, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot write .*none.k: No such file or directory"):
        trained.save_checkpoint(tmp_path / "none" / "k")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_crash_while_saving_leaves_the_old_checkpoint(
    artifact: Artifact, trained: Trainer, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = path.read_bytes()
    trained.step(*batch())

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    target = "pock_mlir.runtime.safetensors.write_tensors" if step == "write" else f"os.{step}"
    monkeypatch.setattr(target, crash)
    with pytest.raises(KeyboardInterrupt):
        trained.save_checkpoint(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    Trainer(artifact, device="local-sync").load_checkpoint(path)


SAVER = """
    import sys
    from itertools import count
    import numpy as np
    from pock_mlir.runtime.safetensors import save_tensors

    for n in count():
        value = np.full(200_000, n, np.int32)
        save_tensors(sys.argv[1], {"first": value, "last": value})
        if n == 0:
            print("ready", flush=True)
"""


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "k.safetensors"
    delays = np.random.default_rng(0).uniform(0, 0.02, 6)
    for delay in delays:
        command = [sys.executable, "-c", textwrap.dedent(SAVER), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        with TensorFile(path) as file:
            np.testing.assert_array_equal(file["first"], file["last"])
    # At most what the last one left: each clears up after those before it.
    assert len(list(tmp_path.iterdir())) <= 2
