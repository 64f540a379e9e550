"""The options of `pock train` and `pock eval` that say what data to read, and how."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from pock_mlir.data.images import Pixels
from pock_mlir.data.tables import Columns

IMAGES, TEXTS = ("elpv", "cifar10"), ("movie-reviews", "shakespeare")
NAMED = (*IMAGES, *TEXTS)
FORMS = f"{', '.join(NAMED)}, FILE.npz, FILE.csv, FILE.jsonl, FILE.txt or FOLDER"


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers with commas between, got '{text}'") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


DataOption = Annotated[
    str, typer.Option(help=f"{FORMS}; a folder has class folders of images, or .txt files.")
]
TokenizerOption = Annotated[
    Path | None,
    typer.Option(help="For text: the model's tokenizer.json, or a GGUF file with a tokenizer."),
]
TextColumnOption = Annotated[str, typer.Option(help="Column of the texts (.csv, .jsonl).")]
LabelColumnOption = Annotated[str, typer.Option(help="Column of the labels (.csv, .jsonl).")]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        help="Names of the classes in the order of their numbers, with commas between.",
        show_default="sorted",
    ),
]
EncodingOption = Annotated[str, typer.Option(help="Encoding of text files.")]
MeanOption = Annotated[
    str, typer.Option(help="Of pixels 0 to 255: a number, or one a channel with commas between.")
]
StdOption = Annotated[str, typer.Option(help="As --mean: a pixel becomes (pixel - mean) / std.")]
HoldOutOption = Annotated[
    float | None,
    typer.Option(
        help="Part of the samples to test on, e.g. 0.1, where the data has no test split."
    ),
]
SplitSeedOption = Annotated[int, typer.Option(min=0, help="Of which samples are held out.")]


@dataclass(frozen=True)
class DataOptions:
    """Where samples come from, and how they are read."""

    source: str
    tokenizer: Path | None = None
    columns: Columns = Columns()
    classes: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    pixels: Pixels = Pixels()
    hold_out: float | None = None
    split_seed: int = 0
    limit: int | None = None


def make_options(
    data: DataOption,
    *,
    tokenizer: TokenizerOption = None,
    text_column: TextColumnOption = "text",
    label_column: LabelColumnOption = "label",
    classes: ClassesOption = None,
    encoding: EncodingOption = "utf-8",
    mean: MeanOption = "127",
    std: StdOption = "128",
    hold_out: HoldOutOption = None,
    split_seed: SplitSeedOption = 0,
) -> DataOptions:
    """The options as they are given on the command line."""
    return DataOptions(
        data,
        tokenizer,
        Columns(text_column, label_column),
        _names(classes) if classes else None,
        encoding,
        Pixels(_numbers(mean), _numbers(std)),
        hold_out,
        split_seed,
    )


def with_data(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, whose parameter `data` is a DataOptions, with the options that make one.

    `--data` has the place of the parameter, the others follow the command's own.
    """
    own = inspect.signature(command, eval_str=True)
    first, *rest = inspect.signature(make_options, eval_str=True).parameters.values()
    shown = [first if p.name == first.name else p for p in own.parameters.values()] + rest

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        made = make_options(**{p.name: given.pop(p.name) for p in (first, *rest)})
        command(**given, **{first.name: made})

    named = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown]
    wrapper.__signature__ = own.replace(parameters=named)  # pyright: ignore[reportAttributeAccessIssue]
    wrapper.__annotations__ = {p.name: p.annotation for p in named}
    return wrapper
