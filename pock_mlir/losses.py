"""Losses, as the user names them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Description = Mapping[str, Any]


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _require_weights(name: str, values: Sequence[float]) -> None:
    wrong = [value for value in values if not 0 <= value < math.inf]
    _require(not wrong, f"{name} must be finite and not negative, got {wrong}")
    _require(len(values) > 0, f"{name} must not be empty")


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of logits and integer labels, as torch.nn.functional.cross_entropy.

    Args:
        class_weights: a weight for each class; the mean is weighted by them.
        label_smoothing: the share of a target that is spread over all classes, in [0, 1].
        ignore_index: labels of this value do not count.
        axis: where the output has its classes. 1 is [batch, classes] and [batch, classes, ...];
            -1 is [batch, ..., classes]. Labels, i32, have the shape of the output without it.

    Raises:
        ValueError: a value is out of range.
    """

    class_weights: Sequence[float] | None = None
    label_smoothing: float = 0.0
    ignore_index: int | None = None
    axis: int = 1

    def __post_init__(self) -> None:
        if self.class_weights is not None:
            object.__setattr__(self, "class_weights", tuple(map(float, self.class_weights)))
            _require_weights("class_weights", tuple(self.class_weights))
        _require(
            0 <= self.label_smoothing <= 1,
            f"label_smoothing must be in [0, 1], got {self.label_smoothing!r}",
        )

    def to_dict(self) -> Description:
        """What a manifest keeps: the kind, and the options that were given."""
        options = {
            "class_weights": list(self.class_weights or ()),
            "label_smoothing": self.label_smoothing,
            "axis": self.axis if self.axis != 1 else None,
        }
        kept = {name: value for name, value in options.items() if value}
        if self.ignore_index is not None:
            kept["ignore_index"] = self.ignore_index
        return {"kind": "cross-entropy", **kept}


@dataclass(frozen=True)
class CausalLM:
    """Mean cross-entropy of the next token.

    The output is [batch, tokens, vocabulary], the targets are the token ids, [batch, tokens], i32:
    the loss itself compares the output of each token with the token behind it. Targets that are
    `ignore_index` (padding) do not count.
    """

    ignore_index: int = -100

    def to_dict(self) -> Description:
        """What a manifest keeps."""
        return {"kind": "causal-lm", "ignore_index": self.ignore_index}


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Binary cross-entropy of logits, as torch's binary_cross_entropy_with_logits.

    Targets, from 0 to 1, have the shape of the output. `pos_weight` is the weight of positive ones:
    one number, or one for each entry of the output's last dimension.

    Raises:
        ValueError: a weight is negative or not finite.
    """

    pos_weight: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.pos_weight is not None:
            several = isinstance(self.pos_weight, Sequence)
            values = self.pos_weight if isinstance(self.pos_weight, Sequence) else [self.pos_weight]
            _require_weights("pos_weight", values)
            if several:
                object.__setattr__(self, "pos_weight", tuple(map(float, values)))

    def to_dict(self) -> Description:
        """What a manifest keeps."""
        weight = self.pos_weight
        if weight is None:
            return {"kind": "binary-cross-entropy"}
        values = list(weight) if isinstance(weight, Sequence) else [float(weight)]
        return {"kind": "binary-cross-entropy", "pos_weight": values}


@dataclass(frozen=True)
class MSE:
    """Mean squared error, over all elements; targets have the shape of the output."""

    def to_dict(self) -> Description:
        """What a manifest keeps."""
        return {"kind": "mse"}


@dataclass(frozen=True)
class L1:
    """Mean absolute error, over all elements; targets have the shape of the output."""

    def to_dict(self) -> Description:
        """What a manifest keeps."""
        return {"kind": "l1"}


Loss = CrossEntropy | CausalLM | BinaryCrossEntropy | MSE | L1

LOSSES: dict[str, type[Loss]] = {
    "cross-entropy": CrossEntropy,
    "causal-lm": CausalLM,
    "binary-cross-entropy": BinaryCrossEntropy,
    "mse": MSE,
    "l1": L1,
}


def find_loss(loss: str | Loss) -> Loss:
    """A loss by its kind, with the options' defaults. Raises ValueError, listing what there is."""
    if not isinstance(loss, str):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"unknown loss '{loss}'; there is {', '.join(LOSSES)}, or a function")
    return LOSSES[loss]()


def pass_options(description: Description) -> dict[str, object]:
    """The options of the pass `add-loss` for a loss as `to_dict` describes it."""
    return {name: _text(name, value) for name, value in description.items()}


def _text(name: str, value: Any) -> object:
    if isinstance(value, list):
        return "+".join(repr(float(n)).replace("e+", "e") for n in value)  # + joins them
    return str(value) if name == "ignore_index" else value
