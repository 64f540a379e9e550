"""simplify and fold-constants change no number, on graphs made at random."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.dialects.constants import array_of, constant, is_splat, splat_of
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    F32Type,
    FunctionType,
    InsertionPoint,
    IntegerType,
    Location,
    Module,
    Operation,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)
from pock_mlir.passes.fold_constants import FoldConstants
from pock_mlir.passes.simplify import Simplify
from tests.support.interpreter import Interpreter


def random_value(b: Builder, values: list[Value], rng: np.random.Generator) -> Value:
    """One more op on some of the values: shape ops and arithmetic with small constants."""
    x = values[rng.integers(len(values))]
    shape = shape_of(x)
    kind = rng.integers(7)
    if kind == 0:
        return b.transpose(x, rng.permutation(len(shape)).tolist())
    if kind == 1:
        kept = [size for size in shape if size != 1]
        return b.reshape(x, [*kept[:1], *[1] * int(rng.integers(3)), *kept[1:]])
    if kind == 2 and len(shape) < 3:
        return b.broadcast_in_dim(x, [int(rng.integers(1, 3)), *shape], range(1, len(shape) + 1))
    if kind == 3:
        element = type_of(x).element_type
        array = rng.integers(0, 3, shape).astype(np.float32)
        y = (
            constant(b, array, element)
            if rng.random() < 0.5
            else b.full_like(x, float(rng.integers(3)))
        )
        return getattr(b, rng.choice(["add", "subtract", "multiply", "maximum"]))(x, y)
    if kind == 4:
        return b.power(x, b.full_like(x, float(rng.integers(1, 4))))
    if kind == 5:
        same = [y for y in values if y.type == x.type]
        return b.add(x, same[rng.integers(len(same))])
    return b.negate(x)


def random_module(seed: int) -> Module:
    rng = np.random.default_rng(seed)
    module = Module.create()
    type_ = RankedTensorType.get([2, 1, 3], F32Type.get())
    function = Operation.create(
        "func.func",
        attributes={
            "sym_name": StringAttr.get("f"),
            "function_type": TypeAttr.get(FunctionType.get([], [])),
        },
        regions=1,
        ip=InsertionPoint(module.body),
    )
    block = function.regions[0].blocks.append(type_)
    b = Builder(InsertionPoint(block), Location.unknown())
    values: list[Value] = [block.arguments[0], b.full_like(block.arguments[0], 2)]
    for _ in range(25):
        values.append(random_value(b, values, rng))
    results = values[-6:]
    b.create("func.return", results, [])
    signature = FunctionType.get([type_], [value.type for value in results])
    function.attributes["function_type"] = TypeAttr.get(signature)
    return module


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed: int) -> None:
    x = np.random.default_rng(seed).uniform(-1, 1, (2, 1, 3)).astype(np.float32)
    with make_context(), Location.unknown():
        module = random_module(seed)
        before = Interpreter(module, "f")({}, x).results
        FoldConstants().run(module)
        Simplify().run(module)
        assert module.operation.verify()
        after = Interpreter(module, "f")({}, x).results
    for expected, result in zip(before, after, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64", "i8", "i32", "i64", "i1"])
def test_constants_round_trip(dtype: str) -> None:
    with make_context(), Location.unknown():
        module = Module.create()
        b = Builder(InsertionPoint(module.body), Location.unknown())
        element = Type.parse(dtype)
        numpy_name = {"i1": "bool"}.get(dtype, dtype.replace("f", "float").replace("i", "int"))
        mixed = np.array([[0, 1], [1, 1]]).astype(numpy_name)
        np.testing.assert_array_equal(array_of(constant(b, mixed, element), limit=4), mixed)
        assert array_of(constant(b, mixed, element), limit=3) is None
        same = constant(b, np.ones((2, 2), numpy_name), element)
        assert splat_of(same) == 1
        assert is_splat(same, 0, 1)
        assert isinstance(element, IntegerType) == dtype.startswith("i")
