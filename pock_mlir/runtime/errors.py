"""What can go wrong on a board, one exception each; all are `RuntimeProblem`s."""


class RuntimeProblem(Exception):
    """A problem whose message is meant for a person: one line, no traceback needed."""


class ArtifactError(RuntimeProblem):
    """A `.pock` file is missing, corrupt, truncated, of a newer format, or no such file at all."""


class TensorFileError(RuntimeProblem):
    """A safetensors file is missing, corrupt, truncated, or no such file at all."""


class CheckpointError(RuntimeProblem):
    """A checkpoint belongs to another model or scheme."""


class DeviceError(RuntimeProblem):
    """A device, its driver or a library of it is missing, or cannot run the module."""
