"""The table of targets: what IREE's compiler needs to know, and which driver runs the result."""

from __future__ import annotations

from dataclasses import dataclass

from pock_mlir.tuning import find_machine

_SWIFTSHADER = (
    '#hal.device.target<"vulkan", [#hal.executable.target<"vulkan-spirv","vulkan-spirv-fb",'
    '{iree_codegen.target_info = #iree_gpu.target<arch="swiftshader",'
    ' features="spirv:v1.3,cap:Shader", wgp=<compute=fp32|int32, storage=b32,'
    " subgroup=shuffle|arithmetic, subgroup_size_choices=[4], max_workgroup_sizes=[256,256,64],"
    " max_thread_count_per_workgroup=256, max_workgroup_memory_bytes=32768,"
    " max_workgroup_counts=[65535,65535,65535]>>}>]> : !hal.device"
)

_CPU = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu")


@dataclass(frozen=True)
class Target:
    """A kind of machine to compile for.

    Attributes:
        name: how users name it.
        flags: what tells iree-compile about it.
        driver: the IREE runtime driver that runs its modules.
        description: one line for `--help`.
        narrow_floats: the types that mixed precision may use: those it can keep in memory.
        processor: its kind by the names of pock_mlir.tuning, for which contractions get their
            forms; "" is that of the machine that compiles, None what is no processor.
    """

    name: str
    flags: tuple[str, ...]
    driver: str
    description: str
    narrow_floats: frozenset[str] = frozenset({"bf16", "f16"})
    processor: str | None = None

    @property
    def vector_width(self) -> int:
        """Of the kernels that `pock-to-iree` makes; 0 where IREE's code generator tiles itself."""
        return 0 if self.processor is None else find_machine(self.processor).vector_width


_TABLE = (
    Target(
        "cpu",
        (*_CPU, "--iree-llvmcpu-target-cpu=host"),
        "local-task",
        "this machine's processor",
        processor="",
    ),
    Target(
        "cortex-a72",
        (
            *_CPU,
            "--iree-llvmcpu-target-triple=aarch64-unknown-linux-gnu",
            "--iree-llvmcpu-target-cpu=cortex-a72",
        ),
        "local-task",
        "Raspberry Pi 4",
        processor="aarch64-neon",
    ),
    Target(
        "cuda-sm_87",
        ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_87"),
        "cuda",
        "NVIDIA Jetson Orin",
    ),
    Target(
        "vulkan-swiftshader",
        (f"--iree-hal-target-device={_SWIFTSHADER}",),
        "vulkan",
        "SwiftShader, a Vulkan device in software",
        frozenset(),
    ),
)

TARGETS = {target.name: target for target in _TABLE}
