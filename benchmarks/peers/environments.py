"""Where each peer runs: an environment with pinned packages, made on first use.

A peer's environment is `.peers/<name>` in the checkout, which git ignores; PyTorch and JAX run in
the project's own.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class InstallationFailed(Exception):
    """A peer's packages could not be installed; the message is pip's last words."""


@dataclass(frozen=True)
class Peer:
    """A framework that we are compared with.

    Attributes:
        name: how the command line and the tables call it.
        framework: the module of `benchmarks.peers.frameworks`.
        mode: the variant that the module makes.
        environment: the folder in `.peers`, "" for the project's own environment.
        packages: what pip installs there.
        setting: how it is used, for the page.
    """

    name: str
    framework: str
    setting: str
    mode: str = ""
    environment: str = ""
    packages: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Of the environment."""
        return ROOT / ".peers" / self.environment

    @property
    def python(self) -> Path:
        """The interpreter to run it with."""
        return self.folder / "bin" / "python" if self.environment else Path(sys.executable)


TENSORFLOW = ("tensorflow-cpu==2.21.0",)
PEERS = {
    peer.name: peer
    for peer in (
        Peer("pytorch", "pytorch", "eager; channels-last format for CNNs"),
        Peer("torch.compile", "pytorch", "Inductor's default mode; the same formats", "compile"),
        Peer(
            "tensorflow",
            "tensorflow",
            "`tf.function`, NHWC, oneDNN on, fused momentum update",
            "",
            "tensorflow",
            TENSORFLOW,
        ),
        Peer(
            "tensorflow-xla",
            "tensorflow",
            "the same with `jit_compile=True`",
            "xla",
            "tensorflow",
            TENSORFLOW,
        ),
        Peer("jax", "jax", "one jitted step, NHWC, weights donated"),
        Peer("mnn", "mnn", "its training API in Python", "", "mnn", ("mnn==3.6.1", "numpy==2.4.6")),
        Peer(
            "onnxruntime",
            "onnxruntime",
            "training artifacts, NCHW",
            "",
            "onnxruntime",
            ("onnxruntime-training==1.19.2", "onnx==1.16.2", "numpy==1.26.4", "torch==2.13.0"),
        ),
        Peer(
            "executorch",
            "executorch",
            "its training module, portable kernels",
            "",
            "executorch",
            ("executorch==1.5.1", "torch==2.13.0", "iree-base-runtime==3.13.0"),
        ),
    )
}
OURS = Peer("ours", "ours", "compiled by pock_mlir")


def find_peer(name: str) -> Peer:
    """A peer by name. Raises ValueError, listing what there is."""
    if name not in PEERS:
        raise ValueError(f"no peer {name!r}; there is {', '.join(PEERS)}")
    return PEERS[name]


def ensure(peer: Peer) -> None:
    """Make the peer's environment unless it is there. Raises InstallationFailed."""
    stamp = peer.folder / "installed.txt"
    wanted = "\n".join(peer.packages)
    if not peer.environment or (stamp.is_file() and stamp.read_text() == wanted):
        return
    print(f"{peer.name}: installing {', '.join(peer.packages)} ...", file=sys.stderr, flush=True)
    venv.create(peer.folder, with_pip=True, clear=True)
    command = [str(peer.python), "-m", "pip", "install", "--quiet", *peer.packages]
    done = subprocess.run(
        [*command, "--disable-pip-version-check"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InstallationFailed(f"{peer.name}: {done.stderr.strip().splitlines()[-1]}")
    stamp.write_text(wanted)
