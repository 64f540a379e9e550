"""A program in words and tables, from its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from pock_mlir.cli.console import count, size, table
from pock_mlir.runtime.manifest import Manifest, ParameterSpec

_MEMORY_KINDS = {
    "weights": "parameters and optimizer state",
    "inputs": "the batch",
    "transient": "activations and gradients",
    "results": "the loss",
    "new_weights": "weights not updated in place",
    "peak": "peak of a step",
}
_GRADIENTS = {
    "held": "of that, gradients held until the norm is known, or read twice",
    "accumulated": "of that, buffers of accumulated gradients",
    "shards": "of that, gradients of all shards",
}


def model_elements(manifest: Manifest) -> int:
    """The numbers in the model's weights; statistics are not counted."""
    return sum(p.elements for p in manifest.parameters if p.kind == "weight")


def headline(manifest: Manifest) -> str:
    """One line: what is trained, and what it takes."""
    trained, total = manifest.trained_elements, model_elements(manifest)
    share = f"{100 * trained / total:.1f} %" if total else "none"
    peak = manifest.predicted_bytes.get("peak")
    memory = f"; peak memory of a step {size(peak)}" if peak else ""
    scheme = manifest.scheme.get("name", "")
    return (
        f"scheme {scheme}: trains {count(trained)} of {count(total)} parameters ({share}){memory}"
    )


def given(manifest: Manifest) -> str:
    """One line: the batch that a step takes."""
    *batch, _ = manifest.functions["train_step"].inputs
    parts = f", in {manifest.shards} shards" if manifest.shards > 1 else ""
    return "a step takes " + ", ".join(f"{spec.name} {spec}" for spec in batch) + parts


def about(manifest: Manifest) -> Table:
    """The program at a glance."""
    made = table("", "", "")
    made.show_header = False
    made.columns[1].justify = "left"
    step = manifest.functions["train_step"]
    optimizer = ", ".join(f"{key} {value}" for key, value in manifest.optimizer.items())
    rows = {
        "target": f"{manifest.target} (driver {manifest.driver})",
        "inputs": ", ".join(f"{spec.name} {spec}" for spec in step.inputs[:-2]),
        "targets": str(step.inputs[-2]),
        "outputs": ", ".join(str(spec) for spec in manifest.functions["predict"].outputs),
        "loss": ", ".join(_option(key, value) for key, value in manifest.loss.items()),
        "optimizer": optimizer,
        "kernels of a step": _kernels(manifest),
        "seed of dropout": "none drawn" if manifest.seed is None else str(manifest.seed),
        "made with": ", ".join(f"{name} {v}" for name, v in manifest.versions.items()),
        "fingerprint": manifest.fingerprint(),
    }
    for key, value in rows.items():
        made.add_row(key, value)
    return made


def _kernels(manifest: Manifest) -> str:
    """How many kernels a step has, and in how many stages they run, one behind the other."""
    kernels, stages = (manifest.report.get(key) for key in ("dispatches", "stages"))
    if kernels is None:
        return "unknown"
    if manifest.shards > 1:
        return f"{kernels}, of {manifest.shards} shards side by side"
    return str(kernels) if stages is None else f"{kernels}, in {stages} stages"


def _option(key: str, value: object) -> str:
    """An option as people write it; the kind as it is."""
    return str(value) if key == "kind" else f"{key.replace('_', ' ')} {value}"


def parameter_counts(manifest: Manifest) -> Table:
    """Parameters by kind."""
    made = table("parameters", "kind", "tensors", "elements", "bytes", "trained")
    for kind in ("weight", "buffer", "folded", "state"):
        specs = [spec for spec in manifest.parameters if spec.kind == kind]
        if specs:
            made.add_row(
                kind,
                count(len(specs)),
                count(sum(spec.elements for spec in specs)),
                size(sum(spec.bytes for spec in specs)),
                count(sum(spec.trained_elements for spec in specs)),
            )
    return made


def trained_parameters(manifest: Manifest, *, everything: bool) -> Table:
    """The parameters that are trained, or all of them."""
    made = table(
        "all parameters" if everything else "trained parameters", "name", "shape", "trained"
    )
    for spec in manifest.parameters:
        if everything or spec.trained_elements:
            made.add_row(spec.name, "x".join(map(str, spec.shape)) or "scalar", _trained(spec))
    return made


def _trained(spec: ParameterSpec) -> str:
    if spec.trained == "all":
        return "all"
    if isinstance(spec.trained, str):
        return "-"
    boxes = [
        ", ".join(_range(o, s, n) for o, s, n in zip(b.offsets, b.sizes, spec.shape, strict=True))
        for b in spec.trained
    ]
    return " and ".join(f"[{box}]" for box in boxes)


def _range(offset: int, length: int, whole: int) -> str:
    return ":" if length == whole else f"{offset}:{offset + length}"


def phases(manifest: Manifest) -> Table | None:
    """Ops and FLOPs of forward, backward and update; None where nothing is known."""
    known = manifest.report.get("phases")
    if not isinstance(known, Mapping):
        return None
    made = table("a step", "phase", "ops", "MFLOP", "most frequent")
    made.columns[3].justify = "left"
    for name, ops, flops in _phase_rows(dict(known)):  # pyright: ignore[reportUnknownArgumentType]
        names = [f"{op.partition('.')[2]} {n}" for op, n in ops.most_common(5)]
        made.add_row(name, count(ops.total()), f"{flops / 1e6:,.2f}", ", ".join(names))
    return made


def _phase_rows(known: dict[str, Any]) -> Iterator[tuple[str, Counter[str], int]]:
    for name, phase in known.items():
        yield name, Counter(phase.get("ops", {})), int(phase.get("flops", 0))


def memory(manifest: Manifest) -> Table | None:
    """Predicted memory by kind; None where nothing is known."""
    if not manifest.predicted_bytes:
        return None
    made = table("predicted memory of a step", "kind", "bytes")
    for kind, number in manifest.predicted_bytes.items():
        made.add_row(_MEMORY_KINDS.get(kind, kind), size(number))
    gradients: Any = manifest.report.get("gradients", {})
    for kind, label in _GRADIENTS.items():
        if kind in gradients:
            made.add_row(f"[dim]{label}[/dim]", size(gradients[kind]))
    if "computed_twice" in gradients:
        made.caption = f"gradients computed twice: {gradients['computed_twice'] / 1e6:,.2f} MFLOP"
    return made
