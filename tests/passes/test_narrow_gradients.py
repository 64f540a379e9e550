"""A narrowed gradient is that slice of the full gradient, and is all that is computed."""

import re
from typing import NamedTuple

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.narrow_gradients import NarrowGradients
from pock_mlir.rewriting import named_ops
from tests.support.interpreter import Interpreter


class Case(NamedTuple):
    """A gradient `%g`, made by `ops` from arguments, of which [low, high) is wanted.

    `left` is what the wanted part must be computed with: counts of ops by name.
    """

    arguments: list[str]
    ops: str
    gradient: str
    low: list[int]
    high: list[int]
    left: dict[str, int]


CONV = "strides = array<i64: {s}, {s}>, dilations = array<i64: {d}, {d}>,"
CONV += " padding_low = array<i64: 1, 1>, padding_high = array<i64: 0, 1>, groups = {g} : i64"


def conv_kernel(groups: int, channels: int, outputs: int, low: int, high: int, axis: int) -> Case:
    kernel = [3, 3, channels // groups, outputs]
    starts, limits = [0] * 4, list(kernel)
    starts[axis], limits[axis] = low, high
    shape = "x".join(map(str, kernel))
    x, dy = f"2x6x6x{channels}xf32", f"2x3x3x{outputs}xf32"
    attributes = CONV.format(s=2, d=1, g=groups)
    return Case(
        [x, dy],
        f'%g = "pock.conv_kernel_gradient"(%0, %1) {{{attributes}}}'
        f" : (tensor<{x}>, tensor<{dy}>) -> tensor<{shape}xf32>",
        shape + "xf32",
        starts,
        limits,
        {"pock.conv_kernel_gradient": 1},
    )


def conv_input(groups: int, channels: int, outputs: int, low: int, high: int) -> Case:
    x, dy = f"2x6x6x{channels}xf32", f"2x5x5x{outputs}xf32"
    w = f"3x3x{channels // groups}x{outputs}xf32"
    attributes = CONV.format(s=1, d=1, g=groups).replace("0, 1>, groups", "0, 0>, groups")
    return Case(
        [dy, w],
        f'%g = "pock.conv_input_gradient"(%0, %1) {{{attributes}}}'
        f" : (tensor<{dy}>, tensor<{w}>) -> tensor<{x}>",
        x,
        [0, 0, 0, low],
        [2, 6, 6, high],
        {"pock.conv_input_gradient": 1},
    )


def simple(
    ops: str, arguments: list[str], gradient: str, low: list[int], high: list[int], **left: int
) -> Case:
    counts = {f"stablehlo.{name}": count for name, count in left.items()}
    return Case(arguments, ops, gradient, low, high, counts)


DOT = "(tensor<4x5x6xf32>, tensor<4x6x7xf32>) -> tensor<4x5x7xf32>"
DOT = f"%g = stablehlo.dot_general %0, %1, batching_dims=[0]x[0], contracting_dims=[2]x[1] : {DOT}"
DOT_TYPES = (["4x5x6xf32", "4x6x7xf32"], "4x5x7xf32")
ZERO = "%z = stablehlo.constant dense<0.0> : tensor<f32>\n"

CASES = {
    "dot_general, batch": simple(DOT, *DOT_TYPES, [1, 0, 0], [3, 5, 7], dot_general=1),
    "dot_general, left": simple(DOT, *DOT_TYPES, [0, 1, 0], [4, 3, 7], dot_general=1),
    "dot_general, right": simple(DOT, *DOT_TYPES, [0, 0, 2], [4, 5, 6], dot_general=1),
    "dot_general, all": simple(DOT, *DOT_TYPES, [1, 2, 3], [2, 4, 7], dot_general=1, slice=2),
    "reduce": simple(
        ZERO + "%g = stablehlo.reduce(%0 init: %z) applies stablehlo.add across dimensions = [1]"
        " : (tensor<4x5x6xf32>, tensor<f32>) -> tensor<4x6xf32>",
        ["4x5x6xf32"], "4x6xf32", [0, 2], [4, 5], reduce=1, slice=1,
    ),
    "broadcast_in_dim": simple(
        "%a = stablehlo.broadcast_in_dim %0, dims=[1, 2] : (tensor<1x5xf32>) -> tensor<4x3x5xf32>\n"
        "%g = stablehlo.negate %a : tensor<4x3x5xf32>",
        ["1x5xf32"], "4x3x5xf32", [1, 1, 2], [3, 2, 4], broadcast_in_dim=1, negate=1, slice=1,
    ),
    "reshape, split and merged": simple(
        "%a = stablehlo.reshape %0 : (tensor<24x5xf32>) -> tensor<4x1x6x5xf32>\n"
        "%g = stablehlo.reshape %a : (tensor<4x1x6x5xf32>) -> tensor<4x30xf32>",
        ["24x5xf32"], "4x30xf32", [1, 0], [3, 30], reshape=2, slice=1,
    ),
    "transpose": simple(
        "%g = stablehlo.transpose %0, dims=[2, 0, 1] : (tensor<4x5x6xf32>) -> tensor<6x4x5xf32>",
        ["4x5x6xf32"], "6x4x5xf32", [2, 0, 0], [4, 4, 5], transpose=1, slice=1,
    ),
    "elementwise": simple(
        "%c = stablehlo.compare GT, %0, %1 : (tensor<4x5xf32>, tensor<4x5xf32>) -> tensor<4x5xi1>\n"
        "%z = stablehlo.constant dense<0.0> : tensor<4x5xf32>\n"
        "%a = stablehlo.select %c, %0, %z : tensor<4x5xi1>, tensor<4x5xf32>\n"
        "%l = stablehlo.constant dense<0.5> : tensor<f32>\n"
        "%g = stablehlo.clamp %l, %a, %1 : (tensor<f32>, tensor<4x5xf32>, tensor<4x5xf32>)"
        " -> tensor<4x5xf32>",
        ["4x5xf32", "4x5xf32"], "4x5xf32", [1, 0], [3, 5], compare=1, select=1, clamp=1,
    ),
    "iota": simple(
        "%a = stablehlo.iota dim = 1 : tensor<4x5xf32>\n"
        "%g = stablehlo.add %a, %0 : tensor<4x5xf32>",
        ["4x5xf32"], "4x5xf32", [1, 2], [3, 5], iota=1,
    ),
    "pad": simple(
        ZERO + "%g = stablehlo.pad %0, %z, low = [1, 2], high = [2, 0], interior = [0, 0]"
        " : (tensor<4x5xf32>, tensor<f32>) -> tensor<7x7xf32>",
        ["4x5xf32"], "7x7xf32", [3, 1], [7, 4], pad=1, slice=1,
    ),
    "concatenate, across": simple(
        "%g = stablehlo.concatenate %0, %1, dim = 0"
        " : (tensor<2x5xf32>, tensor<3x5xf32>) -> tensor<5x5xf32>",
        ["2x5xf32", "3x5xf32"], "5x5xf32", [0, 1], [5, 3], concatenate=1, slice=2,
    ),
    "concatenate, along": simple(
        "%a = stablehlo.concatenate %0, %1, dim = 0"
        " : (tensor<2x5xf32>, tensor<3x5xf32>) -> tensor<5x5xf32>\n"
        "%g = stablehlo.negate %a : tensor<5x5xf32>",
        ["2x5xf32", "3x5xf32"], "5x5xf32", [1, 1], [4, 5], concatenate=1, slice=2,
    ),
    "concatenate, one operand": simple(
        "%g = stablehlo.concatenate %0, %1, dim = 0"
        " : (tensor<2x5xf32>, tensor<3x5xf32>) -> tensor<5x5xf32>",
        ["2x5xf32", "3x5xf32"], "5x5xf32", [3, 1], [5, 4], concatenate=0, slice=1,
    ),
    "slice": simple(
        "%n = stablehlo.negate %0 : tensor<6x6xf32>\n"
        "%g = stablehlo.slice %n [1:5, 2:6] : (tensor<6x6xf32>) -> tensor<4x4xf32>",
        ["6x6xf32"], "4x4xf32", [1, 0], [3, 4], negate=1,
    ),
    "reverse": simple(
        "%g = stablehlo.reverse %0, dims = [1] : tensor<4x5xf32>",
        ["4x5xf32"], "4x5xf32", [1, 1], [3, 3], reverse=1, slice=1,
    ),
    "reduce_window": simple(
        ZERO + '%g = "stablehlo.reduce_window"(%0, %z) ({\n'
        "^bb0(%p: tensor<f32>, %q: tensor<f32>):\n"
        "  %s = stablehlo.add %p, %q : tensor<f32>\n"
        "  stablehlo.return %s : tensor<f32>\n"
        "}) {window_dimensions = array<i64: 2, 1>, window_strides = array<i64: 2, 1>,"
        " padding = dense<0> : tensor<2x2xi64>}"
        " : (tensor<4x6xf32>, tensor<f32>) -> tensor<2x6xf32>",
        ["4x6xf32"], "2x6xf32", [0, 1], [2, 3], reduce_window=1, slice=1,
    ),
    "max_pool_gradient": Case(
        ["2x5x5x6xf32"],
        '%p = "stablehlo.slice"(%0) {start_indices = array<i64: 0, 0, 0, 0>,'
        " limit_indices = array<i64: 2, 5, 5, 6>, strides = array<i64: 1, 2, 2, 1>}"
        " : (tensor<2x5x5x6xf32>) -> tensor<2x3x3x6xf32>\n"
        '%g = "pock.max_pool_gradient"(%0, %p, %p) {window_dimensions = array<i64: 1, 1, 1, 1>,'
        " window_strides = array<i64: 1, 2, 2, 1>, padding_low = array<i64: 0, 0, 0, 0>,"
        " padding_high = array<i64: 0, 0, 0, 0>} : (tensor<2x5x5x6xf32>, tensor<2x3x3x6xf32>,"
        " tensor<2x3x3x6xf32>) -> tensor<2x5x5x6xf32>",
        "2x5x5x6xf32", [0, 0, 0, 2], [1, 5, 5, 4], {"pock.max_pool_gradient": 1},
    ),
    "kernel gradient, input channels": conv_kernel(1, 6, 4, 1, 3, axis=2),
    "kernel gradient, output channels": conv_kernel(1, 6, 4, 1, 3, axis=3),
    "kernel gradient, whole groups": conv_kernel(3, 6, 12, 4, 12, axis=3),
    "kernel gradient, within a group": conv_kernel(3, 6, 12, 5, 7, axis=3),
    "kernel gradient, depthwise": conv_kernel(6, 6, 6, 2, 5, axis=3),
    "input gradient, channels": conv_input(1, 6, 4, 1, 3),
    "input gradient, whole groups": conv_input(3, 6, 12, 2, 6),
    "input gradient, within a group": conv_input(2, 6, 4, 4, 5),
    "input gradient, depthwise": conv_input(6, 6, 6, 2, 5),
}  # fmt: skip


def module_text(case: Case) -> str:
    arguments = ", ".join(f"%{i}: tensor<{type_}>" for i, type_ in enumerate(case.arguments))
    ranges = ", ".join(f"{a}:{b}" for a, b in zip(case.low, case.high, strict=True))
    sizes = [b - a for a, b in zip(case.low, case.high, strict=True)]
    part = "x".join([*map(str, sizes), case.gradient.split("x")[-1]])
    offsets = ", ".join(map(str, case.low))
    return f"""
    "pock.parameter"() {{sym_name = "w", kind = "weight",
      type = tensor<{case.gradient}>}} : () -> ()
    func.func @train_step({arguments}) -> tensor<f32> {{
      {case.ops}
      %part = stablehlo.slice %g [{ranges}] : (tensor<{case.gradient}>) -> tensor<{part}>
      "pock.update"(%part) {{parameter = @w, offsets = array<i64: {offsets}>,
        sizes = array<i64: {", ".join(map(str, sizes))}>}} : (tensor<{part}>) -> ()
      %loss = stablehlo.constant dense<0.0> : tensor<f32>
      return %loss : tensor<f32>
    }}
    """


def inputs(case: Case) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    shapes = [[int(n) for n in type_.split("x")[:-1]] for type_ in case.arguments]
    return [random.standard_normal(shape).astype(np.float32) for shape in shapes]


def narrowed(module: Module) -> None:
    with module.context, Location.unknown():
        NarrowGradients().run(module)
        assert module.operation.verify()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rule(case: Case) -> None:
    module = Module.parse(module_text(case), make_context())
    (expected,) = Interpreter(module)({}, *inputs(case)).updates
    narrowed(module)
    (actual,) = Interpreter(module)({}, *inputs(case)).updates
    np.testing.assert_allclose(actual.value, expected.value, rtol=1e-5, atol=1e-5)
    text = str(module)
    counts = {name: len(re.findall(rf"{name}\b", text)) for name in case.left}
    assert counts == case.left
    made = re.sub(r"^.*(parameter|func\.func).*$", "", text, flags=re.MULTILINE)
    assert f"-> tensor<{case.gradient}>" not in made


def test_gradient_that_is_needed_whole_is_computed_once() -> None:
    text = """
    "pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x6xf32>} : () -> ()
    "pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4x6xf32>} : () -> ()
    func.func @train_step(%x: tensor<2x4xf32>, %dy: tensor<2x6xf32>) -> tensor<f32> {
      %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
        : (tensor<2x4xf32>, tensor<2x6xf32>) -> tensor<4x6xf32>
      %part = stablehlo.slice %g [1:3, 0:6] : (tensor<4x6xf32>) -> tensor<2x6xf32>
      "pock.update"(%part) {parameter = @w, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 6>}
        : (tensor<2x6xf32>) -> ()
      "pock.update"(%g) {parameter = @v, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>}
        : (tensor<4x6xf32>) -> ()
      %loss = stablehlo.constant dense<0.0> : tensor<f32>
      return %loss : tensor<f32>
    }
    """
    module = Module.parse(text, make_context())
    narrowed(module)
    assert len(list(named_ops(module, "stablehlo.dot_general"))) == 1


def test_slice_of_an_activation_is_taken_where_it_is_made() -> None:
    text = """
    "pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x6xf32>} : () -> ()
    func.func @train_step(%a: tensor<2x4xf32>, %dy: tensor<2x6xf32>) -> tensor<f32> {
      %x = stablehlo.tanh %a : tensor<2x4xf32>
      %zero = stablehlo.constant dense<0.0> : tensor<f32>
      %loss = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0, 1]
        : (tensor<2x4xf32>, tensor<f32>) -> tensor<f32>
      %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
        : (tensor<2x4xf32>, tensor<2x6xf32>) -> tensor<4x6xf32>
      %part = stablehlo.slice %g [1:3, 0:6] : (tensor<4x6xf32>) -> tensor<2x6xf32>
      "pock.update"(%part) {parameter = @w, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 6>}
        : (tensor<2x6xf32>) -> ()
      return %loss : tensor<f32>
    }
    """
    module = Module.parse(text, make_context())
    narrowed(module)
    tanh, piece = named_ops(module, "stablehlo.tanh", "stablehlo.slice")
    assert piece.operation.operands[0] == tanh.operation.results[0]
    assert list(tanh.operation.block).index(piece) == 1
