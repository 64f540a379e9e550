"""What a traced JAX function may not contain, because lowering it to StableHLO would lose it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from pock_mlir.importers import ModelImportError

_LIBRARY = str(Path(jax.__file__).parent)


def check_derivatives(closed_jaxpr: Any, name: str) -> None:
    """Check that no derivative is defined or stopped by hand, outside of JAX's own functions.

    Those of JAX's own (relu, softmax, logsumexp, ...) agree with the derivative of what they
    compute, which is what the compiler derives.

    Raises:
        ModelImportError: with every place.
    """
    problems = list(dict.fromkeys(_problems(closed_jaxpr.jaxpr)))
    if problems:
        raise ModelImportError(
            f"{name} defines derivatives of its own, which would be lost; move them out of the "
            "model, or freeze the parameters behind them with a scheme:",
            problems,
        )


def _problems(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        primitive = equation.primitive.name
        if primitive in ("custom_jvp_call", "custom_vjp_call"):
            info = equation.params["call_jaxpr"].jaxpr.debug_info
            if _LIBRARY not in info.func_src_info:
                yield f"{primitive.removesuffix('_call')} of {_without_folder(info.func_src_info)}"
        elif primitive == "stop_gradient" and (place := _place(equation)) is not None:
            yield f"stop_gradient in {place}"
        for inner in _inner(equation.params):
            yield from _problems(inner)


def _inner(parameters: dict[str, Any]) -> Iterator[Any]:
    for value in parameters.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            jaxpr = getattr(each, "jaxpr", each)
            if hasattr(jaxpr, "eqns"):
                yield jaxpr


def _place(equation: Any) -> str | None:
    """Who called jax.lax.stop_gradient; None where that is JAX itself."""
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback is not None else []
    after = [i for i, frame in enumerate(frames) if frame.function_name == "stop_gradient"]
    callers = frames[after[-1] + 1 :] if after else []
    if not callers:
        return "the model"
    caller = callers[0]
    if caller.file_name.startswith(_LIBRARY):
        return None
    return f"{caller.function_name}, {Path(caller.file_name).name}:{caller.line_num}"


def _without_folder(source: str) -> str:
    """`f at /path/file.py:3` without the path's folders."""
    function, _, place = source.partition(" at ")
    return f"{function}, {Path(place).name}" if place else function
