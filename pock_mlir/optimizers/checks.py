"""What optimizers, groups and schedules check about their values."""

from __future__ import annotations


def require(holds: bool, message: str) -> None:
    """Raise ValueError with `message` unless `holds`."""
    if not holds:
        raise ValueError(message)


def require_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value < high."""
    require(low <= value < high, f"{name} must be in [{low:g}, {high:g}), got {value!r}")


def require_count(name: str, value: int, least: int) -> None:
    """Raise ValueError unless `value` is an integer from `least` on."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    require(is_integer and value >= least, f"{name} must be at least {least}, got {value!r}")
