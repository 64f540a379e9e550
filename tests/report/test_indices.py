"""Token ids are checked against the tables that they index, before they reach the device."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.importers.torch import import_torch
from pock_mlir.report.indices import index_limits
from pock_mlir.runtime import Manifest


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.kinds = nn.Embedding(11, 4), nn.Embedding(3, 4)
        self.head = nn.Linear(4, 11)

    def forward(self, ids: Tensor, kinds: Tensor, mask: Tensor) -> Tensor:
        x = self.words(ids) + self.kinds(kinds[:, None]) * mask[..., None]
        return self.head(x)


IDS, KINDS = torch.zeros(2, 3, dtype=torch.int32), torch.zeros(2, dtype=torch.int32)


def test_the_tables_of_a_model() -> None:
    imported = import_torch(Words(), (IDS, KINDS, torch.ones(2, 3, dtype=torch.int32)))
    limits = index_limits(imported.module, imported.inputs)
    assert limits == {"ids": 11, "kinds": 3}


def test_token_ids_out_of_range_are_refused() -> None:
    model, mask = Words(), torch.ones(2, 3)
    program = pock.compile(model, (IDS, KINDS, mask), loss="causal-lm", optimizer=pock.SGD(lr=0.1))
    manifest = Manifest.from_json(program.manifest.to_json())
    assert manifest == program.manifest
    assert [spec.limit for spec in manifest.functions["predict"].inputs] == [11, 3, None]
    trainer = pock.Trainer(program.artifact, device="local-sync")
    kinds, ones = KINDS.numpy(), mask.numpy()
    good = np.array([[0, 10, 3], [1, 2, -100]])
    with pytest.raises(ValueError, match=r"'ids': -100, at \[1, 2\], is outside .*, 0 to 10"):
        trainer.step(good, kinds, ones, good)
    with pytest.raises(ValueError, match=r"'ids': 11, at \[0, 1\], is outside"):
        trainer.predict(np.where(good == 10, 11, 0), kinds, ones)
    with pytest.raises(ValueError, match="'targets': label 11 is outside the classes 0 to 10"):
        trainer.evaluate([(abs(good) % 11, kinds, ones, good + 1)])
    with pytest.raises(ValueError, match="'targets': every target is -100"):
        trainer.step(abs(good) % 11, kinds, ones, np.full((2, 3), -100))
    assert trainer.steps == 0
    assert np.isfinite(trainer.step(abs(good) % 11, kinds, ones, good))
