"""Convolutions and long contractions as sums of products: PyTorch's numbers, and no copies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from pock_mlir.backends.iree.compiler import allocations, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.choose_kernels import ChooseKernels
from pock_mlir.passes.kernels.contraction import tile_of
from pock_mlir.rewriting import named_ops
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.tuning import MACHINES, Convolution, Database, Measured, candidates

RNG = np.random.default_rng(0)
CASES = {
    # image, kernel, strides, padding before, padding after, dilations
    "row-of-7": ([2, 4, 7, 8], [3, 3, 8, 16], [1, 1], [1, 1], [1, 1], [1, 1]),
    "strided-row-of-7": ([1, 4, 13, 8], [1, 3, 8, 32], [1, 2], [0, 1], [0, 1], [1, 1]),
    "plain": ([2, 8, 8, 8], [3, 3, 8, 16], [1, 1], [1, 1], [1, 1], [1, 1]),
    "stride": ([2, 8, 12, 8], [3, 3, 8, 16], [2, 2], [0, 1], [1, 1], [1, 1]),
    "1x1-stride": ([1, 8, 8, 12], [1, 1, 12, 32], [2, 2], [0, 0], [0, 0], [1, 1]),
    "dilated": ([1, 9, 9, 8], [3, 2, 8, 48], [1, 1], [2, 0], [2, 2], [2, 1]),
    "odd-channels": ([1, 6, 6, 9], [2, 2, 9, 24], [1, 1], [0, 0], [1, 1], [1, 1]),
    "streams": ([1, 6, 6, 16], [3, 3, 16, 32], [1, 1], [0, 0], [0, 0], [1, 1]),
    "streams-row-of-7": ([1, 7, 7, 16], [2, 3, 16, 64], [1, 1], [0, 1], [1, 1], [1, 1]),
    "streams-stride": ([1, 8, 12, 12], [3, 3, 12, 32], [2, 2], [0, 1], [1, 1], [1, 1]),
    "1d": ([3, 20, 8], [5, 8, 16], [2], [2], [2], [1]),
}


def convolution(case: str) -> str:
    """A module with one convolution."""
    image, kernel, strides, low, high, dilations = CASES[case]
    space = ", ".join(str(i) for i in range(len(strides)))
    x, w = type_of(image), type_of(kernel)
    y = type_of(list(reference(case, np.zeros(image), np.zeros(kernel)).shape))
    padding = [list(pair) for pair in zip(low, high, strict=True)]
    return f"""
      func.func @f(%x: {x}, %w: {w}) -> {y} {{
        %y = stablehlo.convolution(%x, %w)
          dim_numbers = [b, {space}, f]x[{space}, i, o]->[b, {space}, f],
          window = {{stride = {strides}, pad = {padding}, rhs_dilate = {dilations}}}
          {{batch_group_count = 1 : i64, feature_group_count = 1 : i64}} : ({x}, {w}) -> {y}
        return %y : {y}
      }}"""


def type_of(shape: list[int]) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def database(case: str, path: Path, kind: str = "") -> str:
    """A file of measurements by which the case is a sum of products, of the kind that it names."""
    image, kernel, strides, low, high, spread = map(tuple, CASES[case])
    subject = Convolution(image, kernel, strides, low, high, spread)
    kind = kind or ("streams" if case.startswith("streams") else "taps")
    form = next(f for f in candidates(subject, MACHINES["x86-64-avx2"]) if f.kind == kind)
    Database({"x86-64-avx2": {subject: Measured(form, {form: 1.0})}}).save(path / "t.toml")
    return str(path / "t.toml")


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_pytorchs(case: str, tmp_path: Path):
    image, kernel, *_ = CASES[case]
    x, w = (RNG.standard_normal(extents, np.float32) for extents in (image, kernel))
    y = computed(convolution(case), math.prod(kernel[:-2]), x, w, database(case, tmp_path))
    np.testing.assert_allclose(y, reference(case, x, w), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["plain", "streams", "winograd"])
def test_a_flipped_kernel_is_read_from_its_other_end(case: str, tmp_path: Path):
    """A reverse would be a kernel that fetches each element by its own index."""
    taken = "streams" if case == "winograd" else case
    image, kernel, *_ = CASES[taken]
    x, w = (RNG.standard_normal(extents, np.float32) for extents in (image, kernel))
    w_type = type_of(kernel)
    text = (
        convolution(taken)
        .replace("%w", "%f", 1)
        .replace("%y = ", f"%w = stablehlo.reverse %f, dims = [0, 1] : {w_type}\n%y = ")
    )
    parts = 1 if case == "winograd" else math.prod(kernel[:-2])
    kind = "winograd-2" if case == "winograd" else ""
    y = computed(text, parts, x, w, database(taken, tmp_path, kind), tiled=not kind)
    expected = reference(taken, x, w[::-1, ::-1].copy())
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_a_long_contraction():
    text = """
      func.func @f(%x: tensor<16x16384xf32>, %w: tensor<16384x32xf32>) -> tensor<16x32xf32> {
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
          : (tensor<16x16384xf32>, tensor<16384x32xf32>) -> tensor<16x32xf32>
        return %y : tensor<16x32xf32>
      }"""
    x, w = (
        RNG.standard_normal((16, 16384), np.float32),
        RNG.standard_normal((16384, 32), np.float32),
    )
    np.testing.assert_allclose(computed(text, 32, x, w), x @ w, rtol=1e-4, atol=1e-2)


def computed(
    text: str,
    parts: int,
    x: np.ndarray,
    w: np.ndarray,
    measured: str = "",
    *,
    tiled: bool = True,
) -> np.ndarray:
    """What `@f` returns, as a sum of so many parts, each in a kernel that reads it in its place."""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        ChooseKernels(minimum=0, target="x86-64-avx2", database=measured).run(module)
        assert not list(named_ops(module, "stablehlo.convolution"))
        tiles = [tile_of(op) for op in named_ops(module, "stablehlo.dot_general")]
        assert len(tiles) == parts and (all(tiles) or not tiled)
        PockToIree().run(module)
        compiled = compile_module(str(module), TARGETS["cpu"])
    memory = allocations(compiled, "f")
    most = parts + 3  # padding, arranging, leaving out what a row was made wider by
    assert memory.copies == 0 and memory.dispatches <= most
    device = open_device("local-sync")
    (y,) = DeviceModule(compiled.vmfb, {}, {}, device, "local-sync").call("f", x, w)
    return y


def reference(case: str, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """By PyTorch, in double precision."""
    _, _, strides, low, high, dilations = CASES[case]
    spatial = len(strides)
    image = torch.from_numpy(np.moveaxis(x, -1, 1)).double()
    sides = [each for pair in zip(low, high, strict=True) for each in pair]
    image = torch.nn.functional.pad(image, list(np.reshape(sides, (-1, 2))[::-1].flatten()))
    kernel = torch.from_numpy(np.moveaxis(w, (-1, -2), (0, 1)).copy()).double()
    compute = torch.nn.functional.conv1d if spatial == 1 else torch.nn.functional.conv2d
    y = compute(image, kernel, stride=strides, dilation=dilations)
    return np.moveaxis(y.numpy(), 1, -1)


def test_without_tiles_it_is_left_to_iree(tmp_path: Path):
    image, kernel, *_ = CASES["stride"]
    measured = database("stride", tmp_path)
    with make_context(), Location.unknown():
        module = Module.parse(convolution("stride"))
        ChooseKernels(minimum=0, target="x86-64-avx2", database=measured).run(module)
        PockToIree(tiles=False).run(module)
        compiled = compile_module(str(module), TARGETS["cpu"])
    x, w = (RNG.standard_normal(extents, np.float32) for extents in (image, kernel))
    device = open_device("local-sync")
    (y,) = DeviceModule(compiled.vmfb, {}, {}, device, "local-sync").call("f", x, w)
    np.testing.assert_allclose(y, reference("stride", x, w), rtol=1e-4, atol=1e-4)
