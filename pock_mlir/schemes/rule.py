"""One rule of a scheme: a pattern of parameter names, and what happens to those parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, cast

from pock_mlir.schemes.selection import ALL, FROZEN, Selection

UPDATES = ("all", "none", "slice", "lora")
AXES = {"out": 0, "in": 1}


class SchemeError(Exception):
    """A scheme is malformed or does not fit the model; the message lists every problem."""


@dataclass(frozen=True)
class Rule:
    """Parameters whose name matches the glob `match` are trained as `update` says.

    `*` and `?` match any character, dots too. `update` is "all", "none", "slice" or "lora". A slice
    has an `axis`, a dimension of the framework's shape or "out" or "in" (0 and 1 of a weight of
    PyTorch), and one of

    - `ratio`, in (0, 1]: the first `ratio * size` indices, rounded, at least one;
    - `count`: the first `count` indices;
    - `indices`: these.

    "lora" trains a low-rank term (Hu et al. 2022, arXiv 2106.09685): the weight W [out, in] stays,
    and `alpha / rank * B A` is added, A [rank, in] and B [out, rank]; `alpha` is `rank` where it is
    not given.

    `origin` ("file:line", for messages) does not take part in comparison.
    """

    match: str
    update: str = "all"
    axis: int | str | None = None
    ratio: float | None = None
    count: int | None = None
    indices: Sequence[int] | None = None
    rank: int | None = None
    alpha: float | None = None
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.indices, list):
            object.__setattr__(self, "indices", tuple(self.indices))
        problem = _problem_of(self)
        if problem:
            raise SchemeError(self.located(problem))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], origin: str = "") -> Rule:
        """The rule that a TOML table says. Raises SchemeError."""
        where = f"{origin}: " if origin else ""
        known = {f.name for f in fields(cls)} - {"origin"}
        unknown = sorted(set(data) - known)
        if unknown:
            raise SchemeError(
                f"{where}unknown key {_quoted(unknown)} in a rule; known: {_quoted(sorted(known))}"
            )
        if "match" not in data:
            raise SchemeError(f"{where}a rule needs the key 'match'")
        return cls(**data, origin=origin)

    def to_dict(self) -> dict[str, Any]:
        """The table that `from_dict` reads."""
        data: dict[str, Any] = {"match": self.match, "update": self.update}
        for key in ("axis", "ratio", "count", "indices", "rank", "alpha"):
            value = getattr(self, key)
            if value is not None:
                data[key] = list(value) if key == "indices" else value
        return data

    def matches(self, name: str) -> bool:
        """Whether the rule is about the parameter `name`."""
        return fnmatchcase(name, self.match)

    def located(self, message: str) -> str:
        """`message` with the place of the rule before it."""
        return f"{self.origin}: {message}" if self.origin else message

    def select(self, name: str, shape: Sequence[int], axes: Sequence[int] = (0, 1)) -> Selection:
        """What the rule trains of the parameter `name`, which it matches. Raises SchemeError.

        `axes` are the dimensions that "out" and "in" mean; empty where that is not known.
        """
        if self.update == "lora":
            return self._low_rank(name, shape, axes)
        if self.update != "slice":
            return ALL if self.update == "all" else FROZEN
        axis = self._dimension(name, axes)
        if axis >= len(shape):
            raise SchemeError(
                self.located(f"axis {self.axis!r} is out of range for {name}, shape {list(shape)}")
            )
        return Selection.of_indices(axis, self._selected(name, shape[axis]), shape[axis])

    def _low_rank(self, name: str, shape: Sequence[int], axes: Sequence[int]) -> Selection:
        rank = cast("int", self.rank)
        if len(shape) < 2:
            message = f"lora needs a weight of two or more dimensions, {name} has {list(shape)}"
            raise SchemeError(self.located(message))
        out = axes[0] if axes else 0
        return Selection("lora", out, rank=rank, scale=(self.alpha or rank) / rank)

    def _dimension(self, name: str, axes: Sequence[int]) -> int:
        if not isinstance(self.axis, str):
            return cast("int", self.axis)
        if not axes:
            message = f"which dimension of {name} is {self.axis!r} is not known; give its number"
            raise SchemeError(self.located(message))
        return axes[AXES[self.axis]]

    def _selected(self, name: str, size: int) -> Sequence[int]:
        if self.ratio is not None:
            return range(min(size, max(1, math.floor(self.ratio * size + 0.5))))
        indices = self.indices if self.indices is not None else range(self.count or 0)
        if max(indices) >= size:
            wanted = f"index {max(indices)}" if self.indices else f"count {self.count}"
            raise SchemeError(
                self.located(f"{wanted} is out of range for {name}: axis {self.axis!r} has {size}")
            )
        return indices


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_EXTENTS = ("ratio", "count", "indices")
_KEYS = {"slice": ("axis", *_EXTENTS), "lora": ("rank", "alpha")}
"""What only one kind of update has."""


def _problem_of(rule: Rule) -> str | None:
    """What is wrong with the rule in itself, whatever the model."""
    if not isinstance(rule.match, str) or not rule.match:  # pyright: ignore[reportUnnecessaryIsInstance]
        return f"'match' must be a pattern of parameter names, got {rule.match!r}"
    if rule.update not in UPDATES:
        return f"unknown update {rule.update!r}; known: {_quoted(UPDATES)}"
    for update, keys in _KEYS.items():
        extra = [key for key in keys if getattr(rule, key) is not None]
        if extra and rule.update != update:
            return f'{_quoted(extra)} needs update = "{update}"'
    if rule.update == "slice":
        return _slice_problem(rule)
    return _lora_problem(rule) if rule.update == "lora" else None


def _slice_problem(rule: Rule) -> str | None:
    given = [key for key in _EXTENTS if getattr(rule, key) is not None]
    if len(given) != 1:
        return (
            f"a slice needs one of 'ratio', 'count' and 'indices', got {_quoted(given) or 'none'}"
        )
    return _axis_problem(rule.axis) or _extent_problem(rule)


def _lora_problem(rule: Rule) -> str | None:
    rank, alpha = rule.rank, rule.alpha
    if not _is_int(rank) or cast("int", rank) < 1:
        return f"lora needs a 'rank' of at least 1, got {rank!r}"
    if alpha is None:
        return None
    number = _is_int(alpha) or isinstance(alpha, float)
    return None if number and 0 < alpha < math.inf else f"alpha must be positive, got {alpha!r}"


def _axis_problem(axis: object) -> str | None:
    if axis is None:
        return 'a slice needs an \'axis\': "in", "out" or a dimension number'
    if isinstance(axis, str) and axis in AXES or _is_int(axis) and cast("int", axis) >= 0:
        return None
    return f'axis must be "in", "out" or a dimension number from 0, got {axis!r}'


def _extent_problem(rule: Rule) -> str | None:
    ratio, count, indices = rule.ratio, rule.count, rule.indices
    if ratio is not None:
        number = _is_int(ratio) or isinstance(ratio, float)
        return None if number and 0 < ratio <= 1 else f"ratio must be in (0, 1], got {ratio!r}"
    if count is not None:
        return None if _is_int(count) and count > 0 else f"count must be at least 1, got {count!r}"
    if not isinstance(indices, tuple) or not indices or not all(map(_is_int, indices)):
        return f"indices must be a list of at least one integer, got {indices!r}"
    repeated = sorted({i for i in indices if indices.count(i) > 1})
    if repeated:
        return f"indices must not repeat: {', '.join(map(str, repeated))}"
    return f"indices must not be negative: {min(indices)}" if min(indices) < 0 else None
