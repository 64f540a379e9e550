"""The text of a pipeline, in the syntax of `mlir-opt --pass-pipeline`.

    builtin.module(differentiate,sparsify-backward{scheme=last-4},func.func(canonicalize),cse)

An element is `name`, `name{key=value key='a value'}` or `anchor(elements)`. Elements whose name is
not this project's are handed to upstream's parser as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pock_mlir.ir import Context, PassManager
from pock_mlir.passes import REGISTRY
from pock_mlir.pipelines.elements import (
    COMMON_UPSTREAM_PASSES,
    Pass,
    PipelineError,
    Upstream,
    nearest,
)
from pock_mlir.pipelines.options import is_ours, make_pass

_NAME = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*")
_OPTION = re.compile(r"""\s*([\w-]+)(?:=('[^']*'|"[^"]*"|\{[^{}]*\}|[^\s'"{}]+))?(?=\s|$)""")
_RESTRICTED = re.compile(r"restricted to '([\w.]+)'")
_OPENING, _CLOSING = "({[", ")}]"
_ANCHOR = "builtin.module"


def parse_pipeline(text: str, context: Context | None = None, *, nest: bool = False) -> list[Pass]:
    """The passes that `text` names, with or without `builtin.module(...)` around them.

    Args:
        text: see the module's docstring.
        context: upstream's elements are checked in it; a new one is made when it is None.
        nest: put a pass that works on functions into `func.func(...)` instead of refusing it.

    Raises:
        PipelineError: syntax, unknown pass or option (with the nearest names), wrong value.
    """
    elements = list(_split(text))
    if len(elements) == 1 and (inside := _nested(elements[0], _ANCHOR)) is not None:
        elements = list(_split(inside))
    return [_parse_element(element, context or Context(), nest) for element in elements]


def _parse_element(element: str, context: Context, nest: bool) -> Pass:
    match = _NAME.match(element)
    if not match:
        raise PipelineError(f"expected the name of a pass, got '{element}'")
    name, rest = match[1], element[match.end() :].strip()
    if is_ours(name):
        return make_pass(name, _options(name, rest))
    _check_nested(element, name)
    return Upstream(_check_upstream(element, name, context, nest))


def _split(text: str) -> Iterator[str]:
    """The elements between the commas that stand outside of all brackets and quotes."""
    depth, start, quote = [], 0, ""
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and "{" in depth:
            quote = char
        elif char in _OPENING:
            depth.append(char)
        elif char in _CLOSING:
            if not depth or _OPENING.index(depth.pop()) != _CLOSING.index(char):
                raise PipelineError(f"unbalanced '{char}' at column {i + 1} of '{text}'")
        elif char == "," and not depth:
            yield text[start:i].strip()
            start = i + 1
    if depth or quote:
        raise PipelineError(f"missing closing bracket or quote in '{text}'")
    if last := text[start:].strip():
        yield last


def _nested(element: str, anchor: str) -> str | None:
    """What stands in the brackets of `anchor(...)`, or None when `element` is something else."""
    match = _NAME.match(element)
    if not match or match[1] != anchor or not element.endswith(")"):
        return None
    rest = element[match.end() :]
    return rest[1:-1] if rest.startswith("(") else None


def _options(name: str, text: str) -> dict[str, str]:
    if not text:
        return {}
    if not (text.startswith("{") and text.endswith("}")):
        raise PipelineError(f"pass '{name}' takes options in braces, got '{text}'")
    return parse_options(name, text[1:-1])


def parse_options(name: str, text: str) -> dict[str, str]:
    """`key=value key='a value' flag` as a dictionary (a flag alone is `true`)."""
    text, values, position = text.strip(), {}, 0
    while position < len(text):
        match = _OPTION.match(text, position)
        if not match:
            raise PipelineError(f"pass '{name}': cannot read options at '{text[position:]}'")
        key, value = match[1], match[2] or "true"
        if key in values:
            raise PipelineError(f"pass '{name}': option '{key}' is given twice")
        values[key] = value[1:-1] if value[0] in "'\"{" else value
        position = match.end()
    return values


def _check_nested(element: str, name: str) -> None:
    for ours in _names_inside(element):
        if is_ours(ours):
            raise PipelineError(
                f"pass '{ours}' works on the whole module: write it directly in {_ANCHOR}(...),"
                f" not inside {name}(...)"
            )


def _check_upstream(element: str, name: str, context: Context, nest: bool) -> str:
    """The element as upstream accepts it in a pipeline of modules."""
    try:
        PassManager.parse(f"{_ANCHOR}({element})", context)
    except ValueError as error:
        restricted = _RESTRICTED.search(str(error))
        if nest and restricted:
            return _check_upstream(f"{restricted[1]}({element})", name, context, nest=False)
        raise PipelineError(_explain(element, name, str(error))) from None
    return element


def _names_inside(element: str) -> list[str]:
    """Names of passes between the round brackets of `element`."""
    without_options = re.sub(r"\{[^{}]*\}", "", element)
    _, _, inside = without_options.partition("(")
    return re.findall(r"[A-Za-z_][\w.-]*", inside)


def _explain(element: str, name: str, upstream: str) -> str:
    unknown = re.search(r"'([^']*)' does not refer to a registered pass", upstream)
    if unknown:
        names = [*REGISTRY, *COMMON_UPSTREAM_PASSES]
        return f"unknown pass '{unknown[1]}'{nearest(unknown[1], names)}"
    option = re.search(r"no such option (\S+)", upstream)
    if option:
        return f"pass '{name}' has no option '{option[1]}'"
    if restricted := _RESTRICTED.search(upstream):
        anchor = restricted[1]
        return f"pass '{name}' works on '{anchor}': write {anchor}({element})"
    return f"cannot read '{element}': {' '.join(upstream.split())}"
