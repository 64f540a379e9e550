import numpy as np
import pytest

from pock_mlir.demo.job import ACCURACY, HELD_OUT_LOSS, cosine, shuffled, slices

X, Y = np.arange(10)[:, None], np.arange(10)


def test_each_epoch_has_its_own_order() -> None:
    batches = list(shuffled((X, Y), 3, 2, seed=1))
    assert [len(y) for _, y in batches] == [3] * 6
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 0], y)
    first, second = (np.concatenate([y for _, y in batches[i : i + 3]]) for i in (0, 3))
    assert len(set(first)) == len(set(second)) == 9
    assert first.tolist() != second.tolist()
    again = np.concatenate([y for _, y in shuffled((X, Y), 3, 2, seed=1)])
    assert again[:9].tolist() == first.tolist()


def test_slices_have_every_row() -> None:
    assert [y.tolist() for _, y in slices((X, Y), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_the_rate_falls_to_zero() -> None:
    assert [cosine(i, 4) for i in (0, 2, 4)] == pytest.approx([1, 0.5, 0])


def test_scores_in_words() -> None:
    assert ACCURACY.show([0.5]) == "50.0 %"
    assert ACCURACY.show([0.4, 0.5, 0.6]) == "50.0 % ± 10.0"
    assert HELD_OUT_LOSS.show([3.14159]) == "3.142"
