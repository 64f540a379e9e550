"""The MLIR bindings, behind one door.

This is the only module that names the package the bindings come from (torch-mlir's wheel, which
registers upstream MLIR, StableHLO and the torch dialect in one context). Everything else imports
from here, so a change of bindings is a change of this file.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def _load_bindings() -> None:
    """Load the bindings' libraries so that they use their own LLVM.

    TensorFlow's libraries export theirs to all that are loaded after them, and with two LLVMs mixed
    up the process ends at once.
    """
    flags = sys.getdlopenflags()
    if "tensorflow" in sys.modules:
        sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))
    try:
        import_module("torch_mlir.ir")
    finally:
        sys.setdlopenflags(flags)


_load_bindings()

from torch_mlir._mlir_libs import _stablehlo as stablehlo_bindings
from torch_mlir._mlir_libs import _torchMlir  # registers stablehlo-aggressive-simplification
from torch_mlir.dialects import ext, transform
from torch_mlir.dialects.transform import interpreter as transform_interpreter
from torch_mlir.ir import (
    AffineExpr,
    AffineMap,
    AffineMapAttr,
    ArrayAttr,
    Attribute,
    BF16Type,
    Block,
    BlockArgument,
    BoolAttr,
    CallSiteLoc,
    ComplexType,
    Context,
    DenseBoolArrayAttr,
    DenseElementsAttr,
    DenseF64ArrayAttr,
    DenseI32ArrayAttr,
    DenseI64ArrayAttr,
    DenseIntElementsAttr,
    DiagnosticSeverity,
    DictAttr,
    F16Type,
    F32Type,
    F64Type,
    FileLineColLoc,
    FlatSymbolRefAttr,
    FloatAttr,
    FloatType,
    FunctionType,
    FusedLoc,
    IndexType,
    InsertionPoint,
    IntegerAttr,
    IntegerType,
    Location,
    MemoryEffectsOpInterface,
    MLIRError,
    Module,
    NameLoc,
    Operation,
    OpResult,
    OpView,
    RankedTensorType,
    StringAttr,
    SymbolTable,
    TupleType,
    Type,
    TypeAttr,
    UnitAttr,
    Value,
    WalkOrder,
    WalkResult,
)
from torch_mlir.passmanager import PassManager
from torch_mlir.rewrite import (
    RewritePatternSet,
    apply_patterns_and_fold_greedily,
)

# The bindings look for the Python classes of an op in a module named after its dialect, and where
# there is none, try to import it again for every op that Python sees: a hundred times the cost of
# everything else about walking a block. An empty module ends the search.
for _namespace in ("chlo", "flow", "pock", "pock_transform", "stablehlo", "util"):
    _module = f"torch_mlir.dialects.{_namespace}"
    sys.modules.setdefault(_module, ModuleType(_module))

stablehlo_bindings.register_stablehlo_passes()


def registered_dialects(context: Context) -> list[str]:
    """The names of the dialects that `context` can parse; loads all of them.

    The bindings do not list them, so those with generated classes and StableHLO's are tried.
    """
    folder = Path(transform.__file__).parent.parent
    names = {path.name[1:-11] for path in folder.glob("_*_ops_gen.py")}
    names |= {"chlo", "dlti", "pdl_interp", "pock", "pock_transform", "quant", "stablehlo", "vhlo"}
    found = []
    for name in sorted(names):
        with contextlib.suppress(ValueError):
            context.get_dialect_descriptor(name)
            found.append(name)
    return found


def load_chlo(context: Context) -> None:
    """Load the CHLO dialect (`chlo.erf`, ...) into `context`.

    The bindings offer no function for it; a pass that may make CHLO ops loads it.
    """
    module = Module.parse("module {func.func private @f() {return}}", context)
    with context:
        PassManager.parse("builtin.module(func.func(convert-torch-to-stablehlo))").run(
            module.operation
        )


def fx_importer(context: Context) -> Any:
    """torch-mlir's importer of PyTorch FX graphs into `context`. Imports torch."""
    from torch_mlir.dialects import torch as torch_dialect
    from torch_mlir.extras.fx_importer import FxImporter

    torch_dialect.register_dialect(context)
    return FxImporter(context=context)


def onnx_module(model: Any, context: Context) -> Module:
    """An ONNX ModelProto as a module of torch-mlir's ops, in `context`. Imports onnx."""
    from torch_mlir.dialects import torch as torch_dialect
    from torch_mlir.extras import onnx_importer

    torch_dialect.register_dialect(context)
    info = onnx_importer.ModelInfo(model)
    module = info.create_module(context=context)
    onnx_importer.NodeImporter.define_function(info.main_graph, module.operation).import_all()
    return module


def fx_decompositions() -> dict[Any, Any]:
    """The decompositions of PyTorch operators that torch-mlir's lowering counts on."""
    from torch_mlir.extras.fx_decomp_util import get_decomposition_table

    return get_decomposition_table()


__all__ = [name for name in dir() if not name.startswith("_") and name != "annotations"]
