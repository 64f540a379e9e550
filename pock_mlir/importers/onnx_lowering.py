"""From an ONNX graph to the text of a StableHLO function, by way of torch-mlir."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import ModelProto, NodeProto, helper

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.hlo import listing
from pock_mlir.importers.locations import layer_locations
from pock_mlir.importers.torch_dialect import Diagnostics, run, to_stablehlo
from pock_mlir.ir import Context, Module, StringAttr, WalkOrder, WalkResult, onnx_module

_TO_TORCH = "builtin.module(func.func(convert-torch-onnx-to-torch))"
_TO_BACKEND = "builtin.module(torch-lower-to-backend-contract)"


def lower_onnx(model: ModelProto, function: str) -> str:
    """The StableHLO of a graph whose values all have static types, with its nodes as locations.

    Raises:
        ModelImportError: with every operator that has no lowering, and its nodes.
    """
    errors = Diagnostics()
    try:
        return _lower(model, function, errors)
    except ModelImportError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        problems = list(_offenders(model)) or errors.messages or [reason]
        raise ModelImportError("the ONNX model cannot be compiled:", problems) from error


def _lower(model: ModelProto, function: str, errors: Diagnostics) -> str:
    context = Context()
    context.emit_error_diagnostics = True
    handler: Any = context.attach_diagnostic_handler(errors)
    try:
        module = onnx_module(model, context)
        run(module, [_TO_TORCH])
        _check(module)
        run(module, [_TO_BACKEND])
        to_stablehlo(module)
        if errors.messages:
            raise ModelImportError(errors.messages[0])
        (lowered,) = [op for op in module.body.operations if op.operation.name == "func.func"]
        with context:
            lowered.operation.attributes["sym_name"] = StringAttr.get(function)
        for name in list(lowered.operation.attributes):
            if "onnx" in str(name):
                del lowered.operation.attributes[getattr(name, "name", name)]
        text = module.operation.get_asm(enable_debug_info=True)
        return layer_locations(text, lambda node: node.removeprefix("/"))
    finally:
        handler.detach()


def _check(module: Module) -> None:
    """Raise with every operator that torch-mlir's importer does not know."""
    left: dict[str, list[str]] = {}

    def visit(op: Any) -> WalkResult:
        if op.operation.name == "torch.operator":
            name = StringAttr(op.operation.attributes["name"]).value
            left.setdefault(name, []).append(str(op.operation.location)[5:-2])
        return WalkResult.ADVANCE

    module.operation.walk(visit, WalkOrder.PRE_ORDER)
    if left:
        raise ModelImportError("the ONNX model cannot be compiled:", _named(left))


def _named(nodes: dict[str, list[str]]) -> list[str]:
    return [
        f"{operator.removeprefix('onnx.')}: no lowering to StableHLO, in {listing(names)}"
        for operator, names in nodes.items()
    ]


# ---- which operators it is -------------------------------------------------------------------


def _offenders(model: ModelProto) -> Iterator[str]:
    """Every operator that does not lower on its own, with its nodes."""
    verdicts: dict[str, bool] = {}
    nodes: dict[str, list[str]] = {}
    types = _types(model)
    for node in model.graph.node:
        key = f"{node.op_type} {node.attribute} {[str(types.get(x)) for x in node.input]}"
        if key not in verdicts:
            verdicts[key] = _lowers_alone(model, node, types)
        if not verdicts[key]:
            nodes.setdefault(node.op_type, []).append(node.name or node.output[0])
    yield from _named(nodes)


def _types(model: ModelProto) -> dict[str, Any]:
    graph = model.graph
    return {v.name: v for values in (graph.input, graph.value_info, graph.output) for v in values}


def _lowers_alone(model: ModelProto, node: NodeProto, types: dict[str, Any]) -> bool:
    """Whether a graph of this node and the constants that it reads can be lowered."""
    constants = [t for t in model.graph.initializer if t.name in node.input]
    makers = [n for n in model.graph.node if n.op_type == "Constant" and n.output[0] in node.input]
    made = {t.name for t in constants} | {n.output[0] for n in makers}
    inputs = [types[x] for x in dict.fromkeys(node.input) if x in types and x not in made]
    outputs = [types[x] for x in node.output if x in types]
    if node.op_type == "Constant" or not outputs:
        return True
    graph = helper.make_graph([*makers, node], "alone", inputs, outputs, constants)
    alone = helper.make_model(graph, opset_imports=list(model.opset_import))
    try:
        _lower(alone, "alone", Diagnostics())
    except Exception:
        return False
    return True
