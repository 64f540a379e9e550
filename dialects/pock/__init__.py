"""The training dialect: state with snapshot semantics, optimizers, and backward ops."""

from pock_mlir.dialects.pock.convolution import ConvInputGradientOp, ConvKernelGradientOp
from pock_mlir.dialects.pock.dialect import Pock
from pock_mlir.dialects.pock.loss import SoftmaxCrossEntropyGradientOp, SoftmaxCrossEntropyOp
from pock_mlir.dialects.pock.optimizer import AdamWOp, MomentumOp, SgdOp
from pock_mlir.dialects.pock.pooling import MaxPoolGradientOp
from pock_mlir.dialects.pock.state import AssignOp, ParameterOp, ReadOp, UpdateOp

__all__ = [
    "AdamWOp",
    "AssignOp",
    "ConvInputGradientOp",
    "ConvKernelGradientOp",
    "MaxPoolGradientOp",
    "MomentumOp",
    "ParameterOp",
    "Pock",
    "ReadOp",
    "SgdOp",
    "SoftmaxCrossEntropyGradientOp",
    "SoftmaxCrossEntropyOp",
    "UpdateOp",
]
