"""Measuring the forms of a matrix product or a convolution on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from pock_mlir.backends.iree.compiler import CompilationError, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.subjects import build_module, frozen_names, operands, reference
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location
from pock_mlir.runtime.device import DeviceModule, open_device
from pock_mlir.runtime.errors import DeviceError
from pock_mlir.tuning import Form, Measured, Subject, Tuning

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-4
"""Of the largest error, relative to the largest element of the result."""


def measure(
    subject: Subject,
    forms: Sequence[Form],
    tuning: Tuning | None = None,
    *,
    seconds: float = 0.15,
) -> Measured:
    """Compile forms of a subject, check their numbers, and time them on one thread, in turn.

    Operands that are frozen are arranged before; arranging others is part of the time.

    Args:
        subject: of f32.
        forms: those that fit the subject.
        tuning: says which form the products within Winograd's have; by default what is shipped.
        seconds: about how long each form that is not clearly slower may run.
    """
    compiled, failed = compile_forms(subject, forms, tuning)
    return time_forms(subject, compiled, failed, seconds=seconds)


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
    subject: Subject, forms: Sequence[Form], tuning: Tuning | None = None
) -> tuple[list[Compiled], dict[Form, str]]:
    """All forms as one module; where one cannot be compiled, each alone, and why it cannot."""
    try:
        return [_compile(subject, forms, tuning or Tuning.load())], {}
    except CompilationError as error:
        if len(forms) == 1:
            return [], {forms[0]: _reason(error)}
    compiled: list[Compiled] = []
    failed: dict[Form, str] = {}
    for form in forms:
        modules, reasons = compile_forms(subject, [form], tuning)
        compiled += modules
        failed |= reasons
    return compiled, failed


def _reason(error: Exception) -> str:
    """The first message of the compiler, without its place."""
    lines = [line for line in str(error).splitlines()[1:] if "error:" in line]
    return lines[0].partition("error: ")[2][:100] if lines else "IREE's compiler fails"


def _compile(subject: Subject, forms: Sequence[Form], tuning: Tuning) -> Compiled:
    with make_context(), Location.unknown():
        module, values = build_module(subject, forms, tuning)
        target = TARGETS["cpu"]
        PockToIree(vector_width=target.vector_width).run(module)
        return Compiled(compile_module(str(module), target).vmfb, forms, values)


# ---- timing ----------------------------------------------------------------------------------

Run = Callable[[], object]
_DRIVER = "local-sync"
"""Runs kernels on the thread that calls."""


def time_forms(
    subject: Subject,
    compiled: Sequence[Compiled],
    failed: Mapping[Form, str],
    *,
    seconds: float = 0.15,
) -> Measured:
    """Check and time what `compile_forms` made, on this machine."""
    device = open_device(_DRIVER)
    values, frozen = operands(subject), frozen_names(subject)
    expected = reference(subject, values["lhs"], values["rhs"])
    given = [values[name] for name in values if name not in frozen]
    failed, runs = dict(failed), dict[Form, Run]()
    for each in compiled:
        module = DeviceModule(each.code, each.values, {}, device, _DRIVER)
        for i, form in enumerate(each.forms):
            if wrong := _problem(module, f"form{i}", given, expected):
                failed[form] = wrong
            else:
                runs[form] = module.prepared(f"form{i}", *given)
    return Measured.of(_interleaved(runs, seconds), failed, subject)


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


def _interleaved(runs: Mapping[Form, Run], seconds: float) -> dict[Form, float]:
    """The median of each in nanoseconds, of samples in turn."""
    bursts = {form: max(1, int(_BURST / _once(run, 1))) for form, run in runs.items()}
    samples: dict[Form, list[float]] = {form: [] for form in runs}
    left, started = list(runs), time.perf_counter()
    for done in range(1, _MOST + 1):
        for form in left:
            samples[form].append(_once(runs[form], bursts[form]))
        best = min(min(samples[form]) for form in left) if left else 0
        if done >= 2:
            left = [form for form in left if min(samples[form]) <= _HOPELESS * best]
        if done >= _FEWEST and time.perf_counter() - started > seconds * len(left):
            break
    return {form: 1e9 * median(times) for form, times in samples.items()}


def _once(run: Run, burst: int) -> float:
    """Seconds of a run that the processor gives this thread: waiting does not count."""
    started = time.thread_time()
    for _ in range(burst):
        run()
    return (time.thread_time() - started) / burst
