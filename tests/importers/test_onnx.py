"""The ONNX front end: parameters, shapes, and the same numbers as the model that was exported."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from pock_mlir import zoo
from pock_mlir.importers import ModelImportError, import_model
from pock_mlir.rewriting import parameters
from tests.importers.running import ops_of, randomise, run


def exported(model: nn.Module, x: Tensor, **options: Any) -> ModelProto:
    """By PyTorch's exporter, which leaves arithmetic on shapes and copies of weights in it."""
    file: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), (x,), file, dynamo=False, do_constant_folding=False, **options
        )
    return onnx.load_from_string(file.getvalue())


def test_a_cnn_of_open_batch() -> None:
    model = randomise(zoo.create("residual_cnn", width=4, blocks=1))
    x = torch.randn(2, 3, 8, 8)
    proto = exported(model, x, input_names=["image"], dynamic_axes={"image": {0: "n"}})
    imported = import_model(proto, x)
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4)
    assert imported.inputs == ["image"]
    state = {n: v for n, v in model.state_dict().items() if "num_batches" not in n}
    assert set(imported.values) == set(state)
    kinds = {name: op.kind.value for name, op in parameters(imported.module).items()}
    buffers = {name for name, kind in kinds.items() if kind == "buffer"}
    assert buffers == {name for name in state if "running" in name}
    assert {name.partition(".")[0] for name in ops_of(imported.module)} <= {
        "pock",
        "stablehlo",
        "func",
    }
    text = imported.module.operation.get_asm(enable_debug_info=True, use_local_scope=True)
    assert 'loc("blocks/blocks.0/conv1/Conv")' in text


class Text(nn.Module):
    """A transformer whose head shares its weight with the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True, activation="gelu")
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layer(self.embedding(tokens)))


def test_a_transformer() -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    model, tokens = Text(), torch.randint(0, 11, (2, 5), dtype=torch.int32)
    imported = import_model(exported(model, tokens))
    expected = model(tokens).detach()
    np.testing.assert_allclose(run(imported, tokens).results[0], expected, rtol=1e-4, atol=1e-5)
    names = {name for name, _ in model.named_parameters()}
    assert set(imported.values) == names, "equal biases are not one, and the tied weight is"
    axes = {name: op.axes for name, op in parameters(imported.module).items()}
    assert axes["layer.linear1.weight"] == (0, 1)


# ---- small graphs ----------------------------------------------------------------------------


def graph(nodes: list[Any], constants: dict[str, Any], rank: int = 2, **inputs: Any) -> ModelProto:
    """A model of one output `y`, of open shape; inputs are shapes of floats."""
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)])


def node(kind: str, *inputs: str, y: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, list(inputs), [y], name=f"node_{kind}_{y}", **attributes)


W = np.arange(12, dtype="f").reshape(4, 3)


def test_what_says_how_an_op_works_is_constant() -> None:
    nodes = [node("MatMul", "x", "w", y="a"), node("Clip", "a", "low", "high", y="b")]
    nodes += [node("Mul", "b", "half", y="c"), node("Reshape", "c", "shape")]
    constants = {
        "w": W,
        "low": np.float32(0),
        "high": np.float32(9),
        "half": np.float32(0.5),
        "shape": np.array([3, 2]),
    }
    imported = import_model(graph(nodes, constants, x=[2, 4]))
    assert list(imported.values) == ["w"]
    x = torch.ones(2, 4)
    expected = (np.clip(x @ W, 0, 9) * 0.5).reshape(3, 2)
    np.testing.assert_allclose(run(imported, x).results[0], expected)


def test_every_operator_that_has_no_lowering() -> None:
    nodes = [node("MatMul", "x", "w", y="a"), node("Det", "a", y="b"), node("Det", "a", y="c")]
    nodes += [node("Hardmax", "x", y="d"), node("Sum", "b", "c", "d")]
    with pytest.raises(ModelImportError) as caught:
        import_model(graph(nodes, {"w": np.ones((4, 4), "f")}, x=[4, 4]))
    assert "Det: no lowering to StableHLO, in node_Det_b, node_Det_c" in caught.value.problems


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), r"input x has the open shape \['n', 4\]; give example inputs"),
        (np.ones((2, 5)), r"input x has shape \['n', 4\], its example \[2, 5\]"),
        ({"z": np.ones((2, 4))}, "no input 'z'"),
        ([np.ones((2, 4)), np.ones(3)], r"has 1 inputs \(x\), 2 are given"),
    ],
)
def test_inputs_that_do_not_fit(inputs: Any, message: str) -> None:
    with pytest.raises(ModelImportError, match=message):
        import_model(graph([node("MatMul", "x", "w")], {"w": W}, x=["n", 4]), inputs)


def test_files_and_models_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelImportError, match="m.onnx: not a valid ONNX model"):
        import_model(path)
    with pytest.raises(ModelImportError, match="nothing to train"):
        import_model(graph([node("Relu", "x")], {}, 1, x=[2]))
    with pytest.raises(ModelImportError, match="mode built in"):
        import_model(graph([node("MatMul", "x", "w")], {"w": W}, x=[2, 4]), training=True)
    with pytest.raises(ModelImportError, match="shapes of the ONNX model do not fit"):
        import_model(graph([node("MatMul", "x", "w")], {"w": W}, x=[2, 5]))
    unknown = [
        node("MatMul", "x", "w", y="a"),
        node("NonZero", "a", y="b"),
        node("Cast", "b", to=1),
    ]
    with pytest.raises(ModelImportError, match="not known before it runs:\n  NonZero"):
        import_model(graph(unknown, {"w": W}, x=[2, 4]))
