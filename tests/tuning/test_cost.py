import numpy as np
import pytest

from pock_mlir.tuning import MACHINES, PLAIN, Form, Product, candidates
from pock_mlir.tuning.choice import shipped_files
from pock_mlir.tuning.cost import CostModel, Sample, fit, quality, quantities, spearman
from pock_mlir.tuning.database import Database
from pock_mlir.tuning.machine import Machine

AVX2 = MACHINES["x86-64-avx2"]
PRODUCTS = [
    Product(m, n, k, (), rows_first, columns_last, rhs_frozen=frozen)
    for m in (96, 512)
    for n in (64, 384)
    for k in (48, 256)
    for rows_first, columns_last in ((True, True), (True, False), (False, True))
    for frozen in (False, True)
]


def samples(model: CostModel, machine: Machine = AVX2) -> list[Sample]:
    return [
        (product, form, model.estimate(product, form, machine))
        for product in PRODUCTS
        for form in candidates(product, machine)
    ]


def test_fitting_finds_the_constants_that_made_the_times() -> None:
    names = {name for p in PRODUCTS for f in candidates(p, AVX2) for name in quantities(p, f, AVX2)}
    random = np.random.default_rng(0)
    true = CostModel({name: float(random.uniform(0.1, 1)) for name in sorted(names)})
    measured = samples(true)
    found = fit(measured, AVX2)
    assert min(found.constants.values()) >= 0
    for product, form, time in measured:
        assert found.estimate(product, form, AVX2) == pytest.approx(time, rel=0.02)
    assert quality(found, measured, AVX2).regret == pytest.approx(1, abs=0.01)


def test_half_and_twice_the_time_are_equally_far() -> None:
    product, plain = PRODUCTS[0], PLAIN
    model = fit([(product, plain, 1.0), (product, plain, 4.0)], AVX2)
    assert model.estimate(product, plain, AVX2) == pytest.approx(2.0, rel=0.01)


def test_what_is_frozen_is_arranged_for_nothing() -> None:
    panels = Form.parse("panels 4x16x4")
    costs = [
        quantities(Product(512, 96, 384, rhs_frozen=frozen), panels, AVX2)["copy"]
        for frozen in (False, True)
    ]
    assert costs == [96 * 384, 0]
    both = quantities(Product.parse("f32 2*64x96x32 km nk"), panels, AVX2)
    assert both["transpose"] == 2 * (64 + 96) * 32


def test_wider_vectors_take_less() -> None:
    product, model = Product(480, 384, 512), CostModel.shipped(AVX2)
    times = {
        name: min(model.estimate(product, f, machine) for f in candidates(product, machine))
        for name, machine in MACHINES.items()
    }
    assert times["x86-64-avx512"] < times["x86-64-avx2"] < times["aarch64-neon"]


def test_what_was_not_measured_has_the_constants_of_avx2() -> None:
    assert CostModel.shipped(MACHINES["aarch64-neon"]) == CostModel.shipped(AVX2)


def test_spearman() -> None:
    assert spearman([1, 2, 3], [10, 20, 900]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 1, 2, 3], [1, 2, 2, 3]) == pytest.approx(5 / 6)


def test_large_products_are_arranged_and_small_ones_left() -> None:
    model = CostModel.shipped(AVX2)
    large, few_rows = Product(512, 768, 768), Product(6, 768, 768)
    assert model.best(large, candidates(large, AVX2), AVX2).kind != "plain"
    assert not model.best(few_rows, candidates(few_rows, AVX2), AVX2).kind.startswith("panels")
    assert model.best(large, [PLAIN], AVX2) == PLAIN


@pytest.mark.parametrize("path", shipped_files(), ids=lambda p: p.stem)
def test_the_shipped_constants_are_fitted_to_the_shipped_times(path) -> None:
    machine = MACHINES[path.stem]
    known = [
        (product, form, time)
        for section in Database.load(path).sections.values()
        for product, measured in section.items()
        for form, time in measured.times.items()
    ]
    found = quality(CostModel.shipped(machine), known, machine)
    assert found.correlation > 0.95
    assert found.regret < 1.15
