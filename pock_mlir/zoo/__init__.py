"""Reference networks in PyTorch, by name: `zoo.create("efficientnet_lite0", num_classes=4)`.

Every factory returns a module in eval mode, so its batch-norm statistics are frozen while scale
and shift may still train. Needs torch: `pip install pock-mlir[torch]`.
"""

import difflib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

# Lazy, so that listing the names imports no torch.
MODELS = {
    "bert_base": "pock_mlir.zoo.bert:bert_base",
    "distilbert": "pock_mlir.zoo.distilbert:distilbert",
    "efficientnet_lite0": "pock_mlir.zoo.efficientnet_lite0:efficientnet_lite0",
    "llama2_7b": "pock_mlir.zoo.llama2_7b:llama2_7b",
    "mcunet": "pock_mlir.zoo.mcunet:mcunet",
    "minilm": "pock_mlir.zoo.minilm:minilm",
    "mlp": "pock_mlir.zoo.mlp:mlp",
    "mobilenet_v2": "pock_mlir.zoo.mobilenet_v2:mobilenet_v2",
    "residual_cnn": "pock_mlir.zoo.residual_cnn:residual_cnn",
    "resnet50": "pock_mlir.zoo.resnet50:resnet50",
    "smollm2": "pock_mlir.zoo.smollm2:smollm2",
    "vit_tiny": "pock_mlir.zoo.vit_tiny:vit_tiny",
}


def scheme_path(model: str, name: str) -> Path:
    """The file of an update scheme made for a model: `Scheme.load(scheme_path(model, "sparse"))`.

    Raises ValueError where there is none, with the schemes that there are.
    """
    there = schemes(model)
    if name not in there:
        known = ", ".join(there) or "none"
        raise ValueError(f"no scheme {name!r} for {model!r} in the zoo; there is {known}")
    return there[name]


def schemes(model: str) -> dict[str, Path]:
    """The files of the update schemes made for a model, by the names of the schemes."""
    prefix = f"{model}_"
    files = sorted((Path(__file__).parent / "schemes").glob(f"{prefix}*.toml"))
    return {path.stem.removeprefix(prefix): path for path in files}


def create(name: str, **options: Any) -> "nn.Module":
    """Build the network `name` with its factory's options (`num_classes`, `pretrained`, ...).

    Raises ValueError for an unknown name (with the nearest ones, or all) and ImportError, naming
    the pip command, where torch is missing.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(MODELS)}"
        raise ValueError(f"no model named {name!r} in the zoo; {hint}")
    module, _, factory = MODELS[name].partition(":")
    try:
        return getattr(import_module(module), factory)(**options)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError("the zoo needs PyTorch: pip install 'pock-mlir[torch]'") from error
