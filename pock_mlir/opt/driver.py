"""What `pock-opt` does with its input."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from pock_mlir.dialects import make_context
from pock_mlir.ir import Context, Location, MLIRError, Module
from pock_mlir.opt.arguments import Options, suggestion
from pock_mlir.opt.expected import DiagnosticVerifier
from pock_mlir.opt.printer import DiagnosticPrinter
from pock_mlir.pipelines import (
    Pass,
    PipelineError,
    PipelineFailure,
    parse_pipeline,
    pipeline_text,
    run_pipeline,
)
from pock_mlir.pipelines.diagnostics import Diagnostic, from_mlir_error
from pock_mlir.pipelines.elements import COMMON_UPSTREAM_PASSES
from pock_mlir.pipelines.reproducer import read_reproducer
from pock_mlir.pipelines.runner import verify_module
from pock_mlir.pipelines.timing import Timing
from pock_mlir.pipelines.transforms import load_transform_ops

_SEPARATOR = "// -----"
_BYTECODE = b"ML\xefR"

Sink: TypeAlias = DiagnosticVerifier | DiagnosticPrinter


class InputError(Exception):
    """The input cannot be read, or the output not written."""


def run(options: Options) -> int:
    """Do what the command line asks for; returns the exit code."""
    if options.help or options.version or options.show_dialects:
        from pock_mlir.opt import about

        about.print_about(options)
        return 0
    try:
        return _Run(options).run()
    except (InputError, PipelineError) as error:
        print(f"pock-opt: {error}", file=sys.stderr)
        return 1


_SHORT_FORM = re.compile(r"""^[^"\n/]*?\b(pock(?:_transform)?\.\w+)""", re.MULTILINE)


def _unexplained(error: MLIRError, text: str) -> Diagnostic:
    """What to say when MLIR fails without a word, as it does on the short form of our ops."""
    short = _SHORT_FORM.search(text)
    if short is None:
        return Diagnostic("error", Location.unknown(), str(error))
    line = text.count("\n", 0, short.start(1)) + 1
    column = short.start(1) - text.rfind("\n", 0, short.start(1))
    message = (
        f"ops of this dialect have no short form; write the generic one: "
        f'"{short[1]}"(...) {{...}} : (...) -> ...'
    )
    return Diagnostic("error", Location.file("-", line, column), message)


class _Run:
    """One input through one pipeline."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.name = "<stdin>" if options.input == "-" else options.input
        self.context = make_context(allow_unregistered=options.unregistered)
        load_transform_ops(self.context)
        self.timing = Timing() if options.timing else None
        self.verify = options.verify_each
        self.passes: list[Pass] = []

    def run(self) -> int:
        data = _read(self.options.input)
        text = "" if data.startswith(_BYTECODE) else _decode(data, self.name)
        if self.options.run_reproducer:
            text, self.options.pipeline, self.verify = read_reproducer(text)
        self.passes = _passes(self.options, self.context)
        if self.options.dump:
            print(pipeline_text(self.passes), file=sys.stderr)
        chunks = list(_split(text)) if self.options.split else [text]
        outputs = [self._chunk(chunk, data) for chunk in chunks]
        if self.timing:
            sys.stderr.write(self.timing.report())
        self._write([output for output in outputs if output is not None], None in outputs)
        return int(None in outputs)

    def _chunk(self, text: str, data: bytes) -> bytes | None:
        """The output for one part of the input; None when there was an error."""
        check = DiagnosticVerifier if self.options.verify_diagnostics else DiagnosticPrinter
        sink = check(self.name, text, sys.stderr)

        def handle(native: object) -> bool:
            sink.emit(Diagnostic.of(native))
            return True

        with self.context:
            handler: Any = self.context.attach_diagnostic_handler(handle)
            try:
                output = self._process(text or data)
            except PipelineFailure as failure:
                output = self._report(failure, sink)
            except MLIRError as error:
                output = b""
                for diagnostic in from_mlir_error(error) or [_unexplained(error, text)]:
                    sink.emit(diagnostic)
            finally:
                handler.detach()
        return output if sink.finish() else None

    def _report(self, failure: PipelineFailure, sink: Sink) -> bytes:
        for diagnostic in failure.diagnostics:
            sink.emit(diagnostic)
        if failure.reproducer:
            print(f"pock-opt: reproducer written to {failure.reproducer}", file=sys.stderr)
        if failure.internal:
            traceback.print_exception(failure.__cause__)
        return b""

    def _process(self, source: str | bytes) -> bytes:
        module = self._parse(source)
        if not self.verify:
            verify_module(module)
        options = self.options
        run_pipeline(
            module,
            self.passes,
            verify=self.verify,
            print_before_all=sys.stderr if options.print_before else None,
            print_after_all=sys.stderr if options.print_after else None,
            show=lambda module: _text(module, options),
            timing=self.timing,
            reproducer_path=options.reproducer or None,
        )
        return _printed(module, options)

    def _parse(self, source: str | bytes) -> Module:
        whole = not (self.options.split or self.options.run_reproducer)
        if whole and self.options.input != "-":
            return Module.parseFile(self.options.input, self.context)
        return Module.parse(source, self.context)

    def _write(self, outputs: list[bytes], failed: bool) -> None:
        joined = f"{_SEPARATOR}\n".encode().join(outputs)
        if self.options.output == "-":
            sys.stdout.buffer.write(joined)
            sys.stdout.buffer.flush()
        elif not failed:
            _write_file(Path(self.options.output), joined)


def _printed(module: Module, options: Options) -> bytes:
    if options.bytecode:
        return module.operation.get_asm(binary=True)
    return f"{_text(module, options)}\n".encode()


def _text(module: Module, options: Options) -> str:
    text = module.operation.get_asm(
        enable_debug_info=options.debuginfo,
        print_generic_op_form=options.generic,
        use_local_scope=options.local_scope,
        large_elements_limit=options.elide or None,
    )
    return text.rstrip()


def _passes(options: Options, context: Context) -> list[Pass]:
    if options.pipeline:
        return parse_pipeline(options.pipeline, context)
    passes = []
    for element in options.passes:
        try:
            passes += parse_pipeline(element, context, nest=True)
        except PipelineError as error:
            name = element.partition("{")[0]
            if not str(error).startswith("unknown pass"):
                raise
            close = suggestion(name, COMMON_UPSTREAM_PASSES)
            raise PipelineError(f"unknown option or pass '--{name}'{close}") from None
    return passes


def _read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot open input file '{path}': {error.strerror}") from None


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"'{name}' is neither UTF-8 text nor MLIR bytecode: {error}") from None


def _split(text: str) -> Iterator[str]:
    """The parts of a file, each after as many blank lines as it has lines before it."""
    part: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if line.rstrip() == _SEPARATOR:
            yield "\n".join(part)
            part = [""] * (number + 1)
        else:
            part.append(line)
    yield "\n".join(part) + "\n"


def _write_file(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"cannot write output file '{path}': {error.strerror}") from None
