"""Kinds of processors, told apart by what their vector registers are, not by their names."""

from __future__ import annotations

import platform
from collections.abc import Set
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """A kind of processor.

    Attributes:
        name: how databases and the option of `choose-kernels` name it.
        registers: vector registers that a kernel may use.
        lanes: f32 numbers in one.
    """

    name: str
    registers: int
    lanes: int

    @property
    def vector_width(self) -> int:
        """f32 numbers in a vector of kernels of depthwise convolutions and Winograd's transforms.

        They hold some twelve vectors; registers of four numbers are taken two at a time.
        """
        return max(_LEAST_WIDTH, self.lanes)


_LEAST_WIDTH = 8

_TABLE = (
    Machine("x86-64-avx512", 32, 16),
    Machine("x86-64-avx2", 16, 8),
    Machine("x86-64", 16, 4),
    Machine("aarch64-neon", 32, 4),  # cortex-a72 and its kin
)

MACHINES = {machine.name: machine for machine in _TABLE}


def find_machine(name: str = "") -> Machine:
    """The machine of that name, by default this one. Raises ValueError, listing what there is."""
    if not name:
        return this_machine()
    if name not in MACHINES:
        raise ValueError(f"unknown machine '{name}'; there is {', '.join(MACHINES)}")
    return MACHINES[name]


@cache
def this_machine() -> Machine:
    """The kind of the processor that runs this, as the operating system describes it."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:  # not Linux
        text = ""
    return MACHINES[_kind(platform.machine().lower(), _features(text))]


def _features(text: str) -> set[str]:
    """The features of the first processor in the text of /proc/cpuinfo."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def _kind(architecture: str, features: Set[str]) -> str:
    if architecture in ("aarch64", "arm64"):
        return "aarch64-neon"
    if {"avx512f", "avx512vl", "avx512dq"} <= features:
        return "x86-64-avx512"
    return "x86-64-avx2" if {"avx2", "fma"} <= features else "x86-64"


def section_of(machine: Machine) -> str:
    """Under what a database keeps what was measured on a machine: versions of IREE differ."""
    try:
        return f"{machine.name} iree-{version('iree-base-compiler')}"
    except PackageNotFoundError:
        return machine.name
