"""What the factors of `add-lora` start from."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.ir import DictAttr, StringAttr


def first_factors(declared: Mapping[str, ParameterOp]) -> dict[str, np.ndarray[Any, Any]]:
    """The values of the parameters of kind `adapter`, by name, in the framework's layout.

    As in the `peft` package, A is uniform in +-1 / sqrt(fan in) and B is zero, so the first step
    computes what the model did. The same name and shape get the same numbers every time.
    """
    return {
        name: _first_factor(name, op) for name, op in declared.items() if op.kind.value == "adapter"
    }


def _first_factor(name: str, op: ParameterOp) -> np.ndarray[Any, Any]:
    shape = op.framework_shape
    if StringAttr(DictAttr(op.attributes["adapter"])["factor"]).value == "B":
        return np.zeros(shape, np.float32)
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.uniform(-bound, bound, shape).astype(np.float32)
