"""Loops that are known to run a fixed number of times."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

from pock_mlir.ir import Block, BlockArgument, IntegerType, RankedTensorType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.matching import defining_op, is_made_by, splat_of

# With the bound moved by one for LE and GE.
_GOES_ON = {
    "LT": operator.lt,
    "LE": operator.lt,
    "GT": operator.gt,
    "GE": operator.gt,
    "NE": operator.ne,
}
_MIRRORED = {"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE", "NE": "NE"}


@dataclass(frozen=True)
class CountedLoop:
    """A `stablehlo.while` whose counter starts, steps and ends at known numbers.

    Attributes:
        op: the loop.
        counter: which of the carried values is the counter.
        start: its first value.
        step: by which it changes.
        trips: how often the body runs.
    """

    op: Any
    counter: int
    start: int
    step: int
    trips: int

    @classmethod
    def of(cls, op: Any) -> CountedLoop:
        """What is known of a `stablehlo.while`.

        Raises:
            PassError: saying what about the number of trips is not static.
        """
        reader = _Reader(op)
        counter, direction, bound = reader.condition()
        start = reader.initial(counter)
        step = reader.step(counter)
        return cls(op, counter, start, step, reader.trips(start, step, direction, bound))

    @property
    def condition(self) -> Block:
        """The block that says whether to go on."""
        return self.op.regions[0].blocks[0]

    @property
    def body(self) -> Block:
        """The block that is repeated."""
        return self.op.regions[1].blocks[0]

    def is_invariant(self, index: int) -> bool:
        """Whether a carried value never changes."""
        return _is_invariant(self.op, index)

    def values(self) -> range:
        """The values of the counter, one for each trip."""
        return range(self.start, self.start + self.trips * self.step, self.step)


def _terminator(block: Block) -> Any:
    return block.operations[len(block.operations) - 1]


def _is_invariant(op: Any, index: int) -> bool:
    body = op.regions[1].blocks[0]
    return _terminator(body).operands[index] == body.arguments[index]


class _Reader:
    """Reads the trip count off a loop; complains about what stands in the way."""

    def __init__(self, op: Any) -> None:
        self.op = op

    def _error(self, reason: str) -> PassError:
        return PassError.at(self.op, f"the number of trips of this loop is not static: {reason}")

    def _number(self, value: Value, block: Block) -> int | None:
        """The integer that `value`, as seen in a region's block, is in every trip."""
        if isinstance(value, BlockArgument) and value.owner == block:
            index = value.arg_number
            known = _is_invariant(self.op, index)
            return self._number(self.op.operands[index], self.op.operation.block) if known else None
        number = splat_of(value)
        return int(number) if number is not None and number == int(number) else None

    def condition(self) -> tuple[int, str, int]:
        """Which carried value is compared, how, and with what."""
        block = self.op.regions[0].blocks[0]
        compare = defining_op(_terminator(block).operands[0])
        if compare is None or compare.name != "stablehlo.compare":
            raise self._error("its condition does not compare a counter with a constant")
        direction = str(compare.attributes["comparison_direction"]).rstrip(">").split()[-1]
        left, right = compare.operands
        if self._number(left, block) is not None:
            left, right, direction = right, left, _MIRRORED.get(direction, direction)
        counter = self._counter(left, block)
        bound = self._number(right, block)
        if bound is None:
            raise self._error(f"the bound of its counter (carried value {counter}) is computed")
        return counter, direction, bound

    def _counter(self, value: Value, block: Block) -> int:
        if not isinstance(value, BlockArgument) or value.owner != block:
            raise self._error("its condition does not compare a carried value with a constant")
        if not isinstance(RankedTensorType(value.type).element_type, IntegerType):
            raise self._error(f"its counter (carried value {value.arg_number}) is no integer")
        return value.arg_number

    def initial(self, counter: int) -> int:
        """The first value of the counter."""
        start = self._number(self.op.operands[counter], self.op.operation.block)
        if start is None:
            raise self._error(f"its counter (carried value {counter}) starts at a computed value")
        return start

    def step(self, counter: int) -> int:
        """What a trip adds to the counter."""
        body = self.op.regions[1].blocks[0]
        following, argument = _terminator(body).operands[counter], body.arguments[counter]
        signs = {"stablehlo.add": 1, "stablehlo.subtract": -1}
        if is_made_by(following, *signs):
            op: Any = defining_op(following)
            left, right = op.operands
            if op.name == "stablehlo.add" and right == argument:
                left, right = right, left
            amount = self._number(right, body)
            if left == argument and amount:
                return signs[op.name] * amount
        raise self._error(f"its counter (carried value {counter}) does not change by a constant")

    def trips(self, start: int, step: int, direction: str, bound: int) -> int:
        """How many values the counter takes while the comparison holds."""
        bound += {"LE": 1, "GE": -1}.get(direction, 0)
        goes_on = _GOES_ON.get(direction)
        if goes_on is None:
            raise self._error("its condition compares for equality")
        if not goes_on(start, bound):
            return 0
        if (bound - start) * step <= 0 or (direction == "NE" and (bound - start) % step):
            raise self._error("its counter never reaches the bound")
        return -(-(bound - start) // step)
