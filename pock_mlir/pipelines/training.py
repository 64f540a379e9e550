"""The pipelines that the compiler itself uses, as plain functions that return lists of passes."""

from __future__ import annotations

from collections.abc import Mapping

from pock_mlir.passes import ModulePass, pass_class
from pock_mlir.pipelines.elements import Pass, Upstream


def training_pipeline(
    *,
    loss: str = "cross-entropy",
    loss_options: Mapping[str, object] | None = None,
    optimizer: str = "sgd",
    optimizer_options: Mapping[str, object] | None = None,
    shards: int = 1,
    accumulate: int = 1,
    clip: Mapping[str, object] | None = None,
    schedule: Mapping[str, object] | None = None,
    scheme: str = "full",
    precision: str = "f32",
    processor: str | None = None,
    tuning: str = "",
) -> list[Pass]:
    """From a model module (`@forward`) to a scheduled training module (`@train_step`, `@predict`).

    Args:
        loss: kind of loss that `add-loss` knows.
        loss_options: its further options, by field name (`ignore_index`, `label_smoothing`, ...).
        optimizer: kind of optimizer that `apply-optimizer` knows.
        optimizer_options: its further options, by field name (`momentum`, `weight_decay`, ...).
        shards: batches of the model's that a step takes side by side.
        accumulate: batches to an update, of which `@accumulate_step` takes all but the last.
        clip: options of `clip-gradients`; None clips nothing.
        schedule: options of `schedule-learning-rate`; None leaves the rate as it is given.
        scheme: what is trained: a built-in scheme's name or the path of a TOML file.
        precision: of the operands of contractions: f32, bf16 or f16 (with loss scaling).
        processor: the kind for which contractions get their forms, "" for this machine's; None
            leaves them to the backend.
        tuning: a file of measurements for that, beside those that are shipped.
    """
    scaled = precision == "f16"
    return [
        *model_passes(scheme),
        make("add-loss", kind=loss, **(loss_options or {})),
        *([make("scale-loss")] if scaled else []),
        make("differentiate"),
        make("sparsify-backward", scheme=scheme),
        make("narrow-gradients"),
        Upstream("canonicalize"),
        Upstream("cse"),
        *([make("shard-batch", shards=shards)] if shards > 1 else []),
        *([make("accumulate-gradients", steps=accumulate)] if accumulate > 1 else []),
        *([make("unscale-gradients")] if scaled else []),
        *([make("clip-gradients", **clip)] if clip else []),
        make("apply-optimizer", kind=optimizer, **(optimizer_options or {})),
        *([make("schedule-learning-rate", **schedule)] if schedule else []),
        make("lower-pock", keep="" if processor is None else "depthwise"),
        make("split-reductions"),
        # The loss and its gradient are lowered alone, and share most of a softmax.
        Upstream("cse"),
        *(_narrowed(precision, scheme) if precision != "f32" else []),
        *(_tiled(scheme, processor, tuning) if processor is not None else []),
        make("reorder"),
    ]


def _narrowed(precision: str, scheme: str) -> list[Pass]:
    """Contractions in a narrow type, in which frozen weights are kept then."""
    return [
        make("mixed-precision", type=precision),
        make("fold-frozen", scheme=scheme, only="conversions"),
    ]


def _tiled(scheme: str, processor: str, tuning: str) -> list[Pass]:
    """Contractions in the form that suits a processor; what two share is arranged once."""
    return [
        make("choose-kernels", target=processor, database=tuning),
        Upstream("cse"),
        make("fold-frozen", scheme=scheme, only="arrangements"),
    ]


def model_passes(scheme: str) -> list[Pass]:
    """What is done to the forward graph before it is differentiated."""
    return [
        make("convolutions-to-nhwc"),
        make("fold-batch-norm", scheme=scheme),
        make("fold-frozen", scheme=scheme),
        make("add-lora", scheme=scheme),
    ]


def make(name: str, **options: object) -> ModulePass:
    """The registered pass `name`; its module is imported only now."""
    return pass_class(name)(**options)
