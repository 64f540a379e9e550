"""A scheme: ordered rules, by name or from a TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from pock_mlir.schemes.builtin import BUILTINS, is_builtin, trained_by
from pock_mlir.schemes.matching import no_match
from pock_mlir.schemes.rule import Rule, SchemeError
from pock_mlir.schemes.selection import ALL, FROZEN, Selection

KEYS = ("name", "base", "rule")
_RULE = re.compile(r"""\s*\[\[\s*["']?rule["']?\s*\]\](?:\s*#\s*from (?P<origin>.+:\d+)$)?""")


@dataclass(frozen=True)
class Scheme:
    """What a training step trains.

    `base`, the name of a built-in scheme or "", is where one starts; then the last of `rules` that
    matches a parameter holds. What neither says anything about is frozen.
    """

    name: str
    base: str = ""
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if self.base and not is_builtin(self.base):
            raise SchemeError(f"unknown built-in scheme '{self.base}'; {_known()}")

    @classmethod
    def load(cls, name_or_path: str | Path, more: Mapping[str, Path] | None = None) -> Scheme:
        """A built-in scheme (`full`, `head`, `bias-only`, `last-blocks`, `last-<N>`) or a file.

        A string with a line break is the TOML document itself, as `option` gives it. `more` are
        files that have names too; where one is a built-in scheme's, that holds.

        Raises:
            SchemeError: none of these, or the document is malformed.
        """
        if isinstance(name_or_path, str) and "\n" in name_or_path:
            return cls.from_toml(name_or_path)
        name, named = str(name_or_path), more or {}
        if is_builtin(name):
            return cls(name, base=name)
        path = named.get(name, Path(name_or_path))
        if not path.is_file():
            raise SchemeError(f"no scheme or file '{name}'; {_nearest(name, named)}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SchemeError(f"cannot read the scheme {path}: {error}") from error
        return cls.from_toml(text, name=path.stem, file=str(path))

    @classmethod
    def from_toml(cls, text: str, name: str = "custom", file: str = "<scheme>") -> Scheme:
        """The scheme of a TOML document. Raises SchemeError, with `file` and the line."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SchemeError(_toml_problem(file, str(error))) from error
        lines = [
            place["origin"] or f"{file}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if (place := _RULE.match(line))
        ]
        return cls.from_dict({"name": name, **data}, file=file, origins=lines)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], file: str = "<scheme>", origins: Sequence[str] = ()
    ) -> Scheme:
        """The scheme that `to_dict` gave. Raises SchemeError, with every malformed rule."""
        unknown = sorted(set(data) - set(KEYS))
        if unknown:
            raise SchemeError(f"{file}: unknown key '{unknown[0]}'; known: {', '.join(KEYS)}")
        tables = _tables(data.get("rule", []), file)
        places = list(origins) if len(origins) == len(tables) else [file] * len(tables)
        rules, problems = list[Rule](), list[str]()
        for table, place in zip(tables, places, strict=True):
            try:
                rules.append(Rule.from_dict(table, place))
            except SchemeError as error:
                problems.append(str(error))
        if problems:
            raise SchemeError("\n".join(problems))
        try:
            return cls(str(data.get("name", "custom")), str(data.get("base", "")), tuple(rules))
        except SchemeError as error:
            raise SchemeError(f"{file}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data (strings, numbers, lists, dicts) that `from_dict` reads."""
        data: dict[str, Any] = {"name": self.name}
        if self.base:
            data["base"] = self.base
        if self.rules:
            data["rule"] = [rule.to_dict() for rule in self.rules]
        return data

    def to_toml(self) -> str:
        """A TOML document that `from_toml` reads; comments keep where the rules stood."""
        head = [
            f"{key} = {json.dumps(value)}"
            for key, value in (("name", self.name), ("base", self.base))
            if value
        ]
        rules = [
            "\n".join(
                ["", f"[[rule]]{rule.origin and f'  # from {rule.origin}'}"]
                + [f"{k} = {json.dumps(v)}" for k, v in rule.to_dict().items()]
            )
            for rule in self.rules
        ]
        return "\n".join(head + rules) + "\n"

    @property
    def option(self) -> str:
        """What `load`, and with it the option `scheme` of passes, makes this scheme from."""
        return self.base if self == Scheme(self.base, self.base) else self.to_toml()

    def resolve(
        self,
        parameters: Mapping[str, Sequence[int]],
        axes: Mapping[str, Sequence[int]] | None = None,
    ) -> dict[str, Selection]:
        """What is trained of each parameter.

        Args:
            parameters: the shape of each weight of the model, by name, in the model's order; names
                and shapes are the framework's.
            axes: which dimensions of a weight are ("out", "in"), where they are not 0 and 1; empty
                where that is not known.

        Raises:
            SchemeError: a pattern matches nothing, a slice does not fit, or nothing is trained.
        """
        problems: list[str] = []
        selections = dict.fromkeys(parameters, FROZEN)
        if self.base:
            selections |= dict.fromkeys(trained_by(self.base, parameters), ALL)
        for name, rule in self._winners(parameters, problems).items():
            try:
                selections[name] = rule.select(
                    name, parameters[name], (axes or {}).get(name, (0, 1))
                )
            except SchemeError as error:
                problems.append(str(error))
        if problems:
            raise SchemeError("\n".join(problems))
        if not any(selection.trains for selection in selections.values()):
            raise SchemeError(
                f"scheme '{self.name}' trains nothing: all {len(selections)} parameters are frozen"
            )
        return selections

    def _winners(
        self, parameters: Mapping[str, Sequence[int]], problems: list[str]
    ) -> dict[str, Rule]:
        """The last rule that matches each parameter."""
        winners: dict[str, Rule] = {}
        for rule in self.rules:
            matched = [name for name in parameters if rule.matches(name)]
            if not matched:
                problems.append(rule.located(no_match(rule.match, list(parameters))))
            winners |= dict.fromkeys(matched, rule)
        return winners


def _nearest(name: str, named: Mapping[str, Path]) -> str:
    close = get_close_matches(name, [*BUILTINS, "last-4", *named])
    hint = f"did you mean '{close[0]}'? " if close else ""
    theirs = (
        f"; of this model: {', '.join(named)}"
        if named
        else "; those of the zoo are files, which pock_mlir.zoo.scheme_path(model, scheme) names"
    )
    return f"{hint}{_known()}{theirs}"


def _known() -> str:
    return f"built-in schemes: {', '.join(BUILTINS)}, last-<N>"


def _toml_problem(file: str, message: str) -> str:
    """The parser's message, with the place where editors look for it."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place is None:
        return f"{file}: not TOML: {message}"
    return f"{file}:{place[1]}:{place[2]}: not TOML: {message[: place.start()]}"


def _tables(value: object, file: str) -> list[Mapping[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in cast("list[Any]", value)):
        return cast("list[Mapping[str, Any]]", value)
    raise SchemeError(f"{file}: rules are written as [[rule]] tables")
