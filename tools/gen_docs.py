"""Write docs/dialect.md, docs/passes.md and docs/derivatives.md from what they describe.

`gen_docs.py` writes them; `gen_docs.py --check` writes nothing and fails when a page differs from
what it would write. The docstrings are the documentation: change them, then run `make docs`.
"""

import argparse
import dataclasses
import inspect
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pock_mlir.dialects import pock
from pock_mlir.dialects.pock_transform import dialect as pock_transform
from pock_mlir.passes import REGISTRY, pass_class
from pock_mlir.passes.gradients import registry

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Written by tools/gen_docs.py from the classes: `make docs`. Do not edit. -->"


def heading(title: str, module: Any) -> list[str]:
    """Return the head of a page: notice, title, and what the module says about itself."""
    return [NOTICE, "", f"# {title}", "", *prose(module.__doc__), ""]


def prose(docstring: str | None) -> Iterator[str]:
    """Turn a docstring into Markdown lines.

    Indented lines become an MLIR block, formulas (`w <- ...`) a plain one; the rest is kept.
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    for kind, group in groupby(split_blanks(lines), key=kind_of):
        block = list(group)
        if kind == "text":
            yield from block
        else:
            yield from ["", f"```{kind}", *dedent(block), "```", ""]


def split_blanks(lines: list[str]) -> list[str]:
    """Drop the blank lines beside blocks of code, which get their own."""
    return [
        line
        for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False)
        if line or {kind_of(before), kind_of(after)} == {"text"}
    ]


def kind_of(line: str) -> str:
    """Return the language of a line's block: `mlir`, `python` for formulas, or `text`."""
    if line.startswith("    "):
        return "mlir"
    return "python" if " <- " in line else "text"


def dedent(block: list[str]) -> list[str]:
    """Remove the indentation that all the lines share."""
    return inspect.cleandoc("\n".join(block)).splitlines()


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table, or nothing when it has no rows."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    names = list(head)
    return lines and ["", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *lines]


def dialect_page() -> str:
    """Return docs/dialect.md: every op of `pock`, by the module that defines it."""
    lines = heading("The `pock` dialect", pock)
    operations: list[Any] = list(pock.Pock.operations)
    lines += ["Ops: " + ", ".join(f"[`{o.OPERATION_NAME}`](#{anchor(o)})" for o in operations), ""]
    for module, group in groupby(operations, key=lambda o: sys.modules[o.__module__]):
        title = module.__name__.rpartition(".")[2].replace("_", " ").capitalize()
        lines += [f"## {title}", "", *prose(module.__doc__), ""]
        for operation in group:
            lines += operation_section(operation)
    lines += ["## Transform ops: the `pock_transform` dialect", ""]
    lines += [*prose(pock_transform.__doc__), "", "[The passes](passes.md) names each one.", ""]
    return page(lines)


def anchor(operation: Any) -> str:
    """Return the anchor that Markdown gives the heading of an op."""
    return operation.OPERATION_NAME.replace(".", "")


def operation_section(operation: Any) -> list[str]:
    """Return the section of one op: what it does, its traits, and its fields by kind."""
    traits = ", ".join(f"`{trait.__name__}`" for trait in operation._traits)
    rows = [
        (f"`{field.name}`", type(field).__name__.removesuffix("Def").lower(), constraint(field))
        for field in operation._fields
    ]
    return [
        f"### `{operation.OPERATION_NAME}`",
        "",
        *prose(operation.__doc__),
        *([f"\nTraits: {traits}"] if traits else []),
        *table(("name", "is an", "of type"), rows),
        "",
    ]


def constraint(field: Any) -> str:
    """Spell the constraint of an op's field; `Any` is left to the op's verifier."""
    names = [each.__name__ for each in get_args(field.constraint) or (field.constraint,)]
    spelled = " or ".join("any, checked by the verifier" if n == "Any" else f"`{n}`" for n in names)
    return spelled if field.variadicity.name == "single" else f"{field.variadicity.name} {spelled}"


def passes_page() -> str:
    """Return docs/passes.md: every pass of the registry with its options."""
    lines = heading("The passes", sys.modules[pass_class.__module__])
    lines += ["Passes: " + ", ".join(f"[`{name}`](#{name})" for name in sorted(REGISTRY)), ""]
    for name in sorted(REGISTRY):
        lines += pass_section(name)
    return page(lines)


def pass_section(name: str) -> list[str]:
    """Return the section of one pass: its contract, its options, and where its tests are."""
    cls = pass_class(name)
    rows = [
        (
            f"`{field.name.replace('_', '-')}`",
            f"`{getattr(field.type, '__name__', field.type)}`",
            f"`{field.default!r}`",
            str(field.metadata.get("help", "")),
        )
        for field in dataclasses.fields(cls)
    ]
    return [
        f"## `{name}`",
        "",
        *prose(cls.__doc__),
        *table(("option", "type", "default", "meaning"), rows),
        "",
        f"As a transform op: `pock_transform.{name.replace('-', '_')}`. "
        f"Defined in `{cls.__module__}`; examples in `lit/passes/{name}/`.",
        "",
    ]


def derivatives_page() -> str:
    """Return docs/derivatives.md: what `differentiate` does at each op, by family of rules."""
    rules = registry.all_rules()
    without = sorted(registry.all_accounted_for() - set(rules))
    lines = heading("Derivatives", registry)
    ordered = sorted(rules, key=lambda name: (rules[name].__module__, name))
    for family, names in groupby(ordered, key=lambda name: rules[name].__module__):
        lines += [f"## {title_of(family)}", "", *prose(sys.modules[family].__doc__)]
        by_rule: dict[Any, list[str]] = {}
        for name in names:
            by_rule.setdefault(rules[name], []).append(f"`{name}`")
        rows = [(", ".join(ops), formula(rule.__doc__)) for rule, ops in by_rule.items()]
        lines += [*table(("op", "rule"), rows), ""]
    stops = [f"`{name}`" for name in without if registry.stops_gradient(name)]
    lines += ["## No gradient", "", "Piecewise constant, or not of real numbers:", ", ".join(stops)]
    rows = [(f"`{n}`", registry.why_unsupported(n)) for n in without if registry.why_unsupported(n)]
    return page([*lines, "", "## Without a rule", *table(("op", "why"), rows)])


def title_of(module: str) -> str:
    """Return the title of a section about a module."""
    return module.rpartition(".")[2].replace("_", " ").capitalize()


def formula(docstring: str | None) -> str:
    """Return the first paragraph of a rule's docstring, as code where it is a formula."""
    lines = inspect.cleandoc(docstring or "").partition("\n\n")[0].splitlines()
    text = " ".join(line.strip() for line in lines)
    return f"`{text}`" if " = " in text else text


def page(lines: Iterable[str]) -> str:
    """Join lines into a page, never with two blank lines in a row."""
    text = "\n".join(line.rstrip() for line in "\n".join(lines).splitlines())
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() + "\n"


def main() -> int:
    """Write the pages, or check them, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="fail when a page is stale")
    check = parser.parse_args().check
    stale = []
    pages = {
        "dialect.md": dialect_page(),
        "passes.md": passes_page(),
        "derivatives.md": derivatives_page(),
    }
    for name, text in pages.items():
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text() != text:
            stale.append(f"docs/{name}")
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    if stale:
        print(f"{'stale, run make docs:' if check else 'wrote'} {' '.join(stale)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
