"""A tokenizer of five words, and programs' signatures for the readers."""

import json

from pock_mlir.data import tokenizer
from pock_mlir.data.samples import Wanted
from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.runtime import TensorSpec

WORDS = ("[PAD]", "[UNK]", "good", "bad", "film")
JSON = json.dumps(
    {
        "version": "1.0",
        "truncation": {
            "direction": "Right",
            "max_length": 2,
            "strategy": "LongestFirst",
            "stride": 0,
        },
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: i for i, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }
)


def words() -> Tokenizer:
    return tokenizer.from_json(JSON.encode())


def spec(name: str, *shape: int, dtype: str = "int32") -> TensorSpec:
    return TensorSpec(name, shape, dtype)


SENTENCES = Wanted((spec("ids", 2, 4), spec("attention_mask", 2, 4), spec("targets", 2)), 2)
LANGUAGE = Wanted((spec("ids", 2, 4), spec("targets", 2, 4)))
PHOTOS = Wanted((spec("x", 2, 3, 8, 6, dtype="float32"), spec("targets", 2)), 2)
