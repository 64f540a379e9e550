"""Rounding to bf16 in integers is the rounding of ml_dtypes, bit for bit."""

import ml_dtypes
import numpy as np

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.expand_bf16 import ExpandBf16
from tests.support.interpreter import Interpreter

TEXT = """
func.func @f(%x: tensor<{0}xf32>) -> tensor<{0}xf32> {{
  %y = stablehlo.convert %x : (tensor<{0}xf32>) -> tensor<{0}xbf16>
  %z = stablehlo.convert %y : (tensor<{0}xbf16>) -> tensor<{0}xf32>
  return %z : tensor<{0}xf32>
}}"""


def test_every_kind_of_number() -> None:
    random = np.random.default_rng(0).integers(0, 1 << 32, 500, np.uint32).view(np.float32)
    words = [0x3F808000, 0x3F818000, 0x3F808001, 0x7F7FFFFF, 0x7F800001, 0xFF800000, 0x80000000]
    ties = np.array(words, np.uint32).view(np.float32)
    special = np.array([0.0, np.nan, np.inf, 1e-40], np.float32)
    x = np.concatenate([random, ties, special])
    with make_context(), Location.unknown():
        module = Module.parse(TEXT.format(len(x)))
        ExpandBf16().run(module)
        assert "bitcast_convert" in str(module)
        (found,) = Interpreter(module, "f")({}, x).results
    with np.errstate(all="ignore"):
        expected = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
