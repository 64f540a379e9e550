"""What `pock_mlir.compile` takes, and what it gives."""

import pytest
import torch

import pock_mlir as pock


def compiled(optimizer: pock.SGD) -> pock.Program:
    return pock.compile(torch.nn.Linear(4, 2), torch.zeros(3, 4), optimizer=optimizer)


def test_a_program_says_what_it_is_in_a_line() -> None:
    text = repr(compiled(pock.SGD(lr=0.1)))
    assert text.startswith("<Program for cpu: ") and len(text) < 200


def test_an_optimizer_is_no_name() -> None:
    with pytest.raises(TypeError, match=r"optimizer: expected one like pock_mlir.SGD\(lr=0.05\)"):
        compiled("sgd")  # pyright: ignore[reportArgumentType]
