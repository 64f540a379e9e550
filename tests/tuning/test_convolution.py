import math
from dataclasses import replace

import pytest

from pock_mlir.tuning import (
    MACHINES,
    PLAIN,
    Convolution,
    Database,
    Form,
    Limits,
    Measured,
    Tuning,
    candidates,
    parse_subject,
)
from pock_mlir.tuning.cost import CostModel, quantities

AVX2 = MACHINES["x86-64-avx2"]
TEXT = "f32 8x16x16x64 * 3x3x64x128! by 1x1 pad 1x1 1x1 spread 1x1"
CONVOLUTION = Convolution(
    (8, 16, 16, 64), (3, 3, 64, 128), (1, 1), (1, 1), (1, 1), (1, 1), frozen=True
)
KINDS = {
    TEXT: {"plain", "taps", "winograd-2", "winograd-4"},
    "f32 8x16x16x64 * 3x3x64x128 by 2x2 pad 1x1 1x1 spread 1x1": {"plain", "taps"},
    "f32 8x16x16x64 * 3x3x64x128 by 1x1 pad 1x1 1x1 spread 2x2": {"plain", "taps"},
    "f32 8x5x5x64 * 3x3x64x128! by 1x1 pad 0x0 0x0 spread 1x1": {"plain", "taps", "winograd-2"},
    "f32 8x5x5x64 * 3x3x64x128 by 2x2 pad 0x0 0x0 spread 1x1": {"plain", "taps", "streams"},
    "f32 8x16x16x3 * 3x3x3x128 by 1x1 pad 1x1 1x1 spread 1x1": {"plain"},
    "f32 3x20x8 * 5x8x16 by 2 pad -1 2 spread 1": {"plain", "taps"},
}


@pytest.mark.parametrize("text", KINDS)
def test_text_and_forms(text: str) -> None:
    convolution = parse_subject(text)
    assert isinstance(convolution, Convolution) and str(convolution) == text
    forms = candidates(convolution, AVX2)
    assert forms[0] == PLAIN and {form.kind for form in forms} == KINDS[text]
    assert all(Form.parse(str(form)) == form and form.fits(convolution) for form in forms)


def test_extents() -> None:
    assert parse_subject(TEXT) == CONVOLUTION
    assert CONVOLUTION.output == (8, 16, 16, 128)
    assert CONVOLUTION.multiplications == math.prod(CONVOLUTION.output) * 9 * 64
    assert str(CONVOLUTION.stack(4)) == "f32 36*128x128x64 mk kn!"
    strided = parse_subject("f32 3x20x8 * 5x8x16 by 2 pad 2 2 spread 1")
    assert isinstance(strided, Convolution) and strided.output == (3, 10, 16)


@pytest.mark.parametrize(
    "text",
    [
        "f32 8x16 * 3",
        TEXT.replace("pad 1x1", "pad 1"),
        TEXT.replace("3x3x64x128", "3x3x32x128"),
        TEXT.replace("by 1x1", "by 1x-1"),
    ],
)
def test_what_is_no_convolution(text: str) -> None:
    with pytest.raises(ValueError, match="is no convolution"):
        Convolution.parse(text)


def test_a_row_that_no_wide_block_divides_is_made_wider() -> None:
    widths = {16: {4}, 10: {5}, 7: {4}, 14: {5, 3}, 11: {6, 4}, 1: set()}
    for width, rows in widths.items():
        ones = (1, 1)
        convolution = Convolution((1, 4, width, 16), (1, 3, 16, 64), ones, (0, 1), (0, 1), ones)
        tiles = [form.tile for form in candidates(convolution, AVX2) if form.tile]
        assert {tile.rows for tile in tiles if tile.columns == 16} == rows, width


def test_what_takes_more_memory_must_be_worth_it() -> None:
    taps, two, four = (Form.parse(each) for each in ("taps 4x16x4", "winograd-2", "winograd-4"))
    assert Measured.of({taps: 100, two: 80, four: 60}).best == four
    assert Measured.of({taps: 100, two: 80, four: 75}).best == two
    assert Measured.of({taps: 100, two: 95, four: 92}).best == taps
    assert Measured.of({PLAIN: 100, two: 95}).best == PLAIN


def test_what_winograds_forms_take_is_limited() -> None:
    four, two = Form.parse("winograd-4"), Form.parse("winograd-2")
    assert four.transformed(CONVOLUTION) == (36 * 64 * 128, 36 * 8 * 4 * 4 * (64 + 128))
    assert Form.parse("taps 4x16x4").transformed(CONVOLUTION) == (0, 0)
    assert Limits().allow(four, CONVOLUTION)
    assert not Limits(kernel=1).allow(four, CONVOLUTION)
    assert not Limits(parts=3).allow(four, CONVOLUTION)
    large = parse_subject("f32 1x128x128x64 * 3x3x64x64! by 1x1 pad 1x1 1x1 spread 1x1")
    tuning = Tuning(
        AVX2,
        Database({AVX2.name: {large: Measured.of({four: 1, two: 2, PLAIN: 9})}}),
        CostModel.shipped(AVX2),
    )
    assert tuning.form_of(large) == PLAIN, "image and products would take 19 and 34 MB"
    assert replace(tuning, limits=Limits(parts=20)).form_of(large) == four


def test_quantities() -> None:
    taps = quantities(CONVOLUTION, Form.parse("taps 4x16x4"), AVX2)
    assert taps["multiply"] == CONVOLUTION.multiplications / AVX2.lanes
    winograd = quantities(CONVOLUTION, Form.parse("winograd-4"), AVX2)
    assert winograd["multiply"] == taps["multiply"] / 4
    assert winograd["transform"] == 36 * 8 * 4 * 4 * (64 + 128)


def test_the_model_takes_winograd_for_many_channels() -> None:
    model = CostModel.shipped(AVX2)
    large = parse_subject("f32 2x24x24x160 * 3x3x160x160! by 1x1 pad 1x1 1x1 spread 1x1")
    assert model.best(large, candidates(large, AVX2), AVX2).side
    few = parse_subject("f32 2x24x24x8 * 3x3x8x16 by 2x2 pad 1x1 1x1 spread 1x1")
    assert model.best(few, candidates(few, AVX2), AVX2).kind in ("plain", "taps")
