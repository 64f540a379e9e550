"""Time and memory of a training step: ours against PyTorch eager doing the same updates.

Both sides train the same model on the same batch with the same scheme (PyTorch by
`requires_grad`, in its channels-last format), in one process tree. Times are of steps taken in
turn, ours, PyTorch's, ours, ...; the ratio of a row is the median over the pairs, with the spread
of the middle half. Memory is measured in a process of its own for each side: how far its peak
resident set rises above what the process had before it built the step.

    python benchmarks/step.py --models mobilenet_v2 --batch 8 --size 96 --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.schemes.builtin import is_builtin

CLASSES = 10
LEARNING_RATE = 0.01
MOMENTUM = 0.9


@dataclass(frozen=True)
class Row:
    """One configuration."""

    model: str
    size: int
    batch: int
    scheme: str

    def batch_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Images [N, 3, H, W] and labels [N]."""
        rng = np.random.default_rng(0)
        images = rng.standard_normal((self.batch, 3, self.size, self.size), np.float32)
        return images, rng.integers(0, CLASSES, self.batch).astype(np.int32)

    def build(self) -> Any:
        """The model, the same for both sides."""
        import torch

        from pock_mlir import zoo

        torch.manual_seed(0)
        return zoo.create(self.model, num_classes=CLASSES)

    def scheme_path(self) -> str:
        """The scheme, for both sides: a built-in one, or one that the zoo has for the model."""
        from pock_mlir import zoo

        return (
            self.scheme
            if is_builtin(self.scheme)
            else str(zoo.scheme_path(self.model, self.scheme))
        )


Step = Callable[[], float]


def our_step(row: Row, path: Path, threads: int) -> Step:
    """A step of ours, from a compiled file."""
    from pock_mlir.runtime import Trainer

    trainer = Trainer(path, threads=threads)
    images, labels = row.batch_arrays()
    return lambda: trainer.step(images, labels)


def compile_row(row: Row, path: Path) -> None:
    """Compile the program of a row to `path`."""
    import torch

    import pock_mlir as pock

    program = pock.compile(
        row.build(),
        torch.zeros(row.batch, 3, row.size, row.size),
        optimizer=pock.SGD(lr=LEARNING_RATE, momentum=MOMENTUM),
        scheme=row.scheme_path(),
    )
    program.save(path)


def torch_step(row: Row, threads: int) -> Step:
    """PyTorch's step with the same updates."""
    import torch

    from pock_mlir.schemes import Scheme

    torch.set_num_threads(threads)
    model = row.build().to(memory_format=torch.channels_last)
    shapes = {name: list(p.shape) for name, p in model.named_parameters()}
    selection = Scheme.load(row.scheme_path()).resolve(shapes)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(selection[name].trains)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=LEARNING_RATE, momentum=MOMENTUM)
    images, labels = row.batch_arrays()
    batch = torch.from_numpy(images).to(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels).long()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(batch), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def compare(row: Row, path: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Steps in turn for about `seconds`; medians in ms and the ratio's quartiles."""
    ours, theirs = our_step(row, path, threads), torch_step(row, threads)
    losses = [(ours(), theirs()) for _ in range(3)]
    worst = max(abs(a - b) / abs(b) for a, b in losses)
    pairs = []
    end = time.perf_counter() + seconds
    while len(pairs) < 7 or time.perf_counter() < end:
        pairs.append((timed(ours), timed(theirs)))
    mine, other = np.array(pairs).T * 1e3
    low, ratio, high = np.percentile(other / mine, [25, 50, 75])
    return {
        "ours_ms": float(np.median(mine)),
        "torch_ms": float(np.median(other)),
        "ratio": float(ratio),
        "low": float(low),
        "high": float(high),
        "pairs": len(pairs),
        "loss_error": worst,
    }


def timed(step: Step) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def resident_peak() -> float:
    """Highest resident set of this process since it began, or since `forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    """Let `resident_peak` begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def measure_memory(row: Row, path: Path, side: str) -> None:
    """In a child: print how far the resident peak rises over three steps."""
    if side == "ours":
        import pock_mlir.runtime
    else:
        import torch  # noqa: F401

        import pock_mlir.schemes
        import pock_mlir.zoo  # noqa: F401
    forget_peak()
    before = resident_peak()
    step = our_step(row, path, 2) if side == "ours" else torch_step(row, 2)
    for _ in range(3):
        step()
    print(resident_peak() - before)


def memory_of(row: Row, path: Path, side: str) -> float:
    """Run `measure_memory` in a child process; MB."""
    command = [sys.executable, __file__, "--child", side, "--program", str(path)]
    command += ["--models", row.model, "--size", str(row.size), "--batch", str(row.batch)]
    command += ["--schemes", row.scheme]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run(rows: Sequence[Row], threads: int, seconds: float) -> list[dict[str, Any]]:
    """Compile, compare and print every row."""
    from rich.console import Console
    from rich.table import Table

    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.pock"
        for row in rows:
            compile_row(row, path)
            result = {**vars(row), "threads": threads, **compare(row, path, threads, seconds)}
            result["ours_mb"] = memory_of(row, path, "ours")
            result["torch_mb"] = memory_of(row, path, "torch")
            results.append(result)
            print(
                f"{row.model} {row.size}px batch {row.batch} {row.scheme}:"
                f" {result['ratio']:.2f}x ({result['low']:.2f}-{result['high']:.2f})",
                file=sys.stderr,
            )
    table = Table(title=f"PyTorch / ours, {threads} threads")
    for name in ("model", "px", "batch", "scheme", "ours ms", "torch ms"):
        table.add_column(name)
    for name in ("ratio (middle half)", "ours MB", "torch MB", "loss error"):
        table.add_column(name)
    for r in results:
        table.add_row(
            r["model"],
            str(r["size"]),
            str(r["batch"]),
            r["scheme"],
            f"{r['ours_ms']:.1f}",
            f"{r['torch_ms']:.1f}",
            f"{r['ratio']:.2f} ({r['low']:.2f}-{r['high']:.2f})",
            f"{r['ours_mb']:.0f}",
            f"{r['torch_mb']:.0f}",
            f"{r['loss_error']:.1e}",
        )
    Console(width=120).print(table)
    return results


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["efficientnet_lite0", "mobilenet_v2"])
    parser.add_argument("--size", nargs="+", type=int, default=[96, 128])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--schemes", nargs="+", default=["full", "sparse"])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=5.0, help="per row")
    parser.add_argument("--json", type=Path, help="write the results there too")
    parser.add_argument("--child", choices=["ours", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--program", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [
        Row(*choice)
        for choice in product(options.models, options.size, options.batch, options.schemes)
    ]
    if options.child:
        measure_memory(rows[0], options.program, options.child)
        return
    results = run(rows, options.threads, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
