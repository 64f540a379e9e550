"""A row of the numeric audit: one op in one mode, as a training step that can be evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pock_mlir.dialects import make_context
from pock_mlir.ir import Module, WalkResult
from pock_mlir.passes.differentiate import Differentiate
from pock_mlir.passes.gradients.matching import is_made_by
from tests.support.interpreter import Interpreter, Outcome

Shape = tuple[int, ...]

_MODULE = """
module {{
  {parameters}
  func.func @train_step(%cotangent: {y}) -> tensor<f64> {{
    %zero = stablehlo.constant dense<0.0> : tensor<f64>
    %one = stablehlo.constant dense<1.0> : tensor<f64>
    %infinity = stablehlo.constant dense<0x7FF0000000000000> : tensor<f64>
    %minus_infinity = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    {reads}
    {body}
    %weighted = stablehlo.multiply %y, %cotangent : {y}
    %loss = stablehlo.reduce(%weighted init: %zero) applies stablehlo.add
        across dimensions = [{all}] : ({y}, tensor<f64>) -> tensor<f64>
    func.return %loss : tensor<f64>
  }}
}}
"""


def tensor(shape: Shape) -> str:
    """The type of f64 tensors of this shape."""
    return f"tensor<{''.join(f'{size}x' for size in shape)}f64>"


@dataclass(frozen=True)
class Case:
    """`%y = body(%a, %b, ...)`; the loss is the sum of `%y` times random numbers.

    Attributes:
        rule: the op whose rule this audits.
        mode: what is particular about this row.
        body: StableHLO text that defines `%y`; `{a}`, `{y}` stand for the types of `%a` and `%y`.
        y: the shape of `%y`.
        shapes: of the operands, by name; all are trained but those in `frozen`.
        domain: operands are uniform in it.
        step: of the finite differences.
        jax: the same function of `(jnp, lax, *operands)`.
    """

    rule: str
    mode: str
    body: str
    y: Shape
    shapes: dict[str, Shape]
    jax: Callable[..., Any]
    domain: tuple[float, float] = (-2.0, 2.0)
    frozen: tuple[str, ...] = ()
    step: float = 1e-6

    @property
    def id(self) -> str:
        """The row's name in test reports."""
        return f"{self.rule}[{self.mode}]"

    @property
    def text(self) -> str:
        """The training step before differentiation."""
        types = {name: tensor(shape) for name, shape in self.shapes.items()}
        kinds = {name: "buffer" if name in self.frozen else "weight" for name in types}
        declare = '"pock.parameter"() {{sym_name = "{0}", type = {1}, kind = "{2}"}} : () -> ()'
        read = '%{0} = "pock.read"() {{parameter = @{0}}} : () -> {1}'
        return _MODULE.format(
            parameters="\n".join(declare.format(n, t, kinds[n]) for n, t in types.items()),
            reads="\n".join(read.format(n, t) for n, t in types.items()),
            body=self.body.format(y=tensor(self.y), **types),
            y=tensor(self.y),
            all=", ".join(str(i) for i in range(len(self.y))),
        )

    def evaluate(self) -> Evaluation:
        """The differentiated step and operands to call it with."""
        random = np.random.default_rng(sum(self.id.encode()))
        values = {
            name: random.uniform(*self.domain, size=shape) for name, shape in self.shapes.items()
        }
        module = Module.parse(self.text, make_context())
        forward = Interpreter(module)
        Differentiate().run(module)
        cotangent = random.normal(size=self.y)
        return Evaluation(
            forward, Interpreter(module), values, cotangent, _sums_of_negatives(module)
        )


def _sums_of_negatives(module: Module) -> list[str]:
    found: list[str] = []

    def visit(op: Any) -> WalkResult:
        sums = op.name in ("stablehlo.reduce", "stablehlo.reduce_window")
        if sums and any(is_made_by(value, "stablehlo.negate") for value in op.operands):
            found.append(str(op))
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    return found


@dataclass(frozen=True)
class Evaluation:
    """A step before and after differentiation, with its operands.

    `sums_of_negatives` are the reductions of negations in it, which do not compile for GPUs.
    """

    forward: Interpreter
    step: Interpreter
    values: dict[str, np.ndarray]
    cotangent: np.ndarray = field(repr=False)
    sums_of_negatives: list[str]

    def __call__(self) -> Outcome:
        return self.step(self.values, self.cotangent)

    def difference(self, name: str, step: float) -> np.ndarray:
        """The gradient by operand `name` from central differences of the loss."""
        gradient = np.empty(self.values[name].shape)
        for index in np.ndindex(*gradient.shape):
            ahead, behind = (self._moved(name, index, by) for by in (step, -step))
            gradient[index] = (ahead - behind) / (2 * step)
        return gradient

    def _moved(self, name: str, index: tuple[int, ...], by: float) -> float:
        """The loss with one element of one operand moved."""
        moved = self.values[name].copy()
        moved[index] += by
        return self.forward({**self.values, name: moved}, self.cotangent).loss
