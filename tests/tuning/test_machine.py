import pytest

from pock_mlir.tuning import MACHINES, find_machine, this_machine
from pock_mlir.tuning import machine as machines

CPUINFO = """
processor\t: 0
model name\t: anything
flags\t\t: fpu sse2 avx2 fma {more}

processor\t: 1
flags\t\t: fpu
"""
FEATURES = {
    ("x86_64", ""): "x86-64-avx2",
    ("x86_64", "avx512f avx512vl avx512dq"): "x86-64-avx512",
    ("x86_64", "avx512f"): "x86-64-avx2",
    ("aarch64", ""): "aarch64-neon",
    ("arm64", ""): "aarch64-neon",
}


@pytest.mark.parametrize(("given", "name"), FEATURES.items())
def test_features_decide(given: tuple[str, str], name: str) -> None:
    architecture, more = given
    assert machines._kind(architecture, machines._features(CPUINFO.format(more=more))) == name


def test_without_features() -> None:
    assert machines._kind("x86_64", machines._features("")) == "x86-64"


def test_find() -> None:
    assert find_machine() == this_machine() in MACHINES.values()
    assert find_machine("x86-64-avx512").lanes == 16
    with pytest.raises(ValueError, match="unknown machine 'z80'; there is .*aarch64-neon"):
        find_machine("z80")


def test_sections_name_the_version_of_iree() -> None:
    assert machines.section_of(MACHINES["aarch64-neon"]).startswith("aarch64-neon iree-")


def test_short_registers_are_taken_two_at_a_time() -> None:
    widths = {name: machine.vector_width for name, machine in MACHINES.items()}
    assert widths == {"x86-64-avx512": 16, "x86-64-avx2": 8, "x86-64": 8, "aarch64-neon": 8}
