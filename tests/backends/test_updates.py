"""Every optimizer op in place: bit for bit the functional step, and the plain arithmetic.

The functional step runs the same kernels, but leaves the old state where it is; the plain
arithmetic runs in StableHLO's reference interpreter. All ops stand in one module, so that the
compiler is called twice for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from pock_mlir.backends.iree.compiler import allocations
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from tests.support.interpreter import Interpreter
from tests.support.stepping import compile_step

STEPS = 3
ADAM = "beta1 = 0.9 : f32, beta2 = 0.99 : f32, epsilon = 1.0e-8 : f32"
FACTOR = (
    "beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32,"
    " threshold = 1.0 : f32"
)
MATRIX = "row_variance = @{w}.r, column_variance = @{w}.c, factors = array<i64: 0, 1>"
MOMENTS = "first_moment = @{w}.m, second_moment = @{w}.v"


@dataclass(frozen=True)
class Case:
    """An optimizer: its op, its attributes for a matrix and for a vector, operands, its state."""

    op: str
    matrix: str
    vector: str
    operands: str = "%lr"
    states: str = ""


def _same(op: str, text: str, operands: str = "%lr", states: str = "") -> Case:
    return Case(op, text, text, operands, states)


CASES = {
    "sgd": _same("sgd", "weight_decay = 0.1 : f32"),
    "momentum": _same(
        "momentum",
        "velocity = @{w}.m, momentum = 0.9 : f32, nesterov = true, weight_decay = 0.0 : f32",
        states="m",
    ),
    "adam": _same("adam", f"{MOMENTS}, {ADAM}, weight_decay = 0.1 : f32", "%lr, %step", "mv"),
    "adamw": _same("adamw", f"{MOMENTS}, {ADAM}, weight_decay = 0.1 : f32", "%lr, %step", "mv"),
    "lion": _same(
        "lion",
        "first_moment = @{w}.m, beta1 = 0.9 : f32, beta2 = 0.99 : f32, weight_decay = 0.1 : f32",
        states="m",
    ),
    "adafactor": Case(
        "adafactor",
        f"{MATRIX}, {FACTOR}, weight_decay = 0.1 : f32",
        f"variance = @{{w}}.m, {FACTOR}, weight_decay = 0.1 : f32",
        "%lr, %step",
        "mrc",
    ),
    "scaled": _same("sgd", "weight_decay = 0.0 : f32", "%lr, %scale"),
    "bounded": _same(
        "adamw",
        f"clip_value = 0.5 : f32, {MOMENTS}, {ADAM}, weight_decay = 0.1 : f32",
        "%lr, %step, %scale",
        "mv",
    ),
    "bounded adafactor": Case(
        "adafactor",
        f"clip_value = 0.5 : f32, {MATRIX}, {FACTOR}, weight_decay = 0.1 : f32",
        f"clip_value = 0.5 : f32, variance = @{{w}}.m, {FACTOR}, weight_decay = 0.1 : f32",
        "%lr, %step, %scale",
        "mrc",
    ),
    "accumulated": _same(
        "adamw",
        f"accumulated = @{{w}}.g, {MOMENTS}, {ADAM}, weight_decay = 0.1 : f32",
        "%lr, %step, %scale",
        "mvg",
    ),
    "accumulated adafactor": Case(
        "adafactor",
        f"accumulated = @{{w}}.g, {MATRIX}, {FACTOR}, weight_decay = 0.1 : f32",
        f"accumulated = @{{w}}.g, variance = @{{w}}.m, {FACTOR}, weight_decay = 0.1 : f32",
        "%lr, %step, %scale",
        "mrcg",
    ),
}
# Of each optimizer: rows 2 to 6 of a matrix, whose gradient is a contraction, and a whole vector.
SHAPES = {"m": "4x6", "v": "4x6", "g": "4x6", "r": "4x1", "c": "1x6"}
BOXES = {
    "matrix": "offsets = array<i64: 2, 0>, sizes = array<i64: 4, 6>",
    "vector": "offsets = array<i64: 0>, sizes = array<i64: 6>",
}


def declarations(index: int, case: Case) -> Iterator[tuple[str, str, str]]:
    """Name, kind and shape of the parameters of a case."""
    yield f"w{index}", "weight", "8x6"
    yield f"b{index}", "weight", "6"
    for state in case.states:
        if case.op != "adafactor" or state != "m":
            yield f"w{index}.{state}", "state", SHAPES[state]
        if state in "mvg":
            yield f"b{index}.{state}", "state", "6"


def update(index: int, case: Case, kind: str) -> str:
    name, attributes = (
        (f"w{index}", case.matrix) if kind == "matrix" else (f"b{index}", case.vector)
    )
    type_ = "tensor<4x6xf32>" if kind == "matrix" else "tensor<6xf32>"
    gradient, lines = f"%d{name}", []
    if kind == "matrix":
        lines.append(
            f"{gradient} = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]"
            f" : (tensor<5x4xf32>, tensor<5x6xf32>) -> {type_}"
        )
    else:
        lines.append(
            f"{gradient} = stablehlo.reduce(%dy init: %zero) applies stablehlo.add across"
            f" dimensions = [0] : (tensor<5x6xf32>, tensor<f32>) -> {type_}"
        )
    if "accumulated" in attributes:
        lines.append(
            f'%t{name} = "pock.accumulate"({gradient}) {{parameter = @{name}.g}}'
            f" : ({type_}) -> {type_}"
        )
        gradient = f"%t{name}"
    scalars = ", ".join(["tensor<f32>"] * len(case.operands.split(",")))
    lines.append(
        f'"pock.{case.op}"({gradient}, {case.operands}) {{parameter = @{name}, {BOXES[kind]},'
        f" {attributes.format(w=name)}}} : ({type_}, {scalars}) -> ()"
    )
    return "\n  ".join(lines)


def module() -> str:
    cases = list(enumerate(CASES.values()))
    declared = [
        f'"pock.parameter"() {{sym_name = "{name}", kind = "{kind}", type = tensor<{shape}xf32>}}'
        " : () -> ()"
        for index, case in cases
        for name, kind, shape in declarations(index, case)
    ]
    updates = [update(i, case, kind) for i, case in cases for kind in ("matrix", "vector")]
    return (
        "\n".join(declared)
        + """
func.func @train_step(%x: tensor<5x4xf32>, %dy: tensor<5x6xf32>, %lr: tensor<f32>,
    %step: tensor<f32>, %scale: tensor<f32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  """
        + "\n  ".join(updates)
        + "\n  return %lr : tensor<f32>\n}\n"
    )


def start_values() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    values = {}
    for index, case in enumerate(CASES.values()):
        for name, kind, shape in declarations(index, case):
            sizes = [int(size) for size in shape.split("x")]
            zero = kind == "state" and not name.endswith(".g")
            values[name] = (np.zeros(sizes) if zero else random.normal(size=sizes)).astype("f4")
    return values


def batches() -> Iterator[list[np.ndarray]]:
    """x, dy, learning rate, step, scale"""
    random = np.random.default_rng(1)
    for step in range(STEPS):
        yield [
            np.asarray(each, np.float32)
            for each in (
                random.normal(size=(5, 4)),
                random.normal(size=(5, 6)),
                0.1,
                step + 1,
                0.25,
            )
        ]


@pytest.fixture(scope="module")
def in_place() -> dict[str, np.ndarray]:
    step = compile_step(module())
    assert allocations(step.compiled, "train_step").variables == 0
    assert set(step.state) == set(start_values())
    running = step.start(start_values())
    for batch in batches():
        running.call("train_step", *batch)
    return running.read()


@pytest.fixture(scope="module")
def functional() -> dict[str, np.ndarray]:
    step = compile_step(module(), in_place=False)
    running, state = step.start(start_values()), []
    for batch in batches():
        _, *state = running.call("train_step", *batch)
        running.call("write_state", *state)
    return dict(zip(step.state, state, strict=True))


@pytest.fixture(scope="module")
def plain() -> dict[str, np.ndarray]:
    with make_context(), Location.unknown():
        expanded = Module.parse(module())
        run_pipeline(expanded, parse_pipeline("builtin.module(expand-optimizer)"))
        step, values = Interpreter(expanded), start_values()
        for batch in batches():
            values |= step(values, *batch).assignments
    return values


@pytest.mark.parametrize("index", range(len(CASES)), ids=list(CASES))
def test_in_place(
    in_place: dict[str, np.ndarray],
    functional: dict[str, np.ndarray],
    plain: dict[str, np.ndarray],
    index: int,
) -> None:
    before = start_values()
    for name, _, _ in declarations(index, list(CASES.values())[index]):
        new = in_place[name]
        np.testing.assert_array_equal(new, functional[name], err_msg=name)
        np.testing.assert_allclose(new, plain[name], rtol=1e-5, atol=1e-6, err_msg=name)
        assert new.any() != name.endswith(".g")  # a buffer is left empty
        assert not np.array_equal(new, before[name])
    outside = [0, 1, 6, 7]
    np.testing.assert_array_equal(in_place[f"w{index}"][outside], before[f"w{index}"][outside])
