"""Modules that compute a product or a convolution in some forms, their operands and result."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pock_mlir.backends import host
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Module
from pock_mlir.passes.fold_frozen import FoldFrozen
from pock_mlir.passes.kernels.contraction import build_product
from pock_mlir.passes.kernels.dense_convolution import build_convolution
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.rewriting import body, erase_unread_parameters, functions, parameters, replace_op
from pock_mlir.tuning import PLAIN, Convolution, Form, Product, Subject, Tuning

Array = np.ndarray[Any, Any]


def build_module(
    subject: Subject, forms: Sequence[Form], tuning: Tuning
) -> tuple[Module, dict[str, Array]]:
    """A module with a function for each form, "form0", "form1", ..., and the parameters they read.

    Operands that are frozen are parameters in the arrangement that the form wants; others are
    arguments. In the current context and location.
    """
    module = Module.parse(_text(subject, forms))
    for function, form in zip(functions(module), forms, strict=True):
        if form != PLAIN:
            _rewrite(function, subject, form, tuning)
    FoldFrozen(only="arrangements").run(module)
    return module, _folded(module, _buffers(subject, forms))


def operands(subject: Subject) -> dict[str, Array]:
    """The same random operands each time."""
    random = np.random.default_rng(0)
    shapes = _shapes(subject)
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def frozen_names(subject: Subject) -> list[str]:
    """Which of the operands are frozen."""
    if isinstance(subject, Convolution):
        return ["rhs"] if subject.frozen else []
    frozen = {"lhs": subject.lhs_frozen, "rhs": subject.rhs_frozen}
    return [name for name, is_frozen in frozen.items() if is_frozen]


def reference(subject: Subject, lhs: Array, rhs: Array) -> Array:
    """The result by NumPy, in double precision."""
    lhs, rhs = lhs.astype(np.float64), rhs.astype(np.float64)
    if isinstance(subject, Convolution):
        return _convolved(subject, lhs, rhs)
    a = lhs if subject.lhs_rows_first else np.swapaxes(lhs, -1, -2)
    return a @ (rhs if subject.rhs_columns_last else np.swapaxes(rhs, -1, -2))


def _convolved(convolution: Convolution, image: Array, kernel: Array) -> Array:
    """The sum, over the places of the kernel, of what they see times their matrices."""
    padded = padded_image(convolution, image)
    total = np.zeros(convolution.output)
    for place in itertools.product(*map(range, convolution.window)):
        seen = [
            slice(tap * spread, tap * spread + (size - 1) * stride + 1, stride)
            for tap, spread, stride, size in zip(
                place, convolution.spread, convolution.strides, convolution.places, strict=True
            )
        ]
        total += padded[(slice(None), *seen)] @ kernel[place]
    return total


def padded_image(convolution: Convolution, image: Array) -> Array:
    """The image with its padding, which cuts off what is negative."""
    for axis, sides in enumerate(zip(convolution.low, convolution.high, strict=True), start=1):
        low, high = sides
        padding = [(0, 0)] * image.ndim
        padding[axis] = (max(0, low), max(0, high))
        end = image.shape[axis] + min(0, high)
        image = np.pad(np.take(image, range(max(0, -low), end), axis), padding)
    return image


# ---- the module ------------------------------------------------------------------------------


def _rewrite(function: Any, subject: Subject, form: Form, tuning: Tuning) -> None:
    """Give the op of a function a form; what Winograd's multiplies has its own."""
    (op,) = [op for op in body(function).operations if op.operation.name in _NAMES]
    b, (lhs, rhs) = Builder.before(op), op.operands
    if isinstance(subject, Product):
        replace_op(op, build_product(b, lhs, rhs, subject, form))
        return
    g = ConvGeometry.of_convolution(op)
    assert g is not None, "what is measured lies as choose-kernels wants it"
    replace_op(op, build_convolution(b, lhs, rhs, g, form))
    if form.side:
        stack = subject.stack(form.side)
        inner = tuning.form_of(stack)
        if inner != PLAIN:
            _rewrite(function, stack, inner, tuning)


_NAMES = ("stablehlo.dot_general", "stablehlo.convolution")


def _text(subject: Subject, forms: Sequence[Form]) -> str:
    """A module with a function for each form, which are all alike; what is frozen is a buffer."""
    types = {name: _type(shape) for name, shape in _shapes(subject).items()}
    frozen = frozen_names(subject)
    declared = {
        f'"pock.parameter"() {{sym_name = "{_buffer(name, form)}", kind = "buffer", '
        f"type = {types[name]}}} : () -> ()"
        for name in frozen
        for form in forms
    }
    arguments = ", ".join(
        f"%{name}: {type_}" for name, type_ in types.items() if name not in frozen
    )
    result, (lhs, rhs) = _type(subject.output), types.values()
    made: list[str] = []
    for i, form in enumerate(forms):
        reads = [
            f'%{name} = "pock.read"() {{parameter = @{_buffer(name, form)}}} : () -> {types[name]}'
            for name in frozen
        ]
        made.append(f"""func.func @form{i}({arguments}) -> {result} {{
          {" ".join(reads)}
          %y = {_op(subject)} : ({lhs}, {rhs}) -> {result}
          return %y : {result}
        }}""")
    return "\n".join([*sorted(declared), *made])


def _op(subject: Subject) -> str:
    if isinstance(subject, Product):
        return f"stablehlo.dot_general %lhs, %rhs, {_dimensions(subject)}"
    space = ", ".join(map(str, range(len(subject.strides))))
    padding = [list(pair) for pair in zip(subject.low, subject.high, strict=True)]
    return (
        "stablehlo.convolution(%lhs, %rhs) "
        f"dim_numbers = [b, {space}, f]x[{space}, i, o]->[b, {space}, f], window = {{stride = "
        f"{list(subject.strides)}, pad = {padding}, rhs_dilate = {list(subject.spread)}}} "
        "{batch_group_count = 1 : i64, feature_group_count = 1 : i64}"
    )


def _dimensions(product: Product) -> str:
    first = len(product.stack)
    i, j = first + product.lhs_rows_first, first + (not product.rhs_columns_last)
    stacked = list(range(first))
    batching = f"batching_dims = {stacked} x {stacked}, " if stacked else ""
    return f"{batching}contracting_dims = [{i}] x [{j}]"


def _shapes(subject: Subject) -> dict[str, tuple[int, ...]]:
    if isinstance(subject, Convolution):
        return {"lhs": subject.image, "rhs": subject.kernel}
    return {"lhs": subject.lhs_shape, "rhs": subject.rhs_shape}


def _type(shape: Sequence[int]) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


# ---- parameters ------------------------------------------------------------------------------


def _buffer(operand: str, form: Form) -> str:
    """A buffer for each way to arrange an operand: `fold-frozen` arranges one in one way only."""
    panels = form.tile.columns if form.tile and form.has_panels else 0
    return f"{operand}.{form.kind.replace('-', '_')}.{panels}"


def _buffers(subject: Subject, forms: Sequence[Form]) -> dict[str, Array]:
    names = frozen_names(subject)
    values = operands(subject) if names else {}
    return {_buffer(name, form): values[name] for name in names for form in forms}


def _folded(module: Module, values: dict[str, Array]) -> dict[str, Array]:
    """The values of all that the module reads; the function that computes some is erased."""
    names = [name for name, op in parameters(module).items() if op.kind.value == "folded"]
    if names:
        results = host.evaluate(module, "fold", values)
        assert results is not None, "an arrangement is made of what NumPy computes"
        values = values | dict(zip(names, results, strict=True))
        (fold,) = [f for f in functions(module) if f.sym_name.value == "fold"]
        fold.operation.erase()
    erase_unread_parameters(module)
    return {name: values[name] for name in parameters(module)}
