"""A resumed run takes the steps it would have taken: dropout, schedule, accumulation."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pock_mlir as pock
from pock_mlir.runtime import CheckpointError

BATCH, STEPS = 4, 17


@pytest.fixture(scope="module")
def program() -> pock.Program:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4))
    optimizer = pock.AdamW(
        lr=0.01,
        groups=[pock.Group("*.bias", lr_scale=2.0)],
        schedule=pock.Cosine(steps=6, warmup=2),
        clip_norm=0.5,
        accumulate=3,
    )
    x = torch.zeros(BATCH, 8)
    return pock.compile(model.train(), x, optimizer=optimizer, training=True)


def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(number)
    return random.normal(size=(BATCH, 8)).astype(np.float32), random.integers(0, 4, BATCH)


def raw(values: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in values.items()}


# Right after an update, and with one and two batches in the buffers.
@pytest.mark.parametrize("stop", [6, 7, 8])
def test_a_resumed_run_continues_bit_for_bit(
    program: pock.Program, tmp_path: Path, stop: int
) -> None:
    program.save(tmp_path / "p.pock")
    whole, first, rest = (pock.Trainer(tmp_path / "p.pock", device="local-sync") for _ in range(3))
    losses = [whole.step(*batch(i)) for i in range(STEPS)]
    assert losses[:stop] == [first.step(*batch(i)) for i in range(stop)]
    first.save_checkpoint(tmp_path / "k.safetensors")
    rest.load_checkpoint(tmp_path / "k.safetensors")
    assert rest.steps == stop
    buffers = [v for n, v in rest.optimizer_state().items() if n.endswith(".gradient")]
    assert len(buffers) == 4
    assert any(value.any() for value in buffers) == (stop % 3 > 0)
    assert losses[stop:] == [rest.step(*batch(i)) for i in range(stop, STEPS)]
    assert raw(rest.state_dict()) == raw(whole.state_dict())
    assert raw(rest.optimizer_state()) == raw(whole.optimizer_state())
    assert rest.optimizer_state()["optimizer.step"] == STEPS // 3


def test_dropout_draws_anew_for_every_batch(program: pock.Program) -> None:
    """Also for those that change no weight."""
    trainer = pock.Trainer(program.artifact, device="local-sync")
    assert trainer.step(*batch(0)) != trainer.step(*batch(0))


def test_the_seed_of_dropout_is_part_of_the_program() -> None:
    linear, sgd, x = nn.Linear(8, 4), pock.SGD(lr=0.1), torch.zeros(BATCH, 8)
    seeds = [
        pock.compile(model.train(), x, optimizer=sgd, training=True, seed=3).manifest.seed
        for model in (nn.Sequential(nn.Dropout(0.5), linear), nn.Sequential(linear))
    ]
    assert seeds == [3, None]


def test_another_schedule_is_another_program(program: pock.Program, tmp_path: Path) -> None:
    pock.Trainer(program.artifact, device="local-sync").save_checkpoint(tmp_path / "k.safetensors")
    optimizer = {**program.manifest.optimizer, "schedule": "constant warmup=2"}
    other = replace(program.artifact, manifest=replace(program.manifest, optimizer=optimizer))
    with pytest.raises(CheckpointError, match="saved with the optimizer .*cosine warmup=2 steps=6"):
        pock.Trainer(other, device="local-sync").load_checkpoint(tmp_path / "k.safetensors")
