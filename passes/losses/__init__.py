"""The losses that `add-loss` knows: one file a loss or family, one line each in LOSSES."""

from pock_mlir.passes.losses.base import Loss, LossError, Options
from pock_mlir.passes.losses.binary_cross_entropy import BINARY_CROSS_ENTROPY
from pock_mlir.passes.losses.cross_entropy import CAUSAL_LM, CROSS_ENTROPY
from pock_mlir.passes.losses.regression import L1, MSE

__all__ = ["LOSSES", "Loss", "LossError", "Options"]

LOSSES: dict[str, Loss] = {
    "cross-entropy": CROSS_ENTROPY,
    "causal-lm": CAUSAL_LM,
    "binary-cross-entropy": BINARY_CROSS_ENTROPY,
    "mse": MSE,
    "l1": L1,
}
