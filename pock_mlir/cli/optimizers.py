"""The options of `pock compile` that say how a step changes weights."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pock_mlir.optimizers import Group, Optimizer, Schedule


class OptimizerName(StrEnum):
    """How a step changes weights."""

    SGD = "sgd"
    ADAM = "adam"
    ADAMW = "adamw"
    ADAFACTOR = "adafactor"
    LION = "lion"


DEFAULT_RATES = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001, "adafactor": 0.01, "lion": 0.0001}
SCHEDULES = "constant, step:EVERY[:DECAY], cosine:STEPS[:FINAL] or linear:STEPS[:FINAL]"

OptimizerOption = Annotated[OptimizerName, typer.Option(help="How.")]
RateOption = Annotated[
    float | None,
    typer.Option(
        help="Default learning rate.",
        show_default="sgd, adafactor: 0.01; adam, adamw: 0.001; lion: 0.0001",
    ),
]
MomentumOption = Annotated[float, typer.Option(help="Momentum of sgd.")]
NesterovOption = Annotated[bool, typer.Option("--nesterov", help="Nesterov momentum.")]
WeightDecayOption = Annotated[
    float | None, typer.Option(help="Weight decay.", show_default="0; adamw: 0.01")
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option(
        help="'PATTERN lr-scale=X weight-decay=X momentum=X' for the parameters of that name; "
        "may be repeated, the last match holds."
    ),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option(help=f"What multiplies the learning rate: {SCHEDULES}; counts updates."),
]
WarmupOption = Annotated[
    int, typer.Option(min=0, help="Updates in which the learning rate rises; part of STEPS.")
]
ClipNormOption = Annotated[
    float | None, typer.Option(help="Bound of the norm of all gradients.", show_default="none")
]
ClipValueOption = Annotated[
    float | None, typer.Option(help="Bound of each element of a gradient.", show_default="none")
]
AccumulateOption = Annotated[int, typer.Option(min=1, help="Batches to an update.")]


def make_optimizer(
    name: OptimizerName,
    lr: float | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = None,
    *,
    groups: Sequence[str] | None = None,
    schedule: str | None = None,
    warmup: int = 0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    accumulate: int = 1,
) -> Optimizer:
    """The optimizer that the options say. Raises ValueError where they do not go together."""
    from pock_mlir import optimizers

    rate = DEFAULT_RATES[name.value] if lr is None else lr
    options: dict[str, Any] = {
        "groups": [parse_group(text) for text in groups or ()],
        "schedule": parse_schedule(schedule, warmup),
        "clip_norm": clip_norm,
        "clip_value": clip_value,
        "accumulate": accumulate,
    }
    if weight_decay is not None:
        options["weight_decay"] = weight_decay
    if name is OptimizerName.SGD:
        return optimizers.SGD(rate, momentum, nesterov, **options)
    if momentum or nesterov:
        raise ValueError("--momentum and --nesterov are for --optimizer sgd")
    kinds: dict[OptimizerName, type[Optimizer]] = {
        OptimizerName.ADAM: optimizers.Adam,
        OptimizerName.ADAMW: optimizers.AdamW,
        OptimizerName.ADAFACTOR: optimizers.Adafactor,
        OptimizerName.LION: optimizers.Lion,
    }
    return kinds[name](lr=rate, **options)


def parse_schedule(text: str | None, warmup: int) -> Schedule | None:
    """The schedule that `KIND[:NUMBER[:NUMBER]]` says. Raises ValueError."""
    from pock_mlir.optimizers import Constant, Cosine, Linear, Step

    if text is None:
        return Constant(warmup=warmup) if warmup else None
    kind, *numbers = text.split(":")
    try:
        match kind, numbers:
            case "constant", []:
                return Constant(warmup=warmup)
            case "step", [every, *decay]:
                (factor,) = map(float, decay or ["0.1"])
                return Step(every=int(every), decay=factor, warmup=warmup)
            case "cosine" | "linear", [steps, *final]:
                (end,) = map(float, final or ["0"])
                schedule = Cosine if kind == "cosine" else Linear
                return schedule(steps=int(steps), final=end, warmup=warmup)
            case _:
                raise ValueError(f"it can be {SCHEDULES}")
    except ValueError as error:
        raise ValueError(f"--schedule {text}: {error}") from error


def parse_group(text: str) -> Group:
    """The group that `PATTERN KEY=NUMBER ...` says. Raises ValueError."""
    from pock_mlir.optimizers import Group

    pattern, *settings = text.split() or [""]
    options: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in ("lr-scale", "weight-decay", "momentum"):
            raise ValueError(
                f"--group '{text}': expected lr-scale=, weight-decay= or momentum=, got '{setting}'"
            )
        try:
            options[key.replace("-", "_")] = float(value)
        except ValueError as error:
            raise ValueError(f"--group '{text}': '{value}' is no number") from error
    return Group(pattern, **options)
