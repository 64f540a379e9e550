"""The base of the builder: creating ops and constants."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any, Self

from pock_mlir.dialects.stablehlo.attributes import i64, type_of
from pock_mlir.ir import (
    Attribute,
    ComplexType,
    DenseElementsAttr,
    FloatAttr,
    InsertionPoint,
    IntegerAttr,
    IntegerType,
    Location,
    Operation,
    RankedTensorType,
    Type,
    Value,
)


class Core:
    """Where to insert, which location to give, and constants."""

    def __init__(self, insertion_point: InsertionPoint, location: Location) -> None:
        self.insertion_point = insertion_point
        self.location = location

    @classmethod
    def before(cls, op: Any) -> Self:
        """A builder that inserts before `op`, at its location."""
        return cls(InsertionPoint(op), op.location)

    @contextmanager
    def at(self, location: Location) -> Any:
        """Give ops built inside the `with` block this location."""
        saved, self.location = self.location, location
        try:
            yield self
        finally:
            self.location = saved

    def create(
        self,
        name: str,
        operands: Sequence[Value],
        results: Sequence[Type],
        attributes: dict[str, Any] | None = None,
        regions: int = 0,
    ) -> Operation:
        """Create any op, of any dialect, here."""
        return Operation.create(
            name,
            results=list(results),
            operands=list(operands),
            attributes=attributes or {},
            regions=regions,
            loc=self.location,
            ip=self.insertion_point,
        )

    def _one(self, name: str, operands: Sequence[Value], result: Type, **attributes: Any) -> Value:
        return self.create(name, operands, [result], attributes).results[0]

    def splat(self, value: float, type_: Type) -> Value:
        """A constant of `type_` whose elements are all `value`, which is real."""
        element = RankedTensorType(type_).element_type
        if isinstance(element, ComplexType):  # whose constants the bindings have no class for
            real = RankedTensorType.get(RankedTensorType(type_).shape, element.element_type)
            return self._one("stablehlo.complex", [self.splat(n, real) for n in (value, 0)], type_)
        if isinstance(element, IntegerType):
            attribute: Attribute = IntegerAttr.get(element, int(value))
        else:
            attribute = FloatAttr.get(element, value)
        return self._one(
            "stablehlo.constant", [], type_, value=DenseElementsAttr.get_splat(type_, attribute)
        )

    def full_like(self, like: Value, value: float) -> Value:
        """A constant of the type of `like`."""
        return self.splat(value, like.type)

    def zeros_like(self, like: Value) -> Value:
        """Zeros of the type of `like`."""
        return self.full_like(like, 0)

    def ones_like(self, like: Value) -> Value:
        """Ones of the type of `like`."""
        return self.full_like(like, 1)

    def scalar_like(self, like: Value, value: float) -> Value:
        """A rank-0 constant of the element type of `like`."""
        return self.splat(value, RankedTensorType.get([], type_of(like).element_type))

    def iota(self, type_: Type, dimension: int) -> Value:
        """0, 1, 2, ... along `dimension`."""
        return self._one("stablehlo.iota", [], type_, iota_dimension=i64(dimension))
