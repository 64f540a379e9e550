"""MNN: its expressions and its SGD optimizer, from Python.

MNN's package has gradients of convolutions, poolings, ReLU, softmax and arithmetic, but none of
matrix products, reductions, logarithms, padding and others: `optimizer.step` returns False for
these and says nothing. So the classifier is a 1x1 convolution, the mean over pixels a pooling,
padding a concatenation, and the cross-entropy's gradient, softmax minus target,
is given rather than derived: the optimizer's "loss" is logits * gradient, entry by entry. Networks
that need other operations cannot be trained. Frozen weights are constants.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.job import Array, CannotTrain, Job, Step

MNN: Any = importlib.import_module("MNN")
F: Any = MNN.expr
VERSION: str = MNN.version()


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    F.set_thread_number(job.threads)
    F.lazy_eval(True)
    graph = job.graph()
    arrays, targets = job.batch()
    unknown = sorted({node.op for node in graph.nodes} - set(OPERATIONS))
    if unknown:
        raise CannotTrain(
            f"MNN {VERSION} has no gradient of {', '.join(unknown)}: optimizer.step returns False"
        )
    network = MNN.nn.Module()
    values = {name: _weight(job, network, name, v) for name, v in job.tensors().items()}
    network.train(True)
    rate, momentum = job.facts["learning_rate"], job.facts["momentum"]
    optimizer = MNN.optim.SGD(network, rate, momentum, 0.0)
    values |= {name: _constant(each) for name, each in zip(graph.inputs, arrays, strict=True)}

    def step() -> float:
        logits = graph.run(dict(values), OPERATIONS)
        loss, gradient = cross_entropy(np.array(logits.read()), targets)
        if not optimizer.step(logits * _constant(gradient)):
            raise CannotTrain(f"MNN {VERSION}: optimizer.step returns False")
        return loss

    return step


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean loss of [N, classes] and its gradient."""
    shifted = logits - logits.max(1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(logarithms)
    gradient[rows, labels] -= 1
    return float(-logarithms[rows, labels].mean()), gradient / np.float32(len(labels))


def _constant(value: Array) -> Any:
    kind = F.int if value.dtype.kind in "iub" else F.float
    stored = np.ascontiguousarray(value, np.int32 if kind == F.int else np.float32)
    return F.const(stored, list(stored.shape), F.NCHW, kind)


def _weight(job: Job, network: Any, name: str, value: Array) -> Any:
    """A constant, a trained variable of `network`, or both side by side."""
    plain = name.removeprefix("p:")
    if plain not in job.selection or name == plain:
        return _constant(value)
    selected = job.selection[plain]
    if not selected:
        return _trained(network, plain, value)
    axis, [[start, stop]] = selected
    before, middle, after = np.split(value, [start, stop], axis)
    pieces = [each for each in (before, middle, after) if each.shape[axis]]
    made = [_trained(network, plain, p) if p is middle else _constant(p) for p in pieces]
    return F.concat(made, axis)


def _trained(network: Any, name: str, value: Array) -> Any:
    variable = _constant(value)
    variable.fix_as_trainable()
    setattr(network, name.replace(".", "_"), variable)
    return variable


def _conv2d(
    x: Any, w: Any, bias: Any = None, *, stride: list[int], padding: list[int], groups: int
) -> Any:
    bias = _constant(np.zeros(w.shape[0], np.float32)) if bias is None else bias
    top, bottom, left, right = padding
    if (top, left) != (bottom, right):
        raise CannotTrain("a convolution with uneven padding")
    x, mode = F.convert(x, F.NC4HW4), F.Padding_Mode.CAFFE
    return F.conv2d(x, w, bias, stride, [top, left], [1, 1], groups, mode)


def _pad(x: Any, *, padding: list[int], value: float = 0.0) -> Any:
    """By concatenation, which has a gradient."""
    x = F.convert(x, F.NCHW)
    for axis, sides in ((2, padding[:2]), (3, padding[2:])):
        before, after = (
            [_constant(np.full([*x.shape[:axis], n, *x.shape[axis + 1 :]], value, np.float32))]
            if n
            else []
            for n in sides
        )
        x = F.concat([*before, x, *after], axis) if before or after else x
    return F.convert(x, F.NC4HW4)


def _batch_norm(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float) -> Any:
    factor = scale * F.rsqrt(variance + F.scalar(epsilon))
    term = shift - mean * factor
    sides = [1, -1, 1, 1]
    y = F.convert(x, F.NCHW) * F.reshape(factor, sides) + F.reshape(term, sides)
    return F.convert(y, F.NC4HW4)


def _max_pool(x: Any, *, kernel: list[int], stride: list[int], padding: list[int]) -> Any:
    """Padded beforehand: MNN's own padding rounds sizes up."""
    top, left = padding
    x = _pad(x, padding=[top, top, left, left], value=-1e30)
    return F.max_pool(x, kernel, stride, F.Padding_Mode.VALID, [0, 0])


def _clip(x: Any, *, low: float | None, high: float | None) -> Any:
    if (low, high) != (0, 6):
        raise CannotTrain(f"clip to [{low}, {high}] is not ReLU6")
    return F.relu6(x, 0.0, 6.0)


def _mean(x: Any, *, axes: list[int], keep: bool) -> Any:
    """Over all pixels: [N, C, H, W] -> [N, C, 1, 1], also where the axes should go."""
    if sorted(axes) != [2, 3]:
        raise CannotTrain(f"no gradient of a mean over {axes}")
    del keep
    return F.avg_pool(x, x.shape[2:], [1, 1])


def _linear(x: Any, w: Any, bias: Any = None) -> Any:
    """[N, C, 1, 1] -> [N, out], as a convolution."""
    out, features = w.shape
    y = _conv2d(
        x, F.reshape(w, [out, features, 1, 1]), bias, stride=[1, 1], padding=[0] * 4, groups=1
    )
    return F.reshape(F.convert(y, F.NCHW), [-1, out])


OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv2d": _conv2d,
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "pad": _pad,
    "clip": _clip,
    "relu": lambda x: F.relu(x),
    "add": lambda x, y: x + y,
    "mean": _mean,
    "linear": _linear,
}
