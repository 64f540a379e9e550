"""Contractions and convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from pock_mlir.dialects.stablehlo.attributes import i64, i64s, pairs, shape_of, type_of
from pock_mlir.dialects.stablehlo.core import Core
from pock_mlir.ir import RankedTensorType, Value, stablehlo_bindings


class Contractions(Core):
    """`dot_general` and `convolution`."""

    def dot_general(
        self,
        lhs: Value,
        rhs: Value,
        contracting: tuple[Sequence[int], Sequence[int]],
        batching: tuple[Sequence[int], Sequence[int]] = ((), ()),
    ) -> Value:
        """Batched contraction; result: batch dimensions, free ones of lhs, free ones of rhs."""
        (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = contracting, batching
        left, right = shape_of(lhs), shape_of(rhs)
        shape = [left[i] for i in lhs_batch]
        shape += [n for i, n in enumerate(left) if i not in {*lhs_contract, *lhs_batch}]
        shape += [n for i, n in enumerate(right) if i not in {*rhs_contract, *rhs_batch}]
        return self._one(
            "stablehlo.dot_general",
            [lhs, rhs],
            RankedTensorType.get(shape, type_of(lhs).element_type),
            dot_dimension_numbers=stablehlo_bindings.DotDimensionNumbers.get(
                list(lhs_batch), list(rhs_batch), list(lhs_contract), list(rhs_contract)
            ),
        )

    def convolution(
        self,
        image: Value,
        kernel: Value,
        *,
        strides: Sequence[int],
        low: Sequence[int],
        high: Sequence[int],
        lhs_dilation: Sequence[int] = (),
        rhs_dilation: Sequence[int] = (),
        groups: int = 1,
    ) -> Value:
        """Convolution of [N, spatial..., C] by [spatial..., C / groups, O]."""
        spatial = len(strides)
        lhs_dilation = list(lhs_dilation) or [1] * spatial
        rhs_dilation = list(rhs_dilation) or [1] * spatial
        shape = [shape_of(image)[0]]
        for i in range(spatial):
            size = (shape_of(image)[i + 1] - 1) * lhs_dilation[i] + 1 + low[i] + high[i]
            window = (shape_of(kernel)[i] - 1) * rhs_dilation[i] + 1
            shape.append((size - window) // strides[i] + 1)
        shape.append(shape_of(kernel)[-1])
        space = list(range(spatial))
        image_space = [i + 1 for i in space]
        return self._one(
            "stablehlo.convolution",
            [image, kernel],
            RankedTensorType.get(shape, type_of(image).element_type),
            window_strides=i64s(strides),
            padding=pairs(low, high),
            lhs_dilation=i64s(lhs_dilation),
            rhs_dilation=i64s(rhs_dilation),
            feature_group_count=i64(groups),
            batch_group_count=i64(1),
            dimension_numbers=stablehlo_bindings.ConvDimensionNumbers.get(
                0,
                spatial + 1,
                image_space,
                spatial,
                spatial + 1,
                space,
                0,
                spatial + 1,
                image_space,
            ),
        )
