"""Steps written in the dialect, compiled and run by themselves, without a manifest around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pock_mlir.backends.iree.compiler import CompiledModule, compile_module
from pock_mlir.backends.iree.lowering import PockToIree, mutable_parameters
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from pock_mlir.rewriting import erase_unread_parameters
from pock_mlir.runtime.device import DeviceModule, open_device


@dataclass(frozen=True)
class CompiledStep:
    """A compiled module, and the order of the parameters that its `read_state` returns."""

    compiled: CompiledModule
    state: list[str]

    def start(self, values: Mapping[str, np.ndarray], driver: str = "local-sync") -> RunningStep:
        """The module on a device of this machine, with these values of its parameters."""
        device = open_device(driver, None)
        return RunningStep(self, DeviceModule(self.compiled.vmfb, values, {}, device, driver))


@dataclass(frozen=True)
class RunningStep:
    """A module on a device."""

    step: CompiledStep
    module: DeviceModule

    def call(self, function: str, *arguments: np.ndarray) -> list[np.ndarray]:
        """Call one function."""
        return self.module.call(function, *arguments)

    def read(self) -> dict[str, np.ndarray]:
        """What the functions change, as it is now."""
        return dict(zip(self.step.state, self.module.call("read_state"), strict=True))


def compile_step(
    text: str, passes: Sequence[str] = (), target: str = "cpu", *, in_place: bool = True
) -> CompiledStep:
    """Compile a module in the dialect, after some passes; backward ops must be lowered."""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        run_pipeline(module, parse_pipeline(f"builtin.module({','.join(passes)})"))
        erase_unread_parameters(module)
        state = mutable_parameters(module)
        PockToIree(in_place=in_place).run(module)
        return CompiledStep(compile_module(str(module), TARGETS[target]), state)
