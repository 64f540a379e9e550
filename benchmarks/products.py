"""The forms that are chosen for products and convolutions, against PyTorch's on one thread.

    python -m benchmarks.products                    all that was measured for this machine
    python -m benchmarks.products --only " * "       of these, the convolutions
    python -m benchmarks.products --sample 50        every so many-th

Both sides run in one process, in turns, and are timed in CPU time. What arranges an operand that is
not frozen is in our time. Ratios are PyTorch's time over ours; above 1, ours is faster.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from pock_mlir.backends.iree.measure import compile_forms
from pock_mlir.backends.iree.subjects import frozen_names, operands, padded_image
from pock_mlir.passes.kernels.contraction import pieces_of
from pock_mlir.progress import tracking
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.tuning import Convolution, Product, Subject, Tuning
from pock_mlir.tuning.machine import section_of

LEAST = 0.7
_BURST, _TURNS = 1e-3, 9


@dataclass(frozen=True)
class Row:
    """A subject, its form, and how many times as long PyTorch takes."""

    subject: Subject
    form: str
    ratio: float

    @property
    def kind(self) -> str:
        """The group that it is counted in."""
        if isinstance(self.subject, Convolution):
            return "convolution"
        if self.subject.stack:
            return "stack"
        operands = (
            "km" if not self.subject.lhs_rows_first else "mk",
            "kn" if self.subject.rhs_columns_last else "nk",
        )
        return " ".join(operands)


def subjects(tuning: Tuning, only: str, sample: int) -> list[Subject]:
    """What was measured for this kind of machine, as far as it is asked for."""
    known = tuning.database.sections.get(section_of(tuning.machine), {})
    return [each for each in known if only in str(each)][::sample]


def compare(subject: Subject, tuning: Tuning) -> Row | str:
    """The row, or why there is none."""
    if isinstance(subject, Product) and pieces_of(subject) > 1:
        return "programs do it in pieces, which are products of their own"
    form = tuning.form_of(subject)
    compiled, failed = compile_forms(subject, [form])
    if not compiled:
        return failed[form]
    values = operands(subject)
    given = [value for name, value in values.items() if name not in frozen_names(subject)]
    device = open_device("local-sync")
    module = DeviceModule(compiled[0].code, compiled[0].values, {}, device, "local-sync")
    ours, theirs = module.prepared("form0", *given), _pytorch(subject, values)
    return Row(subject, str(form), median(_ratios(ours, theirs)))


def _pytorch(subject: Subject, values: dict[str, Any]) -> Callable[[], object]:
    lhs, rhs = (torch.from_numpy(value) for value in values.values())
    if isinstance(subject, Product):
        a = lhs if subject.lhs_rows_first else lhs.transpose(-1, -2)
        b = rhs if subject.rhs_columns_last else rhs.transpose(-1, -2)
        return lambda: torch.matmul(a, b)
    # Padding is the same on both sides in PyTorch; it is done before, and not in its time.
    image = torch.from_numpy(padded_image(subject, values["lhs"])).movedim(-1, 1)
    kernel = rhs.permute(-1, -2, *range(len(subject.window)))
    if len(subject.window) == 2:
        kernel = kernel.contiguous(memory_format=torch.channels_last)
    functions = torch.nn.functional
    compute: Any = {1: functions.conv1d, 2: functions.conv2d, 3: functions.conv3d}
    convolve = compute[len(subject.window)]
    return lambda: convolve(image, kernel, stride=subject.strides, dilation=subject.spread)


def _ratios(ours: Callable[[], object], theirs: Callable[[], object]) -> Iterator[float]:
    """Their time over ours, turn by turn."""
    bursts = [max(1, int(_BURST / _seconds(run, 1))) for run in (ours, theirs)]
    for _ in range(_TURNS):
        mine, other = (_seconds(run, n) for run, n in zip((ours, theirs), bursts, strict=True))
        yield other / mine


def _seconds(run: Callable[[], object], times: int) -> float:
    started = time.thread_time()
    for _ in range(times):
        run()
    return (time.thread_time() - started) / times


def _mean(rows: Sequence[Row]) -> float:
    return math.exp(sum(math.log(row.ratio) for row in rows) / len(rows))


def report(rows: Sequence[Row]) -> None:
    """Print means by kind, and what falls short."""
    out = Console()
    table = Table("kind", "count", "geometric mean", "least", f"below {LEAST}")
    for kind in [*sorted({row.kind for row in rows}), "all"]:
        of = [row for row in rows if kind in (row.kind, "all")]
        short = sum(row.ratio < LEAST for row in of)
        least = min(row.ratio for row in of)
        table.add_row(kind, str(len(of)), f"{_mean(of):.2f}", f"{least:.2f}", str(short))
    out.print(table)
    for row in sorted(rows, key=lambda row: row.ratio):
        if row.ratio < LEAST:
            out.print(f"{row.ratio:.2f}  {row.subject}  ({row.form})", highlight=False)


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.products",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--only", default="", help="subjects whose text has this in it")
    parser.add_argument("--sample", type=int, default=1, help="every so many-th of them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tuning = Tuning.load()
    found = subjects(tuning, options.only, options.sample)
    rows: list[Row] = []
    left_out: list[str] = []
    with tracking(Console(stderr=True)) as tracker, torch.inference_mode():
        task = tracker.task(f"compare on {tuning.machine.name}", len(found))
        for subject in found:
            row = compare(subject, tuning)
            if isinstance(row, Row):
                rows.append(row)
            else:
                left_out.append(f"{subject}: {row}")
            task.advance(str(subject))
    if not rows:
        raise SystemExit(f"nothing was measured for {section_of(tuning.machine)} that is asked for")
    report(rows)
    for text in left_out:
        print(f"left out: {text}")


if __name__ == "__main__":
    main()
