"""A Keras model on the TensorFlow backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pock_mlir.importers import ImportedModel
from pock_mlir.importers.extras import require
from pock_mlir.importers.tensorflow import TensorFlowCall, assemble, spec_of, with_loss


def import_keras_on_tensorflow(
    model: Any,
    arguments: list[Any],
    *,
    training: bool,
    loss: Callable[..., Any] | None,
    example_targets: Any,
) -> ImportedModel:
    """Import a built Keras model that is called with `arguments`; see `import_keras`."""
    tf = require("tensorflow")
    flat = tf.nest.flatten(arguments)
    inputs = {f"x{i}": spec_of(tf, value) for i, value in enumerate(flat)}

    def mode(trains: bool) -> TensorFlowCall:
        def call(*tensors: Any) -> Any:
            return model(*tf.nest.pack_sequence_as(arguments, tensors), training=trains)

        return TensorFlowCall(call, inputs)

    calls = {"forward": mode(training)}
    if training:
        calls["predict"] = mode(False)
    if loss is not None:
        calls = with_loss(tf, calls, loss, example_targets)
    _check_losses(model)
    paths = {id(variable.value): variable.path for variable in model.variables}
    return assemble(calls, lambda variable: paths.get(id(variable), variable.name))


def _check_losses(model: Any) -> None:
    from pock_mlir.importers.keras import refuse_losses

    refuse_losses(list(model.losses))
