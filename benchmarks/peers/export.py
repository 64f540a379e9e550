"""From a PyTorch module to a `Graph`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx

from benchmarks.peers.graph import Graph, Node

Rule = Callable[[Mapping[str, Any]], tuple[str, list[Any], dict[str, Any]]]
"""From an operation's arguments by name: our operation, its operands, its options."""


class UnknownOperation(Exception):
    """The model has an operation that RULES lacks."""


def export_graph(
    model: torch.nn.Module, inputs: tuple[Tensor, ...]
) -> tuple[Graph, dict[str, Tensor]]:
    """The model's graph and the constants it names (`c:<name>`). Raises UnknownOperation."""
    program = torch.export.export(model, inputs, strict=False)
    exporter = _Exporter(program, _canonical_names(model))
    for node in program.graph.nodes:
        exporter.visit(node)
    graph = Graph(tuple(exporter.inputs), tuple(exporter.nodes), exporter.output)
    return graph, {name: value.detach() for name, value in exporter.used.items()}


def _canonical_names(model: torch.nn.Module) -> dict[str, str]:
    """The first name of every parameter, by each of its names."""
    first: dict[int, str] = {}
    named = list(model.named_parameters(remove_duplicate=False))
    for name, parameter in named:
        first.setdefault(id(parameter), name)
    return {name: first[id(parameter)] for name, parameter in named}


class _Exporter:
    """Goes through the nodes of an exported program; computes what depends on nothing."""

    def __init__(self, program: Any, canonical: Mapping[str, str]) -> None:
        signature = program.graph_signature
        stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self._names = {k: f"p:{canonical.get(v, v)}" for k, v in stored.items()}
        self._constants: dict[str, Tensor] = {
            name: program.constants[target]
            for name, target in signature.inputs_to_lifted_tensor_constants.items()
        }
        self._pieces: dict[str, list[Any]] = {}
        self.inputs, self.nodes = list[str](), list[Node]()
        self.used: dict[str, Tensor] = {}
        self.output = ""

    def visit(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self._placeholder(node)
        elif node.op == "output":
            self.output = self._names[node.args[0][0].name]  # pyright: ignore
        elif self._is_constant(node):
            args, kwargs = fx.map_arg((node.args, node.kwargs), lambda n: self._constants[n.name])
            self._constants[node.name] = node.target(*args, **kwargs)  # pyright: ignore
        elif node.target is operator.getitem:
            self._take(node)
        else:
            self._operation(node, str(node.target), _arguments(node))

    def _placeholder(self, node: fx.Node) -> None:
        if node.name not in self._names and node.name not in self._constants:
            self._names[node.name] = node.name
            self.inputs.append(node.name)

    def _is_constant(self, node: fx.Node) -> bool:
        return all(each.name in self._constants for each in node.all_input_nodes)

    def _take(self, node: fx.Node) -> None:
        """One of the pieces of a chunk."""
        whole, index = node.args[0], node.args[1]
        x, axis, size = self._pieces[whole.name]  # pyright: ignore
        shape = tuple(node.meta["val"].shape)
        options = {"axis": axis, "start": index * size, "stop": index * size + shape[axis]}
        self._add(node.name, "slice", [x], options, shape)

    def _operation(self, node: fx.Node, target: str, arguments: Mapping[str, Any]) -> None:
        if target.startswith("aten._assert"):
            return
        if target == "aten.chunk.default":
            axis = arguments["dim"] % arguments["self"].meta["val"].dim()
            self._pieces[node.name] = [arguments["self"], axis, node.meta["val"][0].shape[axis]]
            return
        if target not in RULES:
            raise UnknownOperation(f"{target}: add it to RULES in {__file__}")
        op, operands, options = RULES[target]({**arguments, "result": node.meta["val"]})
        if op == "same":
            self._names[node.name] = self._name(operands[0])
        else:
            self._add(node.name, op, operands, options, tuple(node.meta["val"].shape))

    def _add(
        self, name: str, op: str, operands: list[Any], options: dict[str, Any], shape: Any
    ) -> None:
        named = tuple(self._name(o) for o in operands if o is not None)
        self._names[name] = name
        self.nodes.append(Node(name, op, named, options, tuple(shape)))

    def _name(self, operand: Any) -> Any:
        if not isinstance(operand, fx.Node):
            return operand
        if operand.name in self._constants:
            self.used[operand.name] = self._constants[operand.name]
            return f"c:{operand.name}"
        return self._names[operand.name]


def _arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments by name, with the defaults."""
    named = dict[str, Any]()
    for i, argument in enumerate(node.target._schema.arguments):  # pyright: ignore
        given = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name)
        named[argument.name] = argument.default_value if given is None else given
    return named


def _both(value: Any) -> list[int]:
    return list(value) * 2 if len(value) == 1 else list(value)


def _unary(op: str) -> Rule:
    return lambda a: (op, [a["self"]], {})


def _binary(op: str) -> Rule:
    def rule(a: Mapping[str, Any]) -> Any:
        if a.get("alpha", 1) != 1:
            raise UnknownOperation(f"{op} with alpha {a['alpha']}")
        return op, [a["self"], a["other"]], {}

    return rule


def _reduction(op: str) -> Rule:
    return lambda a: (op, [a["self"]], {"axes": _positive(a), "keep": a["keepdim"]})


def _positive(a: Mapping[str, Any]) -> list[int]:
    return [axis % a["self"].meta["val"].dim() for axis in a["dim"]]


def _axis(a: Mapping[str, Any]) -> int:
    return a["dim"] % a["self"].meta["val"].dim()


def _conv2d(a: Mapping[str, Any]) -> Any:
    if _both(a["dilation"]) != [1, 1]:
        raise UnknownOperation("conv2d with dilation")
    top, left = _both(a["padding"])
    options = {
        "stride": _both(a["stride"]),
        "padding": [top, top, left, left],
        "groups": a["groups"],
    }
    return "conv2d", [a["input"], a["weight"], a["bias"]], options


def _batch_norm(a: Mapping[str, Any]) -> Any:
    names = ("input", "weight", "bias", "running_mean", "running_var")
    return "batch_norm", [a[name] for name in names], {"epsilon": a["eps"]}


def _max_pool(a: Mapping[str, Any]) -> Any:
    sizes = ("kernel_size", "stride", "padding")
    kernel, stride, padding = (_both(a[name]) for name in sizes)
    return "max_pool", [a["self"]], {"kernel": kernel, "stride": stride, "padding": padding}


def _pad(a: Mapping[str, Any]) -> Any:
    left, right, top, bottom = a["pad"]
    if a["mode"] != "constant" or a["value"]:
        raise UnknownOperation("pad that is not with zeros")
    return "pad", [a["self"]], {"padding": [top, bottom, left, right]}


def _gelu(a: Mapping[str, Any]) -> Any:
    if a["approximate"] != "none":
        raise UnknownOperation("gelu by tanh")
    return "gelu", [a["self"]], {}


def _transpose(a: Mapping[str, Any]) -> Any:
    order = list(range(a["self"].meta["val"].dim()))
    first, second = a["dim0"] % len(order), a["dim1"] % len(order)
    order[first], order[second] = order[second], order[first]
    return "transpose", [a["self"]], {"order": order}


def _slice(a: Mapping[str, Any]) -> Any:
    axis = _axis(a)
    size = a["self"].meta["val"].shape[axis]
    start, stop = a["start"] or 0, size if a["end"] is None else min(a["end"], size)
    return "slice", [a["self"]], {"axis": axis, "start": start, "stop": stop}


def _reshape(a: Mapping[str, Any]) -> Any:
    return "reshape", [a["self"]], {"shape": list(a["result"].shape)}


def _to(a: Mapping[str, Any]) -> Any:
    before, after = a["self"].meta["val"].dtype, a["result"].dtype
    if before == after:
        return "same", [a["self"]], {}
    return "cast", [a["self"]], {"dtype": str(after).removeprefix("torch.")}


def _select(a: Mapping[str, Any]) -> Any:
    return "select", [a["self"]], {"axis": _axis(a), "index": a["index"]}


RULES: dict[str, Rule] = {
    "aten.conv2d.default": _conv2d,
    "aten.batch_norm.default": _batch_norm,
    "aten.max_pool2d.default": _max_pool,
    "aten.pad.default": _pad,
    "aten.hardtanh.default": lambda a: (
        "clip",
        [a["self"]],
        {"low": a["min_val"], "high": a["max_val"]},
    ),
    "aten.relu6.default": lambda a: ("clip", [a["self"]], {"low": 0.0, "high": 6.0}),
    "aten.clamp.default": lambda a: ("clip", [a["self"]], {"low": a["min"], "high": a["max"]}),
    "aten.relu.default": _unary("relu"),
    "aten.silu.default": _unary("silu"),
    "aten.tanh.default": _unary("tanh"),
    "aten.square.default": _unary("square"),
    "aten.rsqrt.default": _unary("rsqrt"),
    "aten.gelu.default": _gelu,
    "aten.add.Tensor": _binary("add"),
    "aten.sub.Tensor": _binary("sub"),
    "aten.mul.Tensor": _binary("mul"),
    "aten.div.Tensor": _binary("div"),
    "aten.rsub.Scalar": lambda a: ("sub", [a["other"], a["self"]], {}),
    "aten.mean.dim": _reduction("mean"),
    "aten.sum.dim_IntList": _reduction("sum"),
    "aten.linear.default": lambda a: ("linear", [a["input"], a["weight"], a["bias"]], {}),
    "aten.matmul.default": _binary("matmul"),
    "aten.layer_norm.default": lambda a: (
        "layer_norm",
        [a["input"], a["weight"], a["bias"]],
        {"epsilon": a["eps"]},
    ),
    "aten.softmax.int": lambda a: ("softmax", [a["self"]], {"axis": _axis(a)}),
    "aten.embedding.default": lambda a: ("embedding", [a["weight"], a["indices"]], {}),
    "aten.slice.Tensor": _slice,
    "aten.select.int": _select,
    "aten.view.default": _reshape,
    "aten.reshape.default": _reshape,
    "aten.unsqueeze.default": _reshape,
    "aten.transpose.int": _transpose,
    "aten.repeat.default": lambda a: ("tile", [a["self"]], {"repeats": list(a["repeats"])}),
    "aten.cat.default": lambda a: (
        "cat",
        list(a["tensors"]),
        {"axis": a["dim"] % a["tensors"][0].meta["val"].dim()},
    ),
    "aten.to.dtype": _to,
    "aten.dropout.default": lambda a: ("same", [a["input"]], {}),
}
