"""What IREE's compiler is asked for, and what its runtime can take."""

import numpy as np
import pytest

from pock_mlir.backends.iree import compiler
from pock_mlir.backends.iree.compiler import compile_module
from pock_mlir.backends.iree.concurrency import most_bindings
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.runtime.device import DeviceModule, open_device

TERMS = 33


def a_sum(terms: int) -> str:
    """Of rows of products, each of a kernel of its own; the cuts keep the sum out of these."""
    lines = list[str]()
    for i in range(terms):
        lines += [
            f"%p{i} = stablehlo.slice %x [{i}:{i + 1}, 0:8, 0:16]"
            " : (tensor<40x8x16xf32>) -> tensor<1x8x16xf32>",
            f"%m{i} = stablehlo.reshape %p{i} : (tensor<1x8x16xf32>) -> tensor<8x16xf32>",
            f"%d{i} = stablehlo.dot_general %m{i}, %w, contracting_dims = [1] x [0]"
            " : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>",
            f"%c{i} = stablehlo.slice %d{i} [1:8, 0:15] : (tensor<8x16xf32>) -> tensor<7x15xf32>",
        ]
        lines.append(f"%s{i + 1} = stablehlo.add %s{i}, %c{i} : tensor<7x15xf32>")
    body = "\n".join(lines)
    return f"""func.func @f(%x: tensor<40x8x16xf32>, %w: tensor<16x16xf32>) -> tensor<7x15xf32> {{
        %s0 = stablehlo.constant dense<0.0> : tensor<7x15xf32>
        {body}
        return %s{terms} : tensor<7x15xf32>
    }}"""


def test_a_kernel_of_more_tensors_than_the_runtime_hands_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []

    def counted(text: str) -> int:
        counts.append(most_bindings(text))
        return counts[-1]

    monkeypatch.setattr(compiler, "most_bindings", counted)
    made = compile_module(a_sum(TERMS), TARGETS["cpu"])
    assert counts[0] > 32 >= counts[-1], "by place it cannot be had"
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape, np.float32) for shape in ((40, 8, 16), (16, 16)))
    module = DeviceModule(made.vmfb, {}, {}, open_device("local-sync"), "local-sync")
    (y,) = module.call("f", x, w)
    expected = (x[:TERMS] @ w).sum(0)[1:, :15]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_what_no_schedule_makes_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_MOST_BINDINGS", 1)
    with pytest.raises(compiler.CompilationError, match="a kernel of 3 tensors"):
        compile_module(a_sum(1), TARGETS["cpu"])
