"""Fit the model of costs to a file of measurements, and say how good it is.

    python tools/fit_tuning.py                      the shipped measurements; prints only
    python tools/fit_tuning.py --write              also writes pock_mlir/tuning/constants.toml

Besides the fit to all products it tells how good one is for products that it was not fitted to: of
five parts of the products, each is left out in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pock_mlir.tuning import MACHINES, Database
from pock_mlir.tuning.choice import shipped_files
from pock_mlir.tuning.cost import CONSTANTS, CostModel, Sample, fit, quality
from pock_mlir.tuning.machine import Machine

MACHINE = "x86-64-avx2"
PARTS = 5


def samples(machine: Machine) -> list[Sample]:
    """The shipped times of a machine."""
    (path,) = [path for path in shipped_files() if path.stem == machine.name]
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


def text(model: CostModel, said: str) -> str:
    """The file of the constants."""
    head = "# Nanoseconds; written by tools/fit_tuning.py. See docs/tuning.md.\n"
    comment = "".join(f"# {line}\n" for line in said.splitlines())
    return head + comment + "".join(f'"{n}" = {v:.6g}\n' for n, v in model.constants.items())


def main() -> None:
    """Fit, and print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    machine = MACHINES[MACHINE]
    known = samples(machine)
    model = fit(known, machine)
    said = describe(f"{len(known)} times", model, known, machine)
    print(text(model, said))
    print(left_out(known, machine))
    if write:
        CONSTANTS.write_text(text(model, said), encoding="utf-8")


if __name__ == "__main__":
    main()
