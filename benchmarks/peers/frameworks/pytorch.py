"""PyTorch: eager in channels-last format for CNNs; mode "compile" is torch.compile."""

from __future__ import annotations

import torch

from benchmarks.peers.job import Job, Step
from pock_mlir import zoo

VERSION = torch.__version__


def load_model(job: Job) -> torch.nn.Module:
    """The zoo's model with the job's weights; only what the scheme trains requires gradients."""
    with torch.device("meta"):
        model = zoo.create(job.facts["zoo"], **job.facts["options"])
    stored = {
        name.removeprefix("p:"): torch.from_numpy(value)
        for name, value in job.tensors().items()
        if name.startswith("p:")
    }
    tied = _tie(model)
    model.load_state_dict(stored | {other: stored[name] for other, name in tied}, assign=True)
    _tie(model, tied)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in job.selection)
    return model.eval()


def _tie(
    model: torch.nn.Module, tied: list[tuple[str, str]] | None = None
) -> list[tuple[str, str]]:
    """Which parameters share another's memory; those of `tied` are made to share it."""
    for other, name in tied or []:
        module, _, leaf = other.rpartition(".")
        setattr(model.get_submodule(module), leaf, model.get_parameter(name))
    first: dict[int, str] = {}
    every = list(model.named_parameters(remove_duplicate=False))
    for name, parameter in every:
        first.setdefault(id(parameter), name)
    return [(n, first[id(p)]) for n, p in every if first[id(p)] != n]


def frozen_slices(job: Job, model: torch.nn.Module) -> list[tuple[torch.Tensor, tuple[slice, ...]]]:
    """The parts of trained parameters whose gradient is to be set to zero."""
    found = list[tuple[torch.Tensor, tuple[slice, ...]]]()
    for name, parameter in model.named_parameters():
        for axis, runs in [job.selection[name]] if job.selection.get(name) else []:
            edges = [0, *(edge for run in runs for edge in run), parameter.shape[axis]]
            gaps = [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
            found += [(parameter, (*[slice(None)] * axis, gap)) for gap in gaps]
    return found


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    torch.set_num_threads(job.threads)
    model = load_model(job)
    inputs, targets = job.batch()
    tensors = [torch.from_numpy(each) for each in inputs]
    labels = torch.from_numpy(targets).long()
    if job.is_cnn:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        tensors = [each.to(memory_format=torch.channels_last) for each in tensors]
    trained = [p for p in model.parameters() if p.requires_grad]
    frozen = frozen_slices(job, model)
    rate, momentum = job.facts["learning_rate"], job.facts["momentum"]
    optimizer = torch.optim.SGD(trained, lr=rate, momentum=momentum)

    def loss_of(*batch: torch.Tensor) -> torch.Tensor:
        outputs = model(*batch)
        if job.language_model:
            outputs, wanted = outputs[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
            return torch.nn.functional.cross_entropy(outputs, wanted)
        return torch.nn.functional.cross_entropy(outputs, labels)

    forward = torch.compile(loss_of) if job.mode == "compile" else loss_of

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(*tensors)
        loss.backward()
        for parameter, gap in frozen:
            parameter.grad[gap] = 0  # pyright: ignore[reportOptionalSubscript]
        optimizer.step()
        return loss.item()

    return step
