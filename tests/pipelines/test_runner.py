"""What run_pipeline promises, with passes made for the purpose."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Module, UnitAttr
from pock_mlir.passes import ModulePass, PassError
from pock_mlir.pipelines import PipelineFailure, Upstream, run_pipeline
from pock_mlir.pipelines.reproducer import read_reproducer
from pock_mlir.pipelines.timing import Timing

IR = """
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %0 = stablehlo.add %w, %x : tensor<2xf32>
  %1 = stablehlo.add %w, %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""


@dataclass(frozen=True)
class Call(ModulePass):
    """Calls a function with the module."""

    name = "call"
    does: Callable[[Module], None] = lambda module: None

    def run(self, module: Module) -> None:
        self.does(module)


@dataclass(frozen=True)
class Mark(ModulePass):
    """Sets an attribute of the module."""

    name = "mark"

    def run(self, module: Module) -> None:
        module.operation.attributes["pock.marked"] = UnitAttr.get()


def parse(text: str = IR) -> Module:
    return Module.parse(text, make_context())


def erase_parameter(module: Module) -> None:
    module.body.operations[0].operation.erase()


def fail(module: Module) -> None:
    function = module.body.operations[1]
    raise PassError([(function.location, "first"), (module.operation.location, "second")])


def test_ours_and_upstreams_run_in_order():
    module = parse()
    seen: list[int] = []
    count = Call(lambda m: seen.append(str(m).count("stablehlo.add")))
    run_pipeline(module, [count, Upstream("cse"), Upstream("func.func(sccp)"), count, Mark()])
    assert seen == [2, 1]
    assert "pock.marked" in module.operation.attributes


def test_every_problem_of_a_pass_is_reported():
    with pytest.raises(PipelineFailure) as caught:
        run_pipeline(parse(), [Upstream("cse"), Call(fail)])
    failure = caught.value
    assert [d.message for d in failure.diagnostics] == ["first", "second"]
    assert isinstance(failure, PassError) and len(failure.problems) == 2
    assert failure.reproducer is None and not failure.internal


def test_a_defect_of_a_pass_is_reported_with_its_cause():
    with pytest.raises(
        PipelineFailure, match="internal error in pass 'call': ZeroDivisionError"
    ) as e:
        run_pipeline(parse(), [Call(lambda m: 1 // 0)])  # pyright: ignore[reportArgumentType]
    assert e.value.internal and isinstance(e.value.__cause__, ZeroDivisionError)


def test_what_a_pass_leaves_is_verified():
    with pytest.raises(PipelineFailure, match="which no pock.parameter declares") as caught:
        run_pipeline(parse(), [Call(erase_parameter), Upstream("cse")])
    assert caught.value.failed.startswith("call")
    run_pipeline(parse(), [Call(erase_parameter), Upstream("cse")], verify=False)


def test_the_input_is_verified():
    module = parse()
    erase_parameter(module)
    with pytest.raises(PipelineFailure, match="which no pock.parameter declares") as caught:
        run_pipeline(module, [])
    assert caught.value.failed == ""


def test_the_reproducer_holds_the_ir_before_the_failing_pass(tmp_path: Path):
    path = tmp_path / "failing.mlir"
    with pytest.raises(PipelineFailure) as caught:
        run_pipeline(
            parse(), [Upstream("cse"), Mark(), Broken(), Upstream("sccp")], reproducer_path=path
        )
    assert caught.value.reproducer == path
    ir, pipeline, verify = read_reproducer(path.read_text())
    assert pipeline == "builtin.module(broken,sccp)" and verify
    again = parse(ir)
    assert "pock.marked" in again.operation.attributes
    assert str(again).count("stablehlo.add") == 1 and "pock.parameter" in str(again)
    assert list(tmp_path.iterdir()) == [path]


@dataclass(frozen=True)
class Broken(ModulePass):
    """Leaves invalid IR."""

    name = "broken"

    def run(self, module: Module) -> None:
        erase_parameter(module)


def test_nothing_is_written_when_all_goes_well(tmp_path: Path):
    run_pipeline(parse(), [Upstream("cse"), Mark()], reproducer_path=tmp_path / "no.mlir")
    assert not list(tmp_path.iterdir())


def test_printing_and_timing_see_each_pass():
    before, after, timing = io.StringIO(), io.StringIO(), Timing()
    passes = [Upstream("cse"), Upstream("sccp"), Mark()]
    run_pipeline(parse(), passes, print_before_all=before, print_after_all=after, timing=timing)
    assert [name for name, _ in timing.rows] == ["cse", "sccp", "mark"]
    assert before.getvalue().count("IR Dump Before") == 3
    assert after.getvalue().count("IR Dump After") == 3
    assert after.getvalue().count("attributes {pock.marked}") == 1
    assert before.getvalue().count("attributes {pock.marked}") == 0
    assert "Total" in timing.report()


def test_a_failing_upstream_pass_is_reported():
    text = "module attributes {transform.with_named_sequence} {}"
    with pytest.raises(PipelineFailure) as caught:
        run_pipeline(parse(text), [Upstream("transform-interpreter")])
    assert caught.value.diagnostics and caught.value.failed == "transform-interpreter"
