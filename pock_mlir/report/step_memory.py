"""The memory of a training step by kind, before any backend and without the weights' values.

For models too large for the machine that compiles them. Weights and state are read off their
types; what is alive in between is the peak of the live ranges of `pock_mlir.passes.liveness`,
which models how a backend fuses ops. `report.memory` knows better once a backend has compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.ir import FlatSymbolRefAttr, Module, Operation, Value
from pock_mlir.passes.liveness import Kernels, byte_size, type_bytes
from pock_mlir.rewriting import argument_of_role, body, callees, functions, parameters

STATE = "state"
_READ = "pock.read"
_ASSIGN = "pock.assign"


@dataclass(frozen=True)
class StepBytes:
    """Bytes that a step needs, by kind.

    Attributes:
        trained: weights of which at least a part is updated.
        frozen: weights and buffers that are only read.
        optimizer: state of the optimizer, and counters.
        inputs: the batch.
        transient: activations, gradients and other values in between, at their peak.
    """

    trained: int
    frozen: int
    optimizer: int
    inputs: int
    transient: int

    @property
    def total(self) -> int:
        """All of it together."""
        return sum(asdict(self).values())


def step_bytes(module: Module, function: str = "train_step") -> StepBytes:
    """What `function` of a scheduled training module needs (the result of `training_pipeline`).

    Raises:
        ValueError: there is no such function.
    """
    found = [each for each in functions(module) if each.sym_name.value == function]
    if not found:
        raise ValueError(f"the module has no function '{function}'")
    calls = callees(found[0])
    ops = [op.operation for each in (found[0], *calls) for op in body(each).operations]
    used = _named(ops)
    written = _named(op for op in ops if op.name != _READ)
    sizes: Counter[str] = Counter()
    for name, op in parameters(module).items():
        if name in used:
            sizes[_kind(op, name in written)] += type_bytes(op.stored_type)
    return StepBytes(
        trained=sizes["trained"],
        frozen=sizes["frozen"],
        optimizer=sizes["optimizer"],
        inputs=_inputs(found[0]),
        # What is called may run at the same time.
        transient=Kernels.of(body(found[0])).peak() + sum(map(_peak_of_callee, calls)),
    )


def _peak_of_callee(function: Any) -> int:
    """The most bytes alive at once in a function, but for what it returns, which its caller has."""
    kernels = Kernels.of(body(function))
    for kernel in kernels.returned:
        kernel.bytes = 0
    return kernels.peak()


def _named(ops: Iterable[Operation]) -> set[str]:
    """The parameters that some op names."""
    attributes = [op.attributes[name] for op in ops for name in op.attributes]
    return {FlatSymbolRefAttr(a).value for a in attributes if isinstance(a, FlatSymbolRefAttr)}


def _kind(op: ParameterOp, written: bool) -> str:
    if op.kind.value == STATE:
        return "optimizer"
    return "trained" if written else "frozen"


def _inputs(function: Any) -> int:
    arguments: list[Value] = list(body(function).arguments)
    rate = argument_of_role(function, "learning_rate")
    return sum(byte_size(argument) for argument in arguments if argument != rate)
