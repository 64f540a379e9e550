"""Puts contestants side by side: prepares a case, checks losses, takes turns, keeps the times."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.cases import Case
from benchmarks.peers.contestant import Contestant, environment
from benchmarks.peers.environments import OURS, ROOT, InstallationFailed, Peer, ensure

FOLDER = ROOT / "build" / "peers"
TOLERANCE = 1e-4
"""How far a loss may be from PyTorch's, relative to it."""
TURN = 0.1
"""Seconds of steps in a turn, unless one step takes longer."""
PAUSE = 0.01
"""Seconds between turns: threads of the last one may still spin, waiting for work."""
REFERENCE = "pytorch"

Record = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How long to measure: at least so many seconds and rounds."""

    seconds: float
    rounds: int


def say(text: str) -> None:
    """Progress, as a line."""
    print(text, file=sys.stderr, flush=True)


def run_session(
    case: Case, threads: int, schemes: Sequence[str], peers: Sequence[Peer], effort: Effort
) -> Record:
    """Measure ours and the peers in turn; what the results keep of it."""
    folder = prepare(case)
    for scheme in schemes:
        compile_ours(folder, scheme)
    contestants = [
        Contestant(peer, scheme, folder, threads) for peer in (OURS, *peers) for scheme in schemes
    ]
    install(contestants)
    with ExitStack() as stack:
        for each in contestants:
            stack.callback(each.stop)
        start_all(contestants)
        check_losses(contestants)
        take_turns([each for each in contestants if not each.failure], effort)
        return {
            "model": case.model.name,
            "batch": case.batch,
            "threads": threads,
            "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
            "commit": commit(),
            "contestants": {each.name: record(each) for each in contestants},
        }


# ---- before ----------------------------------------------------------------------------------


def fingerprint(*sources: Path) -> str:
    """A hash of Python and TOML files, for what is made by them."""
    digest = hashlib.sha256()
    for source in sources:
        files = [source] if source.is_file() else sorted(source.rglob("*.*"))
        for file in files:
            if file.suffix in (".py", ".toml"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def prepare(case: Case) -> Path:
    """The case's folder, written unless it is there and as the present sources make it."""
    folder = FOLDER / case.key
    here = Path(__file__).parent
    sources = [here / name for name in ("cases.py", "export.py", "graph.py", "prepare.py")]
    made = fingerprint(*sources, ROOT / "pock_mlir" / "zoo", ROOT / "pock_mlir" / "schemes")
    stamp = folder / "made.txt"
    if not stamp.is_file() or stamp.read_text() != made:
        say(f"{case.key}: preparing the model")
        options = ["--model", case.model.name, "--batch", str(case.batch), "--folder", str(folder)]
        _run("benchmarks.peers.prepare", options)
        stamp.write_text(made)
    return folder


def compile_ours(folder: Path, scheme: str) -> None:
    """Our program, compiled by the present compiler."""
    parts = ("pock_mlir", "dialects", "passes")
    sources = [*(ROOT / part for part in parts), Path(__file__).parent / "frameworks" / "ours.py"]
    made = fingerprint(*sources) + (folder / "made.txt").read_text()
    stamp = folder / f"{scheme}.txt"
    if not stamp.is_file() or stamp.read_text() != made:
        say(f"{folder.name}: compiling {scheme}")
        job = ["--framework", "ours", "--folder", str(folder), "--scheme", scheme]
        _run("benchmarks.peers.worker", [*job, "--threads", "2", "--compile"])
        stamp.write_text(made)


def _run(module: str, options: list[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", module, *options]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(2), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(options)} failed:\n{done.stderr[-2000:]}")


def install(contestants: Sequence[Contestant]) -> None:
    """Make the environments; whose cannot be made fails."""
    for each in contestants:
        try:
            ensure(each.peer)
        except InstallationFailed as error:
            each.failure = str(error)


def start_all(contestants: Sequence[Contestant]) -> None:
    """Start every contestant and wait until it has taken its first steps: two at a time.

    With one thread it is one at a time, since all run on the same processor.
    """
    at_once = min(2, contestants[0].threads)
    for first in range(0, len(contestants), at_once):
        some = contestants[first : first + at_once]
        able = [each for each in some if not each.failure]
        for each in able:
            each.start()
        for each in able:
            each.wait_until_ready()
        for each in some:
            say(f"  {each.name}: {each.failure.splitlines()[0] if each.failure else 'ready'}")


def check_losses(contestants: Sequence[Contestant]) -> None:
    """Fail each contestant whose losses are not PyTorch's, before anything is timed."""
    losses = {each.name: each.started.get("losses", []) for each in contestants}
    for each in contestants:
        if each.failure:
            continue
        wanted = losses.get(f"{REFERENCE}/{each.scheme}") or losses[f"ours/{each.scheme}"]
        worst = worst_error(losses[each.name], wanted)
        each.started["loss_error"] = worst
        if not worst <= TOLERANCE:
            each.failure = f"other losses: {losses[each.name]}, PyTorch's are {wanted}"
            say(f"  {each.name}: {each.failure}")
            each.stop()


def worst_error(losses: Sequence[float], wanted: Sequence[float]) -> float:
    """The largest relative difference; infinite where one is no number."""
    errors = [abs(a - b) / abs(b) for a, b in zip(losses, wanted, strict=True)]
    return max(errors) if all(math.isfinite(error) for error in errors) else math.inf


# ---- timing ----------------------------------------------------------------------------------


def take_turns(contestants: Sequence[Contestant], effort: Effort) -> None:
    """Rounds in which everybody takes steps; each keeps the median of every turn, in ms."""
    lengths = {each.name: _length(each) for each in contestants}
    end = time.monotonic() + effort.seconds
    done = 0
    while done < effort.rounds or time.monotonic() < end:
        for each in contestants if done % 2 == 0 else list(reversed(contestants)):
            warm, steps = lengths[each.name]
            time.sleep(PAUSE)
            seconds = each.ask(do="turn", warm=warm, steps=steps).get("seconds")
            if seconds:
                each.rounds.append(round(statistics.median(seconds) * 1e3, 4))
        done += 1
    for each in contestants:
        each.started |= each.ask(do="memory", steps=2)


def _length(contestant: Contestant) -> tuple[int, int]:
    """Steps of a turn: (that warm up, that count)."""
    first = contestant.ask(do="turn", warm=1, steps=2).get("seconds", [1.0])
    count = max(1, round(TURN / min(first)))
    return (1, count) if count > 1 else (0, 1)


# ---- after -----------------------------------------------------------------------------------


def record(contestant: Contestant) -> Record:
    """What the results keep of a contestant."""
    if contestant.failure:
        return {"failure": contestant.failure}
    kept = ("ready", "loss_error", "mb")
    values = {name: contestant.started.get(name) for name in kept}
    program = contestant.folder / f"{contestant.scheme}.json"
    if contestant.peer is OURS:
        values |= json.loads(program.read_text())
    return {**values, "ms": contestant.rounds}


def commit() -> str:
    """The checkout's commit, with a + where files differ from it."""
    run = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
