"""What a pass is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pock_mlir.ir import Location, Module, Operation, OpView


class PassError(Exception):
    """A pass cannot do its work; each problem is a message at a location of the payload."""

    def __init__(self, problems: Sequence[tuple[Location, str]]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(_line, self.problems)))

    @classmethod
    def at(cls, op: Operation | OpView, message: str) -> PassError:
        """One problem, at the location of `op`."""
        return cls([(op.location, message)])


def _line(problem: tuple[Location, str]) -> str:
    location, message = problem
    known = str(location) != "loc(unknown)"
    return f"{location}: {message}" if known else message


@dataclass(frozen=True)
class ModulePass(ABC):
    """A transformation of a module.

    The fields of a subclass are the options of the pass (`str`, `int`, `float` or `bool`, with
    defaults; `metadata={"help": ...}` documents them). Its docstring states what the pass requires
    and ensures, and shows IR before and after. In textual pipelines a field `foo_bar` is spelled
    `foo-bar`: `name{foo-bar=1}`.
    """

    name: ClassVar[str]

    @abstractmethod
    def run(self, module: Module) -> None:
        """Transform `module` in place.

        Raises:
            PassError: with every problem found; the module may then be half changed.
        """
