"""From an exported PyTorch graph to the text of a StableHLO function.

Every placeholder of the graph becomes an argument and every output a result. torch-mlir does the
lowering in a context of its own, so that its dialect stays out of ours; the text crosses over.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.fx import Graph, Node

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.hlo import listing
from pock_mlir.importers.torch_dialect import Diagnostics, run, to_stablehlo
from pock_mlir.ir import Context, Module, fx_importer

_TO_TORCH_BACKEND = (
    "builtin.module(func.func(torch-match-quantized-custom-ops),"
    "torchdynamo-export-to-torch-backend-pipeline{extra-library=})"
)
# How layer_of() marks its locations, so that _name_locations() finds them again in the text.
_LAYER = re.compile(r'loc\("layer:([^"]*)":0:0\)')


def layer_of(node: Node, root: str = "model") -> str:
    """The qualified name of the innermost module that made `node` (`root` for the model itself)."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next((path for path, _ in reversed(stack.values())), "")
    return path.removeprefix("L['self'].").removeprefix("L__self___") or root


def lower_graph(graph: Graph, function: str, root: str) -> str:
    """The StableHLO of `graph` as text: one function, with a NameLoc of its layer on each op.

    Raises:
        ModelImportError: with every operator that has no lowering, and its layers.
    """
    _name_layers(graph, root)
    errors = Diagnostics()
    try:
        return _lower(graph, function, errors)
    except Exception as error:
        problems = offenders(graph.nodes, root) or errors.messages or [_first_line(error)]
        raise ModelImportError(f"{root} cannot be compiled:", problems) from None


def _name_layers(graph: Graph, root: str) -> None:
    """Put the layer where torch-mlir looks for a location: a stack trace of one frame."""
    for node in graph.nodes:
        node.meta["stack_trace"] = f'File "layer:{layer_of(node, root)}", line 0,'


def _lower(graph: Graph, function: str, errors: Diagnostics) -> str:
    context = Context()
    context.emit_error_diagnostics = True
    handler: Any = context.attach_diagnostic_handler(errors)
    try:
        importer = fx_importer(context)
        importer.import_stateless_graph(graph, func_name=function)
        module: Module = importer.module
        run(module, [_TO_TORCH_BACKEND])
        to_stablehlo(module)
        if errors.messages:
            raise ModelImportError(errors.messages[0])
        return _LAYER.sub(r'loc("\1")', module.operation.get_asm(enable_debug_info=True))
    finally:
        handler.detach()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def offenders(nodes: Iterable[Node], root: str) -> list[str]:
    """Every operator of `nodes` that does not lower on its own, with the layers that use it."""
    verdicts: dict[str, bool] = {}
    layers: dict[str, list[str]] = {}
    for node in nodes:
        if node.op != "call_function" or not _is_tensor_op(node):
            continue
        key = f"{node.target} {[_describe(x) for x in (*node.args, *node.kwargs.values())]}"
        if key not in verdicts:
            verdicts[key] = _lowers_alone(node)
        if not verdicts[key]:
            layers.setdefault(str(node.target), []).append(layer_of(node, root))
    return [f"{op}: no lowering to StableHLO, in {listing(names)}" for op, names in layers.items()]


def _is_tensor_op(node: Node) -> bool:
    """Whether `node` computes tensors, unlike shape arithmetic and assertions."""
    value = node.meta.get("val")
    values = value if isinstance(value, (list, tuple)) else [value]
    return node.target is not operator.getitem and any(isinstance(v, torch.Tensor) for v in values)


def _describe(argument: Any) -> str:
    if isinstance(argument, Node):
        value = argument.meta.get("val")
        return f"{getattr(value, 'dtype', value)}{list(getattr(value, 'shape', ()))}"
    if isinstance(argument, (list, tuple)):
        return str([_describe(item) for item in argument])
    return str(argument)


def _lowers_alone(node: Node) -> bool:
    """Whether a graph of this node and nothing else can be lowered."""
    graph, copies = Graph(), {}
    for operand in node.all_input_nodes:
        copies[operand] = graph.placeholder(operand.name)
        copies[operand].meta.update(operand.meta)
    copy = graph.node_copy(node, lambda operand: copies[operand])
    graph.output(tuple(_results(graph, node, copy)))
    _name_layers(graph, "")
    try:
        _lower(graph, "alone", Diagnostics())
    except Exception:
        return False
    return True


def _results(graph: Graph, node: Node, copy: Node) -> Iterator[Node]:
    if isinstance(node.meta.get("val"), torch.Tensor):
        yield copy
        return
    for user in node.users:
        yield graph.node_copy(user, lambda _: copy)
