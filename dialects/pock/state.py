"""State: declare a parameter, read its value, say what becomes of it.

A read gives the value **at the start of the step**, wherever it stands; an update or an assignment
speaks of the **next** step. Between them there is pure dataflow, so any order that respects SSA is
a legal order; executing in place without a wrong read is the lowering's business.
"""

from pock_mlir.dialects.pock.dialect import Pock, int_array, require, tensor_type, verifier
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    DictAttr,
    FlatSymbolRefAttr,
    RankedTensorType,
    StringAttr,
    TypeAttr,
    ext,
)

KINDS = ("weight", "buffer", "state", "folded", "adapter")
TRAINED_KINDS = ("weight", "adapter")
"""The kinds that have a gradient."""
_ADAPTER = {"of", "factor", "axis", "scale"}


def _verify_parameter(op: "ParameterOp") -> None:
    require(isinstance(op.type.value, RankedTensorType), f"type must be a tensor, got {op.type}")
    type_ = RankedTensorType(op.type.value)
    require(type_.has_static_shape, f"type must have a static shape, got {type_}")
    kind = op.kind.value
    require(kind in KINDS, f"kind must be one of {', '.join(KINDS)}, got '{kind}'")
    if "layout" in op.attributes:
        layout = int_array(op, "layout")
        require(
            sorted(layout) == list(range(type_.rank)),
            f"'layout' must permute the {type_.rank} dimensions, got {layout}",
        )
    if "axes" in op.attributes:
        axes = int_array(op, "axes")
        require(
            axes == [] or len(set(axes)) == 2 and set(axes) <= set(range(type_.rank)),
            f"'axes' must be two of the {type_.rank} dimensions, or none, got {axes}",
        )
    _verify_adapter(op)


def _verify_adapter(op: "ParameterOp") -> None:
    expected = op.kind.value == "adapter"
    require(
        ("adapter" in op.attributes) == expected,
        "kind 'adapter' needs the attribute 'adapter'"
        if expected
        else "only kind 'adapter' has the attribute 'adapter'",
    )
    if expected:
        names = {entry.name for entry in DictAttr(op.attributes["adapter"])}
        require(names == _ADAPTER, f"'adapter' must have {', '.join(sorted(_ADAPTER))}")
        factor = DictAttr(op.attributes["adapter"])["factor"]
        require(str(factor) in ('"A"', '"B"'), f'the factor must be "A" or "B", got {factor}')


class ParameterOp(Pock.Operation, name="parameter"):
    """Declare a piece of state by the name its framework gives it.

    `kind` is `weight` (trained unless a scheme says otherwise), `buffer` (belongs to the model, has
    no gradient), `state` (belongs to an optimizer, starts as zeros), `folded` (computed from
    frozen parameters at compile time) or `adapter` (a trained factor of a low-rank term).

    An adapter has the attribute `adapter = {of = @weight, factor = "A"|"B", axis, scale}`: the
    model computes with `weight + scale * B A`, where A is [rank, ...], B is [out, rank] and `axis`
    is the dimension of the weight, in the framework's order, that is "out".

    The optional `axes = array<i64: out, in>` says which dimensions of the framework's are "out" and
    "in" to a scheme; absent means 0 and 1, as PyTorch orders weights, and an empty one that it is
    not known.

    The optional `layout = array<i64: ...>` says how the value is stored: dimension `i` of the
    stored tensor (of `type`) is dimension `layout[i]` of the framework's.
    """

    sym_name: StringAttr
    type: TypeAttr
    kind: StringAttr
    verify_invariants = verifier(_verify_parameter)

    @property
    def stored_type(self) -> RankedTensorType:
        """The type of the stored value."""
        return RankedTensorType(self.type.value)

    @property
    def layout(self) -> list[int]:
        """The permutation from stored to framework dimensions (identity when absent)."""
        if "layout" not in self.attributes:
            return list(range(self.stored_type.rank))
        return list(DenseI64ArrayAttr(self.attributes["layout"]))

    @property
    def axes(self) -> tuple[int, ...]:
        """(out, in), dimensions of the framework's shape; empty where they are not known."""
        if "axes" not in self.attributes:
            return (0, 1)
        return tuple(DenseI64ArrayAttr(self.attributes["axes"]))

    @property
    def framework_shape(self) -> list[int]:
        """The shape that the framework gives the parameter."""
        shape = [0] * self.stored_type.rank
        for stored, framework in enumerate(self.layout):
            shape[framework] = self.stored_type.shape[stored]
        return shape


class ReadOp(Pock.Operation, name="read", traits=[ext.Pure]):
    """The value of a parameter at the start of the step."""

    parameter: FlatSymbolRefAttr
    value: ext.Result[RankedTensorType]


class AssignOp(Pock.Operation, name="assign"):
    """The parameter is `value` in the next step (running statistics, step counters)."""

    value: ext.Operand[RankedTensorType]
    parameter: FlatSymbolRefAttr
    verify_invariants = verifier(lambda op: tensor_type(op.value, "value") and None)
