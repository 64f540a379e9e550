"""Text to token ids and back, with the tokenizer that belongs to a model.

`tokenizer.json` is the file format of the `tokenizers` package, which does the work. A GGUF file
holds the vocabulary and merges of a byte-level BPE; the tokenizer is put together from those.
Needs tokenizers (and gguf): `pip install pock-mlir[text]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PAD_TOKENS = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>")
_BYTE_LEVEL = {"gpt-2": False, "gpt2": False, "default": False, "smollm": True}
"""Pre-tokenizers of GGUF that are known: name -> whether every digit is a token of its own."""
_CONTROL = 3  # token type of GGUF


@dataclass(frozen=True)
class Tokenizer:
    """Text to token ids.

    Attributes:
        backend: a `tokenizers.Tokenizer`, without truncation and padding.
        pad: the id that fills up short texts.
        end: the id that separates texts, where there is one.
    """

    backend: Any
    pad: int = 0
    end: int | None = None

    @property
    def size(self) -> int:
        """How many tokens there are: ids are in [0, size)."""
        return self.backend.get_vocab_size()

    def rows(
        self, texts: Sequence[str], length: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Ids and mask, both [texts, length]: cut off at the end or filled up; mask 1 is text.

        The tokens that the model wants around a text ([CLS], [SEP]) are there.
        """
        self.backend.enable_truncation(length)
        self.backend.enable_padding(length=length, pad_id=self.pad)
        try:
            encoded = self.backend.encode_batch(list(texts))
        finally:
            self.backend.no_truncation()
            self.backend.no_padding()
        shape = (len(encoded), length)
        ids = np.array([each.ids for each in encoded], np.int32).reshape(shape)
        mask = np.array([each.attention_mask for each in encoded], np.int32).reshape(shape)
        return ids, mask

    def stream(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """The ids of all texts one after the other, `end` behind each where there is one."""
        pieces: list[NDArray[np.int32]] = []
        for text in texts:
            pieces.append(self.ids(text))
            if self.end is not None:
                pieces.append(np.array([self.end], np.int32))
        return np.concatenate(pieces) if pieces else np.empty(0, np.int32)

    def ids(self, text: str) -> NDArray[np.int32]:
        """The ids of one text, nothing around it."""
        return np.array(self.backend.encode(text, add_special_tokens=False).ids, np.int32)

    def text(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """The text behind ids; special tokens are left out."""
        return self.backend.decode([int(i) for i in ids])


def load(path: Path) -> Tokenizer:
    """The tokenizer in a `tokenizer.json` or a `.gguf` file.

    Raises:
        ValueError: no such file, or no tokenizer in it that is known.
        ImportError: the package tokenizers, or gguf, is missing.
    """
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    if path.suffix == ".gguf":
        return from_gguf(path)
    return from_json(path.read_bytes(), str(path))


def from_json(content: bytes, name: str = "tokenizer.json") -> Tokenizer:
    """The tokenizer that the content of a `tokenizer.json` describes. Raises as `load`."""
    tokenizers = _package("tokenizers")
    try:
        backend = tokenizers.Tokenizer.from_str(content.decode())
    except Exception as error:  # the package raises plain Exception
        raise ValueError(f"{name} is no tokenizer.json: {error}") from error
    padding: dict[str, Any] = backend.padding or {}
    backend.no_truncation()
    backend.no_padding()
    return Tokenizer(backend, padding.get("pad_id", _first(backend, _PAD_TOKENS)))


def _first(backend: Any, tokens: Iterable[str]) -> int:
    ids = (backend.token_to_id(token) for token in tokens)
    return next((i for i in ids if i is not None), 0)


def from_gguf(path: Path) -> Tokenizer:
    """The byte-level BPE inside a GGUF file. Raises as `load`."""
    fields = _gguf_fields(path)
    kind, pre = fields.get("model"), fields.get("pre", "default")
    if kind != "gpt2" or pre not in _BYTE_LEVEL:
        raise ValueError(
            f"{path}: cannot read a tokenizer of kind '{kind}' with the pre-tokenizer '{pre}', "
            f"only gpt2 with {', '.join(_BYTE_LEVEL)}; give the model's tokenizer.json instead"
        )
    end = fields.get("eos_token_id")
    backend = _byte_level_bpe(fields, digits=_BYTE_LEVEL[pre])
    pad = fields.get("padding_token_id", end or 0)
    return Tokenizer(backend, int(pad), None if end is None else int(end))


def _gguf_fields(path: Path) -> dict[str, Any]:
    """What is known about the tokenizer, by the names behind `tokenizer.ggml.`"""
    gguf = _package("gguf")
    try:
        reader = gguf.GGUFReader(path)
        prefix = "tokenizer.ggml."
        fields = {
            name.removeprefix(prefix): field.contents()
            for name, field in reader.fields.items()
            if name.startswith(prefix)
        }
    except Exception as error:  # it asserts and indexes
        raise ValueError(f"{path} is no GGUF file: {error}") from error
    if "tokens" not in fields:
        raise ValueError(f"{path} holds no tokenizer; give the model's tokenizer.json")
    return fields


def _byte_level_bpe(fields: dict[str, Any], *, digits: bool) -> Any:
    tokenizers = _package("tokenizers")
    pre = tokenizers.pre_tokenizers
    tokens: list[str] = fields["tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in fields["merges"]]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    steps = [pre.Digits(individual_digits=True)] if digits else []
    backend.pre_tokenizer = pre.Sequence([*steps, pre.ByteLevel(add_prefix_space=False)])
    backend.decoder = tokenizers.decoders.ByteLevel()
    types: list[int] = fields.get("token_type", [])
    special = [t for t, kind in zip(tokens, types, strict=False) if kind == _CONTROL]
    backend.add_special_tokens(special)
    return backend


def _package(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(f"text needs {name}: pip install 'pock-mlir[text]'") from error
