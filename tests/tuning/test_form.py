import pytest

from pock_mlir.tuning import MACHINES, PLAIN, Form, Machine, Product, Tile, candidates

KINDS = {
    "f32 96x64x32 mk kn": {"plain", "tiled", "panels", "swapped"},
    "f32 48x64x32 mk kn": {"plain", "tiled", "streams", "panels", "swapped"},
    "f32 48x64x32 mk kn!": {"plain", "tiled", "panels", "swapped"},
    "f32 48x64x31 mk kn": {"plain", "tiled", "panels", "swapped"},
    "f32 96x16x32 mk kn": {"plain", "tiled", "swapped"},
    "f32 1x64x32 mk kn": {"plain", "tiled"},
    "f32 1x128x32 mk kn": {"plain", "tiled", "streams", "panels"},
    "f32 96x64x32 mk nk": {"plain", "panels", "swapped"},
    "f32 96x64x32 km kn": {"plain", "tiled", "panels", "panels-km"},
    "f32 97x64x32 km kn": {"plain", "tiled", "panels", "panels-km"},
    "f32 997x64x32 km kn": {"plain"},
    "f32 96x61x32 mk nk": {"plain", "swapped"},
    "f32 96x61x32 km nk": {"plain"},
}


def test_text() -> None:
    form = Form("panels-km", Tile(6, 16, 4))
    assert str(form) == "panels-km 6x16x4"
    assert Form.parse(str(form)) == form
    assert Form.parse("plain") == PLAIN
    with pytest.raises(ValueError, match="'panels' is no form; one is like"):
        Form.parse("panels")


@pytest.mark.parametrize(("text", "kinds"), KINDS.items(), ids=KINDS)
def test_kinds(text: str, kinds: set[str]) -> None:
    forms = candidates(Product.parse(text), MACHINES["x86-64-avx2"])
    assert {form.kind for form in forms} == kinds
    assert forms[0] == PLAIN


@pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))
def test_candidates_divide_and_fit_the_registers(machine: Machine) -> None:
    seen = 0
    for m, n, k in ((96, 128, 33), (120, 192, 64), (49, 256, 18), (6, 64, 5)):
        product = Product(m, n, k, lhs_rows_first=False)
        for form in candidates(product, machine)[1:]:
            tile = form.tile
            assert tile is not None and form.fits(product)
            assert n % tile.columns == k % tile.depth == 0
            vectors = tile.columns // machine.lanes
            assert tile.rows * vectors + vectors + 1 <= machine.registers
            seen += 1
    assert seen >= 8


@pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))
def test_rows_that_no_wide_block_divides_leave_least_of_the_last_one_empty(
    machine: Machine,
) -> None:
    for m in (49, 61, 197):
        wide = [f.tile for f in candidates(Product(m, 256, 64), machine)[1:] if f.kind == "panels"]
        assert wide[0] is not None and wide[0].columns == 2 * machine.lanes
        assert -m % wide[0].rows <= 3


def test_one_or_two_rows_have_eight_vectors_of_sums() -> None:
    for m, tile in ((1, "1x64x4"), (2, "2x32x4")):
        forms = candidates(Product(m, 128, 64), MACHINES["x86-64-avx2"])
        assert {str(form.tile) for form in forms if form.kind == "tiled"} == {tile}
    assert not candidates(Product(1, 1001, 64), MACHINES["x86-64-avx2"])[1:]


def test_tiles_of_avx2_are_those_known_to_be_fast() -> None:
    forms = candidates(Product(96, 128, 64), MACHINES["x86-64-avx2"])
    tiles = [str(form.tile) for form in forms if form.kind == "panels"]
    assert tiles == ["6x16x4", "4x16x4"]


def tiles_of(product: Product, machine: str) -> list[str]:
    forms = candidates(product, MACHINES[machine])
    return [str(form.tile) for form in forms if form.kind == "panels"]


def test_columns_that_no_whole_register_divides_have_half_ones() -> None:
    assert tiles_of(Product(72, 56, 336), "x86-64-avx512") == ["24x8x4", "18x8x4", "12x8x4"]
    assert tiles_of(Product(1, 56, 336), "x86-64-avx512") == ["1x8x4"]
    assert not tiles_of(Product(72, 60, 336), "x86-64-avx512")


def test_short_blocks_have_high_ones_beside_them_that_leave_rows_over() -> None:
    divide = ["8x32x4", "4x32x4", "4x64x4"]
    assert tiles_of(Product(128, 384, 384), "x86-64-avx512") == ["13x32x4", "10x32x4", *divide]
    assert tiles_of(Product(512, 384, 384), "x86-64-avx512") == divide, "too many rows for it"
    assert tiles_of(Product(144, 384, 384), "x86-64-avx512")[0] == "12x32x4", "no short ones"
