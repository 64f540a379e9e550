"""Measuring forms: what is wrong or cannot be compiled is never chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pock_mlir.backends.iree import measure as measuring
from pock_mlir.backends.iree import subjects
from pock_mlir.backends.iree.compiler import CompilationError
from pock_mlir.backends.iree.measure import compile_forms, measure
from pock_mlir.backends.iree.subjects import reference
from pock_mlir.tuning import PLAIN, Convolution, Form, Product, Tile

TILE = Tile(4, 16, 2)
FORMS = [PLAIN, Form("panels", TILE)]


def test_frozen_operands_are_arranged_before() -> None:
    product = Product(8, 32, 6, rhs_frozen=True)
    forms = [*FORMS, Form("panels", Tile(4, 8, 2)), Form("tiled", TILE)]
    (compiled,), failed = compile_forms(product, forms)
    assert not failed
    shapes = sorted(value.shape for value in compiled.values.values())
    assert shapes == [(2, 6, 16), (4, 6, 8), (6, 32), (6, 32)]
    found = measuring.time_forms(product, [compiled], {}, seconds=0.001)
    assert set(found.times) == set(forms)
    assert not found.failed
    assert all(0 < time < 1e9 for time in found.times.values())


def test_wrong_numbers_are_recorded_and_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = subjects.build_product

    def transposed(b, lhs, rhs, product, form):
        y = right(b, lhs, rhs, product, form)
        return b.add(y, y) if form.kind == "panels" else y

    monkeypatch.setattr(subjects, "build_product", transposed)
    found = measure(Product(8, 16, 6), [*FORMS, Form("tiled", TILE)], seconds=0.001)
    assert found.failed == {FORMS[1]: "wrong by 1.0e+00"}
    assert set(found.times) == {PLAIN, Form("tiled", TILE)}
    assert found.best != FORMS[1]


def test_what_cannot_be_compiled_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    right = measuring.compile_module

    def refuse(text, target):
        if "compilation_info" in text:
            raise CompilationError("iree-compile failed:\nm.mlir:1:2: error: no such tile")
        return right(text, target)

    monkeypatch.setattr(measuring, "compile_module", refuse)
    found = measure(Product(8, 16, 6), FORMS, seconds=0.001)
    assert found.failed == {FORMS[1]: "no such tile"}
    assert found.best == PLAIN


@pytest.mark.parametrize("text", ["f32 2*8x16x6 mk kn", "f32 8x16x6 km nk"])
def test_the_reference(text: str) -> None:
    product = Product.parse(text)
    random = np.random.default_rng(0)
    lhs, rhs = (random.standard_normal(s) for s in (product.lhs_shape, product.rhs_shape))
    letters = ("mk" if product.lhs_rows_first else "km", "kn" if product.rhs_columns_last else "nk")
    expected = np.einsum(f"...{letters[0]},...{letters[1]}->...mn", lhs, rhs)
    np.testing.assert_allclose(reference(product, lhs, rhs), expected, rtol=1e-12)


@pytest.mark.parametrize("low", [(1, 0), (-1, 0), (1, -2)])
def test_a_convolution_is_pytorchs(low: tuple[int, int]) -> None:
    top, left = low
    text = f"f32 2x9x8x3 * 3x2x3x4 by 2x1 pad {top}x{left} 2x1 spread 2x3"
    convolution = Convolution.parse(text)
    random = np.random.default_rng(0)
    image, kernel = (random.standard_normal(s) for s in (convolution.image, convolution.kernel))
    sides = (left, 1, top, 2)
    padded = torch.nn.functional.pad(torch.from_numpy(image.transpose(0, 3, 1, 2)), sides)
    weights = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    expected = torch.nn.functional.conv2d(padded, weights, stride=(2, 1), dilation=(2, 3))
    found = reference(convolution, image, kernel)
    assert found.shape == convolution.output
    np.testing.assert_allclose(found, expected.permute(0, 2, 3, 1), rtol=1e-10)


def test_the_slow_are_left_out_early(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"fast": 0, "slow": 0}
    now = 0.0

    def run(name: str, seconds: float):
        def call() -> None:
            nonlocal now
            calls[name] += 1
            now += seconds

        return call

    fast, slow = FORMS
    runs = {fast: run("fast", 1e-3), slow: run("slow", 5e-3)}
    monkeypatch.setattr(measuring.time, "thread_time", lambda: now)
    times = measuring._interleaved(runs, 0.0)
    assert times == {fast: pytest.approx(1e6), slow: pytest.approx(5e6)}
    assert calls["slow"] == 3 < calls["fast"]
