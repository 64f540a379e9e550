"""Every derivative rule against finite differences in f64, and against JAX."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.passes.gradients import all_rules
from tests.gradients.case import Case
from tests.gradients.rows import contractions, elementwise, moving, reductions

ROWS: list[Case] = [
    *elementwise.ROWS,
    *moving.ROWS,
    *reductions.ROWS,
    *contractions.ROWS,
]
every_row = pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)


def test_every_rule_has_a_row():
    assert {case.rule for case in ROWS} == set(all_rules())


def test_rows_have_distinct_names():
    assert len({case.id for case in ROWS}) == len(ROWS)


@every_row
def test_rule_agrees_with_finite_differences(case: Case):
    assert case.rule in case.text
    evaluation = case.evaluate()
    gradients = evaluation().gradients
    assert set(gradients) == set(case.shapes) - set(case.frozen)
    for name, gradient in gradients.items():
        expected = evaluation.difference(name, case.step)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7, err_msg=name)


@every_row
def test_rule_agrees_with_jax(case: Case):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        evaluation = case.evaluate()
        outcome = evaluation()
        names = list(case.shapes)

        def loss(*operands):
            return (case.jax(jax.numpy, jax.lax, *operands) * evaluation.cotangent).sum()

        value, expected = jax.value_and_grad(loss, tuple(range(len(names))))(
            *evaluation.values.values()
        )
        np.testing.assert_allclose(outcome.loss, value, rtol=1e-6)
        for name, array in zip(names, expected, strict=True):
            if name not in case.frozen:
                np.testing.assert_allclose(
                    outcome.gradients[name], array, rtol=1e-6, atol=1e-9, err_msg=name
                )
