"""Keras on its other backends, and TensorFlow; each in a process of its own.

TensorFlow is not in the extra `dev`: its tests run where `pip install 'pock-mlir[tensorflow]'` was.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TENSORFLOW = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="needs pip install 'pock-mlir[tensorflow]'"
)

# TensorFlow first, as users import it: its LLVM must not get mixed up with that of the bindings.
KERAS = """
import keras, numpy as np
from tests.importers.keras_models import cnn, randomise
from pock_mlir.importers import import_model
from tests.support.interpreter import Interpreter

assert keras.config.backend() == BACKEND
model = randomise(cnn())
x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("f")
imported = import_model(model, x, training=True)
assert set(imported.values) == {v.path for v in model.variables}
run = lambda name: Interpreter(imported.module, name)(imported.values, x)
as_numpy = keras.ops.convert_to_numpy
close = lambda a, b: np.testing.assert_allclose(a, as_numpy(b), rtol=1e-4, atol=1e-5)
close(run("predict").results[0], model(x))
outcome = run("forward")
close(outcome.results[0], model(x, training=True))
for variable in model.non_trainable_variables:
    close(outcome.assignments[variable.path], variable.value)
loss = keras.losses.MeanSquaredError()
y = np.zeros((2, 5), "f")
scored = import_model(model, x, loss=loss, example_targets=y)
close(Interpreter(scored.module, "loss")(scored.values, x, y).results[0], loss(y, model(x)))
"""

FUNCTIONS = """
import tensorflow as tf, numpy as np, sys
from pathlib import Path
import pock_mlir as pock
from pock_mlir.importers import ModelImportError, import_model
from pock_mlir.importers.files import load_file
from tests.support.interpreter import Interpreter

class Model(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.linspace(-1, 1, 12, dtype="f").reshape(4, 3), name="kernel")
        self.biases = [tf.Variable(np.ones(3, "f")), tf.Variable(np.zeros(3, "f"))]
        self.scale = tf.Variable(np.full(3, 2, "f"), trainable=False, name="scale")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="image")])
    def __call__(self, image):
        y = tf.nn.gelu(tf.matmul(image, self.kernel) + self.biases[0])
        return self.scale * y + self.biases[1] + tf.constant([1.0, 2.0, 3.0])

model, x = Model(), np.linspace(-2, 2, 8, dtype="f").reshape(2, 4)

def check(imported):
    result = Interpreter(imported.module, "forward")(imported.values, x).results[0]
    np.testing.assert_allclose(result, model(x).numpy(), rtol=1e-4, atol=1e-5)
    assert sorted(imported.values) == ["Variable", "Variable_1", "kernel", "scale"]
    assert 'axes = array<i64: 1, 0>, kind = "weight", sym_name = "kernel"' in str(imported.module)
    assert 'kind = "buffer", sym_name = "scale"' in str(imported.module)

def refused(message, *args, **options):
    try:
        import_model(*args, **options)
    except ModelImportError as error:
        assert message in str(error), error
    else:
        raise AssertionError(message)

check(import_model(model.__call__, x))
folder = Path(FOLDER)
tf.saved_model.save(model, str(folder / "saved"), signatures={"serving_default": model.__call__})
bare = tf.Module()
bare.kernel = tf.Variable(1.0)
tf.saved_model.save(bare, str(folder / "bare"))
check(import_model(folder / "saved", x))
check(import_model(tf.saved_model.load(str(folder / "saved")), {"image": x}))
loaded, inputs = load_file(folder / "saved", batch=2)
check(import_model(loaded, inputs))
trained = pock.compile(model.__call__, x, loss="mse", optimizer=pock.SGD(lr=0.1))
trained.save(folder / "p.pock")
losses = [float(pock.Trainer(folder / "p.pock").step(x, np.zeros((2, 3), "f")))]
trainer, weights = pock.Trainer(folder / "p.pock"), [model.kernel, *model.biases]
for _ in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x) ** 2)
    for variable, gradient in zip(weights, tape.gradient(loss, weights)):
        variable.assign_sub(0.1 * gradient)
    np.testing.assert_allclose(trainer.step(x, np.zeros((2, 3), "f")), loss.numpy(), rtol=1e-4)

refused("has no 'serving_default'", folder / "bare", x)
refused("mode built in", model.__call__, x, training=True)
@tf.function
def counting(x):
    model.scale.assign_add([1.0, 1.0, 1.0])
    return x * model.scale[0]

refused("assigns variables; move that out of the model:\\n  scale", counting, x)
refused("no variables", tf.function(lambda x: x + 1), x)
refused("needs example inputs", model.__call__)
text = tf.function(lambda x: tf.strings.length(tf.strings.as_string(x * model.scale[0])))
refused("AsString: no lowering to StableHLO", text, x)
"""


def run(script: str, **environment: str) -> None:
    """Run a script with the tests' modules at hand; fail with what it says."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path, **environment}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.acceptance
@pytest.mark.parametrize("backend", ["torch", pytest.param("tensorflow", marks=TENSORFLOW)])
def test_keras(backend: str) -> None:
    run(f"BACKEND = {backend!r}\n{KERAS}", KERAS_BACKEND=backend)


@TENSORFLOW
def test_tensorflow(tmp_path: Path) -> None:
    run(f"FOLDER = {str(tmp_path)!r}\n{FUNCTIONS}")
