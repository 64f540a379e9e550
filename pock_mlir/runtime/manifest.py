"""What a `.pock` file says about itself: `manifest.json`, as dataclasses."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar, cast

import numpy as np

from pock_mlir.runtime.errors import ArtifactError

FORMAT_VERSION = 2
KINDS = ("weight", "buffer", "state", "folded", "adapter")
Shape = tuple[int, ...]
_T = TypeVar("_T")


@dataclass(frozen=True)
class TensorSpec:
    """An argument or result of a function.

    `dtype` is NumPy's name for it; `limit` is what indices (token ids) must stay below.
    """

    name: str
    shape: Shape
    dtype: str
    limit: int | None = None

    def __str__(self) -> str:
        shape = f"[{', '.join(map(str, self.shape))}]" if self.shape else ""
        return f"{self.dtype}{shape}"


@dataclass(frozen=True)
class FunctionSpec:
    """The arguments and results of a function of the module, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class SliceSpec:
    """A box of a parameter, in the framework's dimensions."""

    offsets: Shape
    sizes: Shape


@dataclass(frozen=True)
class AdapterSpec:
    """A factor of `scale * B A`, the term of low rank that is added to the weight `of`.

    `factor` is "A" [rank, in, ...] or "B" [out, rank]; `axis` is the weight's dimension "out".
    """

    of: str
    factor: str
    axis: int
    scale: float


@dataclass(frozen=True)
class ParameterSpec:
    """A parameter of the model, or a piece of the optimizer's state.

    Attributes:
        name: as the framework names it.
        kind: "weight", "buffer", "state" (of the optimizer, zero at first), "folded" (computed
            from frozen parameters by the compiler) or "adapter" (see AdapterSpec).
        shape: the framework's.
        dtype: NumPy's name.
        layout: dimension `i` of the stored tensor is dimension `layout[i]` of the framework's; ()
            means the same order.
        trained: "all", "none", or the boxes that are trained, in the framework's dimensions.
        aliases: other framework names of the same tensor, when it is tied.
        in_module: whether the module reads it; if not, it is kept for `state_dict` only.
        adapter: of the kind "adapter", what it is a factor of.
    """

    name: str
    kind: str
    shape: Shape
    dtype: str
    layout: Shape = ()
    trained: Literal["all", "none"] | tuple[SliceSpec, ...] = "none"
    aliases: tuple[str, ...] = ()
    in_module: bool = True
    adapter: AdapterSpec | None = None

    @property
    def stored_shape(self) -> Shape:
        """The shape of the tensor that the module holds."""
        return tuple(self.shape[i] for i in self.layout) if self.layout else self.shape

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return self.elements * (2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize)

    @property
    def trained_elements(self) -> int:
        """How many of the elements a step changes through a gradient."""
        if isinstance(self.trained, str):
            return self.elements if self.trained == "all" else 0
        return sum(math.prod(box.sizes) for box in self.trained)


def _table(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Manifest:
    """All there is to know about a compiled program, short of its code and its values.

    Attributes:
        target: the name of the target it was compiled for.
        driver: the IREE runtime driver that runs it.
        shards: parts of a batch that run side by side; the module's functions take each part of an
            input as an argument of its own, one after the other, and return outputs likewise.
        functions: "train_step", whose inputs are the model's inputs, the targets and the learning
            rate (a scalar, last), "predict", and where gradients of several batches make an update,
            "accumulate_step", without the learning rate.
        loss: {"kind": "cross-entropy" | "causal-lm" | "binary-cross-entropy" | "mse" | "l1" |
            "custom", ...}, with the options that were given, by the names that pock_mlir's classes
            of losses have. "custom" comes with a function "evaluate" (inputs and targets to loss).
        optimizer: {"kind": ..., "lr": the default learning rate, ...}.
        scheme: the update scheme, as `Scheme.to_dict` gives it.
        parameters: everything that the module reads, or that a `state_dict` has.
        state_order: the parameters that a step changes, in the order of `read_state`.
        seed: of the masks of dropout; None where a step draws none by a seed.
        predicted_bytes: predicted memory of a step by kind; "peak" is the total.
        report: what `pock inspect` shows besides.
        versions: of the software that made the file.
        checksums: sha256 of the other files in the archive, by name.
    """

    target: str
    driver: str
    functions: Mapping[str, FunctionSpec]
    loss: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    scheme: Mapping[str, Any]
    parameters: tuple[ParameterSpec, ...]
    state_order: tuple[str, ...]
    seed: int | None = None
    shards: int = 1
    predicted_bytes: Mapping[str, int] = field(default_factory=dict[str, int])
    report: Mapping[str, Any] = field(default_factory=dict[str, Any])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    checksums: Mapping[str, str] = field(default_factory=dict[str, str])
    format_version: int = FORMAT_VERSION

    def parameter(self, name: str) -> ParameterSpec:
        """The parameter of that name. Raises KeyError."""
        for spec in self.parameters:
            if spec.name == name:
                return spec
        raise KeyError(name)

    @property
    def learning_rate(self) -> float | None:
        """The default learning rate, where one was given."""
        rate = self.optimizer.get("lr")
        return None if rate is None else float(rate)

    @property
    def work(self) -> int | None:
        """Floating-point operations of a step, if the report tells."""
        phases = _table(self.report.get("phases")).values()
        counts = [_table(phase).get("flops") for phase in phases]
        known = [count for count in counts if isinstance(count, int)]
        return sum(known) if known else None

    @property
    def accumulate(self) -> int:
        """How many batches make an update."""
        count = self.optimizer.get("accumulate", 1)
        return count if isinstance(count, int) and count > 0 else 1

    @property
    def trained_elements(self) -> int:
        """How many numbers a step trains."""
        return sum(spec.trained_elements for spec in self.parameters)

    def program(self) -> dict[str, Any]:
        """What two programs must share for a checkpoint of one to continue in the other.

        That is everything but the target, the learning rate and the batch size.
        """
        optimizer = {key: value for key, value in self.optimizer.items() if key != "lr"}
        parameters = [
            {"name": p.name, "kind": p.kind, "shape": p.shape, "dtype": p.dtype, "trained": trained}
            for p in self.parameters
            if p.kind != "folded"
            for trained in [
                p.trained if isinstance(p.trained, str) else [asdict(s) for s in p.trained]
            ]
        ]
        program = {"loss": dict(self.loss), "optimizer": optimizer, "parameters": parameters}
        return program if self.seed is None else {**program, "seed": self.seed}

    def fingerprint(self) -> str:
        """A short digest of `program()`."""
        text = json.dumps(self.program(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read and check the text of `manifest.json`.

        Raises:
            ArtifactError: malformed, or of a format that this version does not know.
        """
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"manifest.json is not JSON: {error}") from error
        top = _Table(data, "manifest")
        version = top.get("format_version", int)
        if version > FORMAT_VERSION:
            raise ArtifactError(
                f"made by a newer pock-mlir: format {version}, this version reads up to "
                f"{FORMAT_VERSION}; upgrade with: pip install -U pock-mlir"
            )
        manifest = cls(
            format_version=version,
            target=top.get("target", str),
            driver=top.get("driver", str),
            functions={
                name: _function(value, f"functions.{name}")
                for name, value in top.table("functions").items()
            },
            loss=top.table("loss"),
            optimizer=top.table("optimizer"),
            scheme=top.table("scheme"),
            parameters=tuple(
                _parameter(value, f"parameters[{i}]")
                for i, value in enumerate(cast("list[Any]", top.get("parameters", list)))
            ),
            state_order=top.texts("state_order"),
            seed=top.get("seed", int) if top.has("seed") else None,
            shards=top.get("shards", int) if top.has("shards") else 1,
            predicted_bytes=top.table("predicted_bytes", int),
            report=top.table("report"),
            versions=top.table("versions", str),
            checksums=top.table("checksums", str),
        )
        _check(manifest)
        return manifest


class _Table:
    """A JSON object whose members are checked as they are taken."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise ArtifactError(f"{where} must be a JSON object")
        self._data = cast("dict[str, Any]", data)
        self._where = where

    def has(self, key: str) -> bool:
        return self._data.get(key) is not None

    def get(self, key: str, kind: type[_T]) -> _T:
        value = self._data.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ArtifactError(f"{self._where}: '{key}' must be of type {kind.__name__}")
        return value

    def table(self, key: str, kind: type[Any] = object) -> dict[str, Any]:
        value = cast("dict[str, Any]", self.get(key, dict))
        if not all(isinstance(member, kind) for member in value.values()):
            raise ArtifactError(f"{self._where}: '{key}' must hold values of type {kind.__name__}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = cast("list[Any]", self.get(key, list))
        if not all(isinstance(member, str) for member in value):
            raise ArtifactError(f"{self._where}: '{key}' must be a list of texts")
        return tuple(value)

    def numbers(self, key: str) -> Shape:
        value = cast("list[Any]", self.get(key, list))
        if not all(isinstance(n, int) and n >= 0 for n in value):
            raise ArtifactError(f"{self._where}: '{key}' must be a list of non-negative integers")
        return tuple(value)


def _function(data: Any, where: str) -> FunctionSpec:
    table = _Table(data, where)
    return FunctionSpec(_tensors(table, "inputs", where), _tensors(table, "outputs", where))


def _tensors(table: _Table, key: str, where: str) -> tuple[TensorSpec, ...]:
    specs: list[TensorSpec] = []
    for i, value in enumerate(cast("list[Any]", table.get(key, list))):
        entry = _Table(value, f"{where}.{key}[{i}]")
        limit = None if value.get("limit") is None else entry.get("limit", int)
        specs.append(
            TensorSpec(
                entry.get("name", str), entry.numbers("shape"), entry.get("dtype", str), limit
            )
        )
    return tuple(specs)


def _parameter(data: Any, where: str) -> ParameterSpec:
    table = _Table(data, where)
    spec = ParameterSpec(
        name=table.get("name", str),
        kind=table.get("kind", str),
        shape=table.numbers("shape"),
        dtype=table.get("dtype", str),
        layout=table.numbers("layout"),
        trained=_trained(table, data.get("trained"), where),
        aliases=table.texts("aliases"),
        in_module=table.get("in_module", bool),
        adapter=_adapter(data.get("adapter"), where),
    )
    if spec.kind not in KINDS:
        raise ArtifactError(f"{where}: unknown kind '{spec.kind}'")
    if spec.layout and sorted(spec.layout) != list(range(len(spec.shape))):
        raise ArtifactError(f"{where}: layout {list(spec.layout)} is no permutation")
    return spec


def _adapter(data: Any, where: str) -> AdapterSpec | None:
    if data is None:
        return None
    table = _Table(data, f"{where}.adapter")
    return AdapterSpec(
        of=table.get("of", str),
        factor=table.get("factor", str),
        axis=table.get("axis", int),
        scale=table.get("scale", float),
    )


def _trained(
    table: _Table, value: Any, where: str
) -> Literal["all", "none"] | tuple[SliceSpec, ...]:
    if value == "all" or value == "none":
        return value
    boxes = [
        _Table(box, f"{where}.trained[{i}]")
        for i, box in enumerate(cast("list[Any]", table.get("trained", list)))
    ]
    return tuple(SliceSpec(box.numbers("offsets"), box.numbers("sizes")) for box in boxes)


def _check(manifest: Manifest) -> None:
    names = [spec.name for spec in manifest.parameters]
    if len(set(names)) != len(names):
        raise ArtifactError("manifest: two parameters have the same name")
    if manifest.shards < 1:
        raise ArtifactError(f"manifest: shards must be positive, got {manifest.shards}")
    unknown: Sequence[str] = [name for name in manifest.state_order if name not in set(names)]
    needed = ["train_step", "predict", *(["accumulate_step"] if manifest.accumulate > 1 else [])]
    missing = [name for name in needed if name not in manifest.functions]
    if unknown or missing:
        raise ArtifactError(f"manifest: nothing is known about {', '.join([*unknown, *missing])}")
