"""What the compiled module allocates: as predicted, less with a sparser scheme, no new weights."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

import pock_mlir as pock
from pock_mlir.backends.iree.compiler import Allocations, allocations
from pock_mlir.report.memory import LiveRange, first_fit
from tests.support.training import make_task

SCHEMES = ("head", "last-1", "full")


@dataclass(frozen=True)
class Compiled:
    predicted: int
    measured: Allocations
    phases: dict[str, Any]


@cache
def compiled(model: str, scheme: str) -> Compiled:
    task = make_task(model, pixels=32)
    program = pock.compile(
        task.model, task.inputs, optimizer=pock.SGD(lr=0.01, momentum=0.9), scheme=scheme
    )
    assert program.compiled is not None
    return Compiled(
        program.manifest.predicted_bytes["transient"],
        allocations(program.compiled, "train_step"),
        dict(program.manifest.report["phases"]),
    )


def contractions(phase: dict[str, Any]) -> int:
    heavy = ("stablehlo.convolution", "stablehlo.dot_general")
    return sum(phase["ops"].get(name, 0) for name in heavy)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_predicted_bytes_are_what_is_allocated(scheme: str) -> None:
    result = compiled("residual_cnn", scheme)
    assert result.predicted == pytest.approx(result.measured.transient, rel=0.1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_new_weights_are_allocated(scheme: str) -> None:
    assert compiled("residual_cnn", scheme).measured.variables == 0


def test_a_sparser_scheme_needs_less() -> None:
    head, sparse, full = (compiled("residual_cnn", scheme) for scheme in SCHEMES)
    assert head.measured.transient < sparse.measured.transient < full.measured.transient
    assert head.measured.dispatches < sparse.measured.dispatches < full.measured.dispatches


def test_backward_ops_of_frozen_layers_are_absent() -> None:
    head, sparse, full = (
        contractions(compiled("residual_cnn", scheme).phases["backward"]) for scheme in SCHEMES
    )
    assert head == 1  # the classifier's weight; its bias is a sum
    assert head < sparse < full


def test_first_fit_reuses_what_is_free() -> None:
    ranges = [LiveRange(0, 1, 64), LiveRange(0, 3, 32), LiveRange(2, 3, 48)]
    assert first_fit(ranges) == 96  # the third takes the first one's place
