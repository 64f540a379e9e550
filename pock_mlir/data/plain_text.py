"""Plain text for language models, cut into blocks of the program's length."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data import text
from pock_mlir.data.samples import Data, Split, Tell, Wanted
from pock_mlir.data.tokenizer import Tokenizer


def load(
    path: Path,
    wanted: Wanted,
    tokenizer: Tokenizer,
    *,
    encoding: str = "utf-8",
    tell: Tell = lambda text: None,
) -> Data:
    """A text file, or all `.txt` files of a folder in the order of their names.

    Raises:
        ValueError: no text there, less than one block of it, a wrong encoding, or a program that is
            no language model.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path} has no .txt files")
    texts: list[str] = []
    for i, file in enumerate(files):
        tell(f"read texts: {i} of {len(files)}")
        texts.append(text.read(file, encoding))
    tell("tokenize")
    return Data(path.name, blocks_of(texts, wanted, tokenizer, path.name), ordered=True)


def blocks_of(
    texts: Iterable[str], wanted: Wanted, tokenizer: Tokenizer, name: str = "the text"
) -> Split:
    """Texts one after the other as blocks for a program; targets are the ids themselves.

    Raises:
        ValueError: less text than one block, or a program that is no language model.
    """
    inputs = text.text_inputs(wanted)
    if not text.next_tokens(wanted):
        raise ValueError(
            f"plain text is for language models, whose targets are token ids like the inputs; the "
            f"program's targets are {wanted.targets}"
        )
    ids = tokenizer.stream(texts)
    cut = blocks(ids, inputs.tokens)
    if not len(cut):
        raise ValueError(f"{name}: {len(ids)} tokens do not fill one block of {inputs.tokens}")
    return Split([*inputs.arrays(cut, np.ones_like(cut)), cut])


def blocks(ids: NDArray[np.int32], length: int) -> NDArray[np.int32]:
    """[n, length]: what does not fill the last block is left out."""
    return ids[: len(ids) // length * length].reshape(-1, length)
