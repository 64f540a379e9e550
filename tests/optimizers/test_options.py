"""Groups and the other options of every optimizer, and how they become options of passes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.optimizers import SGD, AdamW, Cosine, Group, Lion, Step
from pock_mlir.optimizers.groups import GroupOptions, groups_text, parse_groups
from pock_mlir.passes import PassError
from pock_mlir.passes.apply_optimizer import ApplyOptimizer
from pock_mlir.pipelines import parse_pipeline, pipeline_text, training_pipeline

GROUPS = [
    Group("*.bias", weight_decay=0, lr_scale=0.1),
    Group("head.[wb]*", betas=(0.5, 0.25), eps=1e-6, nesterov=False),
    Group("all"),
]


def test_the_text_of_groups_is_read_back() -> None:
    text = groups_text(GROUPS)
    assert text == (
        "*.bias lr-scale=0.1 weight-decay=0.0; "
        "head.[wb]* nesterov=false beta1=0.5 beta2=0.25 epsilon=1e-06; all"
    )
    assert parse_groups(text) == [group.options() for group in GROUPS]
    assert parse_groups("") == []
    assert parse_groups(" a  x=1 ;; ") == [GroupOptions("a", {"x": 1.0})]


def test_unreadable_groups_are_all_named() -> None:
    with pytest.raises(ValueError) as info:
        parse_groups("a lr-scale; b beta1=much; c x=1")
    assert str(info.value).splitlines() == [
        "group 'a': expected KEY=NUMBER, got 'lr-scale'",
        "group 'b': expected KEY=NUMBER, got 'beta1=much'",
    ]


def test_the_pipeline_prints_and_parses_back() -> None:
    optimizer = AdamW(
        1e-3,
        groups=GROUPS[:1],
        schedule=Cosine(steps=10, warmup=2),
        clip_norm=1.0,
        clip_twice=True,
        accumulate=4,
    )
    options = dict(optimizer.pass_options())
    kind = options.pop("kind")
    pipeline = training_pipeline(
        optimizer=kind, optimizer_options=options, **optimizer.pipeline_options()
    )
    text = pipeline_text(pipeline)
    for part in (
        "accumulate-gradients{steps=4},clip-gradients{norm=1.0 gradients=twice}",
        "groups='*.bias lr-scale=0.1 weight-decay=0.0'",
        "schedule-learning-rate{kind=cosine warmup=2 steps=10}",
    ):
        assert part in text
    assert pipeline_text(parse_pipeline(text)) == text


def test_a_plain_optimizer_adds_no_pass() -> None:
    assert SGD(0.1).pipeline_options() == {"accumulate": 1, "clip": None, "schedule": None}
    assert SGD(0.1).to_dict() == {"lr": 0.1, "kind": "sgd", "weight_decay": 0.0}


def test_what_a_manifest_says() -> None:
    optimizer = Lion(0.1, schedule=Step(every=5), clip_value=2.0, accumulate=3)
    said = optimizer.to_dict()
    assert said["schedule"] == "step warmup=0 every=5 decay=0.1"
    assert (said["clip_value"], said["accumulate"], said["lr"]) == (2.0, 3, 0.1)
    assert "clip_norm" not in said


def test_a_group_can_bring_momentum_to_sgd() -> None:
    assert SGD(0.1).pass_options()["kind"] == "sgd"
    assert SGD(0.1, groups=[Group("a", momentum=0.5)]).pass_options()["kind"] == "momentum"


def test_every_group_that_does_not_fit_is_named() -> None:
    module = Module.parse(
        '"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<4xf32>}'
        """ : () -> ()
        func.func @train_step(%g: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
          "pock.update"(%g) {parameter = @fc.weight, offsets = array<i64: 0>,
            sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
          return
        }""",
        make_context(),
    )
    groups = [Group("fc.wieght"), Group("*", momentum=0.5)]
    with module.context, Location.unknown(), pytest.raises(PassError) as info:
        ApplyOptimizer(kind="lion", groups=groups_text(groups)).run(module)
    assert [message for _, message in info.value.problems] == [
        "group: pattern 'fc.wieght' matches no parameter; nearest: fc.weight",
        "group '*': lion has no option 'momentum'; it has weight-decay, beta1, beta2, lr-scale",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Group(""), "match must be a pattern"),
        (lambda: Group("a b"), "match must be a pattern without spaces and ';', got 'a b'"),
        (lambda: Group("a", lr_scale=-1), r"lr_scale must be in \[0, inf\), got -1"),
        (lambda: Group("a", weight_decay=math.nan), "weight_decay must be in"),
        (lambda: Group("a", momentum=1), "momentum must be in"),
        (lambda: Group("a", betas=(0.9, 1.0)), r"betas\[1\] must be in"),
        (lambda: Group("a", eps=0), "eps must be positive, got 0"),
        (lambda: SGD(1, clip_value=0), "clip_value must be positive and finite, got 0"),
        (lambda: SGD(1, clip_norm=math.inf), "clip_norm must be positive and finite, got inf"),
        (lambda: SGD(1, clip_norm=1, clip_value=1), "clip_value and clip_norm exclude each other"),
        (lambda: SGD(1, clip_twice=True), "clip_twice is for clip_norm"),
        (lambda: SGD(1, accumulate=0), "accumulate must be at least 1, got 0"),
        (lambda: SGD(1, accumulate=2.5), "accumulate must be at least 1, got 2.5"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_values_are_checked(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
