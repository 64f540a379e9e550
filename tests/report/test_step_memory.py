"""The memory of a step counted before any backend: without values, and near what IREE allocates."""

from functools import cache

import pytest

pytest.importorskip("torch")

import torch

from pock_mlir import zoo
from pock_mlir.backends.iree.compiler import allocations, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import run_pipeline, training_pipeline
from pock_mlir.report.step_memory import StepBytes, step_bytes
from pock_mlir.rewriting import erase_unread_parameters

TOKENS, WIDTH, VOCABULARY, LAYERS = 32, 48, 300, 2
SPARSE = """
[[rule]]
match = "model.layers.1.self_attn.*"
"""
LORA = """
[[rule]]
match = "model.layers.*.self_attn.q_proj.weight"
update = "lora"
rank = 2
"""


@cache
def imported() -> ImportedModel:
    model = zoo.create(
        "llama2_7b",
        layers=LAYERS,
        width=WIDTH,
        heads=4,
        key_heads=2,
        hidden=96,
        vocabulary=VOCABULARY,
    )
    return import_torch(model, torch.zeros(1, TOKENS, dtype=torch.int32, device="meta"))


def scheduled(scheme: str, optimizer: str = "sgd", shards: int = 1) -> Module:
    """The training module; to be called in the context of the model."""
    module = Module.parse(imported().module.operation.get_asm())
    passes = training_pipeline(loss="causal-lm", optimizer=optimizer, scheme=scheme, shards=shards)
    run_pipeline(module, passes)
    return module


@cache
def predicted(scheme: str, optimizer: str = "sgd") -> StepBytes:
    with imported().context, Location.unknown():
        return step_bytes(scheduled(scheme, optimizer))


def test_shards_have_their_activations_and_gradients_at_the_same_time() -> None:
    with imported().context, Location.unknown():
        two = step_bytes(scheduled("full", shards=2))
    one = predicted("full")
    assert (two.trained, two.inputs) == (one.trained, 2 * one.inputs)
    gradients = 4 * parameters()
    assert 2 * gradients <= two.transient <= 2 * (one.transient + gradients) + gradients


def parameters() -> int:
    keys = WIDTH * WIDTH // 2
    layer = 2 * WIDTH * WIDTH + 2 * keys + 3 * WIDTH * 96 + 2 * WIDTH
    return 2 * VOCABULARY * WIDTH + LAYERS * layer + WIDTH


def test_the_import_has_no_values():
    assert imported().values == {}


def test_full_training_updates_every_weight():
    memory = predicted("full")
    assert memory.trained == 4 * parameters()
    assert (memory.frozen, memory.optimizer) == (0, 0)
    assert memory.inputs == 2 * 4 * TOKENS  # tokens and targets


def test_adam_keeps_two_moments_of_what_is_trained():
    memory = predicted(SPARSE, "adamw")
    assert memory.trained == 4 * 3 * WIDTH * WIDTH
    assert memory.trained + memory.frozen == 4 * parameters()
    assert memory.optimizer == 2 * memory.trained + 4


def test_lora_trains_the_adapters():
    memory = predicted(LORA)
    assert memory.trained == 4 * LAYERS * 2 * (WIDTH + WIDTH)
    assert memory.frozen == 4 * parameters()


def test_sparse_keeps_less_than_lora_and_full():
    assert predicted(SPARSE).transient < predicted(LORA).transient < predicted("full").transient


@pytest.mark.parametrize("scheme", ["full", SPARSE], ids=["full", "sparse"])
def test_transient_bytes_are_near_what_is_allocated(scheme: str):
    with imported().context, Location.unknown():
        module = scheduled(scheme)
        erase_unread_parameters(module)
        PockToIree().run(module)
        compiled = compile_module(str(module), TARGETS["cpu"], generate_code=False)
    used = allocations(compiled, "train_step")
    assert used.variables == 0
    assert predicted(scheme).transient == pytest.approx(used.transient, rel=0.25)


def test_an_unknown_function_is_an_error():
    with imported().context, pytest.raises(ValueError, match="no function 'train'"):
        step_bytes(imported().module, "train")
