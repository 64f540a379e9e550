"""A step on several threads does not take its memory from the kernel again and again."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import pock_mlir as pock

BATCH, WIDTH = 4096, 4096  # an activation of 64 MB: glibc keeps blocks up to 32 MB by itself
TRANSIENT_PAGES = BATCH * WIDTH * 4 // resource.getpagesize()
"""Of one activation."""

STEPS = """
import resource, sys
import numpy as np
from pock_mlir.runtime import Trainer
trainer = Trainer(sys.argv[1], device="local-task", threads=2, caching=sys.argv[2] == "caching")
batch = np.ones(({batch}, 8), np.float32), np.zeros({batch}, np.int32)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    trainer.step(*batch)
each = []
for _ in range(6):
    before = faults()
    trainer.step(*batch)
    each.append(faults() - before)
print(min(each))
"""
"""Prints the fewest faults of a step: the kernel may take back pages of any one."""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_page_faults_of_a_step(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(8, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 4))
    program = pock.compile(model, torch.zeros(BATCH, 8), optimizer=pock.SGD(lr=0.1))
    program.save(tmp_path / "p.pock")

    def faults(mode: str) -> int:
        command = [sys.executable, "-c", STEPS.format(batch=BATCH), tmp_path / "p.pock", mode]
        return int(subprocess.run(command, check=True, capture_output=True).stdout)

    assert faults("caching") < TRANSIENT_PAGES / 10
    assert faults("plain") > TRANSIENT_PAGES, "IREE or glibc has changed: is the setting needed?"
