"""TensorFlow: a tf.function over the graph, channels last, with its fused momentum update.

Mode "xla" compiles it with XLA (`jit_compile=True`). Batch-norm is the fused operation where
nothing before it is trained, which it joins with the convolution; elsewhere its arithmetic is
written out, because the gradient of the fused operation is slower.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.peers.graph import Graph, channels_last
from benchmarks.peers.job import Array, Job, Step

tf: Any = importlib.import_module("tensorflow")
VERSION: str = tf.__version__


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    graph = channels_last(job.graph()) if job.is_cnn else job.graph()
    layouts = _layouts(graph)

    def stored(name: str, value: Array) -> Array:
        order = layouts.get(name)
        return np.ascontiguousarray(value.transpose(order)) if order else value

    trained, frozen = job.split(job.tensors())
    graph = _with_fused_norms(graph, graph.depending_on(trained))
    masks = {name: job.mask(name.removeprefix("p:"), v.shape) for name, v in trained.items()}
    variables = {n: tf.Variable(stored(n, v), name=_plain(n)) for n, v in trained.items()}
    fixed = {name: tf.constant(stored(name, value)) for name, value in frozen.items()}
    kept = {n: tf.constant(stored(n, mask)) for n, mask in masks.items() if mask is not None}
    momenta = {n: tf.Variable(tf.zeros_like(v), trainable=False) for n, v in variables.items()}
    arrays, targets = job.batch()
    if job.is_cnn:
        arrays = [each.transpose(0, 2, 3, 1) for each in arrays]
    batch = [tf.constant(each) for each in arrays]
    labels = tf.constant(targets)
    rate, momentum = (tf.constant(job.facts[n]) for n in ("learning_rate", "momentum"))

    def loss_of(inputs: list[Any], wanted: Any) -> Any:
        values = {**fixed, **variables, **dict(zip(graph.inputs, inputs, strict=True))}
        outputs = graph.run(values, OPERATIONS)
        if job.language_model:
            outputs, wanted = outputs[:, :-1], wanted[:, 1:]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, outputs)
        return tf.reduce_mean(losses)

    @tf.function(jit_compile=job.mode == "xla")
    def update(inputs: list[Any], wanted: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(variables.values()))
            loss = loss_of(inputs, wanted)
        gradients = tape.gradient(loss, variables)
        for name, variable in variables.items():
            gradient = tf.convert_to_tensor(gradients[name])
            if name in kept:
                gradient = gradient * kept[name]
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle,
                accum=momenta[name].handle,
                lr=rate,
                grad=gradient,
                momentum=momentum,
            )
        return loss

    return lambda: float(update(batch, labels))


def _with_fused_norms(graph: Graph, trained: set[str]) -> Graph:
    """Batch-norms that no gradient passes are called by another name."""
    nodes = (
        replace(node, op="frozen_batch_norm")
        if node.op == "batch_norm" and node.name not in trained
        else node
        for node in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _layouts(graph: Graph) -> dict[str, tuple[int, ...]]:
    """How kernels are stored: [height, width, in, out], or [height, width, channels, 1]."""
    layouts = dict[str, tuple[int, ...]]()
    for node in graph.nodes:
        if node.op == "conv2d":
            depthwise = node.options["groups"] > 1
            layouts[str(node.operands[1])] = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return layouts


def _conv2d(
    x: Any, w: Any, bias: Any = None, *, stride: list[int], padding: list[int], groups: int
) -> Any:
    top, bottom, left, right = padding
    sides: Any = [[0, 0], [top, bottom], [left, right], [0, 0]]
    if not any(padding):
        sides = "VALID"
    if groups == 1:
        y = tf.nn.conv2d(x, w, stride, sides)
    elif groups == x.shape[-1]:
        y = _depthwise(x, w, stride, sides)
    else:
        raise ValueError(f"a convolution in {groups} groups of {x.shape[-1]} channels")
    return y if bias is None else tf.nn.bias_add(y, bias)


def _depthwise(x: Any, w: Any, stride: list[int], sides: Any) -> Any:
    """SAME where that is the same: TensorFlow has no quick kernel for explicit padding."""
    if sides != "VALID" and sides == [[0, 0], *_same(x, w, stride), [0, 0]]:
        return tf.nn.depthwise_conv2d(x, w, [1, *stride, 1], "SAME")
    if sides != "VALID":
        x = tf.pad(x, sides)
    return tf.nn.depthwise_conv2d(x, w, [1, *stride, 1], "VALID")


def _same(x: Any, w: Any, stride: list[int]) -> list[list[int]]:
    """The padding that SAME would make."""
    found = list[list[int]]()
    for size, kernel, step in zip(x.shape[1:3], w.shape[:2], stride, strict=True):
        total = max((-(-size // step) - 1) * step + kernel - size, 0)
        found.append([total // 2, total - total // 2])
    return found


def _batch_norm(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float) -> Any:
    factor = scale * tf.math.rsqrt(variance + epsilon)
    return x * factor + (shift - mean * factor)


def _frozen_batch_norm(
    x: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float
) -> Any:
    fused = tf.compat.v1.nn.fused_batch_norm
    return fused(x, scale, shift, mean, variance, epsilon=epsilon, is_training=False)[0]


def _max_pool(x: Any, *, kernel: list[int], stride: list[int], padding: list[int]) -> Any:
    sides = [[0, 0], *([p, p] for p in padding), [0, 0]]
    return tf.nn.max_pool2d(x, kernel, stride, sides if any(padding) else "VALID")


def _pad(x: Any, *, padding: list[int]) -> Any:
    top, bottom, left, right = padding
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]])


def _clip(x: Any, *, low: float | None, high: float | None) -> Any:
    if (low, high) == (0, 6):
        return tf.nn.relu6(x)
    x = x if low is None else tf.maximum(x, low)
    return x if high is None else tf.minimum(x, high)


def _layer_norm(x: Any, scale: Any, shift: Any, *, epsilon: float) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    factor = tf.math.rsqrt(variance + epsilon) * scale
    return x * factor + (shift - mean * factor)


def _linear(x: Any, w: Any, bias: Any = None) -> Any:
    """Over two axes, for which the matrix product has its fast form."""
    y = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), w, transpose_b=True)
    y = y if bias is None else tf.nn.bias_add(y, bias)
    return tf.reshape(y, [*x.shape[:-1], w.shape[0]])


def _slice(x: Any, *, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop),)]


OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv2d": _conv2d,
    "batch_norm": _batch_norm,
    "frozen_batch_norm": _frozen_batch_norm,
    "max_pool": _max_pool,
    "pad": _pad,
    "clip": _clip,
    "relu": tf.nn.relu,
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
    "silu": tf.nn.silu,
    "tanh": tf.tanh,
    "square": tf.square,
    "rsqrt": tf.math.rsqrt,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "mean": lambda x, axes, keep: tf.reduce_mean(x, axes, keepdims=keep),
    "sum": lambda x, axes, keep: tf.reduce_sum(x, axes, keepdims=keep),
    "linear": _linear,
    "matmul": tf.matmul,
    "layer_norm": _layer_norm,
    "softmax": lambda x, axis: tf.nn.softmax(x, axis),
    "embedding": tf.gather,
    "slice": _slice,
    "select": lambda x, axis, index: tf.gather(x, index, axis=axis),
    "reshape": lambda x, shape: tf.reshape(x, shape),
    "transpose": lambda x, order: tf.transpose(x, order),
    "tile": lambda x, repeats: tf.tile(x, repeats),
    "cat": lambda *xs, axis: tf.concat(xs, axis),
    "cast": lambda x, dtype: tf.cast(x, dtype),
}
