"""Sentences of movie reviews with a sentiment: 10,605 sentences, each rated by 20 people.

From the source distribution of vaderSentiment 0.5 on PyPI, which holds the data of Hutto & Gilbert,
"VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
The sentences are from the reviews that Pang & Lee collected, as are SST-2's; the labels are other
ones, so results are not comparable with SST-2's.
"""

import io
import tarfile
import zipfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.dataset import Texts, stratified_split
from pock_mlir.data.fetch import FetchError, Report, SourcePackage, say

PACKAGE = SourcePackage(
    name="vaderSentiment",
    version="0.5",
    file="vaderSentiment-0.5.zip",
    sha256="5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    megabytes=3,
)
ARCHIVE = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
CLASSES = ("negative", "positive")
CLEAR = 0.5
SPLIT_SEED = 2014
TEST_FRACTION = 0.2


def load(
    *, seed: int = SPLIT_SEED, test_fraction: float = TEST_FRACTION, report: Report = say
) -> Texts:
    """The sentences whose mean rating, from -4 to 4, is beyond +-0.5: is it positive?

    Split per class into train and test by `seed`. Raises FetchError when the package cannot be had.
    """
    sentences, ratings = read(report)
    clear = np.flatnonzero(np.abs(ratings) > CLEAR)
    labels = (ratings[clear] > 0).astype(np.int32)
    train, test = stratified_split(labels, test_fraction, seed)
    return Texts(
        name="movie reviews",
        classes=CLASSES,
        train_texts=chosen(sentences, clear[train]),
        train_y=labels[train],
        test_texts=chosen(sentences, clear[test]),
        test_y=labels[test],
    )


def chosen(sentences: Sequence[str], indices: NDArray[np.intp]) -> tuple[str, ...]:
    """Some of the sentences."""
    return tuple(sentences[int(i)] for i in indices)


def read(report: Report = say) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Every sentence and its mean rating. Raises FetchError."""
    with zipfile.ZipFile(PACKAGE.fetch(report)) as package:
        inner = io.BytesIO(package.read(ARCHIVE))
    with tarfile.open(fileobj=inner) as tarball:
        file = tarball.extractfile(FILE)
        if file is None:
            raise FetchError(f"{PACKAGE.spec}: {FILE} is no file")
        lines = file.read().decode("latin-1").splitlines()
    rows = [line.split("\t") for line in lines if line.strip()]
    sentences = [text.strip() for _, _, text in rows]
    return tuple(sentences), np.array([float(rating) for _, rating, _ in rows])
