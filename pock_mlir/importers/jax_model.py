"""How a user says what a JAX model is. Imports no JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JaxModel:
    """A JAX function and its parameters.

    Attributes:
        function: `f(params, *inputs) -> outputs`, or with buffers `f(params, buffers, *inputs)`;
            anything that `jax.jit` takes, or a `jax.export.Exported` of it. Its evaluation mode,
            where it has two.
        params: a pytree of arrays. A leaf of floats is a weight, any other a buffer. Its name is
            its path: the leaf of `{"dense": [{"kernel": ...}]}` is `dense.0.kernel`.
        buffers: a pytree of arrays that have no gradient, such as running statistics.
        train: `f(params, buffers, *inputs) -> (outputs, new buffers)`, the training mode, for
            `compile(..., training=True)`.
    """

    function: Any
    params: Any
    buffers: Any = None
    train: Callable[..., Any] | None = None
