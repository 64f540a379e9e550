import pytest

pytest.importorskip("torch")

import torch

from benchmarks import products
from benchmarks.products import Row, compare, report
from pock_mlir.backends.iree.subjects import operands, reference
from pock_mlir.tuning import Product, Tuning, parse_subject

SUBJECTS = {
    "f32 8x32x16 mk kn!": "mk kn",
    "f32 8x32x16 km kn": "km kn",
    "f32 3*8x16x16 mk nk": "stack",
    "f32 2x6x8x8 * 3x3x8x16! by 2x1 pad 1x0 1x2 spread 1x1": "convolution",
    "f32 2x9x8 * 3x8x16 by 2 pad 1 1 spread 2": "convolution",
}


@pytest.mark.parametrize(("text", "kind"), SUBJECTS.items())
def test_both_sides_compute_the_same(text: str, kind: str) -> None:
    subject = parse_subject(text)
    row = compare(subject, Tuning.load())
    assert isinstance(row, Row) and row.kind == kind and row.ratio > 0
    values = operands(subject)
    found = products._pytorch(subject, values)()
    assert isinstance(found, torch.Tensor)
    if kind == "convolution":
        found = found.movedim(1, -1)
    expected = torch.from_numpy(reference(subject, values["lhs"], values["rhs"]))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


def test_the_report_names_what_falls_short(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row(Product(8, 16, 4), "plain", 0.5), Row(Product(8, 16, 8), "plain", 2.0)]
    report(rows)
    out = capsys.readouterr().out
    assert "1.00" in out and "0.50  f32 8x16x4 mk kn  (plain)" in out
    assert "8x16x8" not in out


def test_what_is_left_out_says_why() -> None:
    assert "in pieces" in str(compare(Product(16, 32, 16384), Tuning.load()))
