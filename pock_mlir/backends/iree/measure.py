"""Measuring the forms of a matrix product on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from pock_mlir.backends import host
from pock_mlir.backends.iree.compiler import CompilationError, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Location, Module
from pock_mlir.passes.fold_frozen import FoldFrozen
from pock_mlir.passes.kernels.contraction import build_product
from pock_mlir.rewriting import body, erase_unread_parameters, functions, parameters
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.runtime.errors import DeviceError
from pock_mlir.tuning import PLAIN, Form, Measured, Product

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-4
"""Of the largest error, relative to the largest element of the result."""


def measure(
    product: Product, forms: Sequence[Form], *, seconds: float = 0.15, threads: int = 1
) -> Measured:
    """Compile forms of a product, check their numbers, and time them one after the other in turn.

    Operands that are frozen are arranged before; arranging others is part of the time.

    Args:
        product: of f32 matrices.
        forms: those that fit the product.
        seconds: about how long each form that is not clearly slower may run.
        threads: of the device.
    """
    compiled, failed = compile_forms(product, forms)
    return time_forms(product, compiled, failed, seconds=seconds, threads=threads)


# ---- compiling -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compiled:
    """A module with a function for each of some forms.

    Attributes:
        code: the module's bytecode.
        forms: what the functions "form0", "form1", ... compute.
        values: the parameters that it reads.
    """

    code: bytes
    forms: Sequence[Form]
    values: Mapping[str, Array]


def compile_forms(
    product: Product, forms: Sequence[Form]
) -> tuple[list[Compiled], dict[Form, str]]:
    """All forms as one module; where one cannot be compiled, each alone, and why it cannot."""
    try:
        return [_compile(product, forms)], {}
    except CompilationError as error:
        if len(forms) == 1:
            return [], {forms[0]: _reason(error)}
    compiled: list[Compiled] = []
    failed: dict[Form, str] = {}
    for form in forms:
        modules, reasons = compile_forms(product, [form])
        compiled += modules
        failed |= reasons
    return compiled, failed


def _reason(error: Exception) -> str:
    """The first message of the compiler, without its place."""
    lines = [line for line in str(error).splitlines()[1:] if "error:" in line]
    return lines[0].partition("error: ")[2][:100] if lines else "IREE's compiler fails"


def _compile(product: Product, forms: Sequence[Form]) -> Compiled:
    with make_context(), Location.unknown():
        module = Module.parse(_text(product, forms))
        for function, form in zip(functions(module), forms, strict=True):
            if form != PLAIN:
                _rewrite(function, product, form)
        FoldFrozen(only="arrangements").run(module)
        values = _folded(module, _frozen(product, forms))
        PockToIree().run(module)
        return Compiled(compile_module(str(module), TARGETS["cpu"]).vmfb, forms, values)


def _rewrite(function: Any, product: Product, form: Form) -> None:
    (op,) = [op for op in body(function).operations if op.operation.name == "stablehlo.dot_general"]
    lhs, rhs = op.operands
    made = build_product(Builder.before(op), lhs, rhs, product, form)
    op.operation.results[0].replace_all_uses_with(made)
    op.operation.erase()


def _text(product: Product, forms: Sequence[Form]) -> str:
    """A module with a function for each form, all of which multiply; what is frozen is a buffer."""
    types = {"lhs": _type(product.lhs_shape), "rhs": _type(product.rhs_shape)}
    frozen = _frozen_names(product)
    declared = {
        f'"pock.parameter"() {{sym_name = "{_buffer(name, form)}", kind = "buffer", '
        f"type = {types[name]}}} : () -> ()"
        for name in frozen
        for form in forms
    }
    arguments = ", ".join(
        f"%{name}: {type_}" for name, type_ in types.items() if name not in frozen
    )
    result = _type((*product.stack, product.m, product.n))
    made: list[str] = []
    for i, form in enumerate(forms):
        reads = [
            f'%{name} = "pock.read"() {{parameter = @{_buffer(name, form)}}} : () -> {types[name]}'
            for name in frozen
        ]
        made.append(f"""func.func @form{i}({arguments}) -> {result} {{
          {" ".join(reads)}
          %y = stablehlo.dot_general %lhs, %rhs, {_dimensions(product)}
            : ({types["lhs"]}, {types["rhs"]}) -> {result}
          return %y : {result}
        }}""")
    return "\n".join([*sorted(declared), *made])


def _buffer(operand: str, form: Form) -> str:
    """A buffer for each way to arrange an operand: `fold-frozen` arranges one in one way only."""
    return f"{operand}.{form.kind}.{form.tile.columns if form.tile and form.has_panels else 0}"


def _type(shape: Sequence[int]) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def _dimensions(product: Product) -> str:
    first = len(product.stack)
    i, j = first + product.lhs_rows_first, first + (not product.rhs_columns_last)
    stacked = list(range(first))
    batching = f"batching_dims = {stacked} x {stacked}, " if stacked else ""
    return f"{batching}contracting_dims = [{i}] x [{j}]"


def _frozen_names(product: Product) -> list[str]:
    frozen = {"lhs": product.lhs_frozen, "rhs": product.rhs_frozen}
    return [name for name, is_frozen in frozen.items() if is_frozen]


def _folded(module: Module, values: dict[str, Array]) -> dict[str, Array]:
    """The values of all that the module reads; the function that computes some is erased."""
    names = [name for name, op in parameters(module).items() if op.kind.value == "folded"]
    if names:
        results = host.evaluate(module, "fold", values)
        assert results is not None, "an arrangement is made of reshapes and transposes"
        values = values | dict(zip(names, results, strict=True))
        (fold,) = [f for f in functions(module) if f.sym_name.value == "fold"]
        fold.operation.erase()
    erase_unread_parameters(module)
    return {name: values[name] for name in parameters(module)}


# ---- operands --------------------------------------------------------------------------------


def _operands(product: Product) -> dict[str, Array]:
    """The same random matrices each time."""
    random = np.random.default_rng(0)
    shapes = {"lhs": product.lhs_shape, "rhs": product.rhs_shape}
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def _frozen(product: Product, forms: Sequence[Form]) -> dict[str, Array]:
    names = _frozen_names(product)
    operands = _operands(product) if names else {}
    return {_buffer(name, form): operands[name] for name in names for form in forms}


def reference(product: Product, lhs: Array, rhs: Array) -> Array:
    """The product by NumPy, in double precision."""
    a = lhs if product.lhs_rows_first else np.swapaxes(lhs, -1, -2)
    b = rhs if product.rhs_columns_last else np.swapaxes(rhs, -1, -2)
    return a.astype(np.float64) @ b.astype(np.float64)


# ---- timing ----------------------------------------------------------------------------------

Run = Callable[[], object]


def time_forms(
    product: Product,
    compiled: Sequence[Compiled],
    failed: Mapping[Form, str],
    *,
    seconds: float = 0.15,
    threads: int = 1,
) -> Measured:
    """Check and time what `compile_forms` made, on this machine."""
    driver = "local-sync" if threads == 1 else "local-task"
    device = open_device(driver, None if threads == 1 else threads)
    operands = _operands(product)
    expected = reference(product, operands["lhs"], operands["rhs"])
    given = [operands[name] for name in operands if name not in _frozen_names(product)]
    failed, runs = dict(failed), dict[Form, Run]()
    for each in compiled:
        module = DeviceModule(each.code, each.values, {}, device, driver)
        for i, form in enumerate(each.forms):
            if wrong := _problem(module, f"form{i}", given, expected):
                failed[form] = wrong
            else:
                runs[form] = module.prepared(f"form{i}", *given)
    clock = time.thread_time if threads == 1 else time.perf_counter
    return Measured.of(_interleaved(runs, seconds, clock), failed)


def _problem(module: DeviceModule, name: str, given: Sequence[Array], expected: Array) -> str:
    """Why a function may not be chosen, or nothing."""
    try:
        (result,) = module.call(name, *given)
    except DeviceError as error:
        return str(error)[:100]
    error = np.abs(result - expected).max() / np.abs(expected).max()
    return "" if error <= TOLERANCE else f"wrong by {error:.1e}"


_BURST = 2e-4
"""Seconds that a sample takes at least, so that the clock is fine enough."""
_HOPELESS = 1.5
"""What takes this much longer than the best one is timed no further."""
_FEWEST, _MOST = 5, 100
"""Samples of a form."""


def _interleaved(
    runs: Mapping[Form, Run], seconds: float, clock: Callable[[], float]
) -> dict[Form, float]:
    """The median of each in nanoseconds, of samples in turn."""
    bursts = {form: max(1, int(_BURST / _once(run, 1, clock))) for form, run in runs.items()}
    samples: dict[Form, list[float]] = {form: [] for form in runs}
    left, started = list(runs), time.perf_counter()
    for done in range(1, _MOST + 1):
        for form in left:
            samples[form].append(_once(runs[form], bursts[form], clock))
        best = min(min(samples[form]) for form in left) if left else 0
        if done >= 2:
            left = [form for form in left if min(samples[form]) <= _HOPELESS * best]
        if done >= _FEWEST and time.perf_counter() - started > seconds * len(left):
            break
    return {form: 1e9 * median(times) for form, times in samples.items()}


def _once(run: Run, burst: int, clock: Callable[[], float]) -> float:
    started = clock()
    for _ in range(burst):
        run()
    return (clock() - started) / burst
