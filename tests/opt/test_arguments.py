"""The command line of pock-opt."""

from __future__ import annotations

import pytest

from pock_mlir.opt.arguments import UsageError, parse_arguments


def test_passes_keep_their_order_and_options():
    options = parse_arguments(
        ["in.mlir", "-differentiate", "--sparsify-backward=scheme=head", "--cse", "-o", "out.mlir"]
    )
    assert options.passes == ["differentiate", "sparsify-backward{scheme=head}", "cse"]
    assert (options.input, options.output) == ("in.mlir", "out.mlir")


def test_values_come_after_an_equals_sign_or_as_the_next_argument():
    for arguments in (["--pass-pipeline=cse"], ["-pass-pipeline", "cse"]):
        assert parse_arguments(arguments).pipeline == "cse"
    assert parse_arguments(["-o=x", "-"]).output == "x"
    assert parse_arguments(["--verify-each=0"]).verify_each is False
    assert parse_arguments(["--mlir-elide-elementsattrs-if-larger=8"]).elide == 8
    assert parse_arguments(["-h"]).help


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "b"], "expected one input file, got a, b"),
        (["--pass-pipeline=cse", "--cse"], "cannot be mixed"),
        (["-o"], "option '--o' needs a value"),
        (["--verify-each=maybe"], "must be true or false, got 'maybe'"),
        (["--mlir-elide-elementsattrs-if-larger=x"], "must be a number, got 'x'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str):
    with pytest.raises(UsageError) as caught:
        parse_arguments(arguments)
    assert message in str(caught.value)
