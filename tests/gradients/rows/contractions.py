"""Rows of the audit for contractions, convolutions and losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.gradients.case import Case, Shape

Dims = tuple[list[int], list[int]]


def _dot(mode: str, a: Shape, b: Shape, y: Shape, contract: Dims, batch: Dims = ([], [])) -> Case:
    batching = f"batching_dims = {batch[0]} x {batch[1]}, " if batch[0] else ""
    return Case(
        "stablehlo.dot_general",
        mode,
        f"""%y = stablehlo.dot_general %a, %b, {batching}
                contracting_dims = {contract[0]} x {contract[1]} : ({{a}}, {{b}}) -> {{y}}""",
        y,
        {"a": a, "b": b},
        lambda jnp, lax, a, b: lax.dot_general(a, b, (contract, batch)),
    )


_DOTS = [
    _dot("matrices", (2, 3), (3, 4), (2, 4), ([1], [0])),
    _dot("weight of [out, in]", (2, 3), (4, 3), (2, 4), ([1], [1])),
    _dot("both transposed", (3, 2), (4, 3), (2, 4), ([0], [1])),
    _dot("vectors", (3,), (3,), (), ([0], [0])),
    _dot("outer product", (3,), (4,), (3, 4), ([], [])),
    _dot("tokens", (2, 5, 3), (3, 4), (2, 5, 4), ([2], [0])),
    _dot("batched", (2, 5, 3), (2, 3, 4), (2, 5, 4), ([2], [1]), ([0], [0])),
    _dot("two contracted, crossed", (2, 3, 4), (4, 5, 3), (2, 5), ([1, 2], [2, 0])),
    _dot(
        "attention, batch inside",
        (2, 5, 3, 4),
        (2, 6, 3, 4),
        (2, 3, 5, 6),
        ([3], [3]),
        ([0, 2], [0, 2]),
    ),
    _dot("batch last", (3, 5, 2), (4, 5, 3), (5, 2, 4), ([0], [2]), ([1], [1])),
    Case(
        "stablehlo.dot_general",
        "of a transpose",
        """%t = stablehlo.transpose %b, dims = [1, 0] : ({b}) -> tensor<3x4xf64>
           %y = stablehlo.dot_general %a, %t, contracting_dims = [1] x [0] :
               ({a}, tensor<3x4xf64>) -> {y}""",
        (2, 4),
        {"a": (2, 3), "b": (4, 3)},
        lambda jnp, lax, a, b: a @ b.T,
    ),
    Case(
        "stablehlo.transpose",
        "of a batched contraction",
        """%t = stablehlo.transpose %a, dims = [0, 2, 1] : ({a}) -> tensor<2x3x5xf64>
           %y = stablehlo.dot_general %t, %b, batching_dims = [0] x [0],
               contracting_dims = [1] x [1] : (tensor<2x3x5xf64>, {b}) -> {y}""",
        (2, 5, 4),
        {"a": (2, 5, 3), "b": (2, 3, 4)},
        lambda jnp, lax, a, b: a @ b,
    ),
]

_LETTERS = {"b": "N", "f": "C", "o": "O", "i": "I", "0": "D", "1": "H", "2": "W"}


def _convolution(
    mode: str,
    image: Shape,
    kernel: Shape,
    numbers: str = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]",
    *,
    strides: tuple[int, ...] = (1, 1),
    padding: tuple[tuple[int, int], ...] = ((1, 1), (1, 1)),
    dilations: tuple[int, ...] = (1, 1),
    groups: int = 1,
    reverse: tuple[bool, ...] = (False, False),
) -> Case:
    left, right = numbers.split("x")
    layouts = [_layout(part) for part in (left, *right.split("->"))]
    attributes = ", ".join(
        [
            f"stride = {list(strides)}",
            f"pad = {[list(pair) for pair in padding]}",
            f"rhs_dilate = {list(dilations)}",
            f"reverse = {[int(flag) for flag in reverse]}",
        ]
    )
    return Case(
        "stablehlo.convolution",
        mode,
        f"""%y = stablehlo.convolution(%a, %b) dim_numbers = {numbers},
                window = {{{{{attributes}}}}} {{{{batch_group_count = 1 : i64,
                feature_group_count = {groups} : i64}}}} : ({{a}}, {{b}}) -> {{y}}""",
        _result(layouts, image, kernel, strides, padding, dilations),
        {"a": image, "b": kernel},
        _jax_convolution(layouts, strides, padding, dilations, groups, reverse),
    )


def _layout(numbers: str) -> str:
    return "".join(_LETTERS[letter] for letter in numbers if letter in _LETTERS)


def _result(
    layouts: list[str],
    image: Shape,
    kernel: Shape,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilations: tuple[int, ...],
) -> Shape:
    images, kernels = dict(zip(layouts[0], image)), dict(zip(layouts[1], kernel))  # noqa: B905
    sizes = {"N": images["N"], "C": kernels["O"]}
    for i, letter in enumerate("DHW"[: len(strides)]):
        extent = dilations[i] * (kernels[letter] - 1) + 1
        sizes[letter] = (images[letter] + sum(padding[i]) - extent) // strides[i] + 1
    return tuple(sizes[letter] for letter in layouts[2])


def _jax_convolution(
    layouts: list[str], strides: Any, padding: Any, dilations: Any, groups: int, reverse: Any
) -> Any:
    space = "DHW"[: len(strides)]
    canonical = [f"N{space}C", f"{space}IO", f"N{space}C"]

    def convolution(jnp: Any, lax: Any, image: Any, kernel: Any) -> Any:
        kernel = jnp.transpose(kernel, [layouts[1].index(letter) for letter in canonical[1]])
        result = lax.conv_general_dilated(
            jnp.transpose(image, [layouts[0].index(letter) for letter in canonical[0]]),
            jnp.flip(kernel, [i for i, flag in enumerate(reverse) if flag]),
            strides,
            padding,
            rhs_dilation=dilations,
            dimension_numbers=tuple(canonical),
            feature_group_count=groups,
        )
        return jnp.transpose(result, [canonical[2].index(letter) for letter in layouts[2]])

    return convolution


_NCHW = "[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]"

_CONVOLUTIONS = [
    _convolution("3x3", (2, 3, 4, 2), (3, 3, 2, 2)),
    _convolution("1x1", (2, 3, 3, 4), (1, 1, 4, 3), padding=((0, 0),) * 2),
    _convolution(
        "1x1, stride 2", (2, 4, 5, 2), (1, 1, 2, 3), strides=(2, 2), padding=((0, 0),) * 2
    ),
    _convolution("NCHW", (1, 2, 3, 4), (3, 2, 3, 3), _NCHW),
    _convolution(
        "permuted dimensions",
        (5, 2, 2, 4),
        (3, 2, 3, 2),
        "[1, f, b, 0]x[1, i, o, 0]->[b, 0, f, 1]",
        strides=(1, 2),
    ),
    _convolution(
        "stride 2, TensorFlow padding",
        (1, 6, 6, 2),
        (3, 3, 2, 2),
        strides=(2, 2),
        padding=((0, 1),) * 2,
    ),
    _convolution(
        "pixels that no window reaches",
        (1, 6, 7, 2),
        (2, 2, 2, 2),
        strides=(3, 3),
        padding=((0, 0),) * 2,
    ),
    _convolution("negative padding", (1, 6, 7, 2), (3, 2, 2, 2), padding=((-1, 0), (0, -2))),
    _convolution("dilated", (1, 6, 7, 2), (3, 2, 2, 2), dilations=(2, 3)),
    _convolution("grouped", (1, 3, 3, 4), (3, 2, 2, 4), groups=2),
    _convolution("depthwise", (2, 3, 4, 2), (3, 3, 1, 2), groups=2),
    _convolution("depthwise, stride 2", (2, 5, 5, 3), (3, 3, 1, 3), groups=3, strides=(2, 2)),
    _convolution("depthwise with multiplier", (1, 4, 4, 2), (3, 3, 1, 4), groups=2),
    _convolution("depthwise NCHW", (1, 3, 4, 4), (3, 1, 3, 3), _NCHW, groups=3),
    _convolution("reversed window", (1, 4, 4, 2), (3, 2, 2, 2), reverse=(True, False)),
    _convolution(
        "1-D",
        (2, 5, 2),
        (3, 2, 3),
        "[b, 0, f]x[0, i, o]->[b, 0, f]",
        strides=(2,),
        padding=((1, 1),),
        dilations=(1,),
        reverse=(False,),
    ),
    _convolution(
        "3-D",
        (1, 3, 3, 3, 2),
        (2, 2, 2, 2, 2),
        "[b, 0, 1, 2, f]x[0, 1, 2, i, o]->[b, 0, 1, 2, f]",
        strides=(1, 1, 2),
        padding=((0, 1), (1, 0), (0, 0)),
        dilations=(1, 1, 1),
        reverse=(False,) * 3,
    ),
]

_LABELS = [2, 0, 3]

_LOSSES = [
    Case(
        "pock.softmax_cross_entropy",
        "batch of 3",
        f"""%labels = stablehlo.constant dense<{_LABELS}> : tensor<3xi32>
            %y = "pock.softmax_cross_entropy"(%a, %labels) : ({{a}}, tensor<3xi32>) -> {{y}}""",
        (),
        {"a": (3, 4)},
        lambda jnp, lax, a: (
            -jnp.take_along_axis(
                a - jnp.log(jnp.exp(a).sum(1, keepdims=True)), np.array(_LABELS)[:, None], 1
            ).mean()
        ),
        (-6, 6),
    ),
]

ROWS = [*_DOTS, *_CONVOLUTIONS, *_LOSSES]
