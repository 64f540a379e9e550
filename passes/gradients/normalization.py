"""Batch normalisation is differentiated as the arithmetic that it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import FloatAttr, Value
from pock_mlir.passes.gradients.expansion import expansion


@dataclass(frozen=True)
class _Norm:
    """A batch normalisation of a tensor, and the builder that its arithmetic goes to."""

    b: Builder
    op: Any

    @property
    def feature(self) -> int:
        return self.op.attributes["feature_index"].value

    def others(self, x: Value) -> list[int]:
        return [i for i in range(len(shape_of(x))) if i != self.feature]

    def spread(self, vector: Value, like: Value) -> Value:
        return self.b.broadcast_in_dim(vector, shape_of(like), [self.feature])

    def mean(self, x: Value) -> Value:
        """The mean of every feature."""
        count = 1
        for i in self.others(x):
            count *= shape_of(x)[i]
        total = self.b.reduce_add(x, self.others(x))
        return self.b.multiply(total, self.b.full_like(total, 1 / count))

    def inverse_deviation(self, variance: Value) -> Value:
        epsilon = FloatAttr(self.op.attributes["epsilon"]).value
        return self.b.rsqrt(self.b.add(variance, self.b.full_like(variance, epsilon)))

    def normalized(self, x: Value, mean: Value, variance: Value) -> Value:
        """(x - mean) / sqrt(variance + epsilon)"""
        centered = self.b.subtract(x, self.spread(mean, x))
        return self.b.multiply(centered, self.spread(self.inverse_deviation(variance), x))

    def affine(self, x: Value, scale: Value, offset: Value) -> Value:
        """x * scale + offset"""
        return self.b.add(self.b.multiply(x, self.spread(scale, x)), self.spread(offset, x))


@expansion("stablehlo.batch_norm_inference")
def batch_norm_inference(b: Builder, op: Any) -> list[Value]:
    """y = (x - mean) / sqrt(variance + epsilon) * scale + offset"""
    (x, scale, offset, mean, variance), norm = op.operands, _Norm(b, op)
    return [norm.affine(norm.normalized(x, mean, variance), scale, offset)]


@expansion("stablehlo.batch_norm_training")
def batch_norm_training(b: Builder, op: Any) -> list[Value]:
    """As batch_norm_inference, with the mean and the variance of x, which it yields too"""
    (x, scale, offset), norm = op.operands, _Norm(b, op)
    mean = norm.mean(x)
    centered = b.subtract(x, norm.spread(mean, x))
    variance = norm.mean(b.multiply(centered, centered))
    inverse = norm.spread(norm.inverse_deviation(variance), x)
    return [norm.affine(b.multiply(centered, inverse), scale, offset), mean, variance]


@expansion("stablehlo.batch_norm_grad")
def batch_norm_grad(b: Builder, op: Any) -> list[Value]:
    """z = (x - mean) / sqrt(variance + epsilon);  doffset = sum(dy), dscale = sum(dy * z),
    dx = scale / sqrt(variance + epsilon) * (dy - mean(dy) - z * mean(dy * z))
    """
    (x, scale, mean, variance, dy), norm = op.operands, _Norm(b, op)
    z = norm.normalized(x, mean, variance)
    product = b.multiply(dy, z)
    slope = norm.spread(b.multiply(scale, norm.inverse_deviation(variance)), x)
    inner = b.subtract(dy, norm.spread(norm.mean(dy), x))
    inner = b.subtract(inner, b.multiply(z, norm.spread(norm.mean(product), x)))
    everywhere = norm.others(x)
    return [
        b.multiply(slope, inner),
        b.reduce_add(product, everywhere),
        b.reduce_add(dy, everywhere),
    ]
