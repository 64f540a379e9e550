"""A contestant: builds its step, then does what it is told, a line of JSON at a time.

It blocks on its standard input between orders, so it takes no time from the others.

    {"do": "losses", "steps": 5}            -> {"losses": [...]}
    {"do": "turn", "warm": 1, "steps": 4}   -> {"seconds": [...], "loss": ...}
    {"do": "memory", "steps": 3}            -> {"mb": ...}
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.job import Job, Step

Answer = dict[str, Any]


def resident_peak() -> float:
    """Highest resident set of this process since it began, or since `forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    """Let `resident_peak` begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def timed(step: Step) -> tuple[float, float]:
    """Seconds of one step, and its loss."""
    begin = time.perf_counter()
    loss = step()
    return time.perf_counter() - begin, loss


def turn(step: Step, order: Answer) -> Answer:
    """Steps that are timed, after some that are not."""
    for _ in range(order["warm"]):
        step()
    results = [timed(step) for _ in range(order["steps"])]
    return {"seconds": [each[0] for each in results], "loss": results[-1][1]}


def memory(step: Step, order: Answer, before: float) -> Answer:
    """How far steps raise the resident peak above what the process had before it built them."""
    forget_peak()
    for _ in range(order["steps"]):
        step()
    return {"mb": resident_peak() - before}


def start(framework: str, job: Job, answer: Callable[[Answer], None]) -> tuple[Step, float]:
    """Import the framework, build the step, and say so; the step, and the memory before it."""
    module = importlib.import_module(f"benchmarks.peers.frameworks.{framework}")
    forget_peak()
    before = resident_peak()
    step: Step = module.build(job)
    first = step()
    answer({"ready": module.VERSION, "first_loss": first})
    return step, before


def serve(step: Step, before: float, first: float, answer: Callable[[Answer], None]) -> None:
    """Do what is ordered until there are no more orders."""
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "losses":
            answer({"losses": [first, *(step() for _ in range(order["steps"] - 1))]})
        elif order["do"] == "turn":
            answer(turn(step, order))
        else:
            answer(memory(step, order, before))


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework", required=True)
    parser.add_argument("--mode", default="")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--scheme", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compile", action="store_true", help="write our program and end")
    options = parser.parse_args()
    job = Job(options.folder, options.scheme, options.threads, options.mode)
    # Frameworks print: only answers may reach the pipe.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if options.compile:
        from benchmarks.peers.frameworks.ours import compile_program

        print(json.dumps({"compile_s": compile_program(job)}), file=pipe)
        return
    losses = dict[str, float]()

    def answer(what: Answer) -> None:
        losses.setdefault("first", what.get("first_loss", 0.0))
        print(json.dumps(what), file=pipe, flush=True)

    try:
        step, before = start(options.framework, job, answer)
    except Exception as error:
        answer({"failed": f"{type(error).__name__}: {error}"})
        raise
    serve(step, before, losses["first"], answer)


if __name__ == "__main__":
    main()
