"""Options of the test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much the randomised audit of derivative rules draws."""
    group = parser.getgroup("randomised audit")
    group.addoption("--graphs", type=int, default=10, help="how many random graphs to draw")
    group.addoption("--graph-seed", type=int, default=0, help="seed of the first one")
