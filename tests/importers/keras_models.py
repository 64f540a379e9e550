"""A CNN and a transformer in Keras."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers

CLASSES = 5


def cnn(dropout: float = 0.0) -> Any:
    """Images [batch, 8, 8, 3] to logits, with batch-norm and a depthwise convolution."""
    parts = [
        keras.Input((8, 8, 3)),
        layers.Conv2D(4, 3, 2, "same", use_bias=False, name="stem"),
        layers.BatchNormalization(name="norm", momentum=0.9),
        layers.ReLU(name="relu"),
        layers.DepthwiseConv2D(3, padding="same", activation="swish", name="depthwise"),
        layers.Conv2D(6, 1, name="pointwise"),
        layers.MaxPooling2D(name="pool"),
        layers.Dropout(dropout, name="dropout", seed=0),
        layers.Flatten(name="flat"),
        layers.Dense(CLASSES, name="head"),
    ]
    return keras.Sequential(
        [part for part in parts if dropout or part.name != "dropout"], name="cnn"
    )


def transformer(blocks: int = 1) -> Any:
    """Tokens [batch, 4] to logits."""
    tokens = keras.Input((4,), dtype="int32")
    x = layers.Embedding(11, 8, name="embedding")(tokens)
    for i in range(blocks):
        attention = layers.MultiHeadAttention(2, 4, name=f"block_{i}_attention")
        x = layers.LayerNormalization(name=f"block_{i}_norm")(x + attention(x, x))
        y = layers.Dense(12, activation="gelu", name=f"block_{i}_up")(x)
        x = x + layers.Dense(8, name=f"block_{i}_down")(y)
    pooled = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(tokens, layers.Dense(CLASSES, name="head")(pooled))


def randomise(model: Any, seed: int = 0) -> Any:
    """Values that tell a mistake apart, in place."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.dtype == "float32":
            shape = variable.shape
            scale = 0.5 / np.sqrt(np.prod(shape[:-1]))
            near = 1.0 if "gamma" in variable.path or "variance" in variable.path else 0.0
            variable.assign(
                np.abs(near + scale * rng.normal(size=shape))
                if near
                else scale * rng.normal(size=shape)
            )
    return model
