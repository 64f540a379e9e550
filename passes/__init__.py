"""How the IR changes: the registry of passes. One line a pass; nothing is imported before use."""

from __future__ import annotations

if __name__ == "passes":
    raise ImportError("import pock_mlir.passes instead: `passes` would be a second copy of it")

import importlib

from pock_mlir.passes.base import ModulePass, PassError

__all__ = ["REGISTRY", "ModulePass", "PassError", "pass_class"]

REGISTRY = {
    "accumulate-gradients": "pock_mlir.passes.accumulate_gradients:AccumulateGradients",
    "add-lora": "pock_mlir.passes.add_lora:AddLora",
    "add-loss": "pock_mlir.passes.add_loss:AddLoss",
    "apply-optimizer": "pock_mlir.passes.apply_optimizer:ApplyOptimizer",
    "choose-kernels": "pock_mlir.passes.choose_kernels:ChooseKernels",
    "clip-gradients": "pock_mlir.passes.clip_gradients:ClipGradients",
    "convolutions-to-nhwc": "pock_mlir.passes.convolutions_to_nhwc:ConvolutionsToNhwc",
    "differentiate": "pock_mlir.passes.differentiate:Differentiate",
    "expand-bf16": "pock_mlir.passes.expand_bf16:ExpandBf16",
    "expand-optimizer": "pock_mlir.passes.expand_optimizer:ExpandOptimizer",
    "fold-batch-norm": "pock_mlir.passes.fold_batch_norm:FoldBatchNorm",
    "fold-constants": "pock_mlir.passes.fold_constants:FoldConstants",
    "fold-frozen": "pock_mlir.passes.fold_frozen:FoldFrozen",
    "lower-pock": "pock_mlir.passes.lower_pock:LowerPock",
    "mixed-precision": "pock_mlir.passes.mixed_precision:MixedPrecision",
    "narrow-gradients": "pock_mlir.passes.narrow_gradients:NarrowGradients",
    "pock-to-iree": "pock_mlir.backends.iree.lowering:PockToIree",
    "prepare-for-gradients": "pock_mlir.passes.prepare_for_gradients:PrepareForGradients",
    "reorder": "pock_mlir.passes.reorder:Reorder",
    "scale-loss": "pock_mlir.passes.scale_loss:ScaleLoss",
    "schedule-learning-rate": "pock_mlir.passes.schedule_learning_rate:ScheduleLearningRate",
    "shard-batch": "pock_mlir.passes.shard_batch:ShardBatch",
    "simplify": "pock_mlir.passes.simplify:Simplify",
    "sparsify-backward": "pock_mlir.passes.sparsify_backward:SparsifyBackward",
    "split-reductions": "pock_mlir.passes.split_reductions:SplitReductions",
    "unroll-loops": "pock_mlir.passes.unroll_loops:UnrollLoops",
    "unscale-gradients": "pock_mlir.passes.unscale_gradients:UnscaleGradients",
}


def pass_class(name: str) -> type[ModulePass]:
    """The class of the pass called `name`.

    Raises:
        KeyError: no pass of this project has that name.
    """
    module, _, attribute = REGISTRY[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
