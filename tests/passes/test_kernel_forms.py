"""Every form of every backward op against PyTorch's own derivative, in f64.

A geometry is computed in every form that is legal for it; a form that no geometry is legal for
fails the last test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pock_mlir.dialects import make_context
from pock_mlir.ir import DenseElementsAttr, Location, Module, stablehlo_bindings
from pock_mlir.passes.kernels import FORMS
from pock_mlir.passes.lower_pock import LowerPock
from pock_mlir.rewriting import body, functions
from tests.support.random_masks import random_mask

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Conv:
    """A convolution in any number of spatial dimensions."""

    image: Sequence[int]  # spatial
    kernel: Sequence[int]  # spatial
    channels: tuple[int, int]
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int] = (0, 0)  # before, after, in every dimension
    groups: int = 1


CONVS = {
    "pointwise": Conv([5, 4], [1, 1], (4, 6)),
    "pointwise, stride": Conv([5, 4], [1, 1], (4, 6), stride=2),
    "pointwise, padding": Conv([4, 4], [1, 1], (4, 6), padding=(1, 0)),
    "dense": Conv([5, 5], [3, 3], (4, 6), padding=(1, 1)),
    "dense, stride, SAME": Conv([6, 6], [3, 3], (3, 6), stride=2, padding=(0, 1)),
    "dense, stride, unused border": Conv([6, 6], [3, 3], (3, 4), stride=2),
    "dense, dilation": Conv([7, 7], [3, 3], (3, 4), dilation=2, padding=(2, 1)),
    "dense, even kernel": Conv([5, 5], [2, 4], (3, 4), padding=(1, 2)),
    "dense, taps that meet nothing": Conv([1, 2], [3, 3], (2, 3), padding=(1, 1)),
    "dense, 1-D": Conv([8], [3], (3, 4), stride=2, padding=(1, 1)),
    "dense, 3-D": Conv([3, 4, 3], [2, 3, 2], (2, 3), padding=(1, 0)),
    "depthwise 3x3": Conv([5, 5], [3, 3], (4, 4), padding=(1, 1), groups=4),
    "depthwise 3x3, stride": Conv([6, 6], [3, 3], (4, 4), stride=2, padding=(0, 1), groups=4),
    "depthwise 5x5": Conv([6, 6], [5, 5], (4, 4), padding=(2, 2), groups=4),
    "depthwise 5x5, stride": Conv([8, 8], [5, 5], (4, 4), stride=2, padding=(1, 2), groups=4),
    "depthwise 3x5, unused border": Conv([6, 8], [3, 5], (4, 4), stride=2, groups=4),
    "depthwise, dilation": Conv([9, 9], [3, 5], (4, 4), dilation=2, padding=(2, 2), groups=4),
    "depthwise, 1-D": Conv([8], [5], (4, 4), padding=(2, 2), groups=4),
    "depthwise, one channel": Conv([5, 5], [3, 3], (1, 1), padding=(1, 1), groups=1),
    "grouped": Conv([5, 5], [3, 3], (6, 4), stride=2, padding=(1, 1), groups=2),
    "grouped, multiplier": Conv([5, 5], [3, 3], (3, 6), padding=(1, 1), groups=3),
    "grouped, pointwise": Conv([4, 4], [1, 1], (4, 6), groups=2),
}


@dataclass(frozen=True)
class Pool:
    """A max-pool of two dimensions."""

    image: Sequence[int]
    window: int
    stride: int
    padding: tuple[int, int] = (0, 0)  # before, after
    ties: bool = False


POOLS = {
    "apart": Pool([6, 6], 2, 2),
    "gaps": Pool([7, 7], 2, 3),
    "overlapping": Pool([7, 7], 3, 2, (1, 1)),
    "overlapping, unused border": Pool([6, 6], 3, 2, (1, 0)),
    "overlapping, stride 1": Pool([5, 5], 3, 1, (1, 1)),
    "equal maxima": Pool([6, 6], 3, 2, (1, 1), ties=True),
}

LOGITS = {"small": 1.0, "of which exp overflows": 2000.0}


@dataclass(frozen=True)
class Case:
    """An op with its operands and what its result must be."""

    text: str
    operands: list[np.ndarray]
    expected: np.ndarray


def tensor(array: np.ndarray) -> str:
    element = "i32" if array.dtype == np.int32 else "f64"
    return f"tensor<{'x'.join(map(str, [*array.shape, element]))}>"


def case(op: str, operands: Sequence[Any], attributes: str, expected: Any) -> Case:
    arrays = [np.array(operand, order="C") for operand in operands]
    result = np.array(expected, order="C")
    arguments = ", ".join(f"%{i}: {tensor(array)}" for i, array in enumerate(arrays))
    names = ", ".join(f"%{i}" for i in range(len(arrays)))
    types = ", ".join(tensor(array) for array in arrays)
    text = (
        f"func.func @main({arguments}) -> {tensor(result)} {{\n"
        f'  %r = "{op}"({names}) {{{attributes}}} : ({types}) -> {tensor(result)}\n'
        f"  return %r : {tensor(result)}\n}}"
    )
    return Case(text, arrays, result)


def i64s(name: str, values: Sequence[int]) -> str:
    return f"{name} = array<i64: {', '.join(map(str, values))}>"


def channels_last(x: torch.Tensor) -> np.ndarray:
    return x.detach().movedim(1, -1).numpy()


def stored_kernel(w: torch.Tensor) -> np.ndarray:
    """[O, I, spatial...] -> [spatial..., I, O]"""
    return w.detach().movedim((0, 1), (-1, -2)).numpy()


@cache
def conv_cases(name: str) -> dict[str, Case]:
    g = CONVS[name]
    spatial = len(g.kernel)
    inputs, outputs = g.channels
    x = torch.tensor(RNG.standard_normal([2, inputs, *g.image]), requires_grad=True)
    w = torch.tensor(
        RNG.standard_normal([outputs, inputs // g.groups, *g.kernel]), requires_grad=True
    )
    convolve = [F.conv1d, F.conv2d, F.conv3d][spatial - 1]
    padded = F.pad(x, g.padding * spatial)
    y = convolve(padded, w, stride=g.stride, dilation=g.dilation, groups=g.groups)
    dy = torch.tensor(RNG.standard_normal(y.shape))
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    low, high = g.padding
    attributes = ", ".join(
        [
            i64s("strides", [g.stride] * spatial),
            i64s("dilations", [g.dilation] * spatial),
            i64s("padding_low", [low] * spatial),
            i64s("padding_high", [high] * spatial),
            f"groups = {g.groups} : i64",
        ]
    )
    image, kernel, gradient = channels_last(x), stored_kernel(w), channels_last(dy)
    by_input = ["pock.conv_input_gradient", [gradient, kernel], attributes, channels_last(dx)]
    by_kernel = ["pock.conv_kernel_gradient", [image, gradient], attributes, stored_kernel(dw)]
    return {"input": case(*by_input), "kernel": case(*by_kernel)}


@cache
def pool_case(name: str) -> Case:
    g = POOLS[name]
    values = RNG.standard_normal([2, 3, *g.image])
    if g.ties:
        values = RNG.integers(0, 2, [2, 3, *g.image]).astype(float)
    x = torch.tensor(values, requires_grad=True)
    low, high = g.padding
    y = F.max_pool2d(F.pad(x, (low, high) * 2, value=-torch.inf), g.window, g.stride)
    dy = torch.tensor(RNG.standard_normal(y.shape))
    (dx,) = torch.autograd.grad(y, x, dy)
    attributes = ", ".join(
        [
            i64s("window_dimensions", [1, g.window, g.window, 1]),
            i64s("window_strides", [1, g.stride, g.stride, 1]),
            i64s("padding_low", [0, low, low, 0]),
            i64s("padding_high", [0, high, high, 0]),
        ]
    )
    operands = [channels_last(x), channels_last(y), channels_last(dy)]
    return case("pock.max_pool_gradient", operands, attributes, channels_last(dx))


@cache
def loss_cases(name: str) -> dict[str, Case]:
    logits = torch.tensor(RNG.standard_normal([5, 4]) * LOGITS[name], requires_grad=True)
    labels = RNG.integers(0, 4, 5).astype(np.int32)
    loss = F.cross_entropy(logits, torch.tensor(labels).long())
    scale = torch.tensor(0.7, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(loss, logits, scale)
    z = logits.detach().numpy()
    op = "pock.softmax_cross_entropy"
    return {
        "loss": case(op, [z, labels], "", loss.detach().numpy()),
        "gradient": case(f"{op}_gradient", [z, labels, scale.numpy()], "", gradient.numpy()),
    }


def mask_case() -> Case:
    attributes = "seed = 1 : i64, site = 2 : i64, keep = 0.6 : f64, value = 2.0 : f64"
    expected = random_mask((3, 4), 1, 2, 5, 0.6, 2.0)
    return case("pock.random_mask", [np.array(5, np.int32)], attributes, expected)


def compute(text: str, forms: str, operands: Sequence[np.ndarray]) -> np.ndarray:
    with make_context(), Location.unknown():
        module = Module.parse(text)
        LowerPock(forms=forms).run(module)
        assert module.operation.verify()
        results = stablehlo_bindings.eval_module(
            module, [DenseElementsAttr.get(array) for array in operands]
        )
        return np.array(results[0])


def legal_forms(text: str) -> tuple[str, list[str]]:
    """The op of the module and its legal forms, in the order of preference."""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        (function,) = functions(module)
        op = body(function).operations[0]
        return op.operation.name, [f.name for f in FORMS[op.operation.name] if f.legal(op)]


def check(row: Case) -> None:
    op, forms = legal_forms(row.text)
    assert forms[-1] == FORMS[op][-1].name, "the last form is legal for every op"
    for form in forms:
        result = compute(row.text, f"{op.removeprefix('pock.')}:{form}", row.operands)
        np.testing.assert_allclose(
            result, row.expected, rtol=1e-11, atol=1e-11, err_msg=f"{op}, {form}"
        )


@pytest.mark.parametrize("gradient", ["input", "kernel"])
@pytest.mark.parametrize("geometry", CONVS)
def test_convolution(geometry: str, gradient: str) -> None:
    check(conv_cases(geometry)[gradient])


@pytest.mark.parametrize("geometry", POOLS)
def test_max_pool(geometry: str) -> None:
    check(pool_case(geometry))


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("size", LOGITS)
def test_cross_entropy(size: str, what: str) -> None:
    check(loss_cases(size)[what])


def test_random_mask() -> None:
    check(mask_case())


def test_every_form_has_a_row() -> None:
    rows = [case for name in CONVS for case in conv_cases(name).values()]
    rows += [pool_case(name) for name in POOLS]
    rows += [case for name in LOGITS for case in loss_cases(name).values()]
    rows.append(mask_case())
    legal = [legal_forms(row.text) for row in rows]
    # Those of StableHLO's own ops have tests of their own.
    ours = {op: forms for op, forms in FORMS.items() if op.startswith("pock.")}
    assert {(op, form) for op, forms in legal for form in forms} == {
        (op, form.name) for op, forms in ours.items() for form in forms
    }
