"""Passes as transform ops, beyond what lit/dialects/pock_transform shows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.dialects.pock_transform import TransformError
from pock_mlir.ir import Module, Operation, StringAttr, UnitAttr, transform_interpreter
from pock_mlir.passes import REGISTRY, ModulePass, PassError
from pock_mlir.pipelines.transforms import apply_to, load_transform_ops

PAYLOAD = """
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @a() { return }
func.func @b() { return }
func.func @c() { return }
"""


@dataclass(frozen=True)
class Rename(ModulePass):
    """Renames every function that it sees, and can fail after that."""

    name = "rename"
    to: str = ""
    fail: bool = False

    def run(self, module: Module) -> None:
        module.operation.attributes["pock.seen"] = UnitAttr.get()
        for op in module.body.operations:
            if op.operation.name == "func.func":
                op.operation.attributes["sym_name"] = StringAttr.get(self.to)
        if self.fail:
            raise PassError.at(module.body.operations[0], "on purpose")


def parse(text: str = PAYLOAD) -> Module:
    return Module.parse(text, make_context())


def function(module: Module, index: int) -> Operation:
    functions = [op for op in module.body.operations if op.operation.name == "func.func"]
    return functions[index].operation


def names(module: Module) -> list[str]:
    return [StringAttr(op.operation.attributes["sym_name"]).value for op in module.body.operations]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_only_the_target_changes_and_all_keep_their_places(index: int):
    module = parse()
    target = function(module, index)
    assert apply_to(Rename("d"), target) == [target]
    expected = ["w", "a", "b", "c"]
    expected[index + 1] = "d"
    assert names(module) == expected
    assert "pock.seen" in module.operation.attributes
    assert module.operation.verify()


def test_a_failing_pass_leaves_the_ops_in_the_module():
    module = parse()
    with pytest.raises(TransformError), module.context:
        apply_to(Rename("d", fail=True), function(module, 1))
    assert names(module) == ["w", "a", "d", "c"]


def test_a_name_that_the_pass_could_not_see_is_refused(capfd: pytest.CaptureFixture[str]):
    module = parse()
    with pytest.raises(TransformError):
        apply_to(Rename("c"), function(module, 0))
    assert "the module already has a symbol called 'c'" in capfd.readouterr().err


def test_every_pass_has_an_op_in_every_context():
    for _ in range(2):
        context = make_context()
        load_transform_ops(context)
        load_transform_ops(context)
        for name in REGISTRY:
            assert context.is_registered_operation(f"pock_transform.{name.replace('-', '_')}")


def test_the_interpreter_runs_a_schedule_of_another_module():
    context = make_context()
    load_transform_ops(context)
    payload = Module.parse(PAYLOAD, context)
    schedule = Module.parse(
        """module attributes {transform.with_named_sequence} {
          transform.named_sequence @main(%root: !transform.any_op) {
            %0 = "pock_transform.apply_optimizer"(%root) : (!transform.any_op) -> !transform.any_op
            transform.annotate %0 "done" : !transform.any_op
            transform.yield
          }
        }""",
        context,
    )
    main = schedule.body.operations[0]
    transform_interpreter.apply_named_sequence(payload, main, schedule)
    assert "done" in payload.operation.attributes
