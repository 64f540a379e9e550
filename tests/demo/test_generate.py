from typing import Any, cast

import numpy as np
import pytest

from pock_mlir.demo.generate import draw, generate
from pock_mlir.runtime import FunctionSpec, TensorSpec, Trainer
from tests.data.toys import words

pytest.importorskip("tokenizers")


class NextWord:
    """A causal language model [2, 3] whose next token is the last one plus one, modulo 5."""

    def __init__(self) -> None:
        ids, logits = TensorSpec("ids", (2, 3), "int32"), TensorSpec("y", (2, 3, 5), "float32")
        self.manifest = self
        self.functions = {"predict": FunctionSpec((ids,), (logits,))}

    def predict(self, ids: np.ndarray) -> np.ndarray:
        assert ids.shape == (2, 3) and ids.dtype == np.int32
        return np.eye(5, dtype=np.float32)[(ids + 1) % 5] * 9


def test_texts_go_on_beyond_the_programs_length() -> None:
    trainer = cast(Trainer, NextWord())
    texts = generate(trainer, words(), ["good", "film good bad"], 4)
    assert texts == ["good bad film [PAD] [UNK]", "film good bad film [PAD] [UNK] good"]


@pytest.mark.parametrize("prompts", [[], ["good"] * 3, ["good", ""]])
def test_prompts_that_make_no_sense(prompts: list[str]) -> None:
    with pytest.raises(ValueError, match="expected 1 to 2 prompts, none of them empty"):
        generate(cast(Any, NextWord()), words(), prompts, 1)


def test_draws_follow_the_probabilities() -> None:
    logits = np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    rng = np.random.default_rng(0)
    assert draw(logits, 1, 1.0, rng) == 3
    drawn = np.bincount([draw(logits, 2, 1.0, rng) for _ in range(2000)], minlength=4)
    np.testing.assert_allclose(drawn / 2000, [0, 0, 3 / 7, 4 / 7], atol=0.04)
    cold = [draw(logits, 4, 0.01, rng) for _ in range(50)]
    assert set(cold) == {3}
