"""Loading a compiled module onto a device, and calling its functions with NumPy arrays."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import iree.runtime  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.errors import DeviceError
from pock_mlir.runtime.safetensors import TensorFile
from pock_mlir.runtime.threads import keep_freed_memory, size_pool

rt: Any = iree.runtime

SCOPE = "model"
"""Modules ask for their parameters under this name."""

LOCAL_DRIVERS = ("local-sync", "local-task")
VULKAN_LIBRARY = "IREE_HAL_VULKAN_LIBVULKAN_PATH"
_HINTS = {
    "cuda": "it needs an NVIDIA driver with libcuda.so on the library path",
    "vulkan": f"it needs a Vulkan loader, or the path of one in ${VULKAN_LIBRARY}",
}


def open_device(
    driver: str, threads: int | None = None, *, caching: bool = True, shards: int = 1
) -> Any:
    """An IREE device of `driver`: "local-sync", "local-task", "cuda", "vulkan".

    `threads` is for "local-task"; the pool of threads belongs to the process, so that its size is
    set once. The `shards` of a program have a share of them each. `caching` keeps freed buffers for
    the next step where the driver can; with "local-task" that is a setting of the C library, for
    the whole process.

    Raises:
        DeviceError: there is no such driver, or what it needs is missing.
    """
    _check_driver(driver)
    if threads is not None:
        _check_threads(driver, threads)
    if driver == "local-task":
        size_pool(threads, shards)
        if caching:
            keep_freed_memory()
    options = {"allocators": ["caching"]} if caching and driver != "vulkan" else {}
    try:
        return rt.get_driver(driver).create_default_device(**options)
    except Exception as error:  # the bindings raise many kinds
        hint = f"; {_HINTS[driver]}" if driver in _HINTS else ""
        raise DeviceError(f"cannot open the device '{driver}'{hint} ({_reason(error)})") from error


def _check_driver(driver: str) -> None:
    known = list(rt.query_available_drivers())
    if driver not in known:
        raise DeviceError(f"no device driver '{driver}'; this runtime has: {', '.join(known)}")
    library = os.environ.get(VULKAN_LIBRARY)
    if driver == "vulkan" and library and not os.path.exists(library):  # noqa: PTH110
        raise DeviceError(f"no such file: {library}, which ${VULKAN_LIBRARY} names")


def _check_threads(driver: str, threads: int) -> None:
    if driver != "local-task" and (driver != "local-sync" or threads != 1):
        raise DeviceError(f"the device '{driver}' has no number of threads to set")


def _reason(error: Exception) -> str:
    """The first line of an error of IREE, without its source position."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return (
        lines[0].rpartition("; ")[2].rstrip(": ") if len(lines[0]) > 200 else lines[0].rstrip(": ")
    )


def _importer() -> Any:
    """An allocator for arrays of the host; one that is caching would keep their memory for others.

    The device that it is of does nothing else.
    """
    return rt.get_driver("local-sync").create_default_device().allocator


class DeviceModule:
    """A compiled module on a device, with its parameters in the device's memory.

    Raises:
        DeviceError: the runtime refuses the module.
    """

    def __init__(
        self,
        module: bytes,
        parameters: Mapping[str, NDArray[Any]],
        zeros: Mapping[str, int],
        device: Any,
        driver: str,
    ) -> None:
        """`zeros` are the sizes in bytes of the parameters that start as zeros."""
        self._device = device
        self._importer = _importer() if driver in LOCAL_DRIVERS else None
        self._parameters = parameters  # keeps their file open
        self._functions: dict[str, Any] = {}
        index = rt.ParameterIndex()
        _add_parameters(index, parameters, driver)
        for name, size in zeros.items():
            index.add_splat(name, b"\0", size)
        try:
            config = rt.Config(device=device)
            code = rt.VmModule.copy_buffer(config.vm_instance, module)
            provider = rt.create_io_parameters_module(
                config.vm_instance, index.create_provider(scope=SCOPE)
            )
            self._context = rt.SystemContext(vm_modules=[provider, code], config=config)
            self._module = self._context.modules[code.name]
        except Exception as error:
            raise DeviceError(f"the runtime cannot load the module: {_reason(error)}") from error

    def call(self, function: str, *arguments: NDArray[Any]) -> list[NDArray[Any]]:
        """Run a function and bring the results to the host, as arrays of their own.

        Raises:
            DeviceError: it failed on the device.
        """
        return self.fetch(function, self.start(function, *arguments))

    def start(self, function: str, *arguments: NDArray[Any]) -> tuple[Any, ...]:
        """Run a function; its results stay on the device.

        A local device reads `is_aligned` arguments where they lie, others are copied.

        Raises:
            DeviceError: it failed on the device.
        """
        invoke = self._functions.get(function)
        if invoke is None:
            invoke = self._functions[function] = self._module[function]
        try:
            results: Any = invoke(*map(self._argument, arguments))
        except Exception as error:
            raise DeviceError(f"'{function}' failed on the device: {_reason(error)}") from error
        if results is None:
            return ()
        return cast("tuple[Any, ...]", results if isinstance(results, tuple) else (results,))

    def fetch(self, function: str, results: Sequence[Any]) -> list[NDArray[Any]]:
        """What `start` of that function returned, as arrays of the host.

        Raises:
            DeviceError: it failed on the device.
        """
        try:
            return [self._to_host(result) for result in results]
        except Exception as error:
            raise DeviceError(f"'{function}' failed on the device: {_reason(error)}") from error

    def _argument(self, array: NDArray[Any]) -> Any:
        if self._importer is None or not array.ndim or not is_aligned(array):
            return array
        buffer = self._importer.import_host_allocation(
            array,
            int(rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE),
            int(rt.BufferUsage.DEFAULT | rt.BufferUsage.MAPPING),
        )
        view = rt.HalBufferView(
            buffer, array.shape, rt.array_interop.map_dtype_to_element_type(array.dtype)
        )
        return rt.DeviceArray(self._device, view)

    def prepared(self, function: str, *arguments: NDArray[Any]) -> Callable[[], object]:
        """A call with arguments that are on the device already; its results stay there."""
        entry = self._module.vm_module.lookup_function(function)
        inputs = rt.VmVariantList(len(arguments))
        for argument in arguments:
            inputs.push_ref(rt.asdevicearray(self._device, argument)._buffer_view)

        def run() -> object:
            outputs = rt.VmVariantList(1)
            self._context.vm_context.invoke(entry, inputs, outputs)
            return outputs

        return run

    def _to_host(self, array: Any) -> NDArray[Any]:
        try:
            return np.array(array.to_host())
        except Exception:  # Vulkan cannot import memory of the host
            return self._staged_copy(array)

    def _staged_copy(self, array: Any) -> NDArray[Any]:
        source = array._buffer_view.get_buffer()
        staging = self._device.allocator.allocate_buffer(
            memory_type=rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE,
            allowed_usage=rt.BufferUsage.DEFAULT | rt.BufferUsage.MAPPING,
            allocation_size=source.byte_length(),
        )
        semaphore = self._device.create_semaphore(0)
        done = rt.HalFence.create_at(semaphore, 1)
        self._device.queue_copy(source, staging, rt.HalFence(0), done)
        done.wait()
        mapped = staging.map()
        return np.array(mapped.asarray(tuple(array.shape), np.dtype(array.dtype)))


ALIGNMENT = 64
"""Bytes that kernels take the address of an argument for a multiple of."""


def is_aligned(array: NDArray[Any]) -> bool:
    """Whether kernels can read an array of the host in its place."""
    there = array.nbytes > 0 and array.flags.c_contiguous and array.flags.writeable
    return there and array.ctypes.data % ALIGNMENT == 0


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """A copy that `is_aligned`."""
    memory = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def allocator_statistics(device: Any, driver: str) -> dict[str, int] | None:
    """The counters of an allocator, which all devices of a driver in the process share.

    None where they leave out what a step allocates in the device's queue: everywhere but on
    "local-sync".
    """
    allocator = device.allocator
    exact = driver == "local-sync" and allocator.has_statistics
    return dict(allocator.statistics) if exact else None


def _add_parameters(index: Any, parameters: Mapping[str, NDArray[Any]], driver: str) -> None:
    """Offer parameters to the module: from their file where the driver reads files, else copied.

    A mapped file would be wrong: the runtime uses a lone parameter in place, where a step writes.
    """
    if isinstance(parameters, TensorFile) and driver in LOCAL_DRIVERS:
        handle = rt.FileHandle.wrap_fd(parameters.fileno())
        for name in parameters:
            entry = parameters.entry(name)
            index.add_from_file_handle(name, handle, entry.size, entry.offset)
        return
    for name, value in parameters.items():
        index.add_buffer(name, np.ascontiguousarray(value).tobytes())


_LEAST_WORK = {"x86_64": 100_000_000}
"""Floating-point operations of a step below which threads wait longer than they save, by processor.

It was measured on one with AVX2; what takes as long elsewhere is less.
"""
_LEAST_WORK_ELSEWHERE = 10_000_000


def driver_for(driver: str, threads: int | None, work: int | None = None) -> str:
    """The driver that serves best: one thread needs no pool, and nor do steps of little work.

    `work` is how many floating-point operations a step has, if that is known; who asks for
    `threads` gets them.

    Raises:
        DeviceError: less than one thread.
    """
    if threads is not None and threads < 1:
        raise DeviceError(f"the number of threads must be at least 1, got {threads}")
    least = _LEAST_WORK.get(platform.machine(), _LEAST_WORK_ELSEWHERE)
    alone = threads == 1 or (threads is None and work is not None and work < least)
    return "local-sync" if alone and driver in LOCAL_DRIVERS else driver
