import os
from pathlib import Path

import pytest

from pock_mlir.tuning import PLAIN, Database, Form, Measured, Product, TuningError
from pock_mlir.tuning.choice import shipped_files

PRODUCT = Product.parse("f32 512x96x384 mk kn")
PANELS, TILED = Form.parse("panels 4x16x4"), Form.parse("tiled 4x16x4")


def database(section: str = "a", **times: float) -> Database:
    named = {"panels": PANELS, "tiled": TILED, "plain": PLAIN}
    measured = Measured.of({named[name]: time for name, time in times.items()}, {TILED: "wrong"})
    return Database({section: {PRODUCT: measured}})


def test_the_fastest_is_best_but_plain_is_kept_for_little() -> None:
    assert Measured.of({PLAIN: 100, PANELS: 90}).best == PANELS
    assert Measured.of({PLAIN: 100, PANELS: 98}).best == PLAIN
    assert Measured.of({}, {PANELS: "wrong"}).best == PLAIN


def test_kernels_that_arrange_something_count() -> None:
    swapped = Form.parse("swapped 6x16x4")
    times = {swapped: 549_000, TILED: 559_000, PANELS: 580_000}
    assert Measured.of(times).best == swapped
    found = Measured.of(times, subject=PRODUCT)
    assert found.best == TILED and found.times == times
    assert [form.arranged(PRODUCT) for form in times] == [[512 * 384, 512 * 96], [], [384 * 96]]
    frozen = Product.parse("f32 512x96x384 mk kn!")
    assert [len(form.arranged(frozen)) for form in times] == [2, 0, 0]


def test_what_the_shipped_files_have_is_what_counts_as_best() -> None:
    for path in shipped_files():
        for section in Database.load(path).sections.values():
            for subject, kept in section.items():
                again = Measured.of(kept.times, kept.failed, subject)
                assert again.best == kept.best, subject


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = database(panels=238_000, plain=561_000)
    saved.save(tmp_path / "new" / "t.toml")
    text = (tmp_path / "new" / "t.toml").read_text()
    assert (
        '"f32 512x96x384 mk kn" = {best = "panels 4x16x4", "panels 4x16x4" = 238000, '
        'plain = 561000, "tiled 4x16x4" = "wrong"}' in text
    )
    assert Database.load(tmp_path / "new" / "t.toml") == saved


def test_merging_takes_the_other() -> None:
    mine, theirs = database(panels=1, plain=2), database(panels=2, plain=1)
    mine.merge(theirs)
    mine.merge(database("b", plain=1))
    assert mine.sections["a"][PRODUCT].best == PLAIN
    assert set(mine.sections) == {"a", "b"}


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.toml"
    database(plain=1).save(path)
    old = path.read_text()

    def fail(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        database(panels=1).save(path)
    assert path.read_text() == old
    assert list(tmp_path.iterdir()) == [path]


WRONG = {
    "": "its format is None",
    "format = 2": "its format is 2, not 1",
    "format = 1\n[a\n": "",
    "format = 1\na = 3": "'a' is no table",
    'format = 1\n[a]\n"x" = {best = "plain"}': "'x' is no product",
    'format = 1\n[a]\n"f32 6x16x4 mk kn" = {plain = 1}': "has no best form",
    'format = 1\n[a]\n"f32 6x16x4 mk kn" = {best = "plain", plain = true}': "nanoseconds or a text",
    'format = 1\n[a]\n"f32 6x16x4 mk kn" = {best = "plain", plain = [1]}': "nanoseconds or a text",
    'format = 1\n[a]\n"f32 6x16x4 mk kn" = {best = "plain", fast = 1}': "'fast' is no form",
    'format = 1\n[a]\n"f32 6x17x4 mk kn" = {best = "panels 4x16x4"}': "cannot have the form",
    'format = 1\n[a]\n"f32 6x16x4 mk kn" = {best = "plain", plain = "wrong"}': "cannot have",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_what_is_wrong_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(TuningError, match="no file of measurements") as caught:
        Database.load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "pock tune" in str(caught.value)


def test_bytes_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TuningError, match="no file of measurements"):
        Database.load(tmp_path / "t.toml")
    with pytest.raises(TuningError, match="no such file"):
        Database.load(tmp_path / "other.toml")
