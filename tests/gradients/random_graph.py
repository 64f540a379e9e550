"""Random graphs of differentiable ops, which both StableHLO and JAX realise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Shape = tuple[int, ...]
MOST_ELEMENTS = 48


def tensor(shape: Shape, element: str = "f64") -> str:
    """The type of tensors of this shape."""
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def dense(values: Any, element: str = "i32") -> str:
    """A constant with these values, as it stands behind an equals sign."""
    array = np.asarray(values)
    return f"stablehlo.constant dense<{array.tolist()}> : {tensor(array.shape, element)}".lower()


@dataclass(frozen=True)
class Op:
    """How one op is drawn: what it yields, its text, and the same in JAX.

    `text` defines `%r` of `%0`, `%1`, ...; other names that it defines begin with `%_`. `T0`, `T1`,
    ... and `TR` stand for the types.
    """

    name: str
    shape: Shape
    text: str
    jax: Callable[..., Any]
    inputs: tuple[int, ...]


@dataclass
class Graph:
    """A graph in the making: parameters, then ops; every value is an f64 tensor.

    Attributes:
        random: what everything is drawn from.
        shapes: of the values; the first are parameters.
        trained: of the parameters, whether each is a weight.
        ops: by the value that they define.
    """

    random: np.random.Generator
    shapes: list[Shape] = field(default_factory=list)
    trained: dict[int, bool] = field(default_factory=dict)
    ops: dict[int, Op] = field(default_factory=dict)

    def parameter(self, shape: Shape, trained: bool = True) -> int:
        """A new parameter."""
        self.shapes.append(shape)
        self.trained[len(self.shapes) - 1] = trained
        return len(self.shapes) - 1

    def add(self, op: Op) -> None:
        """Append an op."""
        self.shapes.append(op.shape)
        self.ops[len(self.shapes) - 1] = op

    def pick(self, at_least: int = 0) -> int:
        """A value with so many dimensions, or one with most; later ones are likelier."""
        fitting = [i for i, shape in enumerate(self.shapes) if len(shape) >= at_least]
        candidates = fitting or [max(range(len(self.shapes)), key=lambda i: len(self.shapes[i]))]
        weights = np.arange(1, len(candidates) + 1)
        return int(self.random.choice(candidates, p=weights / weights.sum()))

    def like(self, index: int) -> int:
        """A value of the shape of another: one that there is, or a new parameter."""
        same = [i for i, shape in enumerate(self.shapes) if shape == self.shapes[index]]
        if len(same) > 1 and self.random.random() < 0.7:
            return int(self.random.choice(same))
        return self.parameter(self.shapes[index], bool(self.random.random() < 0.8))

    @cached_property
    def results(self) -> list[int]:
        """The values that no op uses."""
        used = {i for op in self.ops.values() for i in op.inputs}
        return [i for i in self.ops if i not in used]

    def values(self) -> dict[str, np.ndarray]:
        """Values of the parameters, and of the weights `c<i>` of the results in the loss."""
        values = {f"p{i}": self.random.uniform(-2, 2, self.shapes[i]) for i in self.trained}
        weights = {f"c{i}": self.random.normal(size=self.shapes[i]) for i in self.results}
        return values | weights

    @property
    def weights(self) -> list[str]:
        """The names of the trained parameters."""
        return [f"p{i}" for i, trained in self.trained.items() if trained]

    def text(self) -> str:
        """The step before differentiation; the loss is the sum of the results, weighted."""
        names = {f"p{i}": i for i in self.trained} | {f"c{i}": i for i in self.results}
        lines = []
        for name, i in names.items():
            kind = "weight" if name in self.weights else "buffer"
            lines.append(
                f'"pock.parameter"() {{sym_name = "{name}", kind = "{kind}",'
                f" type = {tensor(self.shapes[i])}}} : () -> ()"
            )
        lines.append("func.func @train_step() -> tensor<f64> {")
        lines.append("%zero = stablehlo.constant dense<0.0> : tensor<f64>")
        for name, i in names.items():
            read = f'"pock.read"() {{parameter = @{name}}} : () -> {tensor(self.shapes[i])}'
            lines.append(f"%{name if name[0] == 'c' else f'v{i}'} = {read}")
        lines += [self._statement(i, op) for i, op in self.ops.items()]
        return "\n".join([*lines, *self._loss(), "}"])

    def _statement(self, index: int, op: Op) -> str:
        text = op.text.replace("%r", f"%v{index}").replace("%_", f"%t{index}_")
        text = text.replace("TR", tensor(op.shape))
        for position, source in enumerate(op.inputs):
            text = text.replace(f"%{position}", f"%v{source}")
            text = text.replace(f"T{position}", tensor(self.shapes[source]))
        return text

    def _loss(self) -> list[str]:
        lines, total = [], "%zero"
        for i in self.results:
            type_, all_ = tensor(self.shapes[i]), list(range(len(self.shapes[i])))
            lines += [
                f"%w{i} = stablehlo.multiply %v{i}, %c{i} : {type_}",
                f"%s{i} = stablehlo.reduce(%w{i} init: %zero) applies stablehlo.add across"
                f" dimensions = {all_} : ({type_}, tensor<f64>) -> tensor<f64>",
                f"%l{i} = stablehlo.add {total}, %s{i} : tensor<f64>",
            ]
            total = f"%l{i}"
        return [*lines, f"return {total} : tensor<f64>"]

    def loss(self, jnp: Any, lax: Any, values: dict[str, Any]) -> Any:
        """The same in JAX."""
        found = {i: values[f"p{i}"] for i in self.trained}
        for i, op in self.ops.items():
            found[i] = op.jax(jnp, lax, *(found[source] for source in op.inputs))
        return sum((found[i] * values[f"c{i}"]).sum() for i in self.results)


def elements(shape: Shape) -> int:
    """How many elements tensors of this shape have."""
    return math.prod(shape)
