"""Run a function of a module in the StableHLO reference interpreter, op by op, without compiling.

A parameter becomes an argument; what the function updates or assigns becomes a result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    DenseElementsAttr,
    DenseI64ArrayAttr,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    IntegerType,
    Location,
    Module,
    Operation,
    PassManager,
    RankedTensorType,
    StringAttr,
    TypeAttr,
    stablehlo_bindings,
)
from pock_mlir.passes.gradients.expansion import all_expansions
from pock_mlir.passes.lower_pock import LowerPock
from pock_mlir.rewriting import body, functions, named_ops, parameters

_STATE_OPS = ("pock.update", "pock.assign")


@dataclass(frozen=True)
class Update:
    """What a `pock.update` (or an `pock.assign`, without offsets) was given."""

    parameter: str
    offsets: tuple[int, ...]
    value: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What one call of a function gave."""

    results: list[np.ndarray]
    updates: list[Update]
    assignments: dict[str, np.ndarray]

    @property
    def loss(self) -> float:
        """The only result, a scalar."""
        (result,) = self.results
        return float(result)

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """By parameter, each of which must have one update."""
        named = {update.parameter: update.value for update in self.updates}
        assert len(named) == len(self.updates), "a parameter has several updates"
        return named


class Interpreter:
    """`@function` of `module`, callable with parameter values and arguments.

    Backward ops are lowered in a copy of the module, which stays as it is; ops of an optimizer must
    have been expanded before.
    """

    def __init__(self, module: Module, function: str = "train_step") -> None:
        copy = Module.parse(_without_resources(module.operation.get_asm()), module.context)
        with module.context, Location.unknown():
            _expand(copy)
            LowerPock(forms="fft:contraction").run(copy)
            self._declared = {name: op.stored_type for name, op in parameters(copy).items()}
            self._keep_only(copy, function)
            PassManager.parse("builtin.module(func.func(chlo-legalize-to-stablehlo))").run(
                copy.operation
            )
        assert copy.operation.verify()
        self.module = copy

    def _keep_only(self, module: Module, name: str) -> None:
        for op in [*functions(module), *parameters(module).values()]:
            if op.attributes["sym_name"] != StringAttr.get(name):
                op.operation.erase()
        (self._function,) = functions(module)
        self._function.attributes["sym_name"] = StringAttr.get("main")
        for key in ("arg_attrs", "res_attrs"):
            if key in self._function.attributes:
                del self._function.attributes[key]
        self._make_functional()

    def _make_functional(self) -> None:
        block = body(self._function)
        self.argument_types = [argument.type for argument in block.arguments]
        self._reads: list[str] = []
        self._state: list[tuple[str, str, tuple[int, ...]]] = []
        state_values = []
        for op in list(block.operations):
            if op.operation.name == "pock.read":
                self._reads.append(_parameter(op))
                argument = block.add_argument(op.operation.results[0].type, op.location)
                op.operation.results[0].replace_all_uses_with(argument)
                op.operation.erase()
            elif op.operation.name in _STATE_OPS:
                state_values.append(op.operation.operands[0])
                self._state.append((op.operation.name, _parameter(op), _offsets(op)))
                op.operation.erase()
        self._return(block, state_values)

    def _return(self, block: Any, state_values: list[Any]) -> None:
        end = block.operations[len(block.operations) - 1]
        operands = [*end.operands, *state_values]
        where = {"loc": end.location, "ip": InsertionPoint(end)}
        Operation.create("func.return", operands=operands, **where)
        end.operation.erase()
        types = [argument.type for argument in block.arguments]
        signature = FunctionType.get(types, [operand.type for operand in operands])
        self._function.attributes["function_type"] = TypeAttr.get(signature)

    def __call__(self, values: Mapping[str, np.ndarray], *arguments: Any) -> Outcome:
        """Call with every parameter's value (in its stored layout) and the function's arguments."""
        assert len(arguments) == len(self.argument_types), "wrong number of arguments"
        with self.module.context, Location.unknown():
            typed = [*zip(arguments, self.argument_types, strict=True)]
            typed += [(values[name], self._declared[name]) for name in self._reads]
            results = stablehlo_bindings.eval_module(
                self.module, [_attribute(value, type_) for value, type_ in typed]
            )
            arrays = [_array(result) for result in results]
        plain = len(arrays) - len(self._state)
        updates, assignments = [], {}
        for (op, parameter, offsets), value in zip(self._state, arrays[plain:], strict=True):
            if op == "pock.update":
                updates.append(Update(parameter, offsets, value))
            else:
                assignments[parameter] = value
        return Outcome(arrays[:plain], updates, assignments)


def _expand(module: Module) -> None:
    """Write out what is short for other ops, as `differentiate` would: some of it is unknown."""
    expansions = all_expansions()
    for op in list(named_ops(module, *expansions)):
        results = expansions[op.operation.name](Builder.before(op), op)
        for result, value in zip(op.operation.results, results, strict=True):
            result.replace_all_uses_with(value)
        op.operation.erase()


def _without_resources(text: str) -> str:
    """Write out `dense_resource` constants, for which the interpreter takes arbitrary memory."""
    body_text, _, resources = text.partition("{-#")
    blobs = dict(re.findall(r'([\w.$-]+): "0x([0-9A-Fa-f]+)"', resources))
    # The first four bytes of a blob are its alignment.
    return re.sub(
        r"dense_resource<([^>]+)>", lambda key: f'dense<"0x{blobs[key[1]][8:]}">', body_text
    )


def _parameter(op: Any) -> str:
    return FlatSymbolRefAttr(op.attributes["parameter"]).value


def _offsets(op: Any) -> tuple[int, ...]:
    if "offsets" not in op.attributes:
        return ()
    return tuple(DenseI64ArrayAttr(op.attributes["offsets"]))


def _attribute(value: Any, type_: Any) -> DenseElementsAttr:
    """`value` as a constant of `type_`; the shape must fit, the element type is converted to."""
    tensor = RankedTensorType(type_)
    element = tensor.element_type
    kind = "i" if isinstance(element, IntegerType) else "f"
    width = int(str(element)[1:])
    array = np.array(value, dtype="?" if width == 1 else np.dtype(f"{kind}{width // 8}"), order="C")
    assert list(array.shape) == list(tensor.shape), f"{array.shape} is not {tensor}"
    return DenseElementsAttr.get(array, type=element) if width > 1 else DenseElementsAttr.get(array)


def _array(attribute: Any) -> np.ndarray:
    tensor = RankedTensorType(attribute.type)
    if str(tensor.element_type) == "i1":
        values = [bool(value) for value in attribute]
        return np.array(values).reshape(list(tensor.shape))
    return np.array(attribute)
