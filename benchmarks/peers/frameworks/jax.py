"""JAX: one jitted step over the graph, channels last, that donates weights and momenta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.peers.graph import Graph, channels_last
from benchmarks.peers.job import Array, Job, Step

VERSION = jax.__version__
Values = dict[str, Any]


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    graph = channels_last(job.graph()) if job.is_cnn else job.graph()
    kernels = {f"p:{name}" for name in graph.kernels()}

    def stored(name: str, value: Array) -> Array:
        return value.transpose(2, 3, 1, 0) if name in kernels else value

    trained, frozen = job.split(job.tensors())
    masks = {name: job.mask(name.removeprefix("p:"), v.shape) for name, v in trained.items()}
    state = {name: jnp.asarray(stored(name, value)) for name, value in trained.items()}
    fixed = {name: jnp.asarray(stored(name, value)) for name, value in frozen.items()}
    kept = {n: jnp.asarray(stored(n, mask)) for n, mask in masks.items() if mask is not None}
    momenta = jax.tree.map(jnp.zeros_like, state)
    arrays, targets = job.batch()
    if job.is_cnn:
        arrays = [each.transpose(0, 2, 3, 1) for each in arrays]
    batch = [jnp.asarray(each) for each in arrays]
    update = jax.jit(make_step(job, graph), donate_argnums=(0, 1))
    labels = jnp.asarray(targets)

    def step() -> float:
        nonlocal state, momenta
        loss, state, momenta = update(state, momenta, fixed, kept, batch, labels)
        return float(loss)

    return step


def make_step(job: Job, graph: Graph) -> Callable[..., Any]:
    """(trained, momenta, frozen, masks, inputs, labels) -> (loss, trained, momenta)."""
    rate, momentum = job.facts["learning_rate"], job.facts["momentum"]

    def loss_of(trained: Values, frozen: Values, batch: list[Any], labels: Any) -> Any:
        values = {**frozen, **trained, **dict(zip(graph.inputs, batch, strict=True))}
        outputs = graph.run(values, OPERATIONS)
        if job.language_model:
            outputs, labels = outputs[:, :-1], labels[:, 1:]
        logarithms = jax.nn.log_softmax(outputs, -1)
        return -jnp.take_along_axis(logarithms, labels[..., None], -1).mean()

    def update(
        trained: Values, momenta: Values, frozen: Values, kept: Values, batch: Any, labels: Any
    ) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(trained, frozen, batch, labels)
        gradients |= {name: gradients[name] * mask for name, mask in kept.items()}
        momenta = {n: momentum * m + gradients[n] for n, m in momenta.items()}
        return loss, {n: p - rate * momenta[n] for n, p in trained.items()}, momenta

    return update


def _conv2d(
    x: Any, w: Any, bias: Any = None, *, stride: list[int], padding: list[int], groups: int
) -> Any:
    top, bottom, left, right = padding
    y = lax.conv_general_dilated(
        x,
        w,
        stride,
        [(top, bottom), (left, right)],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    return y if bias is None else y + bias


def _batch_norm(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float) -> Any:
    factor = scale * lax.rsqrt(variance + epsilon)
    return x * factor + (shift - mean * factor)


def _max_pool(x: Any, *, kernel: list[int], stride: list[int], padding: list[int]) -> Any:
    sides = [(0, 0), *((p, p) for p in padding), (0, 0)]
    window, strides = (1, *kernel, 1), (1, *stride, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, sides)


def _pad(x: Any, *, padding: list[int]) -> Any:
    top, bottom, left, right = padding
    return jnp.pad(x, [(0, 0), (top, bottom), (left, right), (0, 0)])


def _layer_norm(x: Any, scale: Any, shift: Any, *, epsilon: float) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return centred * lax.rsqrt(variance + epsilon) * scale + shift


def _linear(x: Any, w: Any, bias: Any = None) -> Any:
    y = x @ w.T
    return y if bias is None else y + bias


OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv2d": _conv2d,
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "pad": _pad,
    "clip": lambda x, low, high: jnp.clip(x, low, high),
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "square": jnp.square,
    "rsqrt": lax.rsqrt,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "mean": lambda x, axes, keep: x.mean(tuple(axes), keepdims=keep),
    "sum": lambda x, axes, keep: x.sum(tuple(axes), keepdims=keep),
    "linear": _linear,
    "matmul": lambda x, y: x @ y,
    "layer_norm": _layer_norm,
    "softmax": lambda x, axis: jax.nn.softmax(x, axis),
    "embedding": lambda w, ids: w[ids],
    "slice": lambda x, axis, start, stop: lax.slice_in_dim(x, start, stop, axis=axis),
    "select": lambda x, axis, index: lax.index_in_dim(x, index, axis, keepdims=False),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, order: x.transpose(order),
    "tile": lambda x, repeats: jnp.tile(x, repeats),
    "cat": lambda *xs, axis: jnp.concatenate(xs, axis),
    "cast": lambda x, dtype: x.astype(dtype),
}
