"""The kernels of depthwise convolutions' gradients: PyTorch's numbers, in few dispatches."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from pock_mlir.backends.iree.compiler import CompiledModule, allocations, compile_module
from pock_mlir.backends.iree.contraction import vector_length
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.lower_pock import LowerPock
from pock_mlir.runtime.device import DeviceModule, open_device

CASES = {
    # image, window, strides, dilations, padding before, padding behind
    "3x3": ([2, 8, 8, 16], [3, 3], [1, 1], [1, 1], [1, 1], [1, 1]),
    "one-image": ([1, 6, 4, 12], [3, 3], [1, 1], [1, 1], [1, 1], [1, 1]),
    "stride": ([2, 8, 12, 8], [3, 3], [2, 2], [1, 1], [1, 1], [1, 1]),
    "stride-of-tensorflow": ([2, 8, 8, 8], [3, 3], [2, 2], [1, 1], [0, 0], [1, 1]),
    "5x5-stride": ([3, 12, 8, 8], [5, 5], [2, 2], [1, 1], [2, 2], [2, 2]),
    "7x7": ([1, 10, 10, 8], [7, 7], [1, 1], [1, 1], [3, 3], [3, 3]),
    "dilated": ([1, 9, 10, 8], [3, 2], [1, 1], [2, 1], [2, 0], [2, 1]),
    "unpadded": ([2, 9, 12, 8], [3, 3], [3, 2], [1, 1], [0, 0], [0, 0]),
    "few-channels": ([2, 6, 6, 5], [3, 3], [1, 1], [1, 1], [1, 1], [1, 1]),
}
FALLBACKS = {
    "less-than-the-stride": ([1, 8, 8, 8], [1, 1], [2, 2], [1, 1], [0, 0], [0, 0]),
    "odd-width": ([2, 7, 7, 8], [3, 3], [1, 1], [1, 1], [1, 1], [1, 1]),
    "many-taps": ([1, 10, 10, 8], [9, 7], [1, 1], [1, 1], [4, 3], [4, 3]),
    "not-divided": ([2, 7, 7, 8], [3, 3], [2, 2], [1, 1], [1, 1], [1, 1]),
}
ALL = CASES | FALLBACKS


def arrays(case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Image, kernel, dy, and the gradients of image and kernel by PyTorch, in double precision."""
    image, window, strides, dilations, low, high = ALL[case]
    random = np.random.default_rng(0)
    x, w = random.standard_normal(image), random.standard_normal([*window, 1, image[-1]])
    tx = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    tw = torch.tensor(w).permute(3, 2, 0, 1).requires_grad_()
    padded = torch.nn.functional.pad(tx, (low[1], high[1], low[0], high[0]))
    groups = image[-1]
    y = torch.nn.functional.conv2d(padded, tw, stride=strides, dilation=dilations, groups=groups)
    dy = torch.tensor(random.standard_normal(y.shape))
    dx, dw = torch.autograd.grad(y, (tx, tw), dy)
    last = (0, 2, 3, 1)
    dw = dw.permute(2, 3, 1, 0).numpy()
    return x, w, dy.permute(last).numpy(), dx.permute(last).numpy(), dw


def module_of(case: str) -> str:
    x, w, dy, *_ = arrays(case)
    _, _, strides, dilations, low, high = ALL[case]
    image, kernel, gradient = (f"tensor<{'x'.join(map(str, a.shape))}xf32>" for a in (x, w, dy))
    named = {
        "strides": strides,
        "dilations": dilations,
        "padding_low": low,
        "padding_high": high,
    }
    attributes = ", ".join(f"{k} = array<i64: {str(v)[1:-1]}>" for k, v in named.items())
    attributes = f"{{{attributes}, groups = {x.shape[-1]} : i64}}"
    return f"""
      func.func @by_image(%dy: {gradient}, %w: {kernel}) -> {image} {{
        %y = "pock.conv_input_gradient"(%dy, %w) {attributes} : ({gradient}, {kernel}) -> {image}
        return %y : {image}
      }}
      func.func @by_kernel(%x: {image}, %dy: {gradient}) -> {kernel} {{
        %y = "pock.conv_kernel_gradient"(%x, %dy) {attributes} : ({image}, {gradient}) -> {kernel}
        return %y : {kernel}
      }}"""


def compiled(case: str, *, tiles: bool = True, width: int = 8) -> CompiledModule:
    with make_context(), Location.unknown():
        module = Module.parse(module_of(case))
        LowerPock(keep="depthwise").run(module)
        assert str(module).count('"pock.conv_') == 2
        PockToIree(tiles=tiles, vector_width=width).run(module)
        return compile_module(str(module), TARGETS["cpu"])


def check(case: str, made: CompiledModule) -> None:
    x, w, dy, dx, dw = arrays(case)
    device = DeviceModule(made.vmfb, {}, {}, open_device("local-sync"), "local-sync")
    x, w, dy = (np.ascontiguousarray(a, np.float32) for a in (x, w, dy))
    for name, given, expected in (("by_image", (dy, w), dx), ("by_kernel", (x, dy), dw)):
        (y,) = device.call(name, *given)
        np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_pytorchs(case: str) -> None:
    made = compiled(case)
    check(case, made)
    by_image, by_kernel = (allocations(made, name) for name in ("by_image", "by_kernel"))
    assert by_image.copies == by_kernel.copies == 0
    assert by_image.dispatches <= 2, "padding dy, and the kernel"
    taps = np.prod(ALL[case][1])
    assert by_kernel.dispatches <= 2 + -(-taps // 12), "padding, kernels of 12 taps, the sum"


@pytest.mark.parametrize("width", [8, 16])
def test_vectors_are_as_long_as_the_machines(width: int) -> None:
    with make_context(), Location.unknown():
        module = Module.parse(module_of("3x3"))
        PockToIree(vector_width=width).run(module)
    by_image = re.findall(r"vector_common_parallel = \[1, 1, \d+, (\d+)\]", str(module))
    by_kernel = re.findall(r"vector_common_parallel = \[1, (\d+), 0, 0\]", str(module))
    assert {*by_image, *by_kernel} == {str(width)} and by_image and by_kernel
    check("3x3", compiled("3x3", width=width))


def test_vectors_that_do_not_divide_the_channels_are_halved() -> None:
    lengths = {channels: vector_length(channels, 16) for channels in (32, 24, 120, 36, 10)}
    assert lengths == {32: 16, 24: 8, 120: 8, 36: 4, 10: 10}


@pytest.mark.parametrize("case", FALLBACKS)
def test_what_has_no_kernel_is_lowered_as_elsewhere(case: str) -> None:
    check(case, compiled(case))


@pytest.mark.parametrize("case", ["3x3", "stride"])
def test_the_bounds_of_an_activation_are_applied_in_the_kernel(case: str) -> None:
    x, w, dy, dx, _ = arrays(case)
    shapes = {
        "IMAGE": f"tensor<{'x'.join(map(str, x.shape))}xf32>",
        "FLAT": f"tensor<{x.size}xf32>",
        "BOOLS": f"tensor<{x.size}xi1>",
    }
    behind = """
        %f = stablehlo.reshape %y : (IMAGE) -> FLAT
        %zero = stablehlo.constant dense<0.0> : FLAT
        %half = stablehlo.constant dense<0.5> : FLAT
        %p = stablehlo.compare GT, %z, %zero, FLOAT : (FLAT, FLAT) -> BOOLS
        %q = stablehlo.compare LT, %z, %half, FLOAT : (FLAT, FLAT) -> BOOLS
        %a = stablehlo.select %q, %f, %zero : BOOLS, FLAT
        %r = stablehlo.select %p, %a, %zero : BOOLS, FLAT
        return %r : FLAT"""
    for name, type_ in shapes.items():
        behind = behind.replace(name, type_)
    image, flat = shapes["IMAGE"], shapes["FLAT"]
    text = module_of(case).split("func.func @by_kernel")[0]
    text = text.replace(f"return %y : {image}", behind)
    text = text.replace(f") -> {image} {{\n", f", %z: {flat}) -> {flat} {{\n", 1)
    with make_context(), Location.unknown():
        module = Module.parse(text)
        PockToIree().run(module)
        made = compile_module(str(module), TARGETS["cpu"])
    assert allocations(made, "by_image").dispatches <= 2, "padding dy, and the kernel"
    device = DeviceModule(made.vmfb, {}, {}, open_device("local-sync"), "local-sync")
    z = np.random.default_rng(1).standard_normal(x.size).astype(np.float32)
    (r,) = device.call("by_image", *(np.ascontiguousarray(a, np.float32) for a in (dy, w)), z)
    expected = np.where((z > 0) & (z < 0.5), np.ravel(dx), 0)
    np.testing.assert_allclose(r, expected, atol=1e-5 * np.abs(dx).max())


def test_without_tiles() -> None:
    with make_context(), Location.unknown():
        for tiles, kernels in ((True, 2), (False, 0)):
            module = Module.parse(module_of("stride"))
            PockToIree(tiles=tiles).run(module)
            assert str(module).count('"flow.dispatch.workgroups"') == kernels
    check("stride", compiled("stride", tiles=False))
