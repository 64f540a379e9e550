import re
import subprocess
import sys
from pathlib import Path

import pytest

from pock_mlir import zoo

pytest.importorskip("torch")

import torch

from pock_mlir.zoo.small import SMALL, small


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"'mobilnet_v2' in the zoo; did you mean mobilenet_v2\?$"):
        zoo.create("mobilnet_v2")


def test_unrelated_name_lists_all_without_a_guess():
    names = ", ".join(sorted(zoo.MODELS))
    with pytest.raises(ValueError, match=f"no model named 'nosuch' in the zoo; there is {names}$"):
        zoo.create("nosuch")


def test_the_schemes_of_a_model():
    assert list(zoo.schemes("minilm")) == ["lora", "paper", "sparse"]
    assert zoo.schemes("minilm")["lora"] == zoo.scheme_path("minilm", "lora")
    with pytest.raises(ValueError, match="no scheme 'full' for.*; there is lora, paper, sparse$"):
        zoo.scheme_path("minilm", "full")
    with pytest.raises(ValueError, match="there is none$"):
        zoo.scheme_path("mlp", "sparse")


def test_the_documentation_lists_every_model_and_scheme():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    found = {words[0]: set(words) for row in rows if (words := re.findall(r"`([^`]+)`", row))}
    assert set(found) == set(zoo.MODELS)
    for name, words in found.items():
        assert set(zoo.schemes(name)) <= words


def test_listing_names_imports_no_torch():
    code = "import sys, pock_mlir.zoo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_missing_torch_gives_the_pip_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "pock_mlir.zoo.mlp", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'pock-mlir\[torch\]'"):
        zoo.create("mlp")


@pytest.mark.parametrize("name", sorted(zoo.MODELS))
def test_models_are_in_eval_mode_and_have_the_classes_asked_for(name: str):
    model, inputs = small(name)
    with torch.no_grad():
        logits = model(*inputs.batch(2))
    assert logits.shape == (*inputs.targets(2).shape, inputs.classes)
    assert not any(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_every_model_has_a_small_configuration():
    assert set(SMALL) == set(zoo.MODELS)
