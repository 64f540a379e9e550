"""Losses of compiled steps follow PyTorch's; what is frozen keeps its bits.

Models have random weights but for EfficientNet-Lite0, whose pre-trained ones keep rounding errors
from growing as they do in a deep random network. The full table of models, schemes and optimizers
runs with `make test-py ARGS="-m acceptance"`; by default, cells that cover each of them.
"""

import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.runtime import Trainer
from tests.support.training import OPTIMIZERS, SCHEMES, TorchTraining, make_task, weights

STEPS = 20
MODELS = ("mlp", "residual_cnn", "efficientnet_lite0", "mobilenet_v2")
RATES = {"sgd": 1e-3, "momentum": 1e-3, "adamw": 1e-4}
DEFAULT = {
    ("mlp", "full", "adamw"),
    ("mlp", "channels", "momentum"),
    ("mlp", "bias-only", "sgd"),
    ("residual_cnn", "full", "momentum"),
    ("residual_cnn", "channels", "adamw"),
    ("residual_cnn", "bias-only", "sgd"),
    ("efficientnet_lite0", "channels", "momentum"),
    ("mobilenet_v2", "bias-only", "adamw"),
}
CELLS = [
    pytest.param(*cell, marks=() if cell in DEFAULT else (pytest.mark.acceptance,))
    for cell in ((m, s, o) for m in MODELS for s in SCHEMES for o in RATES)
]


@pytest.mark.parametrize(("model", "scheme", "optimizer"), CELLS)
def test_losses_follow_pytorch(model: str, scheme: str, optimizer: str) -> None:
    options = {"pretrained": True} if model == "efficientnet_lite0" else {}
    task = make_task(model, pixels=64 if options else 32, **options)
    chosen = OPTIMIZERS[optimizer](RATES[optimizer])
    program = pock.compile(task.model, task.inputs, optimizer=chosen, scheme=task.schemes[scheme])
    trainer = Trainer(program.artifact, device="local-sync")
    expected = TorchTraining(task.model, task.schemes[scheme], chosen)
    before = weights(task.model)
    for i, (x, y) in enumerate(task.arrays(STEPS)):
        loss = expected.step(*task.batches[i % len(task.batches)])
        assert trainer.step(x, y) == pytest.approx(loss, rel=1e-4), i

    trained = expected.trained()
    after = trainer.state_dict()
    for name, value in before.items():
        frozen = ~trained[name] if name in trained else np.ones(value.shape, bool)
        np.testing.assert_array_equal(after[name][frozen], value[frozen], err_msg=name)
        assert name not in trained or not np.array_equal(after[name], value), name
