"""A CNN and a transformer in JAX, and training of exactly what a scheme selects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pock_mlir as pock

Tree = dict[str, Any]
CLASSES, TOKENS, WIDTH, HEADS = 5, 4, 8, 2


def arrays(shapes: Any, seed: int = 0) -> Any:
    """Random values for a tree of shapes."""
    rng = np.random.default_rng(seed)

    def value(shape: tuple[int, ...]) -> np.ndarray:
        return (rng.normal(size=shape) * 0.5 / np.sqrt(np.prod(shape[:-1]))).astype("f")

    return jax.tree.map(value, shapes, is_leaf=lambda x: isinstance(x, tuple))


def cnn_params() -> Tree:
    """Of `cnn`; the alphabetical order is not that of the layers."""
    return arrays(
        {
            "stem": {"kernel": (3, 3, 3, 8), "bias": (8,)},
            "blocks": [
                {
                    "depthwise": {"kernel": (3, 3, 1, 8), "bias": (8,)},
                    "pointwise": {"kernel": (1, 1, 8, 8), "bias": (8,)},
                }
                for _ in range(2)
            ],
            "classifier": {"kernel": (8, CLASSES), "bias": (CLASSES,)},
        }
    )


def conv(x: jax.Array, layer: Tree, stride: int = 1, groups: int = 1) -> jax.Array:
    """A convolution of NHWC images with an HWIO kernel."""
    y = jax.lax.conv_general_dilated(
        x,
        layer["kernel"],
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    return y + layer["bias"]


def cnn(params: Tree, images: Any) -> jax.Array:
    """Logits of images [batch, height, width, 3]."""
    x = jax.nn.relu(conv(images, params["stem"], stride=2))
    for i, block in enumerate(params["blocks"]):
        with jax.named_scope(f"blocks.{i}"):
            y = jax.nn.silu(conv(x, block["depthwise"], groups=8))
            x = x + conv(y, block["pointwise"])
    pooled = x.mean((1, 2))
    return pooled @ params["classifier"]["kernel"] + params["classifier"]["bias"]


def transformer_params(layers: int = 1) -> Tree:
    """Of `transformer`."""
    head = (WIDTH, HEADS, WIDTH // HEADS)
    return arrays(
        {
            "embedding": (11, WIDTH),
            "layers": [
                {
                    "attention": {
                        **{name: {"kernel": head, "bias": head[1:]} for name in "qkv"},
                        "out": {"kernel": (*head[1:], WIDTH), "bias": (WIDTH,)},
                    },
                    "norm": {"scale": (WIDTH,), "bias": (WIDTH,)},
                    "up": {"kernel": (WIDTH, 16), "bias": (16,)},
                    "down": {"kernel": (16, WIDTH), "bias": (WIDTH,)},
                }
                for _ in range(layers)
            ],
            "classifier": {"kernel": (WIDTH, CLASSES), "bias": (CLASSES,)},
        }
    )


def transformer(params: Tree, tokens: Any) -> jax.Array:
    """Logits of token ids [batch, tokens]."""
    x = params["embedding"][tokens]
    for layer in params["layers"]:
        attention = layer["attention"]
        q, k, v = (
            jnp.einsum("btw,whd->bthd", x, attention[name]["kernel"]) + attention[name]["bias"]
            for name in "qkv"
        )
        weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(WIDTH // HEADS))
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        out = attention["out"]
        x = x + jnp.einsum("bqhd,hdw->bqw", mixed, out["kernel"]) + out["bias"]
        centred = x - x.mean(-1, keepdims=True)
        norm = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        y = norm * (1 + layer["norm"]["scale"]) + layer["norm"]["bias"]
        y = jax.nn.gelu(y @ layer["up"]["kernel"] + layer["up"]["bias"], approximate=False)
        x = x + y @ layer["down"]["kernel"] + layer["down"]["bias"]
    return x.mean(1) @ params["classifier"]["kernel"] + params["classifier"]["bias"]


def batches(kind: str, count: int = 4, batch: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of images or token ids, with labels."""
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, CLASSES, batch).astype("i4") for _ in range(count)]
    if kind == "cnn":
        return [(rng.normal(size=(batch, 8, 8, 3)).astype("f"), y) for y in labels]
    return [(rng.integers(0, 11, (batch, TOKENS)).astype("i4"), y) for y in labels]


def cross_entropy(logits: jax.Array, labels: Any) -> jax.Array:
    """The mean over a batch."""
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])


def losses(
    call: Callable[[Tree, Any], jax.Array],
    values: dict[str, np.ndarray],
    masks: dict[str, np.ndarray],
    data: list[tuple[np.ndarray, np.ndarray]],
    steps: int,
    rate: float,
) -> list[float]:
    """Losses of SGD on what `masks` selects; `call` takes the values by name."""
    step = jax.jit(jax.value_and_grad(lambda p, x, y: cross_entropy(call(p, x), y)))
    params: Any = dict(values)
    found = []
    for i in range(steps):
        loss, gradients = step(params, *data[i % len(data)])
        found.append(float(loss))
        params = {n: v - rate * masks[n] * gradients[n] for n, v in params.items()}
    return found


def masks_of(
    scheme: pock.Scheme, values: dict[str, np.ndarray], axes: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Ones where a scheme trains; `axes` as `Scheme.resolve` takes them."""
    selected = scheme.resolve({name: value.shape for name, value in values.items()}, axes)
    masks = {}
    for name, selection in selected.items():
        mask = np.full(values[name].shape, selection.kind == "all", "f")
        for start, stop in selection.runs:
            np.moveaxis(mask, selection.axis, 0)[start:stop] = 1
        masks[name] = mask
    return masks
