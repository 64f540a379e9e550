"""A model of the time of a form, for what nobody measured.

The time is a sum of products of a known quantity and a constant. The constants are fitted to the
shipped measurements, in nanoseconds, for each kind of machine that was measured; for others those
of AVX2 stand, and what a kernel does is counted in their own vectors. Only ratios of times decide,
so that the clock does not matter.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.tuning.convolution import Convolution
from pock_mlir.tuning.form import PLAIN, Form, Subject, block_of_stream, candidates
from pock_mlir.tuning.machine import Machine
from pock_mlir.tuning.product import Product

CONSTANTS = Path(__file__).with_name("constants.toml")
Sample = tuple[Subject, Form, float]
"""A measured form, and its nanoseconds."""


def quantities(subject: Subject, form: Form, machine: Machine) -> dict[str, float]:
    """What a form does, by the name of the constant that says how long each takes."""
    if isinstance(subject, Convolution):
        return _of_convolution(subject, form, machine)
    return _of_product(subject, form, machine)


def _of_product(product: Product, form: Form, machine: Machine) -> dict[str, float]:
    if form.kind == "swapped":
        counted = _of_product(product.swapped, form.unswapped(product), machine)
        return {**counted, "transpose result": float(product.count * product.m * product.n)}
    elements = product.m * product.k + product.k * product.n + product.m * product.n
    counted = {"call": 1.0, "element": float(product.count * elements)}
    counted |= _copies(product, form)
    vectors = product.multiplications / machine.lanes
    if form.tile is None:
        lhs = "mk" if product.lhs_rows_first else "km"
        counted[f"plain {lhs} kn" if product.rhs_columns_last else "plain nk"] = vectors
        counted["plain few rows"] = vectors if product.m < _FEW_ROWS else 0.0
        counted["plain rows left over"] = vectors if product.m % _ROWS_OF_PLAIN else 0.0
        return counted
    # Of half a register, as of 24x8x4 with AVX-512, two count as one: Zen 4 takes two at a time.
    rows, wide = form.tile.rows, form.tile.columns / machine.lanes
    vectors *= -(-product.m // rows) * rows / product.m
    counted["multiply"] = vectors
    load = "load panel" if form.has_panels else "load row"
    steps = block_of_stream(product.k) if form.streams else product.k
    far = steps * form.tile.columns > _NEAR
    counted |= {load: vectors / rows, f"{load} from afar": vectors / rows if far else 0.0}
    by_rows = product.lhs_rows_first or form.kind == "panels"
    counted["broadcast" if by_rows else "broadcast km"] = vectors / wide
    counted["loop"] = vectors / (rows * wide * form.tile.depth)
    if form.streams:
        counted["sum in memory"] = vectors / block_of_stream(product.k)
    return counted


_FEW_ROWS, _ROWS_OF_PLAIN = 32, 8
"""IREE's own blocks are of eight rows; what is left over, and all of few rows, it does by less."""
_NEAR = 1 << 14
"""Numbers of rhs that the next block of rows still finds in a near cache: of limits between 64 KiB
and half a MiB, this one's model fits best."""


def _copies(product: Product, form: Form) -> dict[str, float]:
    """Elements that are brought to another place: by runs of a panel's width, or transposed."""
    lhs = 0 if product.lhs_rows_first or product.lhs_frozen else product.m * product.k
    rhs = 0 if product.rhs_frozen else product.k * product.n
    runs = transposed = 0
    if form.has_panels:
        runs, transposed = (rhs, 0) if product.rhs_columns_last else (0, rhs)
        transposed += lhs if form.kind == "panels" else 0
    return {"copy": float(product.count * runs), "transpose": float(product.count * transposed)}


def _of_convolution(convolution: Convolution, form: Form, machine: Machine) -> dict[str, float]:
    if form.side:
        return _of_winograd(convolution, form, machine)
    if form.tile is None:
        vectors = convolution.multiplications / machine.lanes
        return {"call": 1.0, "plain convolution": vectors}
    *rows, width, _ = convolution.output
    row = convolution.row(math.prod(rows) * form.tile.rows * -(-width // form.tile.rows))
    each = _of_product(row, form if form.streams else Form("panels", form.tile), machine)
    return {name: convolution.taps * count for name, count in each.items()}


def _of_winograd(convolution: Convolution, form: Form, machine: Machine) -> dict[str, float]:
    """The stack of products, here in panels, and the elements that are transformed."""
    stack = convolution.stack(form.side)
    forms = candidates(stack, machine)
    panels = next((each for each in forms if each.kind == "panels"), PLAIN)
    kernel = 0 if convolution.frozen else stack.k * stack.n
    transformed = stack.count * (stack.m * (stack.k + stack.n) + kernel)
    return {**_of_product(stack, panels, machine), "transform": float(transformed)}


@dataclass(frozen=True)
class CostModel:
    """The constants, in nanoseconds, by the names of `quantities`."""

    constants: Mapping[str, float]

    @classmethod
    def shipped(cls, machine: Machine) -> CostModel:
        """The model of a kind of machine that comes with the package."""
        fitted = _shipped()
        return fitted.get(machine.name, fitted[_FOR_OTHERS])

    def estimate(self, subject: Subject, form: Form, machine: Machine) -> float:
        """Nanoseconds of a form, as one of them compares with another."""
        counted = quantities(subject, form, machine)
        return sum(self.constants.get(name, 0.0) * count for name, count in counted.items())

    def best(self, subject: Subject, forms: Sequence[Form], machine: Machine) -> Form:
        """The form that takes least; the first of those that take the same."""
        return min(forms, key=lambda form: self.estimate(subject, form, machine))


_FOR_OTHERS = "x86-64-avx2"
"""Whose constants a kind of machine has that was not measured."""


@cache
def _shipped() -> dict[str, CostModel]:
    tables = tomllib.loads(CONSTANTS.read_text(encoding="utf-8"))
    return {name: CostModel(constants) for name, constants in tables.items()}


# ---- fitting ---------------------------------------------------------------------------------


_ROUNDS = 8
_LEAST = 0.05
"""Of the measured time: no estimate counts as less, so that no weight is without bounds."""


def fit(samples: Sequence[Sample], machine: Machine) -> CostModel:
    """The constants, none negative, of least squared error relative to the geometric mean.

    That is the mean of measured and estimated time, from which half and twice the time are equally
    far. Relative to what was measured, too low an estimate costs at most 1, one that is too high
    has no limit: few forms that take many times as long would not count, and all be too low.

    Each round solves for weights at which the error of the last estimates has the same slope.
    """
    rows = [(quantities(subject, form, machine), time) for subject, form, time in samples]
    names = sorted({name for counted, _ in rows for name in counted})
    matrix = np.array([[counted.get(name, 0) for name in names] for counted, _ in rows])
    measured = np.array([time for _, time in rows])
    solution, estimated = np.zeros(len(names)), measured
    for _ in range(_ROUNDS):
        scale = estimated * np.sqrt(measured / (measured + estimated))
        solution = _non_negative(matrix / scale[:, None], measured / scale)
        estimated = np.maximum(matrix @ solution, _LEAST * measured)
    return CostModel(dict(zip(names, map(float, solution), strict=True)))


def _non_negative(matrix: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> Any:
    """Least squares without negative unknowns: coordinate descent on the normal equations."""
    scale = np.linalg.norm(matrix, axis=0) + 1e-300
    a = matrix / scale
    gram, right = a.T @ a, a.T @ target
    x = np.zeros(len(right))
    for _ in range(20_000):
        old = x.copy()
        for i in range(len(x)):
            x[i] = max(0.0, x[i] - (gram[i] @ x - right[i]) / max(gram[i, i], 1e-300))
        if np.abs(x - old).max() < 1e-12:
            break
    return x / scale


@dataclass(frozen=True)
class Quality:
    """How good a model is at what was measured.

    Attributes:
        correlation: Spearman's rank correlation of all times.
        within: the mean of that over the forms of each product or convolution.
        regret: geometric mean, over these, of the time of the form that the model takes,
            relative to the fastest one's.
    """

    correlation: float
    within: float
    regret: float


def quality(model: CostModel, samples: Sequence[Sample], machine: Machine) -> Quality:
    """Compare estimated and measured times."""
    estimated = [model.estimate(subject, form, machine) for subject, form, _ in samples]
    measured = [time for _, _, time in samples]
    within: list[float] = []
    regrets: list[float] = []
    for members in _by_subject(samples):
        guesses, times = [estimated[i] for i in members], [measured[i] for i in members]
        if len(members) > 2:
            within.append(spearman(guesses, times))
        regrets.append(times[int(np.argmin(guesses))] / min(times))
    return Quality(
        spearman(estimated, measured),
        float(np.mean(within)) if within else 1.0,
        float(np.exp(np.mean(np.log(regrets)))),
    )


def _by_subject(samples: Iterable[Sample]) -> list[list[int]]:
    groups: dict[Subject, list[int]] = {}
    for i, (subject, _, _) in enumerate(samples):
        groups.setdefault(subject, []).append(i)
    return list(groups.values())


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's rank correlation; equal values share the mean of their ranks."""
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(values: Sequence[float]) -> Any:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]
