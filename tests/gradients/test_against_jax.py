"""Every derivative rule against JAX: a second opinion, on the rows of the audit.

One row of each rule by default; with `-m acceptance` the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.gradients.case import Case
from tests.gradients.rows import ROWS

jax: Any = pytest.importorskip("jax")

# One quick compilation a row: op by op, every op would be compiled on its own.
jax.config.update("jax_disable_most_optimizations", True)


def _rows() -> Iterator[Any]:
    seen: set[str] = set()
    for case in ROWS:
        marks = [pytest.mark.acceptance] if case.rule in seen else []
        seen.add(case.rule)
        yield pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", _rows())
def test_rule_agrees_with_jax(case: Case):
    evaluation = case.evaluate()
    outcome = evaluation()

    def loss(*operands: Any) -> Any:
        return (case.jax(jax.numpy, jax.lax, *operands) * evaluation.cotangent).sum()

    with jax.enable_x64(True):
        everything = tuple(range(len(case.shapes)))
        compiled = jax.jit(jax.value_and_grad(loss, everything))
        value, expected = compiled(*evaluation.values.values())
        np.testing.assert_allclose(outcome.loss, value, rtol=1e-6)
        for name, array in zip(case.shapes, expected, strict=True):
            if name not in case.frozen:
                gradient = outcome.gradients[name]
                np.testing.assert_allclose(gradient, array, rtol=1e-6, atol=1e-9, err_msg=name)
