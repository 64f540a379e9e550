"""The command line of `pock-opt`, read as LLVM's tools read theirs.

`-name` and `--name` are the same; a value follows after `=` or as the next argument; a name that is
no option is a pass, and passes run in the order in which they stand.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Any

from pock_mlir.passes import REGISTRY


class UsageError(Exception):
    """The command line is wrong."""


def option(help: str, flag: str = "", metavar: str = "", default: Any = False) -> Any:
    """A field of Options with its spelling; one with a `metavar` takes a value."""
    return dataclasses.field(
        default=default, metadata={"help": help, "flag": flag, "metavar": metavar}
    )


@dataclasses.dataclass
class Options:
    """What the command line asks for."""

    input: str = "-"
    passes: list[str] = dataclasses.field(default_factory=list)
    help: bool = option("print this text", "help")
    version: bool = option("print the versions of pock-mlir and of the MLIR bindings", "version")
    show_dialects: bool = option("print the dialects that the input may use", "show-dialects")
    output: str = option("write here instead of to the standard output", "o", "file", "-")
    pipeline: str = option("run this textual pipeline", "pass-pipeline", "text", "")
    dump: bool = option("print the pipeline, in a form that parses back", "dump-pass-pipeline")
    split: bool = option("treat the parts between '// -----' lines alone", "split-input-file")
    verify_diagnostics: bool = option(
        "compare diagnostics with the 'expected-error {{...}}' comments of the input",
        "verify-diagnostics",
    )
    verify_each: bool = option("verify after each pass", "verify-each", "bool", True)
    unregistered: bool = option("accept unknown dialects", "allow-unregistered-dialect")
    print_before: bool = option("print the IR before each pass", "mlir-print-ir-before-all")
    print_after: bool = option("print the IR after each pass", "mlir-print-ir-after-all")
    debuginfo: bool = option("print locations", "mlir-print-debuginfo")
    generic: bool = option("print every operation in generic form", "mlir-print-op-generic")
    local_scope: bool = option("print attributes without aliases", "mlir-print-local-scope")
    elide: int = option(
        "leave out constants of more elements", "mlir-elide-elementsattrs-if-larger", "uint", 0
    )
    bytecode: bool = option("write bytecode instead of text", "emit-bytecode")
    timing: bool = option("print the time of each pass", "mlir-timing")
    reproducer: str = option(
        "when a pass fails, write the IR and the pipeline that repeat it",
        "mlir-pass-pipeline-crash-reproducer",
        "file",
        "",
    )
    run_reproducer: bool = option("run the pipeline that stands in the input", "run-reproducer")
    single_thread: bool = option("accepted; passes run in one thread", "mlir-disable-threading")


FIELDS = {f.metadata["flag"]: f for f in dataclasses.fields(Options) if "flag" in f.metadata}
"""The options by their spelling without dashes."""

_ALIASES = {"h": "help"}
_BOOLEANS = {"": True, "true": True, "1": True, "false": False, "0": False}


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Read a command line (without the program's name).

    Raises:
        UsageError: an unknown option, a missing or wrong value, two inputs, two pipelines.
    """
    options, inputs, rest = Options(), [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "-" or not argument.startswith("-"):
            inputs.append(argument)
        else:
            _take(options, argument, rest)
    if len(inputs) > 1:
        raise UsageError(f"expected one input file, got {', '.join(inputs)}")
    if options.pipeline and options.passes:
        raise UsageError("--pass-pipeline cannot be mixed with passes as options")
    options.input = inputs[0] if inputs else "-"
    return options


def _take(options: Options, argument: str, rest: list[str]) -> None:
    name, equals, value = argument.lstrip("-").partition("=")
    field = FIELDS.get(_ALIASES.get(name, name))
    if field is None:
        options.passes.append(_element(name, value))
        return
    takes_value = field.metadata["metavar"] not in ("", "bool")
    if takes_value and not equals:
        if not rest:
            raise UsageError(f"option '--{name}' needs a value")
        value = rest.pop(0)
    setattr(options, field.name, _convert(name, type(field.default), value))


def _element(name: str, options: str) -> str:
    """`--name=key=value` as the element of a pipeline."""
    inside = options[1:-1] if options.startswith("{") and options.endswith("}") else options
    return f"{name}{{{inside}}}" if inside else name


def _convert(name: str, type_: type, text: str) -> object:
    try:
        return _BOOLEANS[text.lower()] if type_ is bool else type_(text)
    except (KeyError, ValueError):
        kind = "true or false" if type_ is bool else "a number"
        raise UsageError(f"option '--{name}' must be {kind}, got '{text}'") from None


def suggestion(name: str, upstream: Sequence[str]) -> str:
    """A line that names the options and passes closest to the unknown `name`."""
    close = difflib.get_close_matches(name, [*FIELDS, *REGISTRY, *upstream], n=3)
    if not close:
        return ""
    return "; did you mean " + " or ".join(f"'--{c}'" for c in close) + "?"
