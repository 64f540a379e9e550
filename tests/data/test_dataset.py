import numpy as np
import pytest

from pock_mlir.data.dataset import Dataset, balanced_subset, normalise, stratified_split

LABELS = np.repeat(np.arange(4, dtype=np.int32), [40, 8, 4, 20])


def test_split_is_a_partition_with_each_class_in_proportion():
    train, test = stratified_split(LABELS, 0.25, seed=1)
    assert sorted([*train, *test]) == list(range(len(LABELS)))
    assert np.bincount(LABELS[test]).tolist() == [10, 2, 1, 5]


def test_split_depends_on_the_seed_only():
    first, again, other = (stratified_split(LABELS, 0.25, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert set(first[1]) != set(other[1])


def test_split_is_shuffled_across_classes():
    train, _ = stratified_split(LABELS, 0.25, seed=1)
    assert (np.diff(LABELS[train]) < 0).any()


def test_subset_is_balanced_as_far_as_the_classes_go():
    assert np.bincount(LABELS[balanced_subset(LABELS, 16, 0)]).tolist() == [4, 4, 4, 4]
    assert np.bincount(LABELS[balanced_subset(LABELS, 40, 0)]).tolist() == [14, 8, 4, 14]
    assert sorted(balanced_subset(LABELS, len(LABELS), 0)) == list(range(len(LABELS)))


def test_subset_larger_than_the_data_is_an_error():
    with pytest.raises(ValueError, match="asked for 73 samples, the data set has 72"):
        balanced_subset(LABELS, 73, 0)


def test_normalise_gray_repeats_the_channel():
    images = np.array([[[0, 127], [255, 63]]], np.uint8)
    result = normalise(images)
    assert result.shape == (1, 3, 2, 2) and result.dtype == np.float32
    assert result[0, 2].tolist() == [[-127 / 128, 0], [1, -0.5]]


def test_normalise_colour_moves_channels_first():
    images = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    result = normalise(images)
    assert result.shape == (1, 3, 2, 4) and result.flags.c_contiguous
    assert result[0, 1, 1, 2] == (images[0, 1, 2, 1] - 127.0) / 128


def test_a_data_set_prints_its_split():
    x, y = np.zeros((5, 3, 8, 8), np.float32), np.zeros(5, np.int32)
    text = str(Dataset("toy", ("a", "b"), x, y, x[:2], y[:2]))
    assert text == "toy: 5 train + 2 test images of 3x8x8, 2 classes"
