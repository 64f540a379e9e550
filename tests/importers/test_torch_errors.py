"""What cannot be imported is one clear error that names everything."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.torch import import_torch


class Spectral(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.qr(x)[0] + torch.cumprod(x, 0)


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.inner = nn.Sequential(Spectral(), Spectral())

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(self.inner(self.linear(x)))


def test_every_operator_that_cannot_be_lowered(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelImportError) as caught:
        import_torch(Several(), torch.randn(4, 4))
    assert caught.value.problems == [
        "aten.linalg_qr.default: no lowering to StableHLO, in inner.0, inner.1",
        "aten.cumprod.default: no lowering to StableHLO, in inner.0, inner.1",
        "aten.special_bessel_j0.default: no lowering to StableHLO, in Several",
    ]
    assert str(caught.value).startswith("Several cannot be compiled:\n")
    assert capfd.readouterr() == ("", "")


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_control_flow_on_values(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelImportError, match="torch.export cannot trace Branch"):
        import_torch(Branch(), torch.randn(4))
    assert capfd.readouterr() == ("", "")


class Masked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[x > 0]


def test_dynamic_shape_inside() -> None:
    with pytest.raises(ModelImportError, match=r"aten.index.Tensor: dynamic shape .*, in Masked"):
        import_torch(Masked(), torch.randn(4))


def test_dynamic_input() -> None:
    batch = torch.export.Dim("batch", min=2, max=9)
    program = torch.export.export(
        nn.Linear(4, 4), (torch.randn(3, 4),), dynamic_shapes=({0: batch},)
    )
    with pytest.raises(ModelImportError, match=r"input input: dynamic shape \[s\d+, 4\]"):
        import_torch(program)


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.phase: Tensor
        self.register_buffer("phase", torch.ones(4, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.phase).real


def test_unsupported_dtype() -> None:
    with pytest.raises(ModelImportError, match=r"phase: dtype torch.complex64 is not supported"):
        import_torch(Complex(), torch.randn(4))


def test_random_numbers() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.RReLU())
    with pytest.raises(ModelImportError, match=r"random numbers in the step.*, in 1"):
        import_torch(model, torch.randn(2, 4), training=True)
    import_torch(model, torch.randn(2, 4))


class NotATensor(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return x + 1, 3


def test_output_that_is_no_tensor() -> None:
    with pytest.raises(ModelImportError, match="output 1 is not a tensor"):
        import_torch(NotATensor(), torch.randn(4))


def test_inputs_that_do_not_fit(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        ModelImportError, match=r"must have same reduction dim.* \[3, 5\] X \[4, 4\]"
    ):
        import_torch(nn.Linear(4, 4), torch.randn(3, 5))
    with pytest.raises(ModelImportError, match="missing a required argument: 'input'"):
        import_torch(nn.Linear(4, 4))
    assert capfd.readouterr() == ("", "")


def test_exported_program_that_changes_buffers() -> None:
    model = nn.BatchNorm1d(3).train()
    program = torch.export.export(model, (torch.randn(4, 3),))
    with pytest.raises(ModelImportError, match="changes buffers(.|\n)*running_mean"):
        import_torch(program)
    with pytest.raises(ModelImportError, match="pass the nn.Module"):
        import_torch(program, training=True)


class Stopped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trained, self.teacher = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            target = self.teacher(x)
        y = self.trained(x)
        return y * y.detach() + target


def test_stopped_gradients_are_refused_where_they_are() -> None:
    with pytest.raises(ModelImportError) as caught:
        import_torch(Stopped(), torch.zeros(2, 4))
    assert [problem.split(" in ")[0] for problem in caught.value.problems] == [
        "torch.no_grad()",
        "detach()",
    ]


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.detach()) * torch.tensor([1.0, 2.0, 3.0, 4.0])


def test_what_stops_no_gradient_of_a_parameter_is_fine() -> None:
    import_torch(Scaled(), torch.zeros(2, 4))
