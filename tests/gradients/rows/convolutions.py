"""Rows of the audit for convolutions."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case, Shape

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
    spread: tuple[int, ...] = (1, 1),
    batches: int = 1,
) -> Case:
    left, right = numbers.split("x")
    layouts = [_layout(part) for part in (left, *right.split("->"))]
    attributes = ", ".join(
        [
            f"stride = {list(strides)}",
            f"pad = {[list(pair) for pair in padding]}",
            f"lhs_dilate = {list(spread)}",
            f"rhs_dilate = {list(dilations)}",
            f"reverse = {[int(flag) for flag in reverse]}",
        ]
    )
    return Case(
        "stablehlo.convolution",
        mode,
        f"""%y = stablehlo.convolution(%a, %b) dim_numbers = {numbers},
                window = {{{{{attributes}}}}} {{{{batch_group_count = {batches} : i64,
                feature_group_count = {groups} : i64}}}} : ({{a}}, {{b}}) -> {{y}}""",
        _result(layouts, image, kernel, strides, padding, dilations, spread, batches),
        {"a": image, "b": kernel},
        _jax_convolution(
            layouts,
            reverse,
            window_strides=strides,
            padding=padding,
            lhs_dilation=spread,
            rhs_dilation=dilations,
            feature_group_count=groups,
            batch_group_count=batches,
        ),
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
    spread: tuple[int, ...],
    batches: int,
) -> Shape:
    images, kernels = dict(zip(layouts[0], image)), dict(zip(layouts[1], kernel))  # noqa: B905
    sizes = {"N": images["N"] // batches, "C": kernels["O"]}
    for i, letter in enumerate("DHW"[: len(strides)]):
        extent = dilations[i] * (kernels[letter] - 1) + 1
        size = (images[letter] - 1) * spread[i] + 1 + sum(padding[i])
        sizes[letter] = (size - extent) // strides[i] + 1
    return tuple(sizes[letter] for letter in layouts[2])


def _jax_convolution(layouts: list[str], reverse: Any, **options: Any) -> Any:
    space = "DHW"[: len(layouts[0]) - 2]
    canonical = [f"N{space}C", f"{space}IO", f"N{space}C"]

    def convolution(jnp: Any, lax: Any, image: Any, kernel: Any) -> Any:
        kernel = jnp.transpose(kernel, [layouts[1].index(letter) for letter in canonical[1]])
        result = lax.conv_general_dilated(
            jnp.transpose(image, [layouts[0].index(letter) for letter in canonical[0]]),
            jnp.flip(kernel, [i for i, flag in enumerate(reverse) if flag]),
            dimension_numbers=tuple(canonical),
            **options,
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
        spread=(1,),
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
        spread=(1,) * 3,
    ),
    _convolution("transposed, stride 2", (2, 3, 2, 2), (3, 3, 2, 3), spread=(2, 2)),
    _convolution(
        "transposed, padded by more than it reaches",
        (1, 3, 3, 2),
        (2, 3, 2, 1),
        spread=(2, 3),
        padding=((2, 3), (4, 1)),
    ),
    _convolution(
        "transposed, cropped and dilated",
        (1, 4, 3, 2),
        (2, 3, 2, 2),
        spread=(3, 2),
        padding=((-1, 0), (1, 2)),
        dilations=(2, 1),
    ),
    _convolution(
        "transposed, grouped, reversed",
        (1, 3, 3, 4),
        (3, 2, 2, 6),
        spread=(2, 2),
        groups=2,
        reverse=(True, True),
    ),
    _convolution("transposed, depthwise", (1, 3, 3, 2), (3, 3, 1, 2), spread=(2, 2), groups=2),
    _convolution(
        "transposed with strides", (1, 4, 3, 2), (3, 3, 2, 2), spread=(3, 2), strides=(2, 3)
    ),
    _convolution("transposed NCHW", (1, 2, 3, 2), (3, 2, 3, 3), _NCHW, spread=(2, 1)),
    _convolution(
        "transposed 1-D",
        (2, 4, 2),
        (4, 2, 3),
        "[b, 0, f]x[0, i, o]->[b, 0, f]",
        strides=(1,),
        padding=((2, 2),),
        dilations=(1,),
        reverse=(False,),
        spread=(2,),
    ),
    _convolution("groups of the batch", (4, 3, 3, 2), (2, 2, 2, 4), batches=2),
    _convolution(
        "groups of the batch, one image each", (3, 3, 4, 2), (3, 2, 2, 3), batches=3, strides=(2, 1)
    ),
    _convolution(
        "groups of the batch, transposed", (2, 3, 3, 1), (3, 3, 1, 4), batches=2, spread=(2, 2)
    ),
]

ROWS = _CONVOLUTIONS
