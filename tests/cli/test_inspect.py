import json
from dataclasses import replace
from pathlib import Path

from tests.cli.conftest import Pock
from tests.runtime.programs import classifier

PHASES = {
    "forward": {"ops": {"stablehlo.dot_general": 2, "stablehlo.add": 1}, "flops": 1_500_000},
    "backward": {"ops": {"stablehlo.dot_general": 3}, "flops": 2_000_000},
    "update": {"ops": {"pock.momentum": 2}, "flops": 1000},
}
BYTES = {"weights": 2_000_000, "transient": 500_000, "peak": 2_500_000}


def test_inspect(pock: Pock, tmp_path: Path) -> None:
    artifact = classifier()
    manifest = replace(
        artifact.manifest,
        report={"phases": PHASES, "dispatches": 37, "stages": 29},
        predicted_bytes=BYTES,
    )
    replace(artifact, manifest=manifest).save(tmp_path / "p.pock")
    result = pock("inspect", tmp_path / "p.pock")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "scheme columns: trains 12 of 44 parameters (27.3 %)" in result.stdout
    assert ["kernels", "of", "a", "step", "37,", "in", "29", "stages"] in lines
    assert ["weight", "3", "44", "176", "B", "12"] in lines
    assert ["head.weight", "4x8", "[:,", "2:4]"] in lines
    assert ["head.bias", "4", "all"] in lines
    assert ["forward", "3", "1.50", "dot_general", "2,", "add", "1"] in lines
    assert ["update", "2", "0.00", "momentum", "2"] in lines
    assert ["activations", "and", "gradients", "500.0", "kB"] in lines
    assert "scale" not in result.stdout
    assert "scale " in pock("inspect", tmp_path / "p.pock", "--all").stdout


def test_a_program_without_a_report(pock: Pock, program: Path) -> None:
    result = pock("inspect", program)
    assert result.exit_code == 0
    assert "predicted memory" not in result.stdout
    assert ["kernels", "of", "a", "step", "unknown"] in [
        x.split() for x in result.stdout.splitlines()
    ]


def test_json(pock: Pock, program: Path) -> None:
    result = pock("inspect", program, "--json")
    assert json.loads(result.stdout)["target"] == "cpu"


def test_damaged_programs(pock: Pock, program: Path, tmp_path: Path) -> None:
    whole = program.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1], b"", b"text"):
        program.write_bytes(content)
        for command in (("inspect",), ("eval", "--data", "d.npz"), ("train", "--data", "d.npz")):
            result = pock(*command, program)
            assert result.exit_code == 1
            assert result.stderr.startswith(f"error: {program}: ")
            assert result.stderr.count("\n") == 1
            assert program.read_bytes() == content
