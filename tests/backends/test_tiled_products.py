"""The forms of products: the numbers of NumPy, and updates in place without a stored gradient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from pock_mlir.backends.iree.compiler import allocations, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.backends.iree.workgroups import unevenness
from pock_mlir.dialects import make_context
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Location, Module
from pock_mlir.passes.kernels.contraction import build_product, product_of
from pock_mlir.rewriting import named_ops
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.tuning import Form, Product

RNG = np.random.default_rng(0)
ORDERS = list(product((True, False), (True, False)))
"""Whether the left operand is [m, k], and the right one [k, n]."""
EXTENTS = {
    "panels 6x16x4": (48, 64, 40),
    "panels 4x16x1": (64, 48, 33),
    "panels 4x24x4": (64, 72, 32),
    "panels 12x8x1": (96, 40, 35),
    "panels-km 8x8x2": (80, 40, 34),
    "tiled 6x16x4": (48, 64, 40),
    "swapped 4x16x4": (64, 64, 40),
    "streams 4x16x4": (16, 48, 40),
    "streams 6x16x4": (192, 256, 64),
    "panels 5x16x4": (49, 48, 40),
    "tiled 6x16x2": (199, 64, 34),
    "tiled 7x16x2": (5, 64, 34),
    "streams 4x16x2": (49, 64, 36),
    "panels-km 4x16x4": (41, 32, 40),
    "swapped 5x16x4": (32, 53, 40),
    "tiled 1x64x4": (1, 192, 40),
    "panels 2x32x4": (2, 96, 40),
    "panels 1x8x4": (1, 40, 40),
    "swapped 1x64x4": (64, 1, 40),
    "panels 4x48x4": (64, 48, 40),
}
ARRANGED = "panels 6x16x4"


def compiled(text: str, forms: Sequence[str], *, in_place: bool = True):
    with make_context(), Location.unknown():
        module = Module.parse(text)
        for op, form in zip(named_ops(module, "stablehlo.dot_general"), forms, strict=True):
            rewrite(op, Form.parse(form))
        chosen = str(module)
        PockToIree(in_place=in_place).run(module)
        return chosen, compile_module(str(module), TARGETS["cpu"])


def rewrite(op: Any, form: Form) -> None:
    """Give a product a form, whether it pays or not."""
    found = product_of(op)
    assert found is not None and form.fits(found)
    result = op.operation.results[0]
    lhs, rhs = op.operands
    result.replace_all_uses_with(build_product(Builder.before(op), lhs, rhs, found, form))
    op.operation.erase()


def type_of(*shape: int) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def function(name: str, stack: tuple[int, ...], m: int, n: int, k: int, order: tuple[bool, bool]):
    by_rows, by_columns = order
    lhs = (*stack, m, k) if by_rows else (*stack, k, m)
    rhs = (*stack, k, n) if by_columns else (*stack, n, k)
    first = len(stack)
    batching = f"batching_dims = {list(range(first))} x {list(range(first))}, " if stack else ""
    i, j = first + by_rows, first + (not by_columns)
    signature = f"({type_of(*lhs)}, {type_of(*rhs)}) -> {type_of(*stack, m, n)}"
    text = f"""
      func.func @{name}(%a: {type_of(*lhs)}, %b: {type_of(*rhs)}) -> {type_of(*stack, m, n)} {{
        %y = stablehlo.dot_general %a, %b, {batching}contracting_dims = [{i}] x [{j}] : {signature}
        return %y : {type_of(*stack, m, n)}
      }}"""
    return text, lhs, rhs


@pytest.mark.parametrize("stack", [(), (3,)], ids=["matrices", "stacks"])
def test_the_numbers_are_numpys(stack: tuple[int, ...]):
    cases, text = [], ""
    for (form, (m, n, k)), order in product(EXTENTS.items(), ORDERS):
        if not Form.parse(form).fits(Product(m, n, k, stack, *order)):
            continue
        if stack and any(form == each for _, each, *_ in cases):
            continue
        name = f"f{len(cases)}"
        code, lhs, rhs = function(name, stack, m, n, k, order)
        cases.append((name, form, order, lhs, rhs))
        text += code
    chosen, code = compiled(text, [form for _, form, *_ in cases])
    assert chosen.count("pock.tile") == len(cases)
    module = DeviceModule(code.vmfb, {}, {}, open_device("local-sync"), "local-sync")
    for name, form, (by_rows, by_columns), lhs, rhs in cases:
        a, b = (RNG.standard_normal(shape, np.float32) for shape in (lhs, rhs))
        expected = (a if by_rows else a.swapaxes(-1, -2)).astype(np.float64) @ (
            b if by_columns else b.swapaxes(-1, -2)
        )
        (y,) = module.call(name, a, b)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4, err_msg=form)


@pytest.mark.parametrize(
    ("form", "sizes"),
    [
        ("tiled 1x64x4", (1, 192, 40)),
        ("panels 2x32x4", (2, 96, 40)),
        ("panels 4x16x4", (64, 16, 40)),
        ("streams 4x16x4", (16, 64, 48)),
        ("panels 5x16x4", (49, 48, 40)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_code_generator_has_the_tile(form: str, sizes: tuple[int, int, int]):
    """IREE takes dimensions of extent 1 from a contraction, and would lose what it is told."""
    text, *_ = function("f", (), *sizes, (True, True))
    _, code = compiled(text, [form])
    lines = code.flow.splitlines()
    (sums,) = (line for line in lines if "linalg.generic" in line and '"reduction"' in line)
    assert "compilation_info" in sums
    assert ("cache_reduction" in code.flow) == form.startswith("streams")
    assert ("enable_loop_peeling" in code.flow) == (sizes[0] == 49)


def test_threads_share_the_workgroups_evenly():
    """With 96 rows to a group there are 24, of which one of two threads would have 16."""
    text, *_ = function("f", (), 384, 384, 512, (True, True))
    _, code = compiled(text, ["panels 4x64x4"])
    (sizes,) = re.findall(r"distribution = \[(\d+), (\d+), 0, 0\]", code.flow)
    rows, panels = map(int, sizes)
    groups = (384 // rows) * (384 // 64 // panels)
    assert rows < 96 and unevenness(groups, 2) == unevenness(groups, 4) == 1


def test_streams_needs_no_copy_of_the_weight():
    text, *_ = function("f", (), 16, 512, 256, (True, True))
    memory = allocations(compiled(text, ["streams 4x16x4"])[1], "f")
    assert memory.transient == 0 and memory.dispatches == 1


STEP = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<96x64xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "state", type = tensor<96x64xf32>} : () -> ()
func.func @train_step(%x: tensor<48x96xf32>, %dy: tensor<48x64xf32>, %lr: tensor<f32>)
    -> tensor<48x96xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<96x64xf32>
  %dx = stablehlo.dot_general %dy, %w, contracting_dims = [1] x [1]
    : (tensor<48x64xf32>, tensor<96x64xf32>) -> tensor<48x96xf32>
  %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<48x96xf32>, tensor<48x64xf32>) -> tensor<96x64xf32>
  "pock.momentum"(%g, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 0, 0>,
    sizes = array<i64: 96, 64>, weight_decay = 0.0 : f64, momentum = 0.9 : f64, nesterov = false}
    : (tensor<96x64xf32>, tensor<f32>) -> ()
  return %dx : tensor<48x96xf32>
}
"""


def run_step(code: bytes, x: np.ndarray, dy: np.ndarray, w: np.ndarray):
    device = open_device("local-sync")
    return DeviceModule(code, {"w": w}, {"v": w.nbytes}, device, "local-sync"), (
        x,
        dy,
        np.array(0.1, np.float32),
    )


@pytest.mark.parametrize("form", ["panels 6x16x4", "panels-km 6x16x4", "tiled 6x16x4"])
def test_an_update_happens_in_place(form: str):
    chosen, code = compiled(STEP, [ARRANGED, form])
    assert chosen.count("pock.tile") == 2
    memory = allocations(code, "train_step")
    assert memory.variables == 0
    arranged = 4 * (96 * 48 + 48 * 64 + 96 * 64)
    assert memory.transient <= arranged + 256, "the gradient is not stored"


@pytest.mark.parametrize("form", ["panels 6x16x4", "panels-km 6x16x4", "tiled 6x16x4"])
def test_in_place_is_bit_for_bit_the_functional_step(form: str):
    x, dy, w = (RNG.standard_normal(s, np.float32) for s in ((48, 96), (48, 64), (96, 64)))
    module, arguments = run_step(compiled(STEP, [ARRANGED, form])[1].vmfb, x, dy, w.copy())
    functional, _ = run_step(
        compiled(STEP, [ARRANGED, form], in_place=False)[1].vmfb, x, dy, w.copy()
    )
    (dx,) = module.call("train_step", *arguments)
    new_w, new_v = module.call("read_state")
    expected = functional.call("train_step", *arguments)
    for value, other in zip((dx, new_w, new_v), expected, strict=True):
        assert np.array_equal(value, other)
    np.testing.assert_allclose(new_w, w - 0.1 * (x.T @ dy), rtol=1e-4, atol=1e-4)


SLICE = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<96xCOLUMNSxf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "state", type = tensor<48x32xf32>} : () -> ()
func.func @train_step(%x: tensor<48x48xf32>, %dy: tensor<48x32xf32>, %lr: tensor<f32>)
    -> tensor<f32> {
  %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<48x48xf32>, tensor<48x32xf32>) -> tensor<48x32xf32>
  "pock.momentum"(%g, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 24, BEGIN>,
    sizes = array<i64: 48, 32>, weight_decay = 0.0 : f64, momentum = 0.9 : f64, nesterov = false}
    : (tensor<48x32xf32>, tensor<f32>) -> ()
  return %lr : tensor<f32>
}
"""


@pytest.mark.parametrize(
    ("columns", "begin"), [(64, 16), (64, 8), (68, 16)], ids=["panels", "within one", "no panels"]
)
def test_a_slice_of_a_weight(columns: int, begin: int):
    text = SLICE.replace("COLUMNS", str(columns)).replace("BEGIN", str(begin))
    chosen, code = compiled(text, ["panels 6x16x4"])
    assert chosen.count("pock.tile") == 1
    x, dy, w = (RNG.standard_normal(s, np.float32) for s in ((48, 48), (48, 32), (96, columns)))
    device = open_device("local-sync")
    module = DeviceModule(code.vmfb, {"w": w}, {"v": 4 * 48 * 32}, device, "local-sync")
    module.call("train_step", x, dy, np.array(0.1, np.float32))
    expected = w.copy()
    expected[24:72, begin : begin + 32] -= 0.1 * (x.T @ dy)
    np.testing.assert_allclose(module.call("read_state")[0], expected, rtol=1e-4, atol=1e-4)
    assert allocations(code, "train_step").variables == 0


def test_a_gradient_that_streams_is_stored_before_the_update():
    """Its sums are in memory, and there the weight still is."""
    text = SLICE.replace("96xCOLUMNS", "48x32").replace("24, BEGIN", "0, 0")
    text = text.replace("contracting_dims = [0] x [0]", "contracting_dims = [1] x [0]")
    x, dy, w = (RNG.standard_normal(s, np.float32) for s in ((48, 48), (48, 32), (48, 32)))
    code = compiled(text, ["streams 6x16x4"])[1].vmfb
    device = open_device("local-sync")
    module = DeviceModule(code, {"w": w}, {"v": w.nbytes}, device, "local-sync")
    for _ in range(2):
        module.call("train_step", x, dy, np.array(0.1, np.float32))
    g = x @ dy
    expected = w - 0.1 * g - 0.1 * 1.9 * g
    np.testing.assert_allclose(module.call("read_state")[0], expected, rtol=1e-4, atol=1e-4)
