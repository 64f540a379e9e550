"""Run a function of a module on this machine, once, while compiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pock_mlir.backends.iree.compiler import compile_module
from pock_mlir.backends.iree.lowering import SCOPE, PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.ir import Location, Module
from pock_mlir.passes.expand_bf16 import ExpandBf16
from pock_mlir.rewriting import erase_unread_parameters, functions, parameters


def evaluate(
    module: Module, function: str, values: Mapping[str, np.ndarray]
) -> list[np.ndarray[Any, Any]]:
    """The results of a function without arguments.

    Args:
        module: left as it is.
        function: name of the function; it may read parameters.
        values: value of each parameter it reads, in the stored layout.
    """
    import iree.runtime as iree

    with module.context, Location.unknown():
        alone = Module.parse(module.operation.get_asm(binary=False))
        for op in functions(alone):
            if op.sym_name.value != function:
                op.operation.erase()
            elif "sym_visibility" in op.attributes:
                del op.attributes["sym_visibility"]
        erase_unread_parameters(alone)
        needed = list(parameters(alone))
        ExpandBf16().run(alone)
        PockToIree().run(alone)
        compiled = compile_module(str(alone), TARGETS["cpu"])
    index = iree.ParameterIndex()
    for name in needed:
        index.add_buffer(name, np.ascontiguousarray(values[name]).tobytes())
    config = iree.Config("local-sync")
    code = iree.VmModule.copy_buffer(config.vm_instance, compiled.vmfb)
    provider = iree.create_io_parameters_module(
        config.vm_instance, index.create_provider(scope=SCOPE)
    )
    hal = iree.create_hal_module(config.vm_instance, config.device)
    context = iree.SystemContext(vm_modules=[provider, hal, code], config=config)
    results = context.modules[code.name][function]()
    results = results if isinstance(results, (list, tuple)) else [results]
    return [np.array(result.to_host()) for result in results]
