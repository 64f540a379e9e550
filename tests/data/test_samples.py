from dataclasses import replace

import numpy as np
import pytest

from pock_mlir.data.samples import Data, Split, class_numbers, listed
from tests.data.toys import LANGUAGE, PHOTOS, SENTENCES

IDS = np.arange(40, dtype=np.int32).reshape(10, 4) % 5
MASK = np.ones_like(IDS)
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], np.int32)


def sentences(labels: np.ndarray = LABELS) -> Data:
    return Data("toy", Split([IDS[: len(labels)], MASK[: len(labels)], labels]))


def test_rows_are_prepared_batch_by_batch() -> None:
    split = Split([IDS, LABELS], prepare=lambda rows: rows.astype(np.float32) / 2)
    batches = list(split.batches(4))
    assert [len(ids) for ids, _ in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([ids for ids, _ in batches]), IDS / 2)
    assert split.subset(slice(3)).rows(slice(None))[0].dtype == np.float32


def test_labels_are_held_out_class_by_class() -> None:
    data = sentences().held_out(0.5, seed=3)
    assert data.test is not None
    assert np.bincount(data.train.arrays[-1]).tolist() == [3, 2]
    assert np.bincount(data.test.arrays[-1]).tolist() == [3, 2]
    again, other = (sentences().held_out(0.5, seed) for seed in (3, 4))
    assert again.test is not None and other.test is not None
    np.testing.assert_array_equal(again.test.arrays[0], data.test.arrays[0])
    assert not np.array_equal(other.test.arrays[0], data.test.arrays[0])


def test_of_a_text_the_end_is_held_out() -> None:
    data = Data("text", Split([IDS, IDS]), ordered=True).held_out(0.2)
    assert data.test is not None
    np.testing.assert_array_equal(data.train.arrays[0], IDS[:8])
    np.testing.assert_array_equal(data.test.arrays[0], IDS[8:])


def test_other_targets_are_held_out_at_random() -> None:
    data = Data("numbers", Split([IDS, IDS.astype(np.float32)])).held_out(0.3, seed=1)
    assert data.test is not None
    assert (len(data.train), len(data.test)) == (7, 3)
    assert data.test.arrays[0].tolist() != IDS[7:].tolist()


def test_what_cannot_be_held_out() -> None:
    with pytest.raises(ValueError, match="must be between 0 and 1, got 1.5"):
        sentences().held_out(1.5)
    with pytest.raises(ValueError, match="toy: 10 samples are too few to hold out 0.01 of"):
        sentences().held_out(0.01)
    with pytest.raises(ValueError, match="toy has test samples of its own"):
        sentences().held_out(0.5).held_out(0.5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([IDS, MASK, LABELS[:9]], "differ in length: ids 10, attention_mask 10, targets 9"),
        ([IDS[:0], MASK[:0], LABELS[:0]], "toy: the data set is empty"),
        (
            [IDS[:, :3], MASK, LABELS],
            r"toy: 'ids': expected int32\[4\] for each sample, got int32\[3\]",
        ),
        ([IDS, MASK, LABELS + 1], "toy: 'targets': label 2 is outside the classes 0 to 1"),
        ([IDS, MASK, LABELS - 1], "toy: 'targets': label -1 is outside the classes 0 to 1"),
    ],
)
def test_data_that_does_not_fit(arrays: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Data("toy", Split(arrays)).check(SENTENCES)


def test_token_ids_that_the_model_does_not_know() -> None:
    ids, *others = SENTENCES.specs
    wanted = replace(SENTENCES, specs=(replace(ids, limit=4), *others))
    with pytest.raises(ValueError, match=r"toy: 'ids': 4, at \[1, 0\], is outside .* 0 to 3"):
        sentences().check(wanted)
    assert sentences().check(replace(SENTENCES, specs=(replace(ids, limit=5), *others)))


def test_the_test_samples_are_checked_too() -> None:
    data = Data("toy", Split([IDS, MASK, LABELS]), Split([IDS, MASK, LABELS + 7]))
    with pytest.raises(ValueError, match="label 7 is outside the classes"):
        data.check(SENTENCES)


def test_a_language_model_has_no_classes() -> None:
    data = Data("text", Split([IDS, IDS]))
    assert data.check(LANGUAGE) is data


def test_limit() -> None:
    assert len(sentences().limited(3).train) == 3
    assert len(sentences().limited(None).train) == len(sentences().limited(99).train) == 10


def test_classes_have_the_numbers_of_their_order() -> None:
    assert class_numbers("d", ["dog", "cat", "dog"], PHOTOS, None) == ("cat", "dog")
    assert class_numbers("d", ["dog"], PHOTOS, ["dog", "cat"]) == ("dog", "cat")


@pytest.mark.parametrize(
    ("found", "named", "message"),
    [
        (["cat", "cow"], ["cat", "dog"], "d: no such class: cow; there is cat, dog"),
        (["cat"], None, r"d has 1 classes \(cat\), the program tells 2 apart; name all of them"),
        (list("abcdefg"), None, r"d has 7 classes \(a, b, c, d, e and 2 more\)"),
    ],
)
def test_classes_that_do_not_fit(found: list[str], named: list[str] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_numbers("d", found, PHOTOS, named)


def test_a_list_says_how_many_more_there_are() -> None:
    assert listed([1, 2]) == "1, 2"
    assert listed(range(9), 2) == "0, 1 and 7 more"
