"""Winograd's convolutions: PyTorch's numbers, and kernels that copy nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.backends import host
from pock_mlir.backends.iree.compiler import allocations, compile_module
from pock_mlir.backends.iree.evaluate import evaluate
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.measure import compile_forms, time_forms
from pock_mlir.backends.iree.subjects import build_module, operands, reference
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.kernels.winograd import transforms
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.tuning import Convolution, Form, Tuning, candidates, parse_subject, this_machine

SIDES = ("winograd-2", "winograd-4")
CONVOLUTIONS = (
    "f32 2x8x8x16 * 3x3x16x32 by 1x1 pad 1x1 1x1 spread 1x1",
    "f32 1x7x9x12 * 3x3x12x20! by 1x1 pad 1x0 1x2 spread 1x1",
)


@pytest.mark.parametrize("side", [2, 4])
def test_the_matrices_make_a_convolution(side: int) -> None:
    """Along one dimension: A^T ((G g) * (B^T d)) is d convolved with g."""
    t = transforms(side)
    random = np.random.default_rng(0)
    d, g = random.standard_normal(side + 2), random.standard_normal(3)
    expected = np.convolve(d, g[::-1], mode="valid")
    np.testing.assert_allclose(t.output @ ((t.kernel @ g) * (t.image @ d)), expected, atol=1e-6)


@pytest.mark.parametrize("form", SIDES)
@pytest.mark.parametrize("text", CONVOLUTIONS)
@pytest.mark.parametrize("width", [8, 16, 0])
def test_the_numbers(text: str, form: str, width: int) -> None:
    subject = parse_subject(text)
    assert isinstance(subject, Convolution)
    with make_context(), Location.unknown():
        module, values = build_module(subject, [Form(form)], Tuning.load("x86-64-avx2"))
        PockToIree(vector_width=width).run(module)
        compiled = compile_module(str(module), TARGETS["cpu"])
    if width:
        assert allocations(compiled, "form0").copies == 0
    given = operands(subject)
    expected = reference(subject, given["lhs"], given["rhs"])
    arguments = [given["lhs"]] if subject.frozen else list(given.values())
    device = DeviceModule(compiled.vmfb, values, {}, open_device("local-sync"), "local-sync")
    (y,) = device.call("form0", *arguments)
    np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_a_frozen_kernel_is_transformed_before() -> None:
    subject = parse_subject(CONVOLUTIONS[1])
    with make_context(), Location.unknown():
        module, values = build_module(subject, [Form("winograd-4")], Tuning.load("x86-64-avx2"))
        assert "pock.winograd_kernel" not in str(module)
    assert [value.size for value in values.values()] == [36 * 12 * 20]


def test_forms_of_a_convolution_are_measured() -> None:
    subject = parse_subject(CONVOLUTIONS[0])
    forms = candidates(subject, this_machine())
    compiled, failed = compile_forms(subject, forms)
    found = time_forms(subject, compiled, failed, seconds=0.001)
    assert set(found.times) == set(forms) >= {Form(kind) for kind in SIDES}
    assert not found.failed


def test_a_frozen_kernel_of_a_backward_is_computed_by_numpy_as_by_iree() -> None:
    """Reversed, transposed, transformed: what `fold-frozen` leaves to `@fold`."""
    text = """
      "pock.parameter"() {sym_name = "w", kind = "buffer", type = tensor<3x3x4x6xf32>} : () -> ()
      func.func @fold() -> tensor<36x6x4xf32> {
        %w = "pock.read"() {parameter = @w} : () -> tensor<3x3x4x6xf32>
        %r = stablehlo.reverse %w, dims = [0, 1] : tensor<3x3x4x6xf32>
        %t = stablehlo.transpose %r, dims = [0, 1, 3, 2]
          : (tensor<3x3x4x6xf32>) -> tensor<3x3x6x4xf32>
        %u = "pock.winograd_kernel"(%t) {side = 4 : i64}
          : (tensor<3x3x6x4xf32>) -> tensor<36x6x4xf32>
        return %u : tensor<36x6x4xf32>
      }"""
    values = {"w": np.random.default_rng(0).standard_normal((3, 3, 4, 6), np.float32)}
    with make_context(), Location.unknown():
        found = host.evaluate(Module.parse(text), "fold", values)
        (expected,) = evaluate(Module.parse(text), "fold", values)
    assert found is not None
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
