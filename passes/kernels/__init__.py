"""The forms that an op can take: one small rewrite each, chosen by `lower-pock`.

A form says for which ops it is legal and builds the op's result from StableHLO. To add one, write
it, list it in FORMS, and give it a row in tests/passes/test_kernel_forms.py.
"""

from pock_mlir.passes.kernels import (
    conv_input_gradient,
    conv_kernel_gradient,
    cross_entropy,
    division,
    embedding,
    fourier,
    linear_algebra,
    max_pool_gradient,
    random_mask,
    select_and_scatter,
)
from pock_mlir.passes.kernels.form import Form

__all__ = ["FORMS", "Form"]

FORMS: dict[str, list[Form]] = {
    "pock.conv_input_gradient": conv_input_gradient.FORMS,
    "pock.conv_kernel_gradient": conv_kernel_gradient.FORMS,
    "pock.max_pool_gradient": max_pool_gradient.FORMS,
    "pock.random_mask": random_mask.FORMS,
    "pock.softmax_cross_entropy": cross_entropy.LOSS_FORMS,
    "pock.softmax_cross_entropy_gradient": cross_entropy.GRADIENT_FORMS,
    "stablehlo.cholesky": linear_algebra.CHOLESKY_FORMS,
    "stablehlo.divide": division.FORMS,
    "stablehlo.fft": fourier.FORMS,
    "stablehlo.scatter": embedding.FORMS,
    "stablehlo.select_and_scatter": select_and_scatter.FORMS,
    "stablehlo.triangular_solve": linear_algebra.TRIANGULAR_SOLVE_FORMS,
}
"""The forms of each op, the preferred one first; an op of ours always has a legal one."""
