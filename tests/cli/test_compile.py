import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from pock_mlir import zoo
from pock_mlir.cli.models import ZooOptions, load_model, schemes_of
from pock_mlir.runtime import Trainer, load_artifact
from pock_mlir.schemes import Scheme
from tests.cli.conftest import Pock

MODELS = """
    import torch
    from torch import nn

    class Bessel(nn.Linear):
        def forward(self, x):
            return torch.special.i0(super().forward(x))

    def linear():
        return nn.Linear(8, 4), torch.zeros(6, 8)

    def bessel():
        return Bessel(8, 4), (torch.zeros(6, 8),)

    def alone():
        return nn.Linear(8, 4)

    def broken():
        raise RuntimeError("no weights")

    constant = 3
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.py"
    path.write_text(textwrap.dedent(MODELS))
    return path


def test_compile_inspect_train_eval(pock: Pock, models: Path, tmp_path: Path, data: Path) -> None:
    program = tmp_path / "p.pock"
    result = pock("compile", f"{models}:linear", "--lr", 0.1, "--momentum", 0.9, "-o", program)
    assert result.exit_code == 0, result.output
    assert "scheme full: trains 36 of 36 parameters (100.0 %)" in result.stdout
    assert "a step takes input float32[6, 8], targets int32[6]" in result.stdout
    stages = [line.partition(" s  ")[2] for line in result.stderr.splitlines()]
    assert stages[:2] + stages[-2:] == ["load the model", "import", "compile for cpu", "write"]
    assert "momentum 0.9" in pock("inspect", program).stdout
    assert pock("train", program, "--data", data, "--epochs", 2).exit_code == 0
    assert pock("eval", program, "--data", data).exit_code == 0
    assert Trainer(program).manifest.learning_rate == 0.1


def test_compile_an_exported_program(pock: Pock, tmp_path: Path) -> None:
    model = torch.nn.Linear(8, 4).eval()
    exported = torch.export.export(model, (torch.zeros(6, 8),))
    torch.export.save(exported, tmp_path / "m.pt2")
    result = pock("compile", tmp_path / "m.pt2", "--scheme", "head", "-o", tmp_path / "p.pock")
    assert result.exit_code == 0, result.output
    weight = Trainer(tmp_path / "p.pock").state_dict()["weight"]
    np.testing.assert_array_equal(weight, model.weight.detach().numpy())


def test_the_options_of_an_update(pock: Pock, models: Path, tmp_path: Path, data: Path) -> None:
    program = tmp_path / "p.pock"
    words = [
        "--optimizer",
        "lion",
        "--schedule",
        "cosine:30",
        "--warmup",
        "5",
        "--clip-norm",
        "1",
        "--accumulate",
        "3",
        "--shards",
        "2",
    ]
    result = pock(
        "compile", f"{models}:linear", *words, "--group", "bias lr-scale=2", "-o", program
    )
    assert result.exit_code == 0, result.output
    assert "float32[12, 8]" in result.stdout and "in 2 shards" in result.stdout
    shown = " ".join(pock("inspect", program).stdout.split())
    for part in ("schedule cosine warmup=5 steps=30", "clip_norm 1.0", "accumulate 3"):
        assert part in shown
    assert "buffers of accumulated gradients" in shown and "gradients of all shards" in shown
    assert pock("train", program, "--data", data).exit_code == 0


def test_models_of_the_zoo() -> None:
    model, (x,), *_ = load_model("zoo:mlp", ZooOptions(batch=3, classes=5))
    assert model(x).shape == (3, 5)
    _, (ids, mask), *_ = load_model("zoo:minilm", ZooOptions(batch=3, tokens=5))
    assert ids.tolist() == [[0] * 5] * 3
    assert mask.tolist() == [[1] * 5] * 3
    model, (x,), *_ = load_model("zoo:residual_cnn", ZooOptions(image_size=16))
    assert x.shape == (8, 3, 16, 16)


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ("zoo:mpl", [], "no model named 'mpl' in the zoo; did you mean mlp"),
        ("zoo:mlp", ["--pretrained"], "zoo:mlp has no pre-trained weights"),
        ("zoo:mlp", ["--image-size", 9], "zoo:mlp takes no images"),
        ("zoo:mlp", ["--tokens", 9], "zoo:mlp takes no text"),
        (
            "resnet",
            [],
            "MODEL must be zoo:NAME, FILE.py:FACTORY, a .pt2, .onnx.* directory, got 'resnet'",
        ),
        ("none.py:make", [], "no such file: none.py"),
        ("none.pt2", [], "no such file: none.pt2"),
        ("{models}", [], "which function of .*models.py makes the model?"),
        ("{models}:liner", [], "has no function 'liner'; did you mean 'linear'?"),
        ("{models}:constant", [], "has no function 'constant'"),
        ("{models}:alone", [], r"alone must return \(model, example_inputs\)"),
        ("{models}:broken", [], "broken failed: RuntimeError: no weights"),
        ("{models}:linear", ["--batch", 3], "--batch: only for models of the zoo"),
        ("{models}:linear", ["--target", "tpu"], "unknown target 'tpu'; there is cpu, "),
        (
            "{models}:linear",
            ["--target", "vulkan-swiftshader", "--precision", "bf16"],
            "the target vulkan-swiftshader has no bf16; it has f32",
        ),
        ("{models}:linear", ["--loss", "l1", "--ignore-index", 0], "--loss l1 has no --ignore-"),
        ("{models}:linear", ["--scheme", "fall"], "did you mean 'full'"),
        ("{models}:linear", ["--lr", -1], r"lr must be in \[0, inf\), got -1"),
        ("{models}:linear", ["--momentum", 1], "momentum must be in"),
        ("{models}:linear", ["--optimizer", "adamw", "--nesterov"], "are for --optimizer sgd"),
        (
            "{models}:linear",
            ["--group", "wieght lr-scale=2"],
            "matches no parameter; nearest: weight",
        ),
        ("{models}:bessel", [], "aten.i0.default: no lowering to StableHLO"),
    ],
)
def test_what_cannot_be_compiled(
    pock: Pock, models: Path, tmp_path: Path, model: str, words: list[object], message: str
) -> None:
    output = tmp_path / "p.pock"
    output.write_text("old")
    result = pock("compile", model.format(models=models), "-o", output, "--force", *words)
    assert result.exit_code == 1
    assert re.match(r"( +\d+\.\d s  \w[^\n]*\n)*error: ", result.stderr)
    assert not result.stdout
    with pytest.raises(ValueError, match=message):
        raise ValueError(result.stderr)
    assert output.read_text() == "old"


def test_a_scheme_of_the_zoo_goes_by_its_name(
    pock: Pock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = textwrap.dedent("""
        [[rule]]
        match = "layers.2.*"
    """)
    (tmp_path / "mlp_wide.toml").write_text(wide)
    files = {"mlp": {"wide": tmp_path / "mlp_wide.toml", "full": tmp_path / "none.toml"}}
    monkeypatch.setattr("pock_mlir.zoo.schemes", lambda name: files.get(name, {}))
    words = ("compile", "zoo:mlp", "-o", tmp_path / "p.pock", "--scheme")
    result = pock(*words, "wide")
    assert "scheme mlp_wide: trains 1,290 of 26,122 parameters" in result.stdout, result.output
    result = pock(*words, "wode", "--force")
    assert "no scheme or file 'wode'; did you mean 'wide'? built-in schemes: " in result.stderr
    assert result.stderr.endswith("last-<N>; of this model: wide, full\n")
    assert "trains 26,122 of" in pock(*words, "full", "--force").stdout  # the built-in one


def test_every_scheme_of_the_zoo_is_found() -> None:
    assert set(schemes_of("zoo:minilm")) == {"lora", "paper", "sparse"}
    for name in zoo.MODELS:
        for scheme, path in schemes_of(f"zoo:{name}").items():
            loaded = Scheme.load(scheme, schemes_of(f"zoo:{name}"))
            assert scheme == "full" or loaded == Scheme.load(path)
    assert not schemes_of("models.py:minilm")


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ('[[rule]]\nmatch = "wieght"', "pattern 'wieght' matches no parameter; nearest: weight"),
        ('[[rule]]\nmatch = "*"\nupdate = "none"', "trains nothing"),
        ('[[rule]]\nmatch = "*"\nupdate = "some"', "unknown update 'some'"),
        ("[[rule", "s.toml"),
    ],
)
def test_schemes_that_do_not_fit(
    pock: Pock, models: Path, tmp_path: Path, scheme: str, message: str
) -> None:
    (tmp_path / "s.toml").write_text(scheme)
    words = ("--scheme", tmp_path / "s.toml", "-o", tmp_path / "p.pock")
    result = pock("compile", f"{models}:linear", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "p.pock").exists()


def test_a_file_that_is_there_is_kept(pock: Pock, models: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.pock"
    output.write_text("old")
    words = ("compile", f"{models}:linear", "-o", output)
    result = pock(*words)
    assert result.exit_code == 1
    assert result.stderr == f"error: {output} is there already; give --force to write over it\n"
    assert output.read_text() == "old"
    assert pock(*words, "--force").exit_code == 0
    assert load_artifact(output).manifest.scheme["name"] == "full"


def test_a_directory_that_is_not_there(pock: Pock, tmp_path: Path) -> None:
    result = pock("compile", "zoo:mlp", "-o", tmp_path / "none" / "p.pock")
    assert result.exit_code == 1
    assert f"no such directory: {tmp_path / 'none'}" in result.stderr


def test_every_target_that_is_offered(pock: Pock, models: Path, tmp_path: Path) -> None:
    for target in ("cuda-sm_87", "vulkan-swiftshader"):
        path = tmp_path / f"{target}.pock"
        assert pock("compile", f"{models}:linear", "--target", target, "-o", path).exit_code == 0
        assert load_artifact(path).manifest.target == target
