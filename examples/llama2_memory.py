"""What memory would LLaMA-2-7B need to be trained here? Asked without its 27 GB of weights.

The network lives on PyTorch's meta device, where weights have shapes only; its whole training step
is derived and scheduled for each scheme, and the bytes are counted.

python examples/llama2_memory.py [--tokens 512] [--optimizer sgd]
"""

import argparse
import resource
import time
from dataclasses import asdict, fields

import torch

from pock_mlir import zoo
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import run_pipeline, training_pipeline
from pock_mlir.report.step_memory import StepBytes, step_bytes

SCHEMES = {
    "full": "full",
    "LoRA": str(zoo.scheme_path("llama2_7b", "lora")),
    "sparse": str(zoo.scheme_path("llama2_7b", "sparse")),
}


def predict(imported: ImportedModel, scheme: str, optimizer: str) -> StepBytes:
    """Derive and schedule the training step of a copy of the model, and count its bytes."""
    with imported.context, Location.unknown():
        module = Module.parse(imported.module.operation.get_asm())
        run_pipeline(
            module, training_pipeline(loss="causal-lm", optimizer=optimizer, scheme=scheme)
        )
        return step_bytes(module)


def peak_megabytes() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a row for each scheme."""
    parser = argparse.ArgumentParser(description="The memory of training LLaMA-2-7B.")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--optimizer", default="sgd", choices=("sgd", "momentum", "adamw"))
    options = parser.parse_args()

    start = time.perf_counter()
    model = zoo.create("llama2_7b")
    tokens = torch.zeros(1, options.tokens, dtype=torch.int32, device="meta")
    imported = import_torch(model, tokens)
    print(f"import: {time.perf_counter() - start:.1f} s, peak memory {peak_megabytes():.0f} MB")

    kinds = [field.name for field in fields(StepBytes)]
    print(f"\n{'GB':8}" + "".join(f"{kind:>11}" for kind in [*kinds, "total", "passes"]))
    for name, scheme in SCHEMES.items():
        start = time.perf_counter()
        memory = predict(imported, scheme, options.optimizer)
        sizes = [*asdict(memory).values(), memory.total]
        row = "".join(f"{size / 1e9:11.3f}" for size in sizes)
        print(f"{name:8}{row}{time.perf_counter() - start:9.1f} s", flush=True)
    print(f"\npeak memory of this process: {peak_megabytes():.0f} MB")


if __name__ == "__main__":
    main()
