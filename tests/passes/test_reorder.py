"""`reorder` never needs more memory, changes no result, and puts updates behind the readers."""

import numpy as np
import pytest
import torch

from pock_mlir import zoo
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.liveness import Kernels
from pock_mlir.passes.reorder import Reorder
from pock_mlir.rewriting import body, functions
from tests.passes.training import training_step
from tests.support.interpreter import Interpreter

WIDTHS = (4, 16, 64)
BATCH = 8


class RandomStep:
    """The text of a step made of random ops, whose updates may stand before readers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.lines: list[str] = []
        self.values = {"%x": 16}  # name: columns; all have BATCH rows
        self.weights = {f"w{n}": (n, int(self.rng.choice(WIDTHS))) for n in WIDTHS}
        for name, (rows, columns) in self.weights.items():
            type_ = f"tensor<{rows}x{columns}xf64>"
            self.lines.append(f'%{name} = "pock.read"() {{parameter = @{name}}} : () -> {type_}')
        for _ in range(25):
            makers = (self.project, self.project, self.tanh, self.add, self.split)
            makers[self.rng.integers(len(makers))]()
        for name in self.weights:
            self.update(name)

    def pick(self, columns: int | None = None) -> tuple[str, int]:
        names = [name for name, size in self.values.items() if columns in (None, size)]
        name = str(self.rng.choice(names))
        return name, self.values[name]

    def emit(self, op: str, columns: int) -> str:
        name = f"%{len(self.lines)}"
        self.lines.append(f"{name} = {op}")
        self.values[name] = columns
        return name

    def project(self) -> None:
        x, columns = self.pick()
        weight = f"w{columns}"
        rows, results = self.weights[weight]
        self.emit(
            f"stablehlo.dot_general {x}, %{weight}, contracting_dims = [1] x [0] :"
            f" ({act(rows)}, tensor<{rows}x{results}xf64>) -> {act(results)}",
            results,
        )

    def tanh(self) -> None:
        x, columns = self.pick()
        self.emit(f"stablehlo.tanh {x} : {act(columns)}", columns)

    def add(self) -> None:
        x, columns = self.pick()
        y, _ = self.pick(columns)
        self.emit(f"stablehlo.add {x}, {y} : {act(columns)}", columns)

    def split(self) -> None:
        """Something large of which little is needed, and that late."""
        x, columns = self.pick()
        y, _ = self.pick(columns)
        square = f"tensor<{BATCH}x{BATCH}xf64>"
        name = self.emit(
            f"stablehlo.dot_general {x}, {y}, contracting_dims = [1] x [1] :"
            f" ({act(columns)}, {act(columns)}) -> {square}",
            BATCH,
        )
        del self.values[name]
        self.emit(
            f"stablehlo.dot_general {name}, {x}, contracting_dims = [1] x [0] :"
            f" ({square}, {act(columns)}) -> {act(columns)}",
            columns,
        )

    def update(self, name: str) -> None:
        rows, columns = self.weights[name]
        candidates = [v for v, size in self.values.items() if size == columns]
        inputs = [v for v, size in self.values.items() if size == rows]
        if not candidates or not inputs:
            return
        x, dy = self.rng.choice(inputs), self.rng.choice(candidates)
        type_ = f"tensor<{rows}x{columns}xf64>"
        gradient = f"%g_{name}"
        early = self.rng.random() < 0.3
        where = max(self.position(x), self.position(dy)) + 1 if early else len(self.lines)
        self.lines[where:where] = [
            f"{gradient} = stablehlo.dot_general {x}, {dy}, contracting_dims = [0] x [0] :"
            f" ({act(rows)}, {act(columns)}) -> {type_}",
            f'"pock.update"({gradient}) {{parameter = @{name}, offsets = array<i64: 0, 0>,'
            f" sizes = array<i64: {rows}, {columns}>}} : ({type_}) -> ()",
        ]

    def position(self, value: str) -> int:
        starts = [i for i, line in enumerate(self.lines) if line.startswith(f"{value} =")]
        return starts[0] if starts else -1

    def module(self) -> Module:
        header = "\n".join(
            f'"pock.parameter"() {{sym_name = "{name}", kind = "weight",'
            f" type = tensor<{rows}x{columns}xf64>}} : () -> ()"
            for name, (rows, columns) in self.weights.items()
        )
        last, columns = list(self.values.items())[-1]
        steps = "\n  ".join(self.lines)
        return Module.parse(
            f"{header}\nfunc.func @train_step(%x: {act(16)}) -> {act(columns)} {{\n  {steps}\n"
            f"  return {last} : {act(columns)}\n}}"
        )

    def arguments(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rng = np.random.default_rng(1)
        weights = {name: rng.standard_normal(shape) for name, shape in self.weights.items()}
        return weights, rng.standard_normal((BATCH, 16))


def act(columns: int) -> str:
    return f"tensor<{BATCH}x{columns}xf64>"


def peak(module: Module) -> int:
    (function,) = functions(module)
    return Kernels.of(body(function)).peak()


def ops(module: Module) -> list[str]:
    (function,) = functions(module)
    return sorted(op.operation.name for op in body(function).operations)


def readers_behind_updates(module: Module) -> list[str]:
    """The parameters of which a kernel that is no update reads the old value after an update."""
    (function,) = functions(module)
    written: set[str] = set()
    late = []
    for kernel in Kernels.of(body(function)).kernels:
        late += [] if kernel.writes else sorted(kernel.reads & written)
        written |= kernel.writes
    return late


@pytest.mark.parametrize("seed", range(40))
def test_a_random_step(seed: int) -> None:
    step = RandomStep(seed)
    with make_context(), Location.unknown():
        module = step.module()
        values, x = step.arguments()
        before, peak_before, ops_before = Interpreter(module)(values, x), peak(module), ops(module)
        in_place = not readers_behind_updates(module)
        Reorder().run(module)
        assert module.operation.verify()
        assert ops(module) == ops_before
        assert not readers_behind_updates(module)
        assert peak(module) <= peak_before or not in_place
        after = Interpreter(module)(values, x)
        np.testing.assert_array_equal(after.results[0], before.results[0])
        for name, gradient in before.gradients.items():
            np.testing.assert_array_equal(after.gradients[name], gradient)


def test_random_steps_gain_and_have_late_readers() -> None:
    """The steps above are not trivial: some get a lower peak, some have readers to move."""
    gains = late = 0
    with make_context(), Location.unknown():
        for seed in range(40):
            module = RandomStep(seed).module()
            late += bool(readers_behind_updates(module))
            before = peak(module)
            Reorder().run(module)
            gains += peak(module) < before
    assert gains >= 10
    assert 5 <= late <= 35


def test_a_network() -> None:
    torch.manual_seed(0)
    model = zoo.create("residual_cnn", width=4, blocks=2, num_classes=3)
    step = training_step(model, torch.randn(2, 3, 12, 12), classes=3)
    with step.context, Location.unknown():
        plain = step.module("lower-pock,cse")
        ordered = step.module("lower-pock,cse,reorder")
        first, second = step.run(plain), step.run(ordered)
        assert second.loss == first.loss
        for name, gradient in first.gradients.items():
            np.testing.assert_array_equal(second.gradients[name], gradient)

        def step_of(module: Module) -> Kernels:
            (found,) = [f for f in functions(module) if f.sym_name.value == "train_step"]
            return Kernels.of(body(found))

        assert step_of(ordered).peak() < 0.8 * step_of(plain).peak()
        names = [k.root.name for k in step_of(ordered).kernels]
        assert names.index("pock.update") < len(names) // 2 + 5


SLICED = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x8xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4x2xf32>} : () -> ()
func.func @train_step(%x: tensor<4x8xf32>, %lr: tensor<f32>) {
  %w = "pock.read"() {parameter = @w} : () -> tensor<8x8xf32>
  %part = stablehlo.slice %w [0:8, 0:2] : (tensor<8x8xf32>) -> tensor<8x2xf32>
  %dw = stablehlo.dot_general %x, %x, contracting_dims = [0] x [0]
    : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  "pock.sgd"(%dw, %lr) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 8, 8>,
    weight_decay = 0.0 : f64} : (tensor<8x8xf32>, tensor<f32>) -> ()
  %dv = stablehlo.dot_general %x, %part, contracting_dims = [1] x [0]
    : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  "pock.sgd"(%dv, %lr) {parameter = @v, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 2>,
    weight_decay = 0.0 : f64} : (tensor<4x2xf32>, tensor<f32>) -> ()
  return
}
"""


def test_a_slice_of_a_weight_is_used_before_the_weight_changes() -> None:
    """IREE reads the slice where the weight lies, so an early update would cost a copy of it."""
    with make_context(), Location.unknown():
        module = Module.parse(SLICED)
        Reorder().run(module)
        (function,) = functions(module)
        updated = [
            op.parameter.value
            for op in body(function).operations
            if op.operation.name == "pock.sgd"
        ]
    assert updated == ["v", "w"]
