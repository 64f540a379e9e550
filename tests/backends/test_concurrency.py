"""Commands wait for those whose memory they share, and for no others."""

import re
from typing import Any

import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.backends.iree import concurrency
from pock_mlir.backends.iree.concurrency import overlap_commands, stages
from pock_mlir.runtime import Trainer
from tests.support.training import OPTIMIZERS, make_task

HEAD = """\
  util.func public @train_step() {
    %a, %t = stream.resource.alloca uninitialized => !stream.resource<transient>{%c256}
    %w = util.global.load @w : !stream.resource<variable>
    %again = util.global.load @w : !stream.resource<variable>
    %part = stream.resource.subview %a[%c0] : !stream.resource<transient>{%c256}
    %0 = stream.cmd.execute on(#here) await(%t) => with(%a as %m: !s{%c256}, %w as %v: !s{%c256}, \
%again as %u: !s{%c256}, %part as %p: !s{%c64}) {
"""
TAIL = "    } => !stream.timepoint\n  }\n"


def kernel(name: str, *accesses: str) -> str:
    bound = ",\n".join(f"        {access} : !s{{%c256}}" for access in accesses)
    return f"      stream.cmd.dispatch @{name} {{\n{bound}\n      }}\n"


def fill(offset: int) -> str:
    return f"      stream.cmd.fill %c0_i32, %m[%c{offset} for %c64] : i32 -> !s{{%c256}}\n"


STAGES = concurrency._stages
READ, WRITE = "ro %m[%c0 for %c64]", "wo %m[%c0 for %c64]"
OTHER, UPDATE = "wo %m[%c64 for %c64]", "rw %v[%c0_1 for %c64]"
WAITING = {
    "a reader of what is written": ([WRITE], [READ, OTHER]),
    "a writer of what is read": ([READ, OTHER], [WRITE]),
    "a writer of what is written": ([WRITE], [WRITE]),
    "one that shares a byte": ([WRITE], ["wo %m[%c63 for %c64]"]),
    "an update of a weight that is read": (["ro %v[%c0 for %c64]"], [UPDATE]),
    "an update of a weight that was loaded twice": (["ro %u[%c0 for %c64]"], [UPDATE]),
    "a part of memory that has another name": ([WRITE], ["ro %p[%c0 for %c64]"]),
    "a place that is not known": ([WRITE], ["ro %m[%offset for %c64]"]),
    "a length that is not known": ([WRITE], ["ro %m[%c0 for %length]"]),
}
FREE = {
    "two readers": ([READ, OTHER], [READ, "wo %m[%c128 for %c64]"]),
    "places side by side": ([WRITE], [OTHER]),
    "a weight and memory of the step": ([WRITE], [UPDATE]),
}


def order(*commands: str) -> str:
    """Names of kernels as they come, those of a stage in brackets."""
    text = overlap_commands(HEAD + "".join(commands) + TAIL)
    words = re.findall(r"@(k\d)|(concurrent) \{|^(      \})", text, re.MULTILINE)
    inside, out = False, ""
    for name, begins, ends in words:
        out += name or "[" * bool(begins) or "]" * (inside and bool(ends))
        inside = bool(begins) or (inside and not ends)
    return out


@pytest.mark.parametrize("case", WAITING)
def test_a_command_waits_for(case: str) -> None:
    first, second = WAITING[case]
    assert order(kernel("k1", *first), kernel("k2", *second)) == "k1k2"
    assert order(kernel("k1", *second), kernel("k2", *first)) == "k1k2"


@pytest.mark.parametrize("case", FREE)
def test_a_command_does_not_wait_for(case: str) -> None:
    first, second = FREE[case]
    assert order(kernel("k1", *first), kernel("k2", *second)) == "[k1k2]"


def test_a_command_goes_as_far_up_as_it_can() -> None:
    chain = [kernel("k1", WRITE), kernel("k2", READ, OTHER)]
    assert order(*chain, kernel("k3", "wo %m[%c128 for %c64]")) == "[k1k3]k2"
    assert order(*chain, kernel("k3", READ, "wo %m[%c128 for %c64]")) == "k1[k2k3]"


def test_fills_and_copies_have_places_too() -> None:
    copy = "      stream.cmd.copy %m[%c0], %v[%c64], %c64 : !s{%c256} -> !s{%c256}\n"
    assert order(fill(0), kernel("k1", READ)) == "k1", "no brackets: it reads what is filled"
    assert order(fill(64), kernel("k1", READ)) == "[k1]"
    assert order(copy, kernel("k1", "wo %m[%c32 for %c64]")) == "k1"
    assert order(copy, kernel("k1", "ro %v[%c64 for %c64]")) == "k1"
    assert order(copy, kernel("k1", "ro %v[%c128 for %c64]", READ)) == "[k1]"


def test_an_unknown_command_waits_for_all_and_all_for_it() -> None:
    call = "      stream.cmd.call @k2() : () -> ()\n"
    commands = [kernel("k1", WRITE), call, kernel("k3", UPDATE)]
    assert order(*commands) == "k1k2k3"


def test_stages_are_counted() -> None:
    text = HEAD + kernel("k1", WRITE) + kernel("k2", OTHER) + kernel("k3", READ, OTHER) + TAIL
    assert stages(text) == 3
    assert stages(overlap_commands(text)) == 2


def test_the_name_of_another_region_is_another_value() -> None:
    part = "      %a = stream.resource.subview %w[%c0] : !stream.resource<variable>{%c256}\n"
    head = HEAD.replace("    %0 =", part + "    %0 =")
    text = overlap_commands(head + kernel("k1", WRITE) + kernel("k2", UPDATE) + TAIL)
    assert "concurrent" not in text


CALLED = """\
  util.func private @f() -> (!stream.resource<transient>, !stream.resource<transient>, \
!stream.timepoint) {
    %r, %t = stream.resource.alloca uninitialized => !stream.resource<transient>{%c64}
    %s, %u = stream.resource.alloca uninitialized => !stream.resource<transient>{%c64}
    util.return RETURNED, %u : !stream.resource<transient>, !stream.resource<transient>, \
!stream.timepoint
  }
"""


@pytest.mark.parametrize(
    ("returned", "expected"), [("%r, %s", "[k1k2]"), ("%r, %r", "k1k2"), ("%r, %w", "k1k2")]
)
def test_what_calls_return_is_memory_of_its_own_if_they_allocate_it(
    returned: str, expected: str
) -> None:
    head = HEAD.replace("    %0 =", "    %5:3 = util.call @f() : () -> ()\n    %0 =")
    head = CALLED.replace("RETURNED", returned) + head.replace("%part as %p", "%5#0 as %p")
    text = overlap_commands(
        head + kernel("k1", "ro %p[%c0 for %c64]") + kernel("k2", UPDATE) + TAIL
    )
    assert ("concurrent" in text) == (expected == "[k1k2]")


def test_commands_of_a_stage_may_run_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task("residual_cnn", pixels=16, width=8, blocks=2)
    order: dict[str, Any] = {
        "as written": lambda stage, indent: [line for each in stage for line in each.lines],
        "in stages": concurrency._printed,
        "backwards": lambda stage, indent: [line for each in stage[::-1] for line in each.lines],
    }
    results = []
    for printed in order.values():
        monkeypatch.setattr(concurrency, "_printed", printed)
        monkeypatch.setattr(concurrency, "_stages", STAGES)
        if printed is order["as written"]:
            monkeypatch.setattr(concurrency, "_stages", lambda commands: [commands])
        program = pock.compile(task.model, task.inputs, optimizer=OPTIMIZERS["momentum"](0.01))
        trainer = Trainer(program.artifact, device="local-sync")
        losses = [trainer.step(x, y) for x, y in task.arrays(4)]
        results.append([*trainer._module.call("read_state"), np.array(losses)])
        report = program.manifest.report
        assert isinstance(report["stages"], int) and isinstance(report["dispatches"], int)
        overlaps = report["stages"] < 0.9 * report["dispatches"]
        assert overlaps == (printed is order["in stages"])
    for others in results[1:]:
        for expected, value in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(expected, value)


def test_two_threads_train_as_one_does() -> None:
    task = make_task("residual_cnn", pixels=16, width=8, blocks=2)
    program = pock.compile(task.model, task.inputs, optimizer=OPTIMIZERS["momentum"](0.01))
    alone, together = (
        Trainer(program.artifact, device=device) for device in ("local-sync", "local-task")
    )
    for x, y in task.arrays(8):
        assert alone.step(x, y) == together.step(x, y)
