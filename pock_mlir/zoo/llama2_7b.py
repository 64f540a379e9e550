"""LLaMA-2-7B (Touvron et al., 2023): the architecture, of which nobody here has the weights."""

from dataclasses import replace

import torch

from pock_mlir.zoo.attention import initialise
from pock_mlir.zoo.llama import Llama, LlamaSizes


def llama2_7b(device: str = "meta", **sizes: int) -> Llama:
    """LLaMA-2-7B in eval mode.

    On PyTorch's `meta` device the weights have a shape and no values: such a model compiles, and
    says what memory it would need, but cannot run. Elsewhere they are random; `sizes`, fields of
    LlamaSizes, make a smaller network.
    """
    with torch.device(device):
        model = Llama(replace(LlamaSizes(), **sizes))
    if device != "meta":
        initialise(model)
    return model.eval()
