"""Rows of the audit for factorisations, solutions of linear systems, and batch normalisation."""

from __future__ import annotations

import itertools
from typing import Any

from tests.gradients.case import Case, Shape, tensor

_COMPLEX = "tensor<3x3xcomplex<f64>>"


def _triangle(jnp: Any, a: Any, lower: bool) -> Any:
    """What a Cholesky factorisation reads of a real matrix."""
    half = jnp.tril(a) if lower else jnp.triu(a)
    strict = jnp.tril(a, -1) if lower else jnp.triu(a, 1)
    return half + jnp.swapaxes(strict, -1, -2)


def _cholesky(lower: bool, shape: Shape) -> Case:
    """The factor of a matrix with 4 added to the diagonal, of which one triangle is read."""

    def jax(jnp: Any, lax: Any, a: Any) -> Any:
        matrix = _triangle(jnp, a + 4 * jnp.eye(3), lower)
        factor = jnp.linalg.cholesky(matrix)
        return factor if lower else jnp.swapaxes(factor, -1, -2)

    return Case(
        "stablehlo.cholesky",
        f"{'lower' if lower else 'upper'} {shape}",
        f"""%eye = stablehlo.constant dense<[[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]]>
                : tensor<3x3xf64>
            %d = stablehlo.broadcast_in_dim %eye, dims = {[len(shape) - 2, len(shape) - 1]} :
                (tensor<3x3xf64>) -> {{a}}
            %p = stablehlo.add %a, %d : {{a}}
            %y = stablehlo.cholesky %p, lower = {str(lower).lower()} : {{a}}""",
        shape,
        {"a": shape},
        jax,
        (-1, 1),
    )


_HERMITIAN = Case(
    "stablehlo.cholesky",
    "complex",
    f"""%z = stablehlo.complex %a, %b : {_COMPLEX}
        %h = "chlo.conj"(%z) : ({_COMPLEX}) -> {_COMPLEX}
        %s = stablehlo.dot_general %z, %h, contracting_dims = [1] x [1] :
            ({_COMPLEX}, {_COMPLEX}) -> {_COMPLEX}
        %eye = stablehlo.constant dense<[[(4.0, 0.0), (0.0, 0.0), (0.0, 0.0)],
            [(0.0, 0.0), (4.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (0.0, 0.0), (4.0, 0.0)]]>
            : {_COMPLEX}
        %p = stablehlo.add %s, %eye : {_COMPLEX}
        %l = stablehlo.cholesky %p, lower = true : {_COMPLEX}
        %i = stablehlo.imag %l : ({_COMPLEX}) -> {{y}}
        %r = stablehlo.real %l : ({_COMPLEX}) -> {{y}}
        %y = stablehlo.add %r, %i : {{y}}""",
    (3, 3),
    {"a": (3, 3), "b": (3, 3)},
    lambda jnp, lax, a, b: _sum_of_parts(
        jnp, jnp.linalg.cholesky((a + 1j * b) @ jnp.conj(a + 1j * b).T + 4 * jnp.eye(3))
    ),
)


def _sum_of_parts(jnp: Any, z: Any) -> Any:
    return jnp.real(z) + jnp.imag(z)


def _solve(left: bool, lower: bool, unit: bool, transposed: str, batch: Shape = ()) -> Case:
    known = (*batch, 3, 2) if left else (*batch, 2, 3)
    flags = f"left_side = {left}, lower = {lower}, unit_diagonal = {unit}".lower()

    def jax(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
        size = jnp.eye(3) if unit else jnp.diagonal(a, axis1=-2, axis2=-1)[..., None] * jnp.eye(3)
        matrix = (jnp.tril(a, -1) if lower else jnp.triu(a, 1)) + size
        if transposed != "NO_TRANSPOSE":
            matrix = jnp.swapaxes(matrix, -1, -2)
        inverse = jnp.linalg.inv(matrix)
        return inverse @ b if left else b @ inverse

    sides = f"{'left' if left else 'right'}, {'lower' if lower else 'upper'}"
    return Case(
        "stablehlo.triangular_solve",
        f"{sides}{', unit' if unit else ''}, {transposed}{batch or ''}",
        f"""%y = "stablehlo.triangular_solve"(%a, %b) {{{{{flags},
                transpose_a = #stablehlo<transpose {transposed}>}}}} : ({{a}}, {{b}}) -> {{y}}""",
        known,
        {"a": (*batch, 3, 3), "b": known},
        jax,
        (0.5, 2),
    )


_COMPLEX_SOLVE = Case(
    "stablehlo.triangular_solve",
    "complex, ADJOINT",
    f"""%z = stablehlo.complex %a, %b : {_COMPLEX}
        %w = stablehlo.complex %b, %a : {_COMPLEX}
        %x = "stablehlo.triangular_solve"(%z, %w) {{{{left_side = true, lower = true,
            unit_diagonal = false, transpose_a = #stablehlo<transpose ADJOINT>}}}}
            : ({_COMPLEX}, {_COMPLEX}) -> {_COMPLEX}
        %y = stablehlo.abs %x : ({_COMPLEX}) -> {{y}}""",
    (3, 3),
    {"a": (3, 3), "b": (3, 3)},
    lambda jnp, lax, a, b: jnp.abs(jnp.linalg.inv(jnp.conj(jnp.tril(a + 1j * b)).T) @ (b + 1j * a)),
    (0.5, 2),
)

_ALGEBRA = [
    _cholesky(True, (3, 3)),
    _cholesky(False, (3, 3)),
    _cholesky(True, (2, 3, 3)),
    _HERMITIAN,
    *(
        _solve(left, lower, unit, transposed)
        for left, lower, (unit, transposed) in itertools.product(
            (True, False),
            (True, False),
            ((False, "NO_TRANSPOSE"), (True, "NO_TRANSPOSE"), (False, "TRANSPOSE")),
        )
    ),
    _solve(True, True, False, "ADJOINT", (2,)),
    _COMPLEX_SOLVE,
]

# ---- batch normalisation -------------------------------------------------------------------

_IMAGE: Shape = (3, 2, 4)
_VECTOR: Shape = (2,)
_OPTIONS = "epsilon = 0.1 : f32, feature_index = 1 : i64"


def _per_feature(x: Any) -> Any:
    return x[:, None]


def _normalized(jnp: Any, x: Any, mean: Any, variance: Any) -> Any:
    return (x - _per_feature(mean)) / jnp.sqrt(_per_feature(variance) + _EPSILON)


_EPSILON = 0.10000000149011612  # 0.1 in f32, which is the type of the attribute


def _trained(jnp: Any, x: Any, scale: Any, offset: Any) -> Any:
    mean, variance = x.mean((0, 2)), x.var((0, 2))
    y = _normalized(jnp, x, mean, variance) * _per_feature(scale) + _per_feature(offset)
    return y * _per_feature(mean) + _per_feature(variance)


def _gradients(jnp: Any, x: Any, scale: Any, mean: Any, variance: Any, dy: Any) -> Any:
    z = _normalized(jnp, x, mean, variance)
    doffset, dscale = dy.sum((0, 2)), (dy * z).sum((0, 2))
    slope = _per_feature(scale) / jnp.sqrt(_per_feature(variance) + _EPSILON)
    dx = slope * (dy - _per_feature(doffset) / 12 - z * _per_feature(dscale) / 12)
    return dx * _per_feature(dscale) + _per_feature(doffset)


def _spread(name: str) -> str:
    return f"""%{name}s = stablehlo.broadcast_in_dim %{name}, dims = [1] :
        ({tensor(_VECTOR)}) -> {{y}}"""


_NORMS = [
    Case(
        "stablehlo.batch_norm_inference",
        "everything trained",
        f"""%y = "stablehlo.batch_norm_inference"(%a, %b, %c, %d, %e) {{{{{_OPTIONS}}}}}
                : ({{a}}, {{b}}, {{c}}, {{d}}, {{e}}) -> {{y}}""",
        _IMAGE,
        {"a": _IMAGE, **dict.fromkeys("bcde", _VECTOR)},
        lambda jnp, lax, x, scale, offset, mean, variance: (
            _normalized(jnp, x, mean, variance) * _per_feature(scale) + _per_feature(offset)
        ),
        (0.5, 2),
    ),
    Case(
        "stablehlo.batch_norm_training",
        "all results used",
        f"""%n, %m, %v = "stablehlo.batch_norm_training"(%a, %b, %c) {{{{{_OPTIONS}}}}}
                : ({{a}}, {{b}}, {{c}}) -> ({{y}}, {{b}}, {{b}})
            {_spread("m")}
            {_spread("v")}
            %p = stablehlo.multiply %n, %ms : {{y}}
            %y = stablehlo.add %p, %vs : {{y}}""",
        _IMAGE,
        {"a": _IMAGE, "b": _VECTOR, "c": _VECTOR},
        lambda jnp, lax, x, scale, offset: _trained(jnp, x, scale, offset),
    ),
    Case(
        "stablehlo.batch_norm_training",
        "only the tensor used",
        f"""%y, %m, %v = "stablehlo.batch_norm_training"(%a, %b, %c) {{{{{_OPTIONS}}}}}
                : ({{a}}, {{b}}, {{c}}) -> ({{y}}, {{b}}, {{b}})""",
        _IMAGE,
        {"a": _IMAGE, "b": _VECTOR, "c": _VECTOR},
        lambda jnp, lax, x, scale, offset: (
            _normalized(jnp, x, x.mean((0, 2)), x.var((0, 2))) * _per_feature(scale)
            + _per_feature(offset)
        ),
    ),
    Case(
        "stablehlo.batch_norm_grad",
        "all results used",
        f"""%n, %m, %v = "stablehlo.batch_norm_grad"(%a, %b, %c, %d, %e) {{{{{_OPTIONS}}}}}
                : ({{a}}, {{b}}, {{c}}, {{d}}, {{e}}) -> ({{y}}, {{b}}, {{b}})
            {_spread("m")}
            {_spread("v")}
            %p = stablehlo.multiply %n, %ms : {{y}}
            %y = stablehlo.add %p, %vs : {{y}}""",
        _IMAGE,
        {"a": _IMAGE, "b": _VECTOR, "c": _VECTOR, "d": _VECTOR, "e": _IMAGE},
        lambda jnp, lax, *operands: _gradients(jnp, *operands),
        (0.5, 2),
    ),
]

ROWS = [*_ALGEBRA, *_NORMS]
