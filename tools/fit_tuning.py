"""Fit the models of costs to the shipped measurements, and say how good they are.

    python tools/fit_tuning.py                      prints only
    python tools/fit_tuning.py --write              also writes pock_mlir/tuning/constants.toml

Besides the fit to all products it tells how good one is for products that it was not fitted to: of
five parts of the products, each is left out in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pock_mlir.tuning import MACHINES, Database
from pock_mlir.tuning.choice import shipped_files
from pock_mlir.tuning.cost import CONSTANTS, CostModel, Sample, fit, quality
from pock_mlir.tuning.machine import Machine

PARTS = 5


def samples(path: Path) -> list[Sample]:
    """The times of a file."""
    return [
        (product, form, time)
        for section in Database.load(path).sections.values()
        for product, measured in section.items()
        for form, time in measured.times.items()
    ]


def describe(title: str, model: CostModel, known: Sequence[Sample], machine: Machine) -> str:
    """A line about a model."""
    found = quality(model, known, machine)
    return (
        f"{title}: rank correlation {found.correlation:.3f}, within a subject {found.within:.2f}; "
        f"the form it takes needs {found.regret:.3f} times the fastest one's time"
    )


def left_out(known: Sequence[Sample], machine: Machine) -> str:
    """How good fits are for the products that they were not fitted to."""
    products = list({product: None for product, _, _ in known})
    parts = [set(products[i::PARTS]) for i in range(PARTS)]
    lines: list[str] = []
    for i, part in enumerate(parts):
        model = fit([each for each in known if each[0] not in part], machine)
        unseen = [each for each in known if each[0] in part]
        lines.append(describe(f"left out, part {i + 1}", model, unseen, machine))
    return "\n".join(lines)


def table(machine: Machine, model: CostModel, said: str) -> str:
    """The constants of a machine, as the file has them."""
    lines = [f'["{machine.name}"]', f"# {said}"]
    return "\n".join([*lines, *(f'"{n}" = {v:.6g}' for n, v in model.constants.items())]) + "\n"


def main() -> None:
    """Fit, and print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    tables = ["# Nanoseconds; written by tools/fit_tuning.py. See docs/tuning.md.\n"]
    for path in shipped_files():
        machine, known = MACHINES[path.stem], samples(path)
        model = fit(known, machine)
        said = describe(f"{len(known)} times", model, known, machine)
        tables.append(table(machine, model, said))
        print(tables[-1])
        print(left_out(known, machine))
    if write:
        CONSTANTS.write_text("\n".join(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
