"""The forms of StableHLO's own ops that `lower-pock` lowers, against NumPy, in f64."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import DenseElementsAttr, Location, Module, stablehlo_bindings
from pock_mlir.passes.lower_pock import LowerPock

RANDOM = np.random.default_rng(0)


def _tensor(shape: Sequence[int], element: str = "f64") -> str:
    return f"tensor<{'x'.join(map(str, [*shape, element]))}>"


def _run(text: str, operands: Sequence[np.ndarray]) -> np.ndarray:
    with make_context(), Location.unknown():
        module = Module.parse(text)
        LowerPock(forms="fft:contraction").run(module)
        assert module.operation.verify()
        typed = [DenseElementsAttr.get(operand) for operand in operands]
        return np.array(stablehlo_bindings.eval_module(module, typed)[0])


def _matrix(*batch: int, size: int = 5) -> np.ndarray:
    """Matrices that are positive definite in either triangle."""
    root = RANDOM.standard_normal((*batch, size, size))
    return root @ np.swapaxes(root, -1, -2) + np.eye(size)


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize("lower", [True, False])
def test_cholesky_reads_one_triangle(lower: bool, batch: tuple[int, ...]):
    matrix = _matrix(*batch)
    half = np.tril(matrix) if lower else np.triu(matrix)
    other = 99 * (np.triu(np.ones((5, 5)), 1) if lower else np.tril(np.ones((5, 5)), -1))
    type_ = _tensor(matrix.shape)
    result = _run(
        f"""func.func @main(%a: {type_}) -> {type_} {{
            %y = stablehlo.cholesky %a, lower = {str(lower).lower()} : {type_}
            return %y : {type_}
        }}""",
        [half + other],
    )
    factor = np.linalg.cholesky(matrix)
    expected = factor if lower else np.swapaxes(factor, -1, -2)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


FLAGS = list(itertools.product((True, False), (True, False), (True, False)))


@pytest.mark.parametrize("transposed", ["NO_TRANSPOSE", "TRANSPOSE"])
@pytest.mark.parametrize(("left", "lower", "unit"), FLAGS)
def test_triangular_solve_reads_one_triangle(left: bool, lower: bool, unit: bool, transposed: str):
    a = RANDOM.uniform(0.5, 2, (2, 4, 4))
    c = RANDOM.standard_normal((2, 4, 3) if left else (2, 3, 4))
    known, result = _tensor(a.shape), _tensor(c.shape)
    flags = f"left_side = {left}, lower = {lower}, unit_diagonal = {unit}".lower()
    x = _run(
        f"""func.func @main(%a: {known}, %c: {result}) -> {result} {{
            %y = "stablehlo.triangular_solve"(%a, %c) {{{flags},
                transpose_a = #stablehlo<transpose {transposed}>}}
                : ({known}, {result}) -> {result}
            return %y : {result}
        }}""",
        [a, c],
    )
    matrix = np.tril(a) if lower else np.triu(a)
    if unit:
        matrix = matrix * (1 - np.eye(4)) + np.eye(4)
    if transposed == "TRANSPOSE":
        matrix = np.swapaxes(matrix, -1, -2)
    product = matrix @ x if left else x @ matrix
    np.testing.assert_allclose(product, c, rtol=1e-11, atol=1e-11)


Transform = Callable[[np.ndarray], np.ndarray]
TRANSFORMS: dict[str, tuple[str, list[int], int, Transform]] = {
    "FFT": ("FFT", [6], 6, np.fft.fft),
    "FFT, 2-D": ("FFT", [4, 6], 6, np.fft.fft2),
    "IFFT": ("IFFT", [6], 6, np.fft.ifft),
    "IFFT, 3-D": ("IFFT", [2, 4, 6], 6, np.fft.ifftn),
    "RFFT": ("RFFT", [6], 4, np.fft.rfft),
    "RFFT, 3-D": ("RFFT", [2, 4, 6], 4, np.fft.rfftn),
    "IRFFT, even": ("IRFFT", [10], 10, np.fft.irfft),
    "IRFFT, odd": ("IRFFT", [11], 11, lambda z: np.fft.irfft(z, 11)),
    "IRFFT, 2-D": ("IRFFT", [4, 10], 10, lambda z: np.fft.irfft2(z)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_fourier_transform(name: str):
    kind, lengths, size, transform = TRANSFORMS[name]
    shape = (2, 4, 6)
    re, im = RANDOM.standard_normal((2, *shape))
    real = _tensor(shape)
    source = real if kind == "RFFT" else _tensor(shape, "complex<f64>")
    target = _tensor((2, 4, size), "f64" if kind == "IRFFT" else "complex<f64>")
    size_type = _tensor((2, 4, size))
    z = f"stablehlo.complex %a, %b : {source}" if kind != "RFFT" else f"stablehlo.abs %a : {real}"
    parts = [
        _run(
            f"""func.func @main(%a: {real}, %b: {real}) -> {size_type} {{
                %z = {z}
                %w = stablehlo.fft %z, type = {kind}, length = {lengths} : ({source}) -> {target}
                %y = "stablehlo.{part}"(%w) : ({target}) -> {size_type}
                return %y : {size_type}
            }}""",
            [re, im],
        )
        for part in ("real", "imag")
    ]
    expected = transform(np.abs(re) if kind == "RFFT" else re + 1j * im)
    np.testing.assert_allclose(parts[0] + 1j * parts[1], expected, rtol=1e-12, atol=1e-12)
