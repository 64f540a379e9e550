"""The options of `pock compile` that say what a step minimises."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pock_mlir.losses import Loss


class LossName(StrEnum):
    """What a step minimises."""

    CROSS_ENTROPY = "cross-entropy"
    CAUSAL_LM = "causal-lm"
    BINARY_CROSS_ENTROPY = "binary-cross-entropy"
    MSE = "mse"
    L1 = "l1"


LossOption = Annotated[
    LossName | None,
    typer.Option(
        help="What to minimise; a factory may give a function instead.",
        show_default="cross-entropy",
    ),
]
ClassWeightsOption = Annotated[
    str | None, typer.Option(help="cross-entropy: a weight for each class, as 1,0.5,2.")
]
LabelSmoothingOption = Annotated[
    float | None,
    typer.Option(help="cross-entropy: share of a target spread over all classes.", min=0, max=1),
]
IgnoreIndexOption = Annotated[
    int | None,
    typer.Option(
        help="cross-entropy, causal-lm: targets that do not count.",
        show_default="none; causal-lm: -100",
    ),
]
ClassAxisOption = Annotated[
    int | None,
    typer.Option(help="cross-entropy: the output's axis of classes.", show_default="1"),
]
PosWeightOption = Annotated[
    str | None,
    typer.Option(help="binary-cross-entropy: weight of positive targets, one or one per class."),
]

_TAKES = {
    LossName.CROSS_ENTROPY: {"class_weights", "label_smoothing", "ignore_index", "axis"},
    LossName.CAUSAL_LM: {"ignore_index"},
    LossName.BINARY_CROSS_ENTROPY: {"pos_weight"},
}


def make_loss(
    given: LossName | None,
    *,
    class_weights: str | None = None,
    label_smoothing: float | None = None,
    ignore_index: int | None = None,
    axis: int | None = None,
    pos_weight: str | None = None,
) -> Loss:
    """The loss that the options say. Raises ValueError where they do not go together."""
    from pock_mlir.losses import LOSSES

    name = given or LossName.CROSS_ENTROPY
    options: dict[str, Any] = {
        "class_weights": _numbers("--class-weights", class_weights),
        "label_smoothing": label_smoothing,
        "ignore_index": ignore_index,
        "axis": axis,
        "pos_weight": _numbers("--pos-weight", pos_weight),
    }
    chosen = {key: value for key, value in options.items() if value is not None}
    wrong = [_flag(key) for key in chosen if key not in _TAKES.get(name, set())]
    if wrong:
        raise ValueError(f"--loss {name} has no {', '.join(wrong)}")
    return LOSSES[name.value](**chosen)


def _flag(key: str) -> str:
    return "--class-axis" if key == "axis" else f"--{key.replace('_', '-')}"


def _numbers(flag: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(item) for item in text.split(",")]
    except ValueError as error:
        raise ValueError(f"{flag} must be numbers, as 1,0.5,2; got '{text}'") from error
