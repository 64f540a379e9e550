"""Puts functions lowered by a front end together into one model module."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pock_mlir.dialects.pock import AssignOp, ParameterOp, ReadOp
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.importers.random_masks import STEP, RandomMask, count_step, make_mask
from pock_mlir.ir import (
    Context,
    DenseElementsAttr,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    Location,
    Module,
    Operation,
    OpView,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)

# What an argument stands for: a parameter (its name), a constant, a random mask of the step, or
# an input of the model.
Binding = str | np.ndarray | RandomMask | None


class Assembler:
    """Builds a model module from parameter declarations and functions of all their arguments."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.module = Module.create(loc=Location.unknown(context))
        self._declared: set[str] = set()

    def declare(self, name: str, kind: str, shape: Sequence[int], element: str) -> None:
        """Declare a parameter; a name that is declared already is left alone."""
        if name in self._declared:
            return
        self._declared.add(name)
        with self.context, Location.name(name), InsertionPoint(self.module.body):
            ParameterOp(
                sym_name=StringAttr.get(name),
                type=TypeAttr.get(RankedTensorType.get(list(shape), Type.parse(element))),
                kind=StringAttr.get(kind),
            )

    def add_function(
        self, text: str, bindings: Sequence[Binding], assigned: Sequence[str | None]
    ) -> None:
        """Add the function of the module `text`.

        Args:
            text: a module of one function.
            bindings: for each argument, what takes its place; None keeps it.
            assigned: for each result, the parameter whose next value it is; None returns it.
        """
        random = any(isinstance(binding, RandomMask) for binding in bindings)
        with self.context:
            if random:
                self.declare(STEP, "state", [], "i32")
            source = Module.parse(text)
            function = next(iter(source.body.operations)).operation
            function.detach_from_parent()
            self.module.body.append(function)
            _bind_arguments(function, bindings)
            _assign_results(function, assigned)
            if random:
                count_step(function)


def _bind_arguments(function: Operation, bindings: Sequence[Binding]) -> None:
    block = function.regions[0].blocks[0]
    start = InsertionPoint.at_block_begin(block)
    bound = [index for index, binding in enumerate(bindings) if binding is not None]
    for index in bound:
        argument, binding = block.arguments[index], bindings[index]
        if binding is not None and list(argument.uses):
            argument.replace_all_uses_with(_value(binding, argument, start))
    for index in reversed(bound):
        block.erase_argument(index)
    _retype(function)


def _value(binding: str | np.ndarray | RandomMask, argument: Value, start: InsertionPoint) -> Value:
    if isinstance(binding, RandomMask):
        return make_mask(Builder(start, Location.name(binding.layer)), binding, argument.type)
    if isinstance(binding, str):
        with Location.name(binding), start:
            return ReadOp(value=argument.type, parameter=FlatSymbolRefAttr.get(binding)).value
    with argument.location:
        attribute = DenseElementsAttr.get(
            binding, type=RankedTensorType(argument.type).element_type
        )
        return Operation.create(
            "stablehlo.constant", results=[argument.type], attributes={"value": attribute}, ip=start
        ).results[0]


def _assign_results(function: Operation, assigned: Sequence[str | None]) -> None:
    if not any(assigned):
        return
    terminator: OpView = list(function.regions[0].blocks[0].operations)[-1]
    values = list(terminator.operands)
    with terminator.location, InsertionPoint(terminator):
        for value, name in zip(values, assigned, strict=True):
            if name is not None:
                AssignOp(value=value, parameter=FlatSymbolRefAttr.get(name))
        kept = [value for value, name in zip(values, assigned, strict=True) if name is None]
        Operation.create("func.return", operands=kept)
    terminator.operation.erase()
    _retype(function)


def _retype(function: Operation) -> None:
    """Make the function's type agree with its block's arguments and its return."""
    block = function.regions[0].blocks[0]
    arguments = [argument.type for argument in block.arguments]
    results = [value.type for value in list(block.operations)[-1].operands]
    function.attributes["function_type"] = TypeAttr.get(FunctionType.get(arguments, results))
