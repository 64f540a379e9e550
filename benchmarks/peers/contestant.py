"""A worker process as the one that measures sees it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import ROOT, Peer

LOSSES = 5
PATIENCE = 1800.0
"""Seconds after which a process that gives no answer has failed."""


@dataclass
class Contestant:
    """A peer, or ours, with one scheme; `failure` says why it takes no part."""

    peer: Peer
    scheme: str
    folder: Path
    threads: int
    failure: str = ""
    started: dict[str, Any] = field(default_factory=dict)
    rounds: list[float] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def name(self) -> str:
        """`<peer>/<scheme>`."""
        return f"{self.peer.name}/{self.scheme}"

    @property
    def log(self) -> Path:
        """What the process writes to its standard error."""
        return self.folder / f"{self.peer.name}-{self.scheme}.log"

    def start(self) -> None:
        """Begin the process; it answers when its step is built."""
        module = ["-W", "ignore", "-m", "benchmarks.peers.worker"]
        job = ["--folder", str(self.folder), "--scheme", self.scheme]
        job += ["--threads", str(self.threads), "--mode", self.peer.mode]
        command = [str(self.peer.python), *module, "--framework", self.peer.framework, *job]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=environment(self.threads),
            )
        if self.threads == 1:  # JAX takes all processors that it may run on
            os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})

    def answer(self) -> dict[str, Any]:
        """The process's next answer; {} where it failed, and then `failure` is set."""
        assert self.process is not None and self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        said = json.loads(line) if line else {"failed": self._last_words(hangs=not ready)}
        if "failed" in said:
            self.failure = said["failed"]
            self.stop()
            return {}
        return said

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and wait for what it gives; {} where the contestant has failed."""
        if self.failure or self.process is None or self.process.stdin is None:
            return {}
        with suppress(BrokenPipeError):  # `answer` says how the process ended
            print(json.dumps(order), file=self.process.stdin, flush=True)
        return self.answer()

    def wait_until_ready(self) -> None:
        """Until it has built its step, and taken the steps whose losses are compared."""
        self.started = self.answer()
        self.started |= self.ask(do="losses", steps=LOSSES)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None

    def _last_words(self, hangs: bool) -> str:
        assert self.process is not None
        if hangs:
            return f"no answer in {PATIENCE:.0f} s"
        code = self.process.wait()
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        if code < 0:  # its last line is about something else
            return f"the process crashed with {signal.Signals(-code).name}"
        return f"the process ended with {code}: {lines[-1] if lines else 'no message'}"


def environment(threads: int) -> dict[str, str]:
    """The variables of a worker process."""
    count = str(threads)
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    return {
        **os.environ,
        **dict.fromkeys(counts, count),
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
