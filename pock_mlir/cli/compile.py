"""`pock compile`."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pock_mlir.cli import console, losses, optimizers
from pock_mlir.cli.models import FORMS, ZooOptions, load_model, schemes_of
from pock_mlir.cli.outputs import require_new
from pock_mlir.cli.summary import given, headline
from pock_mlir.progress import stages
from pock_mlir.runtime.shards import MOST_SHARDS


class Precision(StrEnum):
    """What contractions and convolutions compute with."""

    F32 = "f32"
    BF16 = "bf16"
    F16 = "f16"


EXAMPLE = r"""
pock compile zoo:efficientnet_lite0 --pretrained --classes 4 --scheme last-4 \
    --optimizer sgd --momentum 0.9 --lr 0.01 -o cells.pock
pock compile zoo:mlp --optimizer lion --schedule cosine:1000 --warmup 100 --clip-norm 1 \
    --accumulate 4 --group '*.bias weight-decay=0'
pock compile my_model.py:make_model --scheme my_scheme.toml --target cuda-sm_87
"""


def compile_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"{FORMS}.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The .pock file to write.", show_default="MODEL.pock"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "--overwrite", help="Write over a file that is there.")
    ] = False,
    scheme: Annotated[
        str,
        typer.Option(
            help="What to train: full, head, bias-only, last-blocks, last-N, a TOML file, or a "
            "scheme of the zoo for its model, such as sparse."
        ),
    ] = "full",
    loss: losses.LossOption = None,
    class_weights: losses.ClassWeightsOption = None,
    label_smoothing: losses.LabelSmoothingOption = None,
    ignore_index: losses.IgnoreIndexOption = None,
    class_axis: losses.ClassAxisOption = None,
    pos_weight: losses.PosWeightOption = None,
    optimizer: optimizers.OptimizerOption = optimizers.OptimizerName.SGD,
    lr: optimizers.RateOption = None,
    momentum: optimizers.MomentumOption = 0.0,
    nesterov: optimizers.NesterovOption = False,
    weight_decay: optimizers.WeightDecayOption = None,
    group: optimizers.GroupOption = None,
    schedule: optimizers.ScheduleOption = None,
    warmup: optimizers.WarmupOption = 0,
    clip_norm: optimizers.ClipNormOption = None,
    clip_value: optimizers.ClipValueOption = None,
    accumulate: optimizers.AccumulateOption = 1,
    target: Annotated[
        str,
        typer.Option(
            help="What will run it: cpu (a machine like this one), cortex-a72 (Raspberry Pi 4), "
            "cuda-sm_87 (Jetson Orin), vulkan-swiftshader (in software)."
        ),
    ] = "cpu",
    batch: Annotated[
        int | None, typer.Option(min=1, help="Batch size (zoo), of each shard.", show_default="8")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Pixels of an image's side (zoo).", show_default="96")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a text (zoo).", show_default="64")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=2, help="Outputs of the last layer (zoo).", show_default=False)
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="With pre-trained weights (zoo).")
    ] = False,
    train_statistics: Annotated[
        bool,
        typer.Option(
            "--train-statistics",
            help="Training mode: train batch-norm's running statistics too, draw dropout.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of dropout's masks.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="What contractions and convolutions compute with.")
    ] = Precision.F32,
    shards: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST_SHARDS,
            help="Batches that a step takes and computes side by side, each on threads of its own: "
            "faster for small networks, with a gradient of each in memory.",
        ),
    ] = 1,
    tuning: Annotated[
        Path | None,
        typer.Option(
            help="Measurements of `pock tune`; by default those that it last made.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compile a model and its training step into a .pock file.

    A factory is a function without arguments that returns (model, example_inputs), or with a loss
    of its own (model, example_inputs, loss, example_targets); loss(outputs, targets) is a scalar.
    """
    path = output or Path(_stem(model)).with_suffix(".pock")
    if not path.parent.is_dir():
        raise ValueError(f"no such directory: {path.parent}")
    require_new(path, force=force)
    chosen = optimizers.make_optimizer(
        optimizer,
        lr,
        momentum,
        nesterov,
        weight_decay,
        groups=group,
        schedule=schedule,
        warmup=warmup,
        clip_norm=clip_norm,
        clip_value=clip_value,
        accumulate=accumulate,
    )
    minimised = losses.make_loss(
        loss,
        class_weights=class_weights,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        axis=class_axis,
        pos_weight=pos_weight,
    )
    from pock_mlir import api
    from pock_mlir.schemes import Scheme

    api.find_target(target)
    parsed = Scheme.load(scheme, schemes_of(model))
    started = time.monotonic()
    with stages(console.err, "load the model") as tell:
        loaded = load_model(model, ZooOptions(batch, image_size, tokens, classes, pretrained))
        if loaded.loss is not None and loss is not None:
            raise ValueError(f"{model} gives a loss of its own; leave out --loss")
        program = api.compile(
            loaded.model,
            loaded.inputs,
            loss=loaded.loss or minimised,
            example_targets=loaded.targets,
            optimizer=chosen,
            scheme=parsed,
            target=target,
            training=train_statistics,
            seed=seed,
            precision=precision.value,
            shards=shards,
            tuning=tuning,
            progress=tell,
        )
        tell("write")
        program.save(path)
    seconds = time.monotonic() - started
    console.out.print(headline(program.manifest))
    console.out.print(given(program.manifest))
    console.out.print(f"{path}: {console.size(path.stat().st_size)}, in {seconds:.1f} s")


def _stem(model: str) -> str:
    """A file name for a model: zoo:mlp -> mlp, a/b.py:make -> b, c.pt2 -> c."""
    if model.startswith("zoo:"):
        return model.removeprefix("zoo:") or "model"
    return Path(model.rpartition(":")[0] or model).stem
