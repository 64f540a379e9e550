"""Training steps of ours and of other frameworks, side by side.

    python -m benchmarks.peers                              everything; takes hours
    python -m benchmarks.peers --models minilm --batch 1 --peers pytorch jax --threads 2
    python -m benchmarks.peers --scaling                    batch 1..32, 2..32 blocks
    python -m benchmarks.peers --report                     the page from what was measured

All contestants get the same weights and the same batch, and take SGD steps with momentum. Before
anything is timed, five losses of each are compared with PyTorch's; who differs is not ranked. Then
they take turns, in processes that wait for their turn without spinning. What was measured is kept
in benchmarks/peers.json and not measured again without --again; docs/benchmarks.md is written from
it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.peers.cases import (
    DEPTHS,
    MODELS,
    PAPER,
    SCALING_BATCHES,
    SCALING_MODEL,
    SCHEMES,
    Case,
    Model,
    blocks,
    find_model,
)
from benchmarks.peers.environments import PEERS, find_peer
from benchmarks.peers.measure import Effort, run_session, say
from benchmarks.peers.results import PATH, Results, machine


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("--models", nargs="+", type=find_model, default=list(MODELS.values()), metavar="MODEL")
    add("--peers", nargs="*", type=find_peer, default=list(PEERS.values()), metavar="PEER")
    add("--schemes", nargs="+", choices=(*SCHEMES, PAPER), default=list(SCHEMES))
    add("--batch", nargs="+", type=int, help="default: 1 and 8, of transformers 1 and 4")
    add("--threads", nargs="+", type=int, default=[2, 1])
    add("--seconds", type=float, default=20, help="of turns, for each session")
    add("--rounds", type=int, default=7, help="at least so many")
    add("--at-once", type=int, default=8, help="peers in a session: fewer take less memory")
    add("--again", action="store_true", help="also what was measured before")
    add("--scaling", action="store_true", help="how time grows with batch and depth; ours, PyTorch")
    add("--report", action="store_true", help="only write the page")
    add("--results", type=Path, default=PATH, help="default: benchmarks/peers.json")
    return parser.parse_args()


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The cases that were asked for."""
    if options.scaling:
        yield from (Case(find_model(SCALING_MODEL), batch) for batch in SCALING_BATCHES)
        yield from (Case(blocks(depth), 1) for depth in DEPTHS)
        return
    models: Sequence[Model] = options.models
    for model in models:
        yield from (Case(model, batch) for batch in options.batch or model.batches)


def schemes_of(case: Case, asked: Sequence[str]) -> list[str]:
    """The schemes that the model has; the paper's is set against `full`."""
    if PAPER not in asked:
        return list(asked)
    if case.model.has_paper_scheme:
        return list(dict.fromkeys([*asked, "full"]))
    say(f"{case.key}: no scheme of the paper beside sparse; left out")
    return [scheme for scheme in asked if scheme != PAPER]


def measure(options: argparse.Namespace, results: Results) -> None:
    """Measure what was asked for and is not there yet."""
    peers = [PEERS["pytorch"]] if options.scaling else options.peers
    effort = Effort(options.seconds, options.rounds)
    for threads in options.threads:
        for case in cases(options):
            schemes = ["full", "sparse"] if options.scaling else schemes_of(case, options.schemes)
            for first in range(0, max(1, len(peers)), options.at_once):
                some = peers[first : first + options.at_once]
                if PEERS["pytorch"] not in some:
                    some = [PEERS["pytorch"], *some]
                if not schemes:
                    continue
                place = (case.model.name, case.batch, threads)
                known = results.on(machine()).has(*place, schemes, [p.name for p in some])
                if options.again or not known:
                    say(f"{case.key}, {threads} threads: {', '.join(p.name for p in some)}")
                    results.add(run_session(case, threads, schemes, some, effort))


def main() -> None:
    """Measure, and write the page."""
    options = parse()
    results = Results.load(options.results)
    if not options.report:
        measure(options, results)
    from benchmarks.peers.report import write

    write(results)


if __name__ == "__main__":
    main()
