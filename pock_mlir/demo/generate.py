"""Text from a compiled language model of fixed length, a token at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.runtime import Trainer

Ids = NDArray[np.int32]


def generate(
    trainer: Trainer,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    count: int,
    *,
    top: int = 1,
    temperature: float = 1.0,
    seed: int = 0,
) -> list[str]:
    """Each prompt, continued by `count` tokens drawn from the `top` likeliest ones; 1 is greedy.

    The program takes [batch, tokens] and gives [batch, tokens, vocabulary]; it sees as many of the
    last tokens as it takes. There is no cache: every token is a whole prediction.

    Raises:
        ValueError: more prompts than the batch has rows, or an empty prompt.
    """
    rows, length = trainer.manifest.functions["predict"].inputs[0].shape
    texts = [tokenizer.ids(prompt) for prompt in prompts]
    if not 0 < len(texts) <= rows or not all(map(len, texts)):
        raise ValueError(f"expected 1 to {rows} prompts, none of them empty, got {prompts}")
    rng = np.random.default_rng(seed)
    for _ in range(count):
        logits = trainer.predict(_window(texts, rows, length))
        assert isinstance(logits, np.ndarray)
        texts = [
            np.append(ids, draw(logits[row, min(len(ids), length) - 1], top, temperature, rng))
            for row, ids in enumerate(texts)
        ]
    return [tokenizer.text(ids) for ids in texts]


def _window(texts: Sequence[Ids], rows: int, length: int) -> Ids:
    """The last tokens of each text from the left, zeros behind: a causal model ignores those."""
    window = np.zeros((rows, length), np.int32)
    for row, ids in enumerate(texts):
        seen = ids[-length:]
        window[row, : len(seen)] = seen
    return window


def draw(
    logits: NDArray[np.float32], top: int, temperature: float, rng: np.random.Generator
) -> np.int32:
    """One of the `top` likeliest tokens, by their probabilities at that temperature."""
    best = np.argsort(logits)[::-1][:top]
    scaled = (logits[best] - logits[best[0]]).astype(np.float64) / temperature
    probabilities = np.exp(scaled)
    return np.int32(rng.choice(best, p=probabilities / probabilities.sum()))
