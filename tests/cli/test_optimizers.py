import pytest

from pock_mlir.cli.optimizers import OptimizerName, make_optimizer
from pock_mlir.optimizers import (
    SGD,
    Adafactor,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Group,
    Linear,
    Lion,
    Step,
)


def test_default_rates() -> None:
    assert make_optimizer(OptimizerName.SGD, None, 0.9, True) == SGD(0.01, 0.9, True)
    assert make_optimizer(OptimizerName.ADAM) == Adam(0.001)
    assert make_optimizer(OptimizerName.ADAMW, 0.5) == AdamW(0.5)
    assert make_optimizer(OptimizerName.ADAFACTOR) == Adafactor()
    assert make_optimizer(OptimizerName.LION, weight_decay=0.5) == Lion(1e-4, weight_decay=0.5)
    assert make_optimizer(OptimizerName.ADAMW, weight_decay=0.0) == AdamW(0.001, weight_decay=0)


def test_everything_else() -> None:
    made = make_optimizer(
        OptimizerName.SGD,
        groups=["*.bias weight-decay=0 lr-scale=0.5", "head.* momentum=0.9"],
        schedule="cosine:1000",
        warmup=100,
        clip_norm=1.0,
        accumulate=4,
    )
    assert made == SGD(
        0.01,
        groups=[Group("*.bias", lr_scale=0.5, weight_decay=0.0), Group("head.*", momentum=0.9)],
        schedule=Cosine(steps=1000, warmup=100),
        clip_norm=1.0,
        accumulate=4,
    )


@pytest.mark.parametrize(
    ("text", "warmup", "schedule"),
    [
        (None, 0, None),
        (None, 3, Constant(warmup=3)),
        ("constant", 3, Constant(warmup=3)),
        ("step:5", 0, Step(every=5)),
        ("step:5:0.5", 2, Step(every=5, decay=0.5, warmup=2)),
        ("linear:9:0.25", 0, Linear(steps=9, final=0.25)),
    ],
)
def test_schedules(text: str | None, warmup: int, schedule: Constant | None) -> None:
    made = make_optimizer(OptimizerName.SGD, schedule=text, warmup=warmup)
    assert made.schedule == schedule


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nesterov": True}, "nesterov needs a momentum above 0"),
        ({"schedule": "cosin:9"}, "--schedule cosin:9: it can be constant, step:EVERY"),
        ({"schedule": "cosine"}, "--schedule cosine: it can be constant"),
        ({"schedule": "cosine:9:1:2"}, "--schedule cosine:9:1:2: "),
        ({"schedule": "linear:5", "warmup": 9}, "--schedule linear:5: steps must be at least 10"),
        ({"schedule": "step:x"}, "--schedule step:x: invalid literal"),
        (
            {"groups": ["* decay=1"]},
            "expected lr-scale=, weight-decay= or momentum=, got 'decay=1'",
        ),
        ({"groups": ["* lr-scale=fast"]}, "'fast' is no number"),
        ({"groups": [""]}, "match must be a pattern"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "exclude each other"),
    ],
)
def test_what_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_optimizer(OptimizerName.SGD, **options)  # pyright: ignore[reportArgumentType]
