"""ONNX Runtime training: its gradient graph of the model, and the update, in one session.

Its own optimizers have no SGD with momentum, so the update is four ONNX operations a weight behind
each gradient. Weights and momenta stay in ONNX Runtime's buffers, two of each in turn. Frozen
weights are initializers, which lets it fold and pack them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.peers.graph import Graph, Node
from benchmarks.peers.job import Array, Job, Step

ort: Any = importlib.import_module("onnxruntime")
onnx: Any = importlib.import_module("onnx")
training: Any = importlib.import_module("onnxruntime.training.onnxblock._training_graph_utils")
VERSION: str = ort.__version__

MICROSOFT = "com.microsoft"


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    trained, frozen = job.split(job.tensors())
    arrays, targets = job.batch()
    masks = {n: job.mask(n.removeprefix("p:"), v.shape) for n, v in trained.items()}
    model = forward_model(job, job.graph(), {**frozen, **trained}, arrays, targets)
    step_model, _ = training.build_gradient_graph(model, set(trained), set(), ["loss"])
    rate, momentum = job.facts["learning_rate"], job.facts["momentum"]
    append_updates(step_model, trained, masks, rate, momentum)
    options = ort.SessionOptions()
    options.intra_op_num_threads = job.threads
    session = ort.InferenceSession(
        step_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = dict(trained)
    values |= {f"{name}.momentum": np.zeros_like(value) for name, value in trained.items()}
    first = {
        n: ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(v)) for n, v in values.items()
    }
    second = {n: ort.OrtValue.ortvalue_from_numpy(np.zeros_like(v)) for n, v in values.items()}
    batch = dict(zip(job.graph().inputs, arrays, strict=True)) | {"labels": _labels(job, targets)}
    fed = {name: ort.OrtValue.ortvalue_from_numpy(value) for name, value in batch.items()}
    loss = ort.OrtValue.ortvalue_from_numpy(np.zeros((), np.float32))
    turns = [
        bind(session, {**old, **fed}, {f"{n}.next": v for n, v in new.items()} | {"loss": loss})
        for old, new in ((first, second), (second, first))
    ]

    return Session(session, turns, loss, [first, second, fed])


@dataclass
class Session:
    """A step: runs with the buffers bound in turn.

    `buffers` has what is bound: a binding does not keep it.
    """

    session: Any
    turns: list[Any]
    loss: Any
    buffers: list[dict[str, Any]]

    def __call__(self) -> float:
        self.session.run_with_iobinding(self.turns[0])
        self.turns.reverse()
        return float(self.loss.numpy())


def bind(session: Any, inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    """The session's inputs and outputs in the buffers given."""
    binding = session.io_binding()
    wanted = {each.name for each in session.get_inputs()}
    for name, value in inputs.items():
        if name in wanted:
            binding.bind_ortvalue_input(name, value)
    for name, value in outputs.items():
        binding.bind_ortvalue_output(name, value)
    return binding


def _labels(job: Job, targets: Array) -> Array:
    wanted = targets[:, 1:] if job.language_model else targets
    return np.ascontiguousarray(wanted.reshape(-1), np.int64)


def append_updates(
    model: Any, trained: dict[str, Array], masks: dict[str, Any], rate: float, momentum: float
) -> None:
    """momentum' = m * momentum + gradient; weight' = weight - rate * momentum'."""
    graph = model.graph
    del graph.output[1:]
    scalar = {"rate": rate, "factor": momentum}
    for name, value in scalar.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value), name))

    def add(op: str, one: str, other: str, result: str) -> str:
        graph.node.append(onnx.helper.make_node(op, [one, other], [result]))
        return result

    for name, value in trained.items():
        gradient = f"{name}_grad"
        if masks[name] is not None:
            graph.initializer.append(onnx.numpy_helper.from_array(masks[name], f"{name}.mask"))
            gradient = add("Mul", gradient, f"{name}.mask", f"{name}.masked")
        graph.input.append(_tensor(f"{name}.momentum", value))
        decayed = add("Mul", f"{name}.momentum", "factor", f"{name}.decayed")
        moved = add("Add", decayed, gradient, f"{name}.momentum.next")
        change = add("Mul", moved, "rate", f"{name}.change")
        add("Sub", name, change, f"{name}.next")
        graph.output.extend([_tensor(f"{name}.next", value), _tensor(moved, value)])


def _tensor(name: str, value: Array) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, value.shape)


@dataclass
class Emitter:
    """Writes ONNX operations; every operand is a name."""

    nodes: list[Any] = field(default_factory=list)
    initializers: dict[str, Array] = field(default_factory=dict)

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        name = f"constant.{len(self.initializers)}"
        self.initializers[name] = array
        return name

    def __call__(self, op: str, *operands: Any, domain: str = "", **attributes: Any) -> str:
        result = f"value.{len(self.nodes)}"
        named = [o if isinstance(o, str) else self.constant(np.float32(o)) for o in operands]
        self.nodes.append(
            onnx.helper.make_node(op, named, [result], name=result, domain=domain, **attributes)
        )
        return result

    def integers(self, values: list[int]) -> str:
        return self.constant(np.array(values, np.int64))


def forward_model(
    job: Job, graph: Graph, tensors: dict[str, Array], arrays: list[Array], targets: Array
) -> Any:
    """The model and its loss, with all tensors that it uses as initializers."""
    emitter = Emitter()
    names = {name: name for name in (*graph.inputs, *tensors)}
    for node in graph.nodes:
        operands = [names[o] if isinstance(o, str) else o for o in node.operands]
        names[node.name] = RULES[node.op](emitter, node, *operands, **node.options)
    output = names[graph.output]
    classes = graph.nodes[-1].shape[-1]
    if job.language_model:
        ends = (emitter.integers([n]) for n in (0, -1, 1))
        output = emitter("Slice", output, *ends)
        output = emitter("Reshape", output, emitter.integers([-1, classes]))
    loss = emitter("SoftmaxCrossEntropyLoss", output, "labels", reduction="mean")
    emitter.nodes[-1].output[0] = loss = "loss"
    used = {name for node in emitter.nodes for name in node.input}
    stored = {**tensors, **emitter.initializers}
    made = onnx.helper.make_graph(
        emitter.nodes,
        "step",
        [_tensor(n, v) for n, v in zip(graph.inputs, arrays, strict=True) if n in used]
        + [_tensor("labels", _labels(job, targets))],
        [onnx.helper.make_tensor_value_info(loss, onnx.TensorProto.FLOAT, [])],
        [onnx.numpy_helper.from_array(v, name) for name, v in stored.items() if name in used],
    )
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid(MICROSOFT, 1)]
    return onnx.helper.make_model(made, opset_imports=opsets, ir_version=8)


# ---- operations ------------------------------------------------------------------------------


def _conv2d(e: Emitter, node: Node, *operands: str, **options: Any) -> str:
    top, bottom, left, right = options["padding"]
    return e(
        "Conv",
        *operands,
        strides=options["stride"],
        pads=[top, left, bottom, right],
        group=options["groups"],
    )


def _batch_norm(e: Emitter, node: Node, x: str, *statistics: str, epsilon: float) -> str:
    scale, shift, mean, variance = statistics
    deviation = e("Sqrt", e("Add", variance, epsilon))
    factor = e("Div", scale, deviation)
    term = e("Sub", shift, e("Mul", mean, factor))
    sides = e.integers([1, -1, 1, 1])
    return e("Add", e("Mul", x, e("Reshape", factor, sides)), e("Reshape", term, sides))


def _max_pool(e: Emitter, node: Node, x: str, **options: Any) -> str:
    pads, kernel = options["padding"] * 2, options["kernel"]
    return e("MaxPool", x, kernel_shape=kernel, strides=options["stride"], pads=pads)


def _pad(e: Emitter, node: Node, x: str, padding: list[int]) -> str:
    top, bottom, left, right = padding
    return e("Pad", x, e.integers([0, 0, top, left, 0, 0, bottom, right]))


def _clip(e: Emitter, node: Node, x: str, low: float | None, high: float | None) -> str:
    x = x if low is None else e("Max", x, float(low))
    return x if high is None else e("Min", x, float(high))


def _reduction(op: str) -> Callable[..., str]:
    def rule(e: Emitter, node: Node, x: str, axes: list[int], keep: bool) -> str:
        if op == "ReduceSum":
            return e(op, x, e.integers(axes), keepdims=int(keep))
        return e(op, x, axes=axes, keepdims=int(keep))

    return rule


def _linear(e: Emitter, node: Node, x: str, w: str, bias: str = "") -> str:
    """Of two axes: a Gemm."""
    flat = e("Flatten", x, axis=-1) if len(node.shape) != 2 else x
    y = e("Gemm", flat, w, *([bias] if bias else []), transB=1)
    return y if len(node.shape) == 2 else e("Reshape", y, e.integers(list(node.shape)))


def _layer_norm(e: Emitter, node: Node, *operands: str, epsilon: float) -> str:
    y = e("LayerNormalization", *operands, epsilon=epsilon, axis=-1)
    e.nodes[-1].output.extend([f"{y}.mean", f"{y}.deviation"])  # its gradient reads them
    return y


def _slice(e: Emitter, node: Node, x: str, axis: int, start: int, stop: int) -> str:
    return e("Slice", x, e.integers([start]), e.integers([stop]), e.integers([axis]))


def _select(e: Emitter, node: Node, x: str, axis: int, index: int) -> str:
    return e("Gather", x, e.constant(np.int64(index)), axis=axis)


def _plain(op: str) -> Callable[..., str]:
    return lambda e, node, *operands: e(op, *operands)


def _reshape(e: Emitter, node: Node, x: str, shape: list[int]) -> str:
    return e("Reshape", x, e.integers(shape))


RULES: dict[str, Callable[..., str]] = {
    "conv2d": _conv2d,
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "pad": _pad,
    "clip": _clip,
    "relu": _plain("Relu"),
    "gelu": lambda e, node, x: e("Gelu", x, domain=MICROSOFT),
    "silu": lambda e, node, x: e("Mul", x, e("Sigmoid", x)),
    "tanh": _plain("Tanh"),
    "square": lambda e, node, x: e("Mul", x, x),
    "rsqrt": lambda e, node, x: e("Div", 1.0, e("Sqrt", x)),
    "add": _plain("Add"),
    "sub": _plain("Sub"),
    "mul": _plain("Mul"),
    "div": _plain("Div"),
    "mean": _reduction("ReduceMean"),
    "sum": _reduction("ReduceSum"),
    "linear": _linear,
    "matmul": _plain("MatMul"),
    "layer_norm": _layer_norm,
    "softmax": lambda e, node, x, axis: e("Softmax", x, axis=axis),
    "embedding": lambda e, node, w, ids: e("Gather", w, ids),
    "slice": _slice,
    "select": _select,
    "reshape": _reshape,
    "transpose": lambda e, node, x, order: e("Transpose", x, perm=order),
    "tile": lambda e, node, x, repeats: e("Tile", x, e.integers(repeats)),
    "cat": lambda e, node, *xs, axis: e("Concat", *xs, axis=axis),
}
