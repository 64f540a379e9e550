"""EfficientNet-Lite0 with its real weights; skipped where the package cannot be fetched."""

import io
import re
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from pock_mlir.data.dataset import normalise
from pock_mlir.data.fetch import FetchError, PythonPackage
from pock_mlir.zoo.efficientnet_lite0 import (
    EfficientNetLite0,
    load_pretrained,
    read_weights,
)

FOOLBOX = PythonPackage(
    name="foolbox",
    version="3.3.4",
    file="foolbox-3.3.4-py3-none-any.whl",
    sha256="11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
    megabytes=2,
)


@pytest.fixture(scope="module")
def weights() -> Iterator[dict[str, torch.Tensor]]:
    try:
        yield read_weights()
    except FetchError as error:
        pytest.skip(str(error))


def test_names_are_the_packages(weights: dict[str, torch.Tensor]):
    shapes = {name: value.shape for name, value in weights.items()}
    expected = {name: value.shape for name, value in EfficientNetLite0().state_dict().items()}
    assert shapes == expected


def test_pretrained_network_holds_the_weights(weights: dict[str, torch.Tensor]):
    model = load_pretrained()
    assert all(torch.equal(model.state_dict()[name], value) for name, value in weights.items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.training


def test_other_classes_replace_the_head_only(weights: dict[str, torch.Tensor]):
    model = load_pretrained(num_classes=4, seed=3)
    state = model.state_dict()
    assert state["_fc.weight"].shape == (4, 1280)
    assert all(torch.equal(state[n], v) for n, v in weights.items() if not n.startswith("_fc"))
    assert torch.equal(state["_fc.weight"], load_pretrained(4, seed=3).state_dict()["_fc.weight"])


@pytest.mark.usefixtures("weights")
def test_labelled_imagenet_photos_are_recognised():
    """The 20 labelled ImageNet photos that foolbox ships, its code not run: 17 right, 20 in 5."""
    photos = fetch_photos()
    batch = torch.stack([image for image, _ in photos])
    labels = torch.tensor([label for _, label in photos])
    with torch.no_grad():
        best = load_pretrained()(batch).topk(5).indices
    assert int((best[:, 0] == labels).sum()) == 17
    assert int((best == labels[:, None]).sum()) == 20


def fetch_photos() -> list[tuple[torch.Tensor, int]]:
    """Normalised photos [3, 224, 224] with their ImageNet class; skips where they are not had."""
    image_module = pytest.importorskip("PIL.Image")
    try:
        path = FOOLBOX.fetch()
    except FetchError as error:
        pytest.skip(str(error))
    photos = []
    with zipfile.ZipFile(path) as wheel:
        for name in sorted(wheel.namelist()):
            if match := re.fullmatch(r"foolbox/data/imagenet_\d+_(\d+)\.\w+", name):
                with image_module.open(io.BytesIO(wheel.read(name))) as image:
                    pixels = np.asarray(image.convert("RGB").resize((224, 224)))
                photos.append((torch.from_numpy(normalise(pixels[None]))[0], int(match[1])))
    return photos
