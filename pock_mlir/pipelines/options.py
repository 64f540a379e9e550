"""The options of a pass, from text to the fields of its dataclass."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping

from pock_mlir.passes import REGISTRY, ModulePass, pass_class
from pock_mlir.pipelines.elements import PipelineError, nearest

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a pass: its spelling, type, default and help text."""

    name: str
    field: str
    type: type
    default: object
    help: str


def pass_options(class_: type[ModulePass]) -> list[Option]:
    """The options of a pass, in the order of its fields."""
    hints = typing.get_type_hints(class_)
    return [
        Option(
            name=field.name.replace("_", "-"),
            field=field.name,
            type=hints[field.name],
            default=field.default,
            help=str(field.metadata.get("help", "")),
        )
        for field in dataclasses.fields(class_)
    ]


def make_pass(name: str, values: Mapping[str, str]) -> ModulePass:
    """The pass `name` with options given as text.

    Raises:
        PipelineError: unknown option (with the nearest names), or a value of the wrong type.
    """
    class_ = _class(name)
    options = {option.name: option for option in pass_options(class_)}
    arguments: dict[str, object] = {}
    for key, text in values.items():
        option = options.get(key.replace("_", "-"))
        if option is None:
            raise PipelineError(_unknown_option(name, key, list(options)))
        arguments[option.field] = _convert(name, option, text)
    try:
        return class_(**arguments)
    except ValueError as error:
        raise PipelineError(f"pass '{name}': {error}") from error


def _class(name: str) -> type[ModulePass]:
    try:
        return pass_class(name)
    except ModuleNotFoundError as error:
        raise PipelineError(f"pass '{name}' is not available: {error}") from error


def _unknown_option(name: str, key: str, known: list[str]) -> str:
    has = f"it has {', '.join(known)}" if known else "it has none"
    return f"pass '{name}' has no option '{key}'" + (nearest(key, known) or f"; {has}")


def _convert(name: str, option: Option, text: str) -> object:
    try:
        return _BOOLEANS[text.lower()] if option.type is bool else option.type(text)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "an integer", float: "a number"}[option.type]
        raise PipelineError(
            f"option '{option.name}' of pass '{name}' must be {kind}, got '{text}'"
        ) from None


def is_ours(name: str) -> bool:
    """Whether this project (rather than upstream) has a pass called `name`."""
    return name in REGISTRY
