"""A model as a list of operations, for frameworks that cannot read PyTorch's. Needs NumPy only.

Operands are names of values: `p:<parameter or buffer>`, `c:<constant>`, an input or another node;
or numbers. `OPERATIONS` says what the operations are; layouts are PyTorch's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OPERATIONS = {
    "conv2d": "x, w, [bias]; stride, padding (top, bottom, left, right), groups",
    "batch_norm": "x, scale, shift, mean, variance; epsilon",
    "max_pool": "x; kernel, stride, padding (of every side)",
    "pad": "x; padding (top, bottom, left, right), with zeros",
    "clip": "x; low, high (either may be None)",
    "relu": "x",
    "gelu": "x (with erf)",
    "silu": "x",
    "tanh": "x",
    "square": "x",
    "rsqrt": "x",
    "add": "x, y (numbers too, as below)",
    "sub": "x, y",
    "mul": "x, y",
    "div": "x, y",
    "mean": "x; axes, keep",
    "sum": "x; axes, keep",
    "linear": "x, w [out, in], [bias]",
    "matmul": "x, y",
    "layer_norm": "x, scale, shift; epsilon (over the last axis)",
    "softmax": "x; axis",
    "embedding": "w, ids",
    "slice": "x; axis, start, stop",
    "select": "x; axis, index (the axis goes)",
    "reshape": "x; shape",
    "transpose": "x; order",
    "tile": "x; repeats",
    "cat": "x...; axis",
    "cast": "x; dtype",
}


@dataclass(frozen=True)
class Node:
    """One operation: `name = op(*operands, **options)`, of `shape`."""

    name: str
    op: str
    operands: tuple[str | float, ...]
    options: Mapping[str, Any]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in order; `inputs` are the names of the model's inputs."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: str

    def save(self, path: Path) -> None:
        """Write as JSON."""
        nodes = [vars(node) for node in self.nodes]
        path.write_text(json.dumps({"inputs": self.inputs, "nodes": nodes, "output": self.output}))

    @classmethod
    def load(cls, path: Path) -> Graph:
        """Read what `save` wrote."""
        data = json.loads(path.read_text())
        nodes = tuple(
            Node(n["name"], n["op"], tuple(n["operands"]), n["options"], tuple(n["shape"]))
            for n in data["nodes"]
        )
        return cls(tuple(data["inputs"]), nodes, data["output"])

    def kernels(self) -> set[str]:
        """The parameters that are kernels of convolutions, [out, in / groups, height, width]."""
        operands = (node.operands[1] for node in self.nodes if node.op == "conv2d")
        return {str(name).removeprefix("p:") for name in operands}

    def depending_on(self, names: Collection[str]) -> set[str]:
        """The nodes that depend on any of the parameters, given with their `p:`."""
        found = set(names)
        for node in self.nodes:
            if not found.isdisjoint(node.operands):
                found.add(node.name)
        return found - set(names)

    def run(self, values: dict[str, Any], operations: Mapping[str, Callable[..., Any]]) -> Any:
        """The output. `values` has the inputs, `p:` and `c:`; it is filled with every node's."""
        for node in self.nodes:
            operands = (values[o] if isinstance(o, str) else o for o in node.operands)
            values[node.name] = operations[node.op](*operands, **node.options)
        return values[self.output]


def channels_last(graph: Graph) -> Graph:
    """The same network over [N, H, W, C]: only axes of 4-D images change."""
    images = {graph.inputs[0]}
    nodes = list[Node]()
    for node in graph.nodes:
        if node.operands and node.operands[0] in images and len(node.shape) == 4:
            images.add(node.name)
        if node.op == "mean" and node.operands[0] in images:
            if sorted(node.options["axes"]) != [2, 3]:
                raise ValueError(
                    f"{node.name}: a mean over {node.options['axes']}, not over pixels"
                )
            node = replace(node, options={**node.options, "axes": [1, 2]})
        n, *rest = node.shape or (0,)
        if node.name in images:
            node = replace(node, shape=(n, *rest[1:], rest[0]))
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))
