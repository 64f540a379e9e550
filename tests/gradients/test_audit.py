"""Every derivative rule against finite differences in f64."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.passes.gradients import all_rules
from tests.gradients.case import Case
from tests.gradients.rows import ROWS


def test_every_rule_has_a_row():
    assert {case.rule for case in ROWS} == set(all_rules())


def test_rows_have_distinct_names():
    assert len({case.id for case in ROWS}) == len(ROWS)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_rule_agrees_with_finite_differences(case: Case):
    assert case.rule in case.text
    evaluation = case.evaluate()
    assert not evaluation.sums_of_negatives
    gradients = evaluation().gradients
    assert set(gradients) == set(case.shapes) - set(case.frozen)
    for name, gradient in gradients.items():
        expected = evaluation.difference(name, case.step)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7, err_msg=name)
