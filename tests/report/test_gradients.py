"""What gradients cost besides being computed in the kernel of their update."""

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from pock_mlir.report.gradients import gradient_costs
from pock_mlir.rewriting import body, functions

STEP = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<40x30xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<30xf32>} : () -> ()
func.func @train_step(%x: tensor<2x40xf32>, %dy: tensor<2x30xf32>, %h: tensor<30xf32>,
    %rate: tensor<f32> {pock.role = "learning_rate"}) {
  %d = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<2x40xf32>, tensor<2x30xf32>) -> tensor<40x30xf32>
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 40, 30>}
    : (tensor<40x30xf32>) -> ()
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 30>}
    : (tensor<30xf32>) -> ()
  return
}
"""
MATRIX, VECTOR = 4 * 40 * 30, 4 * 30


@pytest.mark.parametrize(
    ("passes", "costs"),
    [
        ("apply-optimizer", {}),
        ("clip-gradients{value=1},apply-optimizer{kind=lion}", {}),
        ("clip-gradients{norm=1},apply-optimizer", {"held": MATRIX + VECTOR}),
        (
            "clip-gradients{norm=1 gradients=twice},apply-optimizer",
            {"held": VECTOR, "computed_twice": 2 * 2 * 40 * 30},
        ),
        ("accumulate-gradients,apply-optimizer", {"accumulated": MATRIX + VECTOR}),
        (
            "accumulate-gradients,clip-gradients{norm=1},apply-optimizer{kind=adafactor}",
            {"accumulated": MATRIX + VECTOR},
        ),
        ("apply-optimizer{kind=adafactor}", {"held": MATRIX}),
    ],
)
def test_costs(passes: str, costs: dict[str, int]) -> None:
    with make_context(), Location.unknown():
        module = Module.parse(STEP)
        run_pipeline(module, parse_pipeline(passes))
        step = functions(module)[-1]
        assert gradient_costs(body(step)) == costs
