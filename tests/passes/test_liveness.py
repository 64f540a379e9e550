"""Which tensors of a step take memory, and for how long."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module, Value
from pock_mlir.passes.liveness import Kernels, aligned, byte_size
from pock_mlir.rewriting import body, functions

HEADER = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<16x16xf32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<16xf32>} : () -> ()
"""
ROWS = "tensor<16x16xf32>"
KB = 16 * 16 * 4
DOT = f"contracting_dims = [1] x [0] : ({ROWS}, {ROWS}) -> {ROWS}"


@contextmanager
def kernels(ops: str, returned: str = "") -> Iterator[Kernels]:
    """The kernels of a function with arguments %x and %y (1 KB each) and %lr."""
    result = f"-> {ROWS}" if returned else ""
    end = f"return {returned} : {ROWS}" if returned else "return"
    text = f"func.func @f(%x: {ROWS}, %y: {ROWS}, %lr: tensor<f32>) {result} {{ {ops}\n {end} }}"
    with make_context(), Location.unknown():
        module = Module.parse(HEADER + text)
        (function,) = functions(module)
        yield Kernels.of(body(function))


def roots(found: Kernels) -> list[str]:
    return [kernel.root.name for kernel in found.kernels]


@pytest.mark.parametrize(
    ("type_", "size"),
    [
        ("tensor<3x5xf32>", 60),
        ("tensor<f64>", 8),
        ("tensor<9xi1>", 9),
        ("tensor<4xbf16>", 8),
        ("tensor<2xcomplex<f32>>", 16),
        ("tensor<0x7xf32>", 0),
    ],
)
def test_bytes_of_a_tensor(type_: str, size: int) -> None:
    with make_context(), Location.unknown():
        module = Module.parse(f"func.func @f(%x: {type_}) {{ return }}")
        (function,) = functions(module)
        assert byte_size(Value(body(function).arguments[0])) == size


def test_alignment() -> None:
    assert [aligned(size) for size in (0, 1, 64, 65)] == [0, 64, 64, 128]


def test_an_elementwise_chain_is_part_of_the_contraction_before_it() -> None:
    ops = f"""
      %a = stablehlo.dot_general %x, %y, {DOT}
      %b = stablehlo.tanh %a : {ROWS}
      %c = stablehlo.multiply %b, %y : {ROWS}"""
    with kernels(ops, "%c") as found:
        assert roots(found) == ["stablehlo.multiply"]
        assert [op.name for op in found.kernels[0].ops][0] == "stablehlo.dot_general"
        assert found.peak() == KB


def test_what_two_kernels_need_is_materialised() -> None:
    ops = f"""
      %a = stablehlo.tanh %x : {ROWS}
      %b = stablehlo.dot_general %a, %y, {DOT}
      %c = stablehlo.dot_general %a, %b, {DOT}"""
    with kernels(ops, "%c") as found:
        assert roots(found) == ["stablehlo.tanh", "stablehlo.dot_general", "stablehlo.dot_general"]
        a, b, c = found.kernels
        assert a.users == {b, c}
        assert c.inputs == {a, b}
        assert found.profile() == [KB, 2 * KB, 3 * KB]


def test_constants_broadcasts_and_parameters_take_no_memory() -> None:
    ops = f"""
      %zero = stablehlo.constant dense<0.0> : {ROWS}
      %b = "pock.read"() {{parameter = @b}} : () -> tensor<16xf32>
      %rows = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<16xf32>) -> {ROWS}
      %c = stablehlo.maximum %x, %zero : {ROWS}
      %d = stablehlo.add %c, %rows : {ROWS}"""
    with kernels(ops, "%d") as found:
        (only,) = found.kernels
        assert only.reads == {"b"}
        assert found.peak() == KB


def test_an_update_computes_its_own_gradient() -> None:
    ops = f"""
      %g = stablehlo.dot_general %x, %y, {DOT}
      "pock.sgd"(%g, %lr) {{parameter = @w, offsets = array<i64: 0, 0>,
        sizes = array<i64: 16, 16>, weight_decay = 0.0 : f64}} : ({ROWS}, tensor<f32>) -> ()"""
    with kernels(ops) as found:
        (only,) = found.kernels
        assert (only.root.name, only.writes, only.bytes) == ("pock.sgd", {"w"}, 0)
        assert found.peak() == 0


def test_a_gradient_with_another_use_is_materialised() -> None:
    ops = f"""
      %g = stablehlo.dot_general %x, %y, {DOT}
      "pock.sgd"(%g, %lr) {{parameter = @w, offsets = array<i64: 0, 0>,
        sizes = array<i64: 16, 16>, weight_decay = 0.0 : f64}} : ({ROWS}, tensor<f32>) -> ()"""
    with kernels(ops, "%g") as found:
        assert roots(found) == ["stablehlo.dot_general", "pock.sgd"]
        assert found.profile() == [KB, KB]


def test_a_value_dies_with_its_last_reader() -> None:
    ops = f"""
      %a = stablehlo.dot_general %x, %y, {DOT}
      %b = stablehlo.dot_general %a, %y, {DOT}
      %c = stablehlo.dot_general %b, %y, {DOT}
      %d = stablehlo.dot_general %c, %a, {DOT}"""
    with kernels(ops, "%d") as found:
        a, b, c, d = found.kernels
        assert found.profile() == [KB, 2 * KB, 3 * KB, 3 * KB]
        assert found.returned == {d}
        assert a.users == {b, d}
        assert c.inputs == {b}


def test_another_order_has_another_peak() -> None:
    sums = f": ({ROWS}, tensor<f32>) -> tensor<16xf32>"
    reduce = "applies stablehlo.add across dimensions = [0]"
    ops = f"""
      %a = stablehlo.dot_general %x, %y, {DOT}
      %b = stablehlo.dot_general %y, %x, {DOT}
      %c = stablehlo.reduce(%a init: %lr) {reduce} {sums}
      %d = stablehlo.reduce(%b init: %lr) {reduce} {sums}
      %e = stablehlo.add %c, %d : tensor<16xf32>
      %f = stablehlo.broadcast_in_dim %e, dims = [0] : (tensor<16xf32>) -> {ROWS}
      %g = stablehlo.dot_general %f, %x, {DOT}"""
    with kernels(ops, "%g") as found:
        a, b, *rest = found.kernels
        assert found.peak() == 2 * KB + 64
        c = next(kernel for kernel in rest if a in kernel.inputs)
        order = [a, c, b, *(kernel for kernel in rest if kernel is not c)]
        assert found.peak(order) == KB + 2 * 64


def test_a_kernel_has_one_contraction() -> None:
    ops = f"""
      %a = stablehlo.dot_general %x, %y, {DOT}
      %b = stablehlo.dot_general %y, %x, {DOT}
      %c = stablehlo.tanh %b : {ROWS}
      %d = stablehlo.add %a, %c : {ROWS}"""
    with kernels(ops, "%d") as found:
        assert roots(found) == ["stablehlo.dot_general", "stablehlo.add"]
        assert found.profile() == [KB, 2 * KB]


def test_a_contraction_is_materialised_before_a_reduction() -> None:
    ops = f"""
      %a = stablehlo.dot_general %x, %y, {DOT}
      %b = stablehlo.tanh %a : {ROWS}
      %c = stablehlo.reduce(%b init: %lr) applies stablehlo.add across dimensions = [0]
        : ({ROWS}, tensor<f32>) -> tensor<16xf32>
      "pock.sgd"(%c, %lr) {{parameter = @b, offsets = array<i64: 0>, sizes = array<i64: 16>,
        weight_decay = 0.0 : f64}} : (tensor<16xf32>, tensor<f32>) -> ()"""
    with kernels(ops) as found:
        assert roots(found) == ["stablehlo.tanh", "pock.sgd"]
        assert found.profile() == [KB, KB]
