"""Errors as people see them: one message on stderr, and an exit code that is not 0."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

_P = ParamSpec("_P")

debugging = False
"""Whether errors show their traceback; set by `pock --debug`."""

# Raised with messages for people, here and in the libraries; any other exception is a defect.
_EXPECTED = (ValueError, ImportError, OSError)
_NOWHERE = "loc(unknown): "


def reported(command: Callable[_P, None]) -> Callable[_P, None]:
    """`command`, with its errors printed instead of raised."""

    @functools.wraps(command)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Exception as error:
            if debugging or type(error).__module__.startswith("typer."):
                raise
            typer.echo(f"error: {message(error)}", err=True)
            raise typer.Exit(1) from error

    return wrapper


def message(error: Exception) -> str:
    """What to tell a person about an exception."""
    ours = type(error).__module__.partition(".")[0] == "pock_mlir"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"no such file: {error.filename}"
    if ours or isinstance(error, _EXPECTED):
        return str(error).replace(_NOWHERE, "") or type(error).__name__
    return (
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a defect of pock-mlir; run `pock --debug ...` for the traceback."
    )
