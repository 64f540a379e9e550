"""Fine-tune a pre-trained network on photos of solar cells, then carry the weights back to PyTorch.

python examples/finetune.py
"""

import torch

import pock_mlir as pock
from pock_mlir import zoo
from pock_mlir.data import elpv

BATCH = 16


def main() -> None:
    """Compile, train one epoch, evaluate, save."""
    data = elpv.load(size=96)
    model = zoo.create("efficientnet_lite0", num_classes=len(data.classes), pretrained=True)
    program = pock.compile(
        model,
        torch.zeros(BATCH, 3, 96, 96),
        loss="cross-entropy",
        optimizer=pock.SGD(lr=0.003, momentum=0.9),
        scheme=zoo.scheme_path("efficientnet_lite0", "sparse"),
    )
    program.save("cells.pock")  # all that a board needs, besides NumPy and the IREE runtime

    trainer = pock.Trainer("cells.pock")
    for start in range(0, len(data.train_y) - BATCH + 1, BATCH):
        batch = slice(start, start + BATCH)
        loss = trainer.step(data.train_x[batch], data.train_y[batch])
        if start % (20 * BATCH) == 0:
            print(f"step {trainer.steps}: loss {loss:.3f}")
    print(trainer.evaluate([(data.test_x, data.test_y)]))
    trainer.save_weights("cells.safetensors")
    model.load_state_dict({k: torch.from_numpy(v) for k, v in trainer.state_dict().items()})


if __name__ == "__main__":
    main()
