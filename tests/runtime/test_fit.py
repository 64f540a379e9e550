"""Training on any iterable of NumPy batches."""

from collections.abc import Iterator

import numpy as np
import pytest

from pock_mlir.runtime import Trainer
from pock_mlir.runtime.device import aligned_copy, is_aligned
from tests.runtime.programs import Reference, batch, classifier


@pytest.fixture
def trainer() -> Trainer:
    return Trainer(classifier(), device="local-sync")


def test_every_batch_of_every_epoch_is_a_step(trainer: Trainer) -> None:
    data = [batch(seed) for seed in range(3)]
    told: list[tuple[int, float]] = []
    means = trainer.fit(data, epochs=2, lr=0.05, after_step=lambda *step: told.append(step))
    reference = Reference()
    expected = [reference.step(*data[i % 3], rate=0.05) for i in range(6)]
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([loss for _, loss in told], expected, rtol=1e-5)
    np.testing.assert_allclose(means, [np.mean(expected[:3]), np.mean(expected[3:])], rtol=1e-5)


def test_the_rate_may_follow_the_steps(trainer: Trainer) -> None:
    trainer.step(*batch(), lr=0.3)
    trainer.fit([batch(1), batch(2)], lr=lambda steps: 0.1 / steps)
    reference = Reference()
    for i, rate in enumerate((0.3, 0.1, 0.05)):
        reference.step(*batch(i), rate=rate)
    bias = trainer.state_dict()["head.bias"]
    np.testing.assert_allclose(bias, reference.bias, rtol=1e-5)


def test_batches_may_come_one_by_one(trainer: Trainer) -> None:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield batch(0)
        yield batch(1)

    assert len(trainer.fit(batches())) == 1
    assert trainer.steps == 2
    with pytest.raises(ValueError, match="the data is empty in a second epoch; give something"):
        trainer.fit(batches(), epochs=2)


def test_data_that_cannot_be_trained_on(trainer: Trainer) -> None:
    x, y = batch()
    for data, message in (
        ([], "nothing to train on: the data is empty$"),
        ([(x, y), (x[:4], y[:4])], r"batch 1: '.*': expected float32\[6, 8\], got float32\[4, 8\]"),
        ([(x, y), (x, y + 4)], "batch 1: 'targets': label . is outside the classes 0 to 3"),
        ([([*x[:5], x[5][:3]], y)], r"batch 0: '.*': .* got rows of different lengths"),
        ([(x,)], "batch 0: expected 2 arrays"),
    ):
        with pytest.raises(ValueError, match=message):
            trainer.fit(data)


def test_a_run_takes_a_step_with_every_batch(trainer: Trainer) -> None:
    data = [batch(seed) for seed in range(3)]
    reference = Reference()
    expected = [reference.step(*each, rate=0.05) for each in data]
    np.testing.assert_allclose(trainer.run(iter(data), lr=0.05), expected, rtol=1e-5)
    assert trainer.steps == 3
    assert trainer.run([]) == []
    x, y = batch()
    with pytest.raises(ValueError, match="batch 1: 'targets': label . is outside the classes"):
        trainer.run([(x, y), (x, y + 4)])


def test_arrays_that_are_read_in_place_give_the_same(trainer: Trainer) -> None:
    x, _ = batch()
    shifted = np.empty(x.size + 1, np.float32)[1:].reshape(x.shape)
    shifted[...] = x
    placed, frozen = aligned_copy(x), aligned_copy(x)
    frozen.setflags(write=False)
    assert is_aligned(placed) and not is_aligned(frozen)
    outputs = [trainer.predict(each) for each in (x, placed, shifted, frozen)]
    for output in outputs[1:]:
        np.testing.assert_array_equal(outputs[0], output)


def test_batches_may_be_made_in_the_same_memory(trainer: Trainer) -> None:
    x, y = (aligned_copy(array) for array in batch())

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for seed in range(3):
            for old, new in zip((x, y), batch(seed), strict=True):
                old[...] = new
            yield x, y

    reference = Reference()
    expected = [reference.step(*batch(seed), rate=0.05) for seed in range(3)]
    np.testing.assert_allclose(trainer.run(batches(), lr=0.05), expected, rtol=1e-5)
