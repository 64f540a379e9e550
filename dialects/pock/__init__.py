"""The training dialect: state with snapshot semantics, optimizers, and backward ops."""

from pock_mlir.dialects.pock.convolution import ConvInputGradientOp, ConvKernelGradientOp
from pock_mlir.dialects.pock.dialect import Pock
from pock_mlir.dialects.pock.loss import SoftmaxCrossEntropyGradientOp, SoftmaxCrossEntropyOp
from pock_mlir.dialects.pock.optimizer import (
    AdafactorOp,
    AdamOp,
    AdamWOp,
    LionOp,
    MomentumOp,
    SgdOp,
)
from pock_mlir.dialects.pock.pooling import MaxPoolGradientOp
from pock_mlir.dialects.pock.random import RandomMaskOp
from pock_mlir.dialects.pock.state import TRAINED_KINDS, AssignOp, ParameterOp, ReadOp
from pock_mlir.dialects.pock.update import AccumulateOp, UpdateOp
from pock_mlir.dialects.pock.winograd import WinogradImageOp, WinogradKernelOp, WinogradOutputOp

__all__ = [
    "TRAINED_KINDS",
    "AccumulateOp",
    "AdafactorOp",
    "AdamOp",
    "AdamWOp",
    "AssignOp",
    "ConvInputGradientOp",
    "ConvKernelGradientOp",
    "LionOp",
    "MaxPoolGradientOp",
    "MomentumOp",
    "ParameterOp",
    "Pock",
    "RandomMaskOp",
    "ReadOp",
    "SgdOp",
    "SoftmaxCrossEntropyGradientOp",
    "SoftmaxCrossEntropyOp",
    "UpdateOp",
    "WinogradImageOp",
    "WinogradKernelOp",
    "WinogradOutputOp",
]
