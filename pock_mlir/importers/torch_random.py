"""Dropout in an exported PyTorch program: every random mask becomes an argument of the graph."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, Node

from pock_mlir.importers.fx import layer_of
from pock_mlir.importers.random_masks import RandomMask

aten = torch.ops.aten

# What nn.Dropout, functional dropout and the dropout of attention (native_dropout), dropout of
# whole features, alpha dropout and stochastic depth (bernoulli) are made of.
_RANDOM = (aten.native_dropout.default, aten.bernoulli.p)


def draws_masks(graph: Graph) -> bool:
    """Whether `graph` has random masks."""
    return any(node.target in _RANDOM for node in graph.nodes)


def take_out_masks(graph: Graph, seed: int, root: str) -> list[RandomMask]:
    """Make every random mask of `graph` an argument behind the others; what each of them is."""
    masks: list[RandomMask] = []
    for node in list(graph.nodes):
        if node.target in _RANDOM:
            keep = 1 - node.args[1] if node.target == _RANDOM[0] else node.args[1]
            value = 1 / keep if node.target == _RANDOM[0] and keep else 1.0
            masks.append(RandomMask(seed, len(masks), keep, value, layer_of(node, root)))
            _replace(graph, node, len(masks) - 1)
    return masks


def _replace(graph: Graph, node: Node, site: int) -> None:
    values = node.meta["val"]
    source: Any = node.args[0]
    if node.target == _RANDOM[0]:
        argument = _argument(graph, f"random_mask_{site}", values[0])
        with graph.inserting_before(node):
            kept = graph.call_function(aten.mul.Tensor, (source, argument))
        kept.meta = {**node.meta, "val": values[0]}
        for user in list(node.users):
            if user.target is operator.getitem and user.args[1] == 0:
                user.replace_all_uses_with(kept)
            if not user.users:
                graph.erase_node(user)
    else:
        node.replace_all_uses_with(_argument(graph, f"random_mask_{site}", values))
    if not node.users:
        graph.erase_node(node)
        if source.op == "call_function" and not source.users:
            graph.erase_node(source)  # bernoulli takes its shape from a tensor that it fills


def _argument(graph: Graph, name: str, like: Any) -> Node:
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]
    with graph.inserting_after(last):
        argument = graph.placeholder(name)
    argument.meta["val"] = like
    return argument
