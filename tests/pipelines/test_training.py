"""The default pipelines."""

from __future__ import annotations

from pock_mlir.pipelines import parse_pipeline, pipeline_text, training_pipeline


def test_the_training_pipeline_has_a_text():
    options: dict[str, object] = {"momentum": 0.8}
    passes = training_pipeline(optimizer="momentum", optimizer_options=options, scheme="head")
    text = pipeline_text(passes)
    assert parse_pipeline(text) == passes
    assert "sparsify-backward{scheme=head}" in text
    assert "apply-optimizer{kind=momentum momentum=0.8}" in text
    assert text.index("differentiate") < text.index("narrow-gradients") < text.index("reorder")
