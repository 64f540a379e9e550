"""Embeddings that train in place: the gradient of the table is made inside its update's kernel."""

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.backends.iree.compiler import allocations

ROWS, WIDTH = 600, 8


class Bigrams(nn.Module):
    """Each token's successor by one layer between the embedding and its (tied) transpose."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ROWS, WIDTH)
        self.between = nn.Linear(WIDTH, WIDTH)
        self.output = nn.Linear(WIDTH, ROWS if tied else 3, bias=False)
        if tied:
            self.output.weight = self.embedding.weight

    def forward(self, token_ids: Tensor) -> Tensor:
        """[tokens] -> logits [tokens, ROWS]."""
        return self.output(self.between(self.embedding(token_ids)).tanh())


OPTIMIZERS = {"sgd": pock.SGD(lr=0.5), "adamw": pock.AdamW(lr=1e-2)}


@cache
def model(tied: bool) -> Bigrams:
    torch.manual_seed(0)
    return Bigrams(tied)


@cache
def program(tied: bool, optimizer: str) -> pock.Program:
    return pock.compile(
        model(tied), torch.zeros(6, dtype=torch.int32), optimizer=OPTIMIZERS[optimizer]
    )


CASES = [(False, "adamw"), (True, "sgd"), (True, "adamw")]


@pytest.mark.parametrize(("tied", "optimizer"), CASES)
def test_rows_that_occur_twice_get_the_sum_of_their_gradients(tied: bool, optimizer: str):
    trainer = pock.Trainer(program(tied, optimizer).artifact)
    reference = Bigrams(tied)
    reference.load_state_dict(model(tied).state_dict())
    torch_optimizer = (
        torch.optim.SGD(reference.parameters(), lr=0.5)
        if optimizer == "sgd"
        else torch.optim.AdamW(reference.parameters(), lr=1e-2, weight_decay=0.01)
    )
    ids = torch.tensor([5, 7, 5, 0, ROWS - 1, 5], dtype=torch.int32)
    labels = torch.tensor([1, 0, 2, 1, 0, 2])
    for _ in range(3):
        torch_optimizer.zero_grad()
        loss = F.cross_entropy(reference(ids), labels)
        loss.backward()
        torch_optimizer.step()
        mine = trainer.step(ids.numpy(), labels.numpy().astype(np.int32))
        assert mine == pytest.approx(loss.item(), rel=1e-5)
    got = trainer.state_dict()
    for name, value in reference.state_dict().items():
        np.testing.assert_allclose(got[name], value.numpy(), atol=2e-5, err_msg=name)


@pytest.mark.parametrize(("tied", "optimizer"), CASES)
def test_no_tensor_of_the_tables_size_is_made(tied: bool, optimizer: str):
    compiled = program(tied, optimizer).compiled
    assert compiled is not None
    used = allocations(compiled, "train_step")
    assert used.variables == 0
    logits = 2 * 4 * 6 * ROWS if tied else 0
    assert used.transient < 4 * ROWS * WIDTH + logits
