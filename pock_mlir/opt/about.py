"""`pock-opt --help`, `--version` and `--show-dialects`."""

from __future__ import annotations

import importlib.metadata
import inspect
import textwrap

import pock_mlir
from pock_mlir.dialects import make_context
from pock_mlir.ir import registered_dialects
from pock_mlir.opt.arguments import FIELDS, Options
from pock_mlir.passes import REGISTRY, pass_class
from pock_mlir.pipelines.elements import COMMON_UPSTREAM_PASSES
from pock_mlir.pipelines.options import Option, pass_options
from pock_mlir.pipelines.transforms import load_transform_ops

_COLUMN = 44
_WIDTH = 100


def print_about(options: Options) -> None:
    """Print what was asked for."""
    if options.help:
        print(help_text(), end="")
    elif options.version:
        print(f"pock-mlir {pock_mlir.__version__}")
        print(f"MLIR and StableHLO of torch-mlir {importlib.metadata.version('torch-mlir')}")
    else:
        context = make_context()
        load_transform_ops(context)
        print(f"Available Dialects: {', '.join(registered_dialects(context))}")


def help_text() -> str:
    """Usage, options, and every pass with its options and summary."""
    parts = [
        "OVERVIEW: runs passes of pock-mlir, upstream MLIR and StableHLO on a module\n",
        "USAGE: pock-opt [options] [passes] [input file, default: -]\n",
        "OPTIONS:\n",
        *(_row(_spelling(flag), FIELDS[flag].metadata["help"]) for flag in sorted(FIELDS)),
        "\nPASSES of pock-mlir, run in the order given, as --name or --name='option=value ...':\n",
        *(_pass_help(name) for name in sorted(REGISTRY)),
        "\nPASSES of upstream MLIR and StableHLO: every registered name works, for example:\n",
        textwrap.fill(
            " ".join(f"--{name}" for name in COMMON_UPSTREAM_PASSES),
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="  ",
            break_on_hyphens=False,
        ),
        "\n\nA SCHEDULE: --transform-interpreter runs @__transform_main of the input; there a pass",
        "\nof pock-mlir is an op on modules and functions: pock_transform.<pass, with _ for ->",
        "\n\nA PIPELINE: --pass-pipeline='builtin.module(differentiate,func.func(cse),inline)'",
    ]
    return "".join(parts) + "\n"


def _spelling(flag: str) -> str:
    metavar = FIELDS[flag].metadata["metavar"]
    dashes = "-" if len(flag) == 1 else "--"
    return f"{dashes}{flag}" + (f"=<{metavar}>" if metavar else "")


def _row(left: str, right: str, indent: int = 2) -> str:
    head = " " * indent + left
    lines = textwrap.wrap(right, _WIDTH - _COLUMN - 2) or [""]
    text = f"\n{' ' * (_COLUMN + 2)}".join(lines)
    if len(head) >= _COLUMN:
        head += "\n" + " " * _COLUMN
    return f"{head:<{_COLUMN}}- {text}\n"


def _pass_help(name: str) -> str:
    try:
        class_ = pass_class(name)
    except ModuleNotFoundError:
        return _row(f"--{name}", "(not available in this installation)")
    summary = " ".join((inspect.getdoc(class_) or "").split("\n\n")[0].split())
    rows = [_row(f"--{name}", summary)]
    rows += [
        _row(_option_spelling(option), _option_help(option), 6) for option in pass_options(class_)
    ]
    return "".join(rows)


def _option_spelling(option: Option) -> str:
    return f"{option.name}=<{option.type.__name__}>"


def _option_help(option: Option) -> str:
    default = str(option.default).lower() if option.type is bool else str(option.default)
    return option.help + (f" (default: {default})" if default else "")
