"""Choosing a form: by what was measured, and where nobody did, by the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pock_mlir.tuning.cost import CostModel
from pock_mlir.tuning.database import Database, Measured
from pock_mlir.tuning.form import Form, Subject, Tile, candidates
from pock_mlir.tuning.limits import Limits
from pock_mlir.tuning.machine import Machine, find_machine, section_of
from pock_mlir.tuning.product import Product


def shipped_files() -> list[Path]:
    """The measurements that come with the package."""
    folder = Path(str(resources.files("pock_mlir.tuning")))
    return sorted(folder.glob("*-*.toml"))


def user_file() -> Path:
    """Where `pock tune` writes, and `pock compile` looks: $POCK_TUNING, or in the user's cache."""
    named = os.environ.get("POCK_TUNING")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "pock_mlir" / "tuning.toml"


@dataclass(frozen=True)
class Tuning:
    """What is known of one kind of machine.

    Attributes:
        machine: the kind.
        database: measurements, of this and other machines.
        model: for what is not in the database.
        limits: of the memory that forms take.
    """

    machine: Machine
    database: Database
    model: CostModel
    limits: Limits = Limits()

    @classmethod
    def load(
        cls,
        machine: str = "",
        files: Sequence[str | os.PathLike[str]] = (),
        limits: Limits | None = None,
    ) -> Tuning:
        """The shipped measurements and those of `files`; later ones are right.

        Raises:
            ValueError: unknown machine.
            TuningError: a file cannot be read.
        """
        database = Database()
        for path in (*shipped_files(), *files):
            database.merge(Database.load(path))
        found = find_machine(machine)
        return cls(found, database, CostModel.shipped(found), limits or Limits())

    def measured(self, subject: Subject) -> Measured | None:
        """What was measured, with this version of IREE or under a table that names none."""
        for section in (section_of(self.machine), self.machine.name):
            found = self.database.sections.get(section, {}).get(subject)
            if found is not None:
                return found
        return None

    def form_of(self, subject: Subject) -> Form:
        """The form to have, of those that keep to the limits."""
        found = self.measured(subject)
        if found is None:
            return self.estimated(subject)
        if self.limits.allow(found.best, subject):
            return found.best
        allowed = {f: time for f, time in found.times.items() if self.limits.allow(f, subject)}
        return Measured.of(allowed, subject=subject).best

    def estimated(self, subject: Subject) -> Form:
        """The form to have by the model, whose times count as measured ones do."""
        forms = self.allowed(subject)
        times = {form: self.model.estimate(subject, form, self.machine) for form in forms}
        return Measured.of(times, subject=subject).best

    def allowed(self, subject: Subject) -> list[Form]:
        """The forms worth measuring that keep to the limits."""
        forms = candidates(subject, self.machine)
        return [form for form in forms if self.limits.allow(form, subject)]

    def tile_of_piece(self, product: Product) -> Tile | None:
        """By the model, the tile for a piece of a product whose operands stay as they are.

        None where no block divides them.
        """
        forms = [form for form in candidates(product, self.machine) if form.kind == "tiled"]
        return self.model.best(product, forms, self.machine).tile if forms else None
