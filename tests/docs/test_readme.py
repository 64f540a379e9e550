import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

README = Path(__file__).parents[2] / "README.md"


def test_the_first_example_runs_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert isinstance(names["loss"], float) and names["loss"] > 0
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"small.pock", "small.safetensors", "weights.safetensors"}
