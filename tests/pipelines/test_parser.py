"""Text to pipeline and back."""

from __future__ import annotations

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.passes import pass_class
from pock_mlir.pipelines import PipelineError, Upstream, parse_pipeline, pipeline_text
from pock_mlir.pipelines.elements import COMMON_UPSTREAM_PASSES


@pytest.mark.parametrize(
    "text",
    [
        "builtin.module()",
        "builtin.module(apply-optimizer,canonicalize)",
        "builtin.module(apply-optimizer{kind=adamw nesterov=true epsilon=1e-06},func.func(cse))",
        "builtin.module(sparsify-backward{scheme='/a b/scheme.toml'},cse)",
        'builtin.module(sparsify-backward{scheme="it\'s.toml"},cse)',
        "builtin.module(canonicalize{max-iterations=3 top-down=false},inline)",
        "builtin.module(func.func(canonicalize{max-iterations=3}),builtin.module(cse))",
    ],
)
def test_prints_what_it_parses(text: str):
    assert pipeline_text(parse_pipeline(text)) == text


def test_values_become_fields():
    text = "apply-optimizer{ kind=momentum  momentum=0.5 nesterov weight_decay=1 },cse"
    momentum, cse = parse_pipeline(text)
    expected = pass_class("apply-optimizer")(
        **{"kind": "momentum", "momentum": 0.5, "nesterov": True, "weight_decay": 1.0}
    )
    assert momentum == expected
    assert cse == Upstream("cse")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("diferentiate", "unknown pass 'diferentiate'; did you mean differentiate?"),
        ("func.func(canonicalise)", "unknown pass 'canonicalise'; did you mean canonicalize?"),
        ("zzz", "unknown pass 'zzz'"),
        ("func.func(cse,differentiate)", "pass 'differentiate' works on the whole module"),
        ("apply-optimizer{knd=sgd}", "has no option 'knd'; did you mean kind?"),
        ("apply-optimizer{kind=sgd kind=sgd}", "option 'kind' is given twice"),
        ("apply-optimizer{momentum=lots}", "must be a number, got 'lots'"),
        ("apply-optimizer{nesterov=maybe}", "must be true or false, got 'maybe'"),
        ("apply-optimizer{kind='sgd}", "missing closing bracket or quote"),
        ("apply-optimizer{kind=}", "cannot read options at 'kind='"),
        ("apply-optimizer(cse)", "takes options in braces, got '(cse)'"),
        ("canonicalize{depth=3}", "pass 'canonicalize' has no option 'depth'"),
        ("builtin.module(cse", "missing closing bracket or quote"),
        ("builtin.module(cse))", "unbalanced ')' at column 20"),
        (
            "stablehlo-aggressive-simplification",
            "works on 'func.func': write func.func(stablehlo-aggressive-simplification)",
        ),
        ("cse,,sccp", "expected the name of a pass, got ''"),
        ("3", "expected the name of a pass, got '3'"),
    ],
)
def test_one_clear_message(text: str, message: str):
    with pytest.raises(PipelineError) as caught:
        parse_pipeline(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_option_with_both_kinds_of_quotes_cannot_be_written():
    both = pass_class("sparsify-backward")(**{"scheme": "a'b\"c"})
    with pytest.raises(PipelineError, match="both kinds of quotes"):
        pipeline_text([both])


def test_the_passes_that_are_suggested_exist():
    context = make_context()
    for name in COMMON_UPSTREAM_PASSES:
        (pass_,) = parse_pipeline(name, context, nest=True)
        assert pass_ in (Upstream(name), Upstream(f"func.func({name})"))
