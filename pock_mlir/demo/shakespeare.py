"""SmolLM2-135M learns to write like Shakespeare.

docs/demo-tuning.md says how far the rates are tuned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pock_mlir import zoo
from pock_mlir.data import shakespeare, tokenizer
from pock_mlir.data.plain_text import blocks
from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.demo.generate import generate
from pock_mlir.demo.job import HELD_OUT_LOSS, Array, Job, Measure, Method, shuffled, slices
from pock_mlir.optimizers import AdamW, Optimizer
from pock_mlir.runtime import Trainer
from pock_mlir.schemes import Scheme
from pock_mlir.zoo import scheme_path, smollm2

TOKENS, BATCH, STEPS = 64, 4, 48
TEST_BLOCKS = 24
"""Blocks of the held-out play that are scored, evenly spread over it."""
SUBSET_SEED = 0
PROMPTS = ("ROMEO. What light is this", "HAMLET. I dreamt a dream", "All the ships at sea")
WRITTEN = 24


def methods() -> tuple[Method, ...]:
    """What is compared."""
    return (
        Method("sparse", Scheme.load(scheme_path("smollm2", "sparse")), 1e-3),
        Method("LoRA", Scheme.load(scheme_path("smollm2", "lora")), 2e-3),
    )


@dataclass(frozen=True)
class Writing(Job):
    """Loss on a play that was not trained on.

    Attributes:
        reader: the model's tokenizer.
        train: blocks of token ids.
        test: blocks of the held-out play.
        epochs: passes over `train`.
    """

    title: str
    methods: tuple[Method, ...]
    reader: Tokenizer
    train: Array
    test: Array
    epochs: int
    measure: Measure = field(default=HELD_OUT_LOSS, init=False)
    loss: str = field(default="causal-lm", init=False)
    tokens: int = field(default=BATCH * TOKENS, init=False)

    @property
    def steps(self) -> int:
        """How many full batches there are in all epochs."""
        return self.epochs * (len(self.train) // BATCH)

    def model(self) -> tuple[Any, tuple[Any, ...]]:
        import torch

        return zoo.create("smollm2", pretrained=True), (torch.from_numpy(self.train[:BATCH]),)

    def optimizer(self, lr: float) -> Optimizer:
        return AdamW(lr=lr)

    def batches(self, seed: int) -> Iterator[list[Array]]:
        return shuffled((self.train, self.train), BATCH, self.epochs, seed)

    def score(self, trainer: Trainer) -> float:
        return trainer.evaluate(slices((self.test, self.test), BATCH))["loss"]

    def sample(self, trainer: Trainer) -> str:
        texts = generate(trainer, self.reader, PROMPTS, WRITTEN, top=20, temperature=0.8)
        return "\n\n".join(texts)


def job(epochs: int | None = None) -> Writing:
    """The job. Raises FetchError when texts or weights cannot be had."""
    plays = shakespeare.load()
    reader = tokenizer.load(smollm2.gguf_path())
    train = spread(blocks(reader.stream(plays.train), TOKENS), STEPS * BATCH)
    test = spread(blocks(reader.stream(plays.test), TOKENS), TEST_BLOCKS)
    return Writing(
        title=f"Shakespeare: {len(train)} blocks of {TOKENS} tokens; held out: The Tempest",
        methods=methods(),
        reader=reader,
        train=train,
        test=test,
        epochs=epochs or 1,
    )


def spread(rows: Array, count: int) -> Array:
    """`count` rows at equal distances, or all where there are fewer."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.intp)]
