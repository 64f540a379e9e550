"""The file that keeps what was measured, and the ratios in it."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import PEERS, ROOT
from pock_mlir.tuning.machine import this_machine

PATH = ROOT / "benchmarks" / "peers.json"
Session = dict[str, Any]


@dataclass(frozen=True)
class Ratio:
    """A peer's time over ours: the median over rounds, and the middle half."""

    peer: str
    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass
class Results:
    """All sessions; a later one of the same contestants takes the place of an earlier one."""

    path: Path
    sessions: list[Session]
    whole: bool = True

    @classmethod
    def load(cls, path: Path = PATH) -> Results:
        """What the file has; nothing where there is none."""
        data = json.loads(path.read_text()) if path.is_file() else {}
        return cls(path, data.get("sessions", []))

    def add(self, session: Session) -> None:
        """Keep a session, and write the file as a whole."""
        assert self.whole, "the file would lose the sessions of other machines"
        session = {"machine": machine(), **session}
        self.sessions = [each for each in self.sessions if not _replaces(session, each)]
        self.sessions.append(session)
        lines = ",\n".join(json.dumps(each) for each in self.sessions)
        beside = self.path.with_suffix(".new")
        beside.write_text(f'{{"sessions": [\n{lines}\n]}}\n')
        os.replace(beside, self.path)

    def machines(self) -> list[str]:
        """Where sessions were, that of the latest one first."""
        return list(dict.fromkeys(session["machine"] for session in reversed(self.sessions)))

    def on(self, machine: str) -> Results:
        """The sessions of one machine, to look things up in: it takes no others."""
        sessions = [each for each in self.sessions if each["machine"] == machine]
        return replace(self, sessions=sessions, whole=False)

    def has(
        self, model: str, batch: int, threads: int, schemes: list[str], peers: list[str]
    ) -> bool:
        """Whether all of these were measured, or are known to fail."""
        return all(
            self.find(model, batch, threads, f"ours/{scheme}", f"{peer}/{scheme}") is not None
            for scheme in schemes
            for peer in peers
        )

    def find(self, model: str, batch: int, threads: int, ours: str, theirs: str) -> Session | None:
        """The latest session of both contestants."""
        for session in reversed(self.sessions):
            place = (session["model"], session["batch"], session["threads"])
            contestants = session["contestants"]
            if place == (model, batch, threads) and ours in contestants and theirs in contestants:
                return session
        return None

    def ratio(
        self, model: str, batch: int, threads: int, ours: str, theirs: str
    ) -> Ratio | str | None:
        """`theirs` over `ours`; why there is none; or None where it was not measured."""
        session = self.find(model, batch, threads, ours, theirs)
        if session is None:
            return None
        both = [session["contestants"][name] for name in (ours, theirs)]
        for each in both:
            if "failure" in each:
                return each["failure"]
        ratios = [b / a for a, b in zip(both[0]["ms"], both[1]["ms"], strict=False)]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return Ratio(theirs.split("/")[0], median, low, high)

    def fastest(
        self, model: str, batch: int, threads: int, scheme: str, theirs: str = ""
    ) -> Ratio | None:
        """The least ratio of all peers; None where none was measured."""
        ratios = [
            self.ratio(model, batch, threads, f"ours/{scheme}", f"{peer}/{theirs or scheme}")
            for peer in PEERS
        ]
        measured = [each for each in ratios if isinstance(each, Ratio)]
        return min(measured, key=lambda each: each.median, default=None)

    def across(self, model: str, batch: int, threads: int, scheme: str, peer: str) -> Ratio | None:
        """The peer's full step over ours with a scheme; None where it was not measured."""
        ratio = self.ratio(model, batch, threads, f"ours/{scheme}", f"{peer}/full")
        return ratio if isinstance(ratio, Ratio) else None

    def our_ms(self, model: str, batch: int, threads: int, ours: str, theirs: str) -> float | None:
        """The median of our times that `ratio` is of, in ms; None where there are none."""
        session = self.find(model, batch, threads, ours, theirs)
        times = session["contestants"][ours].get("ms") if session else None
        return statistics.median(times) if times else None

    def latest(self, model: str, batch: int, name: str) -> Session | None:
        """The latest session in which the contestant took part, with any threads."""
        found = [
            session
            for session, kept in self.contestants(name)
            if (session["model"], session["batch"]) == (model, batch) and "failure" not in kept
        ]
        return found[-1] if found else None

    def contestants(self, name: str) -> Iterator[tuple[Session, dict[str, Any]]]:
        """Every session with a contestant of that name, and what it keeps of it."""
        for session in self.sessions:
            if name in session["contestants"]:
                yield session, session["contestants"][name]


def _replaces(new: Session, old: Session) -> bool:
    keys = ("machine", "model", "batch", "threads")
    same = all(new[key] == old[key] for key in keys)
    return same and set(old["contestants"]) <= set(new["contestants"])


def machine() -> str:
    """The processor, its kind, and how many cores of it there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return f"{processor} ({this_machine().name}), {os.cpu_count()} cores"
