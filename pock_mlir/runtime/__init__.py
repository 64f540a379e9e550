"""What runs on a board: load a compiled program, train, evaluate, save. NumPy and IREE only."""

from pock_mlir.runtime.artifact import Artifact, load_artifact, save_artifact
from pock_mlir.runtime.errors import (
    ArtifactError,
    CheckpointError,
    DeviceError,
    RuntimeProblem,
    TensorFileError,
)
from pock_mlir.runtime.manifest import (
    FunctionSpec,
    Manifest,
    ParameterSpec,
    SliceSpec,
    TensorSpec,
)
from pock_mlir.runtime.safetensors import TensorFile, save_tensors
from pock_mlir.runtime.trainer import Trainer

__all__ = [
    "Artifact",
    "ArtifactError",
    "CheckpointError",
    "DeviceError",
    "FunctionSpec",
    "Manifest",
    "ParameterSpec",
    "RuntimeProblem",
    "SliceSpec",
    "TensorFile",
    "TensorFileError",
    "TensorSpec",
    "Trainer",
    "load_artifact",
    "save_artifact",
    "save_tensors",
]
