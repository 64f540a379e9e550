"""Running a pipeline: verification around every pass, located failures, a reproducer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from pock_mlir.dialects.verify import module_problems
from pock_mlir.ir import MLIRError, Module, Operation, PassManager
from pock_mlir.passes import ModulePass, PassError
from pock_mlir.pipelines.diagnostics import Diagnostic, errors, from_mlir_error
from pock_mlir.pipelines.elements import Pass, Upstream, pass_text, pipeline_text
from pock_mlir.pipelines.reproducer import write_reproducer
from pock_mlir.pipelines.timing import Timing


class PipelineFailure(PassError):
    """A pass failed, or left IR that does not verify.

    `diagnostics` has the problems with severities and notes, `failed` the pass as text ("" when
    the input itself does not verify), `reproducer` the file that repeats it, if one was asked for,
    and `internal` is true for a defect of the pass, whose exception is then the cause.
    """

    def __init__(self, failed: str, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__([(d.location, d.message) for d in diagnostics])
        self.failed = failed
        self.diagnostics = list(diagnostics)
        self.reproducer: Path | None = None
        self.internal = False


def run_pipeline(
    module: Module,
    passes: Sequence[Pass],
    *,
    verify: bool = True,
    print_before_all: TextIO | None = None,
    print_after_all: TextIO | None = None,
    show: Callable[[Module], str] = str,
    timing: Timing | None = None,
    reproducer_path: str | Path | None = None,
) -> None:
    """Run `passes` on `module`, in place.

    Args:
        module: changed in place, and half changed after a failure.
        passes: runs of upstream's passes between ours go to one PassManager each.
        verify: verify the module, and what `dialects/verify.py` adds, before and after each pass.
        print_before_all: print the module there before each pass.
        print_after_all: print the module there after each pass.
        show: how to print it.
        timing: collects seconds per pass.
        reproducer_path: where to write the IR before a failing pass, with the rest of the pipeline.

    Raises:
        PipelineFailure: the first pass that failed, with all that it found.
    """
    if verify:
        verify_module(module)
    step = bool(print_before_all or print_after_all or timing or reproducer_path)
    done = 0
    for group in _groups(passes, one_by_one=step):
        text = ",".join(map(pass_text, group))
        before = module.operation.clone() if reproducer_path else None
        _print(print_before_all, "Before", text, module, show)
        try:
            with (timing or Timing()).measure(text):
                _run_group(module, group, text)
                if verify:
                    verify_module(module, text)
        except PipelineFailure as failure:
            _reproduce(failure, reproducer_path, before, passes[done:], verify)
            raise
        _print(print_after_all, "After", text, module, show)
        done += len(group)


def verify_module(module: Module, after: str = "") -> None:
    """Check everything that must hold of `module` (`after`: the pass that made it).

    Raises:
        PipelineFailure: with every problem found.
    """
    try:
        module.operation.verify()
    except MLIRError as error:
        raise PipelineFailure(after, from_mlir_error(error)) from None
    if problems := module_problems(module):
        raise PipelineFailure(after, errors(problems))


def _groups(passes: Sequence[Pass], *, one_by_one: bool) -> Iterator[list[Pass]]:
    """One of ours, or neighbours of upstream's that share a PassManager."""
    group: list[Pass] = []
    for pass_ in passes:
        together = isinstance(pass_, Upstream) and not one_by_one
        if group and not (together and isinstance(group[-1], Upstream)):
            yield group
            group = []
        group.append(pass_)
    if group:
        yield group


def _run_group(module: Module, group: Sequence[Pass], text: str) -> None:
    if isinstance(group[0], ModulePass):
        _run_ours(module, group[0])
        return
    with module.context:
        manager = PassManager.parse(pipeline_text(group))
        # The module is verified when the group is done, together with its symbols.
        manager.enable_verifier(False)
        try:
            manager.run(module.operation)
        except MLIRError as error:
            found = from_mlir_error(error)
            fallback = errors([(module.operation.location, f"pass failed: {text}")])
            raise PipelineFailure(text, found or fallback) from None


def _run_ours(module: Module, pass_: ModulePass) -> None:
    location = module.operation.location
    try:
        with module.context, location:
            pass_.run(module)
    except PassError as error:
        found = errors(error.problems)
        raise PipelineFailure(pass_text(pass_), found) from error
    except MLIRError as error:
        found = from_mlir_error(error) or errors([(location, str(error))])
        raise PipelineFailure(pass_text(pass_), found) from error
    except Exception as error:
        message = f"internal error in pass '{pass_.name}': {type(error).__name__}: {error}"
        failure = PipelineFailure(pass_text(pass_), errors([(location, message)]))
        failure.internal = True
        raise failure from error


def _print(
    stream: TextIO | None, when: str, text: str, module: Module, show: Callable[[Module], str]
) -> None:
    if stream:
        stream.write(f"// -----// IR Dump {when} {text} //----- //\n{show(module)}\n\n")
        stream.flush()


def _reproduce(
    failure: PipelineFailure,
    path: str | Path | None,
    before: Operation | None,
    passes: Sequence[Pass],
    verify: bool,
) -> None:
    if path is not None and before is not None:
        failure.reproducer = write_reproducer(path, str(before), passes, verify=verify)
