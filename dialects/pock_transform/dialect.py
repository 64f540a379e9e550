"""The dialect whose ops each apply one pass.

    %after = "pock_transform.sparsify_backward"(%target) {scheme = "head"}
        : (!transform.any_op) -> !transform.any_op

Which ops there are, what their attributes may be and what they do is given from outside, by
`declare`, because the passes are made of dialects and not the other way round.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.pock.dialect import verifier
from pock_mlir.ir import Context, MemoryEffectsOpInterface, Operation, ext, transform


class PockTransform(ext.Dialect, name="pock_transform"):
    """One op per pass; its attributes are the options of the pass."""


@dataclass(frozen=True)
class PassOp:
    """What an op of the dialect checks and does.

    Attributes:
        summary: becomes the docstring of the op's class.
        check: called with the op's attributes; raises VerificationError.
        apply: called with them and one payload op; returns what the op has become, and raises
            TransformError.
    """

    summary: str
    check: Callable[[Mapping[str, Any]], None]
    apply: Callable[[Mapping[str, Any], Operation], Sequence[Operation]]


_DECLARED: dict[str, PassOp] = {}


class TransformError(Exception):
    """An op cannot be applied; the diagnostics that say why have been emitted."""


def declare(name: str, pass_op: PassOp) -> None:
    """Add the op `pock_transform.<name>`, before the dialect is loaded into any context."""
    body = {
        "__doc__": pass_op.summary,
        "__annotations__": {
            "target": ext.Operand[transform.AnyOpType],
            "transformed": ext.Result[transform.AnyOpType],
        },
        "verify_invariants": verifier(lambda op: pass_op.check(op.attributes)),
    }
    class_name = "".join(part.capitalize() for part in name.split("_")) + "Op"
    type(class_name, (PockTransform.Operation,), body, name=name)
    _DECLARED[f"{PockTransform.DIALECT_NAMESPACE}.{name}"] = pass_op


def load(context: Context) -> None:
    """Load the dialect into `context`, with everything that was declared; repeating it is fine."""
    if context.is_dialect_loaded(PockTransform.DIALECT_NAMESPACE):
        return
    with context:
        context.get_dialect_descriptor("transform")
        PockTransform.load()
        for name in _DECLARED:
            _Apply.attach(name)
            _Effects.attach(name)


class _Apply(transform.TransformOpInterface):
    @staticmethod
    def apply(op: Any, rewriter: Any, results: Any, state: Any) -> Any:
        # An exception must not cross into MLIR.
        try:
            pass_op = _DECLARED[op.operation.name]
            payload = [target.operation for target in state.get_payload_ops(op.operands[0])]
            after = [o for target in payload for o in pass_op.apply(op.attributes, target)]
            results.set_ops(op.results[0], after)
        except TransformError:
            return transform.DiagnosedSilenceableFailure.DefiniteFailure
        except Exception as error:
            traceback.print_exc()
            op.location.emit_error(f"internal error: {type(error).__name__}: {error}")
            return transform.DiagnosedSilenceableFailure.DefiniteFailure
        return transform.DiagnosedSilenceableFailure.Success

    @staticmethod
    def allow_repeated_handle_operands(op: Any) -> bool:
        return False


class _Effects(MemoryEffectsOpInterface):
    @staticmethod
    def get_effects(op: Any, effects: Any) -> None:
        transform.consumes_handle(op.op_operands, effects)
        transform.produces_handle(op.results, effects)
        transform.modifies_payload(effects)
