"""Which samples a checkpoint was trained on, and in which order; the checkpoint keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pock_mlir.cli.data_options import DataOptions
from pock_mlir.data.samples import Data
from pock_mlir.runtime.checkpoint import read_notes


@dataclass(frozen=True)
class Origin:
    """What decides which samples a step takes, but for the batch size.

    Attributes:
        data: the data set's name.
        samples: how many of it were trained on.
        hold_out: the part that was held out, if any.
        split_seed: which part.
        seed: of the order.
    """

    data: str
    samples: int
    hold_out: float | None
    split_seed: int
    seed: int

    @classmethod
    def of(cls, data: Data, options: DataOptions, seed: int) -> Origin:
        """That of the training samples of `data`, which was loaded by `options`."""
        return cls(data.name, len(data.train), options.hold_out, options.split_seed, seed)

    @classmethod
    def read(cls, path: Path) -> Origin | None:
        """What a checkpoint says; None where `pock train` did not write it."""
        notes = read_notes(path)
        return cls(**notes) if set(notes) == {field.name for field in fields(cls)} else None

    @property
    def notes(self) -> dict[str, object]:
        """What a checkpoint keeps."""
        return asdict(self)

    @property
    def options(self) -> str:
        """The command's options that this comes from."""
        return f"{self.split} --seed {self.seed}".strip()

    @property
    def split(self) -> str:
        """The options that say what was held out."""
        if self.hold_out is None:
            return ""
        return f"--hold-out {self.hold_out:g} --split-seed {self.split_seed}"

    def __str__(self) -> str:
        return f"{self.samples} samples of {self.data}"


def check_resumed(path: Path, origin: Origin) -> str:
    """What to say where a run goes on with other data than the one that saved `path`; or "".

    Raises:
        ValueError: it would take the samples in another order, or hold out others.
    """
    before = Origin.read(path)
    if before is None:
        return ""
    if before.options != origin.options:
        raise ValueError(
            f"{path} was trained with {before.options}, and would be resumed with "
            f"{origin.options}: give the same"
        )
    if str(before) == str(origin):
        return ""
    return f"{path} was trained on {before}, and is resumed on {origin}"


def trained_on(origin: Origin | None, data: Data, options: DataOptions) -> str:
    """What to say where samples are evaluated that were trained on, as far as known; or ""."""
    if origin is not None and origin.data == data.name:
        evaluated = Origin.of(data, options, origin.seed)
        if data.test is not None and evaluated.split == origin.split:
            return ""
        with_ = f" with {origin.split}" if origin.split else ""
        return f"the checkpoint was trained on some of these samples, {origin}{with_}"
    if data.test is not None or origin is not None:
        return ""
    return (
        f"{data.name} has no test split, so all its samples are evaluated, those that the program "
        "was trained on among them; to leave these out, give the --hold-out and --split-seed of "
        "the training"
    )
