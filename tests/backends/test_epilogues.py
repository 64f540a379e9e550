"""What reads a product is computed in its kernel, also behind reshapes and beside other tensors."""

import numpy as np
import pytest

from pock_mlir.backends.iree.compiler import allocations, compile_module
from pock_mlir.backends.iree.epilogues import lower_epilogues
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.rewriting import named_ops
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.tuning import Form
from tests.backends.test_tiled_products import rewrite

RNG = np.random.default_rng(0)
IMAGE = "tensor<3x4x4x64xf32>"
BEHIND = {
    "a mask": """
        %p = stablehlo.compare GT, %z, %zero, FLOAT : (IMAGE, IMAGE) -> tensor<3x4x4x64xi1>
        %r = stablehlo.select %p, %y, %zero : tensor<3x4x4x64xi1>, IMAGE""",
    "channels, and another image": """
        %c = stablehlo.broadcast_in_dim %v, dims = [3] : (tensor<64xf32>) -> IMAGE
        %s = stablehlo.add %y, %c : IMAGE
        %r = stablehlo.multiply %z, %s : IMAGE""",
    "an image that others read too": """
        %s = stablehlo.tanh %z : IMAGE
        %t = stablehlo.multiply %y, %s : IMAGE
        %r = stablehlo.subtract %t, %s : IMAGE""",
    "a scalar's choice": """
        %f = stablehlo.slice %v [0:1] : (tensor<64xf32>) -> tensor<1xf32>
        %g = stablehlo.reshape %f : (tensor<1xf32>) -> tensor<f32>
        %o = stablehlo.constant dense<1.0e9> : tensor<f32>
        %p = stablehlo.compare LT, %g, %o, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %r = stablehlo.select %p, %y, %z : tensor<i1>, IMAGE""",
}
EXPECTED = {
    "a mask": lambda y, z, v: np.where(z > 0, y, 0),
    "channels, and another image": lambda y, z, v: z * (y + v),
    "an image that others read too": lambda y, z, v: y * np.tanh(z) - np.tanh(z),
    "a scalar's choice": lambda y, z, v: y,
}


@pytest.mark.parametrize("form", ["panels 6x16x4", "tiled 6x16x4"])
@pytest.mark.parametrize("case", BEHIND)
def test_one_kernel_computes_both(case: str, form: str) -> None:
    text = f"""
      func.func @train_step(%a: tensor<48x40xf32>, %b: tensor<40x64xf32>, %z: IMAGE,
                            %v: tensor<64xf32>) -> IMAGE {{
        %zero = stablehlo.constant dense<0.0> : IMAGE
        %x = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0]
          : (tensor<48x40xf32>, tensor<40x64xf32>) -> tensor<48x64xf32>
        %y = stablehlo.reshape %x : (tensor<48x64xf32>) -> IMAGE
        {BEHIND[case]}
        return %r : IMAGE
      }}""".replace("IMAGE", IMAGE)
    with make_context(), Location.unknown():
        module = Module.parse(text)
        (op,) = named_ops(module, "stablehlo.dot_general")
        rewrite(op, Form.parse(form))
        PockToIree().run(module)
        compiled = compile_module(str(module), TARGETS["cpu"])
    arrangement = int(form.startswith("panels"))
    more = int("too" in case or "scalar" in case)
    kernels = allocations(compiled, "train_step").dispatches
    assert kernels <= 1 + arrangement + more
    device = DeviceModule(compiled.vmfb, {}, {}, open_device("local-sync"), "local-sync")
    a, b, z, v = (
        RNG.standard_normal(shape).astype(np.float32)
        for shape in ((48, 40), (40, 64), (3, 4, 4, 64), (64,))
    )
    (r,) = device.call("train_step", a, b, z, v)
    np.testing.assert_allclose(r, EXPECTED[case]((a @ b).reshape(z.shape), z, v), 1e-4, 1e-4)


def test_a_product_that_others_read_too_is_left_alone() -> None:
    text = f"""
      func.func @train_step(%a: tensor<48x40xf32>, %b: tensor<40x64xf32>, %z: {IMAGE})
          -> (tensor<48x64xf32>, {IMAGE}) {{
        %x = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0]
          : (tensor<48x40xf32>, tensor<40x64xf32>) -> tensor<48x64xf32>
        %y = stablehlo.reshape %x : (tensor<48x64xf32>) -> {IMAGE}
        %r = stablehlo.multiply %y, %z : {IMAGE}
        return %x, %r : tensor<48x64xf32>, {IMAGE}
      }}"""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        (op,) = named_ops(module, "stablehlo.dot_general")
        rewrite(op, Form.parse("tiled 6x16x4"))
        PockToIree().run(module)
        (multiply,) = named_ops(module, "stablehlo.multiply")
        assert str(multiply.result.type) == IMAGE


def epilogue_of(behind: str, kept: str = "") -> str:
    """The text in IREE's ops of a product, and of what reads it with another product's sum."""
    text = f"""
      func.func @train_step(%a: tensor<48x40xf32>, %b: tensor<4x40x16xf32>, %z: {IMAGE})
          -> {IMAGE} {{
        %early = stablehlo.tanh %z {kept} : {IMAGE}
        %x = stablehlo.dot_general %a, %b, contracting_dims = [1] x [1]
          {{pock.tile = array<i64: 6, 16, 4>}}
          : (tensor<48x40xf32>, tensor<4x40x16xf32>) -> tensor<48x4x16xf32>
        %y = stablehlo.reshape %x : (tensor<48x4x16xf32>) -> {IMAGE}
        {behind}
        return %r : {IMAGE}
      }}"""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        lower_epilogues(module)
        return str(module)


def test_what_is_computed_before_stays_there() -> None:
    text = epilogue_of(f"%r = stablehlo.multiply %y, %early : {IMAGE}")
    assert f"stablehlo.tanh %arg2 : {IMAGE}" in text
    assert "stablehlo.multiply" in text and "tensor<48x4x16xf32>\n" in text


def test_a_sum_of_products_stays_one() -> None:
    part = """stablehlo.dot_general %a, %c, contracting_dims = [1] x [0] {pock.part,
          pock.tile = array<i64: 6, 16, 4>} : (tensor<48x40xf32>, tensor<40x64xf32>)
          -> tensor<48x64xf32>"""
    text = epilogue_of(f"""
        %c = stablehlo.constant dense<1.0> : tensor<40x64xf32>
        %p = {part}
        %q = {part}
        %t = stablehlo.add %p, %q : tensor<48x64xf32>
        %u = stablehlo.reshape %t : (tensor<48x64xf32>) -> {IMAGE}
        %r = stablehlo.add %y, %u : {IMAGE}""")
    assert ": tensor<48x64xf32>\n" in text.split("stablehlo.add", 1)[1].split("stablehlo.add")[0]
