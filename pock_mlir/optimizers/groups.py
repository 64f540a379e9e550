"""Parameter groups: other options of the optimizer for parameters by the pattern of their name.

As an option of a pass, groups are text: `PATTERN key=value key=value; PATTERN ...`. Keys are the
options of `apply-optimizer`, and `lr-scale`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pock_mlir.optimizers.checks import require, require_range

Value = float | bool
LR_SCALE = "lr_scale"


@dataclass(frozen=True)
class Group:
    """Options for the parameters whose framework name matches the glob `match`.

    The last group that matches a parameter holds; what it leaves out is as the optimizer says.

    Args:
        match: a pattern; `*` and `?` match any character, dots too.
        lr_scale: the learning rate is multiplied by it; 0 stops training, at the price of it.
        weight_decay: of any optimizer.
        momentum: of SGD.
        nesterov: of SGD.
        betas: of Adam, AdamW and Lion.
        eps: of Adam and AdamW.

    Raises:
        ValueError: a value is out of range. An option that the optimizer does not have, or a
            pattern that matches nothing, is an error when the model is compiled.
    """

    match: str
    lr_scale: float = 1.0
    weight_decay: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None

    def __post_init__(self) -> None:
        plain = bool(self.match) and not re.search(r"[\s;]", self.match)
        require(plain, f"match must be a pattern without spaces and ';', got {self.match!r}")
        require_range("lr_scale", self.lr_scale, 0, math.inf)
        if self.weight_decay is not None:
            require_range("weight_decay", self.weight_decay, 0, math.inf)
        if self.momentum is not None:
            require_range("momentum", self.momentum, 0, 1)
        for i, beta in enumerate(self.betas or ()):
            require_range(f"betas[{i}]", beta, 0, 1)
        if self.eps is not None:
            require(0 < self.eps < math.inf, f"eps must be positive, got {self.eps!r}")

    def options(self) -> GroupOptions:
        """The group by the names of the pass's fields."""
        given: dict[str, Value | None] = {
            LR_SCALE: None if self.lr_scale == 1 else self.lr_scale,
            "weight_decay": self.weight_decay,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "beta1": self.betas[0] if self.betas else None,
            "beta2": self.betas[1] if self.betas else None,
            "epsilon": self.eps,
        }
        return GroupOptions(self.match, {k: v for k, v in given.items() if v is not None})


@dataclass(frozen=True)
class GroupOptions:
    """A group in the words of the pass: its pattern, and values by the names of fields."""

    match: str
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def matches(self, name: str) -> bool:
        """Whether the group is about the parameter `name`."""
        return fnmatchcase(name, self.match)

    def __str__(self) -> str:
        words = [f"{k.replace('_', '-')}={_text(v)}" for k, v in self.values.items()]
        return " ".join([self.match, *words])


def groups_text(groups: Sequence[Group]) -> str:
    """What `parse_groups` reads back."""
    return "; ".join(str(group.options()) for group in groups)


def parse_groups(text: str) -> list[GroupOptions]:
    """The groups of an option's text.

    Raises:
        ValueError: with every part that cannot be read.
    """
    problems: list[str] = []
    groups = [_parse(part.split(), problems) for part in text.split(";") if part.strip()]
    if problems:
        raise ValueError("\n".join(problems))
    return groups


def _parse(words: list[str], problems: list[str]) -> GroupOptions:
    match, *settings = words
    values: dict[str, Value] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        try:
            values[key.replace("-", "_")] = _value(value)
        except ValueError:
            equals = ""
        if not equals:
            problems.append(f"group '{match}': expected KEY=NUMBER, got '{setting}'")
    return GroupOptions(match, values)


def _value(text: str) -> Value:
    booleans = {"true": True, "false": False}
    return booleans[text] if text in booleans else float(text)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(float(value))
