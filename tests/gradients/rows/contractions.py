"""Rows of the audit for contractions and losses."""

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
    Case(
        "pock.softmax_cross_entropy",
        "classes in the middle, weights, smoothing, an ignored label",
        """%labels = stablehlo.constant dense<[[2, 0], [1, -1]]> : tensor<2x2xi32>
           %y = "pock.softmax_cross_entropy"(%a, %labels) {{dimension = 1, ignore_index = -1,
               class_weights = array<f64: 0.5, 1.0, 2.0>, label_smoothing = 0.25}}
             : ({a}, tensor<2x2xi32>) -> {y}""",
        (),
        {"a": (2, 3, 2)},
        lambda jnp, lax, a: _weighted_loss(jnp, a),
    ),
]


def _weighted_loss(jnp: Any, a: Any) -> Any:
    """The loss of the labels 2, 0 and 1 at three of the four places."""
    surprise = jnp.log(jnp.exp(a).sum(1, keepdims=True)) - a
    weighted = surprise * np.array([0.5, 1.0, 2.0])[:, None]
    labelled = weighted[0, 2, 0] + weighted[0, 0, 1] + weighted[1, 1, 0]
    spread = weighted[0].sum() + weighted[1, :, 0].sum()
    return (0.75 * labelled + 0.25 / 3 * spread) / (2.0 + 0.5 + 1.0)


ROWS = [*_DOTS, *_LOSSES]
