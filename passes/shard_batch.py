"""`shard-batch`: a step takes several batches of the model's, which run side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import (
    ArrayAttr,
    BlockArgument,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    Location,
    Module,
    StringAttr,
    TypeAttr,
    UnitAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.scale_loss import MARK
from pock_mlir.rewriting import (
    argument_of_role,
    body,
    erase_dead_in,
    functions,
    has_effect,
    named_ops,
    viewed,
)

SHARD = "_shard"
"""What the name of the function that takes one shard ends with."""
_SHARDED = ("train_step", "predict", "evaluate")
_OUTLINED = ("func.return", "pock.assign", "pock.update")
"""Ops that are not pure and are known here."""


@dataclass(frozen=True)
class ShardBatch(ModulePass):
    """Make every function take `shards` batches at once, and compute each by a call of its own.

    Requires: updates without an optimizer yet (`differentiate`), and nothing assigned: each shard
    would have another value for it. Arguments but the learning rate, and results but the loss, have
    the batch as their first dimension. Ensures: `@train_step`, `@predict` and `@evaluate` take
    every argument but the rate `shards` times, one after the other, and return every result but the
    loss as often; a private `@<name>_shard` is what they were. The loss and the gradients are the
    means of the shards' (so a mean over what is not ignored is one of means).

    No call reads what another one wrote, so that each can have a processor of its own, which waits
    for the others only once: before the updates. For this all gradients are in memory then, once
    for each shard.

        func.func @train_step(%x: tensor<4x...>, ..., %rate: tensor<f32>) -> tensor<f32>
          "pock.update"(%g) {parameter = @w, ...}
          return %loss
    becomes, with two shards,
        func.func @train_step(%x0: tensor<4x...>, %x1: tensor<4x...>, ..., %rate: tensor<f32>)
          %0:2 = call @train_step_shard(%x0, ...) : (tensor<4x...>, ...) -> (tensor<f32>, ...)
          %1:2 = call @train_step_shard(%x1, ...) : (tensor<4x...>, ...) -> (tensor<f32>, ...)
          %mean = ...                                          // (%0#1 + %1#1) / 2
          "pock.update"(%mean) {parameter = @w, ...}
    """

    name = "shard-batch"
    shards: int = field(default=2, metadata={"help": "batches of the model's that a step takes"})

    def run(self, module: Module) -> None:
        if self.shards < 1:
            raise PassError.at(module.operation, f"shards must be positive, got {self.shards}")
        if self.shards == 1:
            return
        found = [each for each in functions(module) if each.sym_name.value in _SHARDED]
        problems = [problem for each in found for problem in _problems(module, each)]
        if problems:
            raise PassError(problems)
        for function in found:
            self._shard(function)

    def _shard(self, function: Any) -> None:
        block, updates, end = body(function), _updates(function), _end(function)
        old, batch = list(block.arguments), _batch_arguments(function)
        rate, shard = argument_of_role(function, "learning_rate"), _outlined(function)
        _repeat_roles(function, batch, rate, self.shards)
        with function.location:
            rows = [
                [block.add_argument(each.type, function.location) for _ in range(self.shards)]
                for each in batch
            ]
            b = Builder(InsertionPoint.at_block_begin(block), function.location)
            calls = zip(*(_call(b, shard, part) for part in zip(*rows, strict=True)), strict=True)
            returned = [_returned(b, value, next(calls)) for value in end.operands]
            for update, gradients in zip(updates, calls, strict=True):
                update.operation.operands[0] = _mean(b, gradients)
            Builder.before(end).create("func.return", [v for each in returned for v in each], [])
            end.erase()
            erase_dead_in(block)
            if rate is not None:
                rate.replace_all_uses_with(block.add_argument(rate.type, function.location))
        for _ in old:
            block.erase_argument(0)
        _retype(function)


def _problems(module: Module, function: Any) -> list[tuple[Location, str]]:
    """Why a function cannot take shards."""
    name, problems = function.sym_name.value, []
    for op in named_ops(module, "pock.assign"):
        if op.operation.parent == function.operation:
            assigned = op.parameter.value
            message = (
                f"each shard would assign @{assigned} another value: no shards in training mode"
            )
            problems.append((op.location, message))
    for op in body(function).operations:
        if has_effect(op) and op.operation.name not in _OUTLINED:
            problems.append((op.location, f"'{op.operation.name}' cannot be computed in shards"))
    for update in _updates(function):
        if update.scale is not None or "clip_value" in update.attributes:
            problems.append((update.location, "shard the batch before gradients are scaled"))
    arguments = _batch_arguments(function)
    sizes = {tuple(shape_of(each)[:1]) for each in arguments}
    if len(sizes) != 1 or () in sizes:
        types = ", ".join(str(each.type) for each in arguments) or "none"
        message = f"@{name}: the arguments need one batch as their first dimension, got {types}"
        return [*problems, (function.location, message)]
    for i, value in enumerate(_end(function).operands):
        loss = not shape_of(value) and name != "predict"
        if not loss and tuple(shape_of(value)[:1]) not in sizes:
            message = f"@{name}: result {i} has no batch as its first dimension: {value.type}"
            problems.append((function.location, message))
    return problems


def _updates(function: Any) -> list[Any]:
    return [op for op in body(function).operations if op.operation.name == "pock.update"]


def _end(function: Any) -> Any:
    block = body(function)
    return block.operations[len(block.operations) - 1].operation


def _batch_arguments(function: Any) -> list[Value]:
    """Those that have a batch: all but the learning rate."""
    rate, arguments = argument_of_role(function, "learning_rate"), list(body(function).arguments)
    return arguments if rate is None else [each for each in arguments if each != rate]


def _outlined(function: Any) -> Any:
    """A private copy of a function for one shard, which returns gradients instead of updating."""
    shard = function.operation.clone(ip=InsertionPoint(function)).opview
    block, rate = body(shard), argument_of_role(shard, "learning_rate")
    updates, end = _updates(shard), _end(shard)
    results = [v.owner.operands[0] if _is_scaled(v) else v for v in end.operands]
    gradients = [_computed(Builder.before(end), update.gradient) for update in updates]
    Builder.before(end).create("func.return", [*results, *gradients], [])
    for op in (end, *updates):
        op.operation.erase()
    if rate is not None:
        block.erase_argument(BlockArgument(rate).arg_number)
    erase_dead_in(block)
    for name in ("arg_attrs", "res_attrs"):
        if name in shard.attributes:
            del shard.attributes[name]
    with shard.operation.context:
        shard.attributes["sym_name"] = StringAttr.get(f"{function.sym_name.value}{SHARD}")
        shard.attributes["sym_visibility"] = StringAttr.get("private")
        shard.attributes["no_inline"] = UnitAttr.get()
    _retype(shard)
    return shard


def _computed(b: Builder, gradient: Value) -> Value:
    """A gradient in memory of its own: not that of a weight, which another update may change."""
    source = viewed(gradient)
    given = isinstance(source, BlockArgument) or source.owner.name == "pock.read"
    return b.add(gradient, b.zeros_like(gradient)) if given else gradient


def _call(b: Builder, shard: Any, arguments: Sequence[Value]) -> list[Value]:
    types = [value.type for value in _end(shard).operands]
    callee = {"callee": FlatSymbolRefAttr.get(shard.sym_name.value)}
    return list(b.create("func.call", arguments, types, callee).results)


def _returned(b: Builder, value: Value, shards: Sequence[Value]) -> list[Value]:
    """What a function returns for a result, given those of its shards.

    Gradients are scaled in the shards; the scaled loss is what `unscale-gradients` looks for.
    """
    if shape_of(value):
        return list(shards)
    mean = _mean(b, shards)
    if not _is_scaled(value):
        return [mean]
    value.owner.operands[0] = mean
    return [value]


def _is_scaled(value: Value) -> bool:
    return MARK in getattr(value.owner, "attributes", {})


def _mean(b: Builder, values: Sequence[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = b.add(total, value)
    return b.multiply(total, b.full_like(total, 1 / len(values)))


def _repeat_roles(function: Any, batch: Sequence[Value], rate: Value | None, shards: int) -> None:
    """Give the arguments of every shard the attributes of those that stood for all."""
    if "arg_attrs" not in function.attributes:
        return
    roles = list(ArrayAttr(function.attributes["arg_attrs"]))
    order = [each for each in batch for _ in range(shards)] + ([] if rate is None else [rate])
    repeated = [roles[BlockArgument(each).arg_number] for each in order]
    function.attributes["arg_attrs"] = ArrayAttr.get(repeated, function.context)


def _retype(function: Any) -> None:
    """Give a function the type that its body has."""
    inputs = [argument.type for argument in body(function).arguments]
    results = [value.type for value in _end(function).operands]
    with function.operation.context:
        type_ = TypeAttr.get(FunctionType.get(inputs, results))
    function.attributes["function_type"] = type_
