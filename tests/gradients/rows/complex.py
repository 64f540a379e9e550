"""Rows of the audit for complex numbers and Fourier transforms, from real to real."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case, Shape

_C = "tensor<2x3xcomplex<f64>>"
_SHAPE: Shape = (2, 3)


def _case(rule: str, mode: str, body: str, jax: Any, domain: tuple[float, float] = (-2, 2)) -> Case:
    """A row whose `body` makes a real %y of %z = %a + i %b."""
    return Case(
        rule,
        mode,
        f"%z = stablehlo.complex %a, %b : {_C}\n{body}",
        _SHAPE,
        {"a": _SHAPE, "b": _SHAPE},
        lambda jnp, lax, a, b: jax(jnp, lax, a + 1j * b),
        domain,
    )


def _holomorphic(op: str, jax: Any, dialect: str = "stablehlo") -> Case:
    """A row of an op on complex numbers: a weighted sum of both parts of the result."""
    return _case(
        f"{dialect}.{op}",
        "complex",
        f"""%w = "{dialect}.{op}"(%z) : ({_C}) -> {_C}
            %re = stablehlo.real %w : ({_C}) -> {{y}}
            %im = stablehlo.imag %w : ({_C}) -> {{y}}
            %half = stablehlo.multiply %im, %im : {{y}}
            %y = stablehlo.add %re, %half : {{y}}""",
        lambda jnp, lax, z: jnp.real(jax(jnp, lax, z)) + jnp.imag(jax(jnp, lax, z)) ** 2,
        (0.3, 1.5),
    )


def _binary(op: str, jax: Any) -> Case:
    return _case(
        f"stablehlo.{op}",
        "complex",
        f"""%v = stablehlo.complex %b, %b : {_C}
            %w = stablehlo.{op} %z, %v : {_C}
            %re = stablehlo.real %w : ({_C}) -> {{y}}
            %im = stablehlo.imag %w : ({_C}) -> {{y}}
            %y = stablehlo.multiply %re, %im : {{y}}""",
        lambda jnp, lax, z: _product_of_parts(jnp, jax(z, jnp.imag(z) * (1 + 1j))),
        (0.3, 1.5),
    )


def _product_of_parts(jnp: Any, w: Any) -> Any:
    return jnp.real(w) * jnp.imag(w)


_NUMBERS = [
    _case(
        "stablehlo.real",
        "of a product",
        f"""
        %w = stablehlo.multiply %z, %z : {_C}
        %y = stablehlo.real %w : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.real(z * z),
    ),
    _case(
        "stablehlo.imag",
        "of a product",
        f"""
        %w = stablehlo.multiply %z, %z : {_C}
        %y = stablehlo.imag %w : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.imag(z * z),
    ),
    _case(
        "stablehlo.complex",
        "absolute value",
        f"""
        %y = stablehlo.abs %z : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.abs(z),
    ),
    _case(
        "stablehlo.abs",
        "complex",
        f"""
        %w = stablehlo.exponential %z : {_C}
        %y = stablehlo.abs %w : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.abs(jnp.exp(z)),
    ),
    _case(
        "stablehlo.convert",
        "real to complex and back",
        f"""
        %w = stablehlo.convert %a : ({{a}}) -> {_C}
        %v = stablehlo.multiply %w, %z : {_C}
        %y = stablehlo.convert %v : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.real(z) * jnp.real(z),
    ),
    _holomorphic("sign", lambda jnp, lax, z: z / jnp.abs(z)),
    _holomorphic("conj", lambda jnp, lax, z: jnp.conj(z), "chlo"),
    _holomorphic("exponential", lambda jnp, lax, z: jnp.exp(z)),
    _holomorphic("exponential_minus_one", lambda jnp, lax, z: jnp.expm1(z)),
    _holomorphic("log", lambda jnp, lax, z: jnp.log(z)),
    _holomorphic("log_plus_one", lambda jnp, lax, z: jnp.log1p(z)),
    _holomorphic("logistic", lambda jnp, lax, z: lax.logistic(z)),
    _holomorphic("negate", lambda jnp, lax, z: -z),
    _holomorphic("rsqrt", lambda jnp, lax, z: lax.rsqrt(z)),
    _holomorphic("sine", lambda jnp, lax, z: jnp.sin(z)),
    _holomorphic("sqrt", lambda jnp, lax, z: jnp.sqrt(z)),
    _holomorphic("tanh", lambda jnp, lax, z: jnp.tanh(z)),
    _holomorphic("square", lambda jnp, lax, z: z * z, "chlo"),
    _binary("divide", lambda z, v: z / v),
    _binary("multiply", lambda z, v: z * v),
    _binary("power", lambda z, v: z**v),
    _binary("subtract", lambda z, v: z - v),
    _case(
        "stablehlo.dot_general",
        "complex",
        f"""
        %d = stablehlo.dot_general %z, %z, contracting_dims = [0] x [0] :
            ({_C}, {_C}) -> tensor<3x3xcomplex<f64>>
        %e = stablehlo.dot_general %z, %d, contracting_dims = [1] x [0] :
            ({_C}, tensor<3x3xcomplex<f64>>) -> {_C}
        %y = stablehlo.abs %e : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.abs(z @ (z.T @ z)),
    ),
    _case(
        "stablehlo.reduce",
        "complex sum",
        f"""
        %c0 = stablehlo.constant dense<(0.0, 0.0)> : tensor<complex<f64>>
        %s = stablehlo.reduce(%z init: %c0) applies stablehlo.add across dimensions = [1] :
            ({_C}, tensor<complex<f64>>) -> tensor<2xcomplex<f64>>
        %t = stablehlo.broadcast_in_dim %s, dims = [0] : (tensor<2xcomplex<f64>>) -> {_C}
        %u = stablehlo.multiply %t, %z : {_C}
        %y = stablehlo.abs %u : ({_C}) -> {{y}}""",
        lambda jnp, lax, z: jnp.abs(z * z.sum(1, keepdims=True)),
    ),
]


def _fft(kind: str, lengths: list[int], operand: Shape, result: Shape, jax: Any) -> Case:
    """A transform from %a (with imaginary part %b), seen through the size of its result."""
    typed = {
        True: lambda shape: f"tensor<{'x'.join(map(str, shape))}xcomplex<f64>>",
        False: lambda shape: f"tensor<{'x'.join(map(str, shape))}xf64>",
    }
    source, target = typed[kind != "RFFT"](operand), typed[kind != "IRFFT"](result)
    z = "%z = stablehlo.complex %a, %b" if kind != "RFFT" else "%z = stablehlo.multiply %a, %b"
    return Case(
        "stablehlo.fft",
        f"{kind} of {operand} by {lengths}",
        f"""{z} : {source}
            %w = stablehlo.fft %z, type = {kind}, length = {lengths} : ({source}) -> {target}
            %y = stablehlo.abs %w : ({target}) -> {{y}}""",
        result,
        {"a": operand, "b": operand},
        lambda jnp, lax, a, b: jnp.abs(jax(jnp.fft, a * b if kind == "RFFT" else a + 1j * b)),
    )


_TRANSFORMS = [
    _fft("FFT", [4], (2, 4), (2, 4), lambda fft, z: fft.fft(z)),
    _fft("FFT", [2, 3], (2, 2, 3), (2, 2, 3), lambda fft, z: fft.fft2(z)),
    _fft("IFFT", [5], (2, 5), (2, 5), lambda fft, z: fft.ifft(z)),
    _fft("IFFT", [3, 2], (3, 2), (3, 2), lambda fft, z: fft.ifft2(z)),
    _fft("RFFT", [4], (2, 4), (2, 3), lambda fft, x: fft.rfft(x)),
    _fft("RFFT", [5], (2, 5), (2, 3), lambda fft, x: fft.rfft(x)),
    _fft("RFFT", [3, 4], (3, 4), (3, 3), lambda fft, x: fft.rfft2(x)),
    _fft("IRFFT", [4], (2, 3), (2, 4), lambda fft, z: fft.irfft(z)),
    _fft("IRFFT", [5], (2, 3), (2, 5), lambda fft, z: fft.irfft(z, 5)),
    _fft("IRFFT", [3, 4], (3, 3), (3, 4), lambda fft, z: fft.irfft2(z)),
]

ROWS = [*_NUMBERS, *_TRANSFORMS]
