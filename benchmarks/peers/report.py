"""The page docs/benchmarks.md, from the results."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from benchmarks.peers.cases import (
    PAPER,
    SCHEMES,
    all_cases,
    paper_target,
    same_scheme_target,
)
from benchmarks.peers.environments import PEERS, ROOT
from benchmarks.peers.figure import draw
from benchmarks.peers.results import Ratio, Results
from benchmarks.peers.scaling import scaling_section
from benchmarks.peers.shortfalls import shortfalls
from benchmarks.peers.tables import THREADS, count, table, verdict

PAGE = ROOT / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

Training steps of pock_mlir and of other frameworks, side by side. This page, its
figures and its numbers are written by `python -m benchmarks.peers` from `benchmarks/peers.json`.

## How it is measured

- All sides train the same network from the same weights on the same batch with the same updates:
  SGD with momentum 0.9. Batch-norm's statistics are frozen. Other frameworks than PyTorch build the
  network from the graph that PyTorch exports. Images are of 10 classes; sequences have 128 tokens.
- **full** trains all weights; **sparse** is the zoo's scheme for the model
  (`pock_mlir/zoo/schemes`); **bias-only** trains biases and the classifier.
- Before anything is timed, the losses of five steps are compared with those of PyTorch eager. Who
  is further than 1e-4 from them, relatively, is listed, not ranked.
- Then all take turns in processes of their own, which block until it is their turn: a turn is about
  0.1 s of steps after one that warms up, its time the median step. A ratio is one side's time over
  the other's in the same round; tables give the median over rounds and, in brackets, the middle
  half. Above 1, ours is faster. With one thread, everybody runs on the same processor. With two,
  ours may choose one. The machine's speed changes from hour to hour: only ratios of a row compare,
  not times of different rows. A commit with a "+" had changes that were not committed yet.
- Ours takes a batch of a depthwise CNN in two [shards](training.md#shards), if it has more than one
  image. (So it does since November 23, 2026.)
- A step ends with its loss on the host. Memory is how far steps raise the resident peak above what
  the process had when the framework was imported: weights, optimizer and activations.
- Targets are those that the project set itself; rows that fall short stay in the table.
"""


def write(results: Results, page: Path = PAGE) -> None:
    """Write the page, and a figure for each machine beside it."""
    parts = [HEAD, _peers(results)]
    for machine in results.machines():
        parts += _of_machine(results.on(machine), machine, page.with_suffix(""))
    page.write_text("\n".join(part for part in parts if part))


def _of_machine(results: Results, machine: str, figures: Path) -> Iterator[str]:
    """What was measured on one machine; its figure's name starts with that of `figures`."""
    kind = machine.rpartition("(")[2].partition(")")[0]
    figure = figures.with_name(f"{figures.name}-{kind}.png")
    yield f"## On {machine}\n"
    yield _when(results)
    if draw(results, figure):
        yield f"![Ratios]({figure.name})\n"
    yield from (_same_scheme(results, threads) for threads in THREADS)
    yield from (_paper(results), shortfalls(results), _costs(results), scaling_section(results))
    yield from (_failures(results), _not_measured(results))


def _when(results: Results) -> str:
    commits = sorted({session["commit"] for session in results.sessions})
    days = sorted(session["when"][:10] for session in results.sessions)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return f"Measured {when}, at {', '.join(commits)}.\n"


def _peers(results: Results) -> str:
    rows = list[tuple[str, str, str]]()
    for name, peer in PEERS.items():
        versions = {
            kept.get("ready")
            for scheme in SCHEMES
            for _, kept in results.contestants(f"{name}/{scheme}")
        }
        found = ", ".join(sorted(v for v in versions if v))
        rows.append((name, found or ", ".join(peer.packages) or "not measured", peer.setting))
    lines = ["| peer | version | setting |", "|---|---|---|"]
    return (
        "\n".join(["## Peers\n", *lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
    )


def _same_scheme(results: Results, threads: int) -> str:
    rows = list[list[str]]()
    for case, scheme in product(all_cases(), SCHEMES):
        model, batch = case.model, case.batch
        fastest = results.fastest(model.name, batch, threads, scheme)
        if fastest is None:
            continue
        both = f"ours/{scheme}", f"{fastest.peer}/{scheme}"
        ours = results.our_ms(model.name, batch, threads, *both)
        assert ours is not None, "there is a ratio"
        row = [f"{model.name} batch {batch} {scheme}", f"{ours:.4g}"]
        row += [f"{case.items / ours * 1e3:.0f} {model.unit}", f"**{fastest}** {fastest.peer}"]
        row.append(verdict(fastest, same_scheme_target(model, batch, scheme)))
        for peer in PEERS:
            each = results.ratio(model.name, batch, threads, f"ours/{scheme}", f"{peer}/{scheme}")
            row.append(f"{each.median:.2f}" if isinstance(each, Ratio) else "x" if each else "")
        rows.append(row)
    head = ["step", "ours, ms", "ours", "fastest peer / ours", "target", *PEERS]
    title = f"### The same scheme on both sides, {count(threads)}\n\n"
    note = (
        "The last columns are the ratios to each peer. x: it cannot, or its losses\n"
        "differ, see below; empty: not measured, so that the fastest is of the others.\n\n"
    )
    return title + note + table(head, rows) if rows else ""


def _paper(results: Results) -> str:
    rows = list[list[str]]()
    for case, threads, scheme in product(all_cases(), THREADS, ("sparse", PAPER)):
        also = ", the paper's scheme" if scheme == PAPER else ""
        row = [f"{case.model.name} batch {case.batch}, {count(threads)}{also}"]
        found = False
        for peer in ("pytorch", "tensorflow"):
            ratio = results.across(case.model.name, case.batch, threads, scheme, peer)
            found = found or ratio is not None
            row += [str(ratio or ""), verdict(ratio, paper_target(case.model, case.batch, peer))]
        if found:
            rows.append(row)
    if not rows:
        return ""
    head = ["", "PyTorch full / our sparse", "target", "TensorFlow full / our sparse", "target"]
    intro = (
        "PockEngine's paper sets its sparse step against other frameworks' full one. Where the\n"
        "zoo's `sparse` is not the scheme that the paper has for such a network, that is a row of\n"
        "its own, as far as it was measured.\n\n"
    )
    return "### As the paper compares\n\n" + intro + table(head, rows)


def _costs(results: Results) -> str:
    rows = list[list[str]]()
    for case, scheme in product(all_cases(), SCHEMES):
        session = results.latest(case.model.name, case.batch, f"ours/{scheme}")
        if session is None:
            continue
        row = [f"{case.model.name} batch {case.batch} {scheme}"]
        ours = session["contestants"][f"ours/{scheme}"]
        row.append(f"{ours['compile_s']:.0f}" if "compile_s" in ours else "")
        row.append(_megabytes(ours))
        for peer in PEERS:
            found = results.latest(case.model.name, case.batch, f"{peer}/{scheme}")
            row.append(_megabytes(found["contestants"][f"{peer}/{scheme}"]) if found else "")
        rows.append(row)
    head = ["step", "our compile time, s", "ours, MB", *(f"{peer}, MB" for peer in PEERS)]
    note = "Other work may have run while we compiled: those times are upper bounds.\n\n"
    return "### Memory and compile time\n\n" + note + table(head, rows) if rows else ""


def _megabytes(kept: dict[str, object]) -> str:
    value = kept.get("mb")
    return f"{value:.0f}" if isinstance(value, float) else ""


def _failures(results: Results) -> str:
    found = dict[tuple[str, int, str, str], str]()
    for session in results.sessions:
        for name, kept in session["contestants"].items():
            peer, scheme = name.split("/")
            place = (session["model"], session["batch"], peer, scheme)
            found.pop(place, None)
            if "failure" in kept:
                found[place] = kept["failure"]
    by_reason = dict[tuple[str, str], list[str]]()
    for (model, batch, peer, scheme), why in found.items():
        reason = " ".join(why.split())[:300].replace("|", "/")
        by_reason.setdefault((peer, reason), []).append(f"{model} batch {batch} {scheme}")
    rows = [f"| {peer} | {', '.join(what)} | {why} |" for (peer, why), what in by_reason.items()]
    head = "### What a peer cannot do\n\n| peer | steps | what it says |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n" if rows else ""


def _not_measured(results: Results) -> str:
    lines = list[str]()
    for threads, case in product(THREADS, all_cases()):
        place = (case.model.name, case.batch, threads)
        missing = [
            f"{scheme} ({', '.join(peers)})" if len(peers) < len(PEERS) else scheme
            for scheme in SCHEMES
            if (peers := [p for p in PEERS if not results.has(*place, [scheme], [p])])
        ]
        if missing:
            step = f"{case.model.name} batch {case.batch}, {count(threads)}"
            lines.append(f"- {step}: {', '.join(missing)}")
    return "### Not measured yet\n\n" + "\n".join(lines) + "\n" if lines else ""
