"""A worker of throughput.py: trains the three nets in PyTorch when asked.

    python benchmarks/throughput_torch.py [channels_last] [bfloat16] [fused]

All images lie in memory as one tensor, and batches are cut from it by a shuffled index: nothing of
`DataLoader`'s work, which would be slower, is measured.
"""

import contextlib
import sys
import time

import torch
from bench_tools import serve
from throughput import BATCH_SIZE, NETS, PEAK_SIZE, best_peak
from torch_nets import (
    build_cifar_tutorial_net,
    build_deep_blocks,
    build_mnist_cnn,
    count_parameters,
)

BUILDERS = {
    "wide": lambda: build_mnist_cnn(filters=(64, 128), dense_units=1024, dropout=(0.3, 0.3)),
    "deep": build_deep_blocks,
    "colour": build_cifar_tutorial_net,
}


class Trainer:
    """A net, its Adam and its images, in one setting."""

    def __init__(self, name: str, settings: set[str]):
        self.layout = (
            torch.channels_last if "channels_last" in settings else torch.contiguous_format
        )
        self.bfloat16 = "bfloat16" in settings
        self.net = BUILDERS[name]().to(memory_format=self.layout)
        fused = True if "fused" in settings else None
        self.adam = torch.optim.Adam(self.net.parameters(), fused=fused)
        height, width, channels = NETS[name].image_shape
        shape = (BATCH_SIZE * NETS[name].steps, channels, height, width)
        images = torch.randint(0, 256, shape, dtype=torch.uint8)
        self.images = images.contiguous(memory_format=self.layout)
        self.labels = torch.randint(0, 10, shape[:1])

    def precision(self) -> contextlib.AbstractContextManager:
        """Where to compute the net and its loss."""
        return torch.autocast("cpu", torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()

    def epoch(self) -> float:
        """One pass over all images; returns the mean loss, as `fit` does."""
        self.net.train()
        total = torch.zeros(())
        order = torch.randperm(len(self.images))
        for chosen in order.split(BATCH_SIZE):
            images = self.images[chosen].float().div_(255)
            self.adam.zero_grad()
            with self.precision():
                logits = self.net(images)
                loss = torch.nn.functional.cross_entropy(logits.float(), self.labels[chosen])
            loss.backward()
            self.adam.step()
            total += loss.detach()
        return total.item() * BATCH_SIZE / len(order)


def peaks() -> dict[str, float]:
    """The best rate of a large matrix product in each number format, GFLOP/s."""
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.randn(PEAK_SIZE, PEAK_SIZE).to(dtype)
        name = str(dtype).removeprefix("torch.")
        rates[name] = best_peak(lambda matrix=matrix: (matrix @ matrix)[0, 0].item())
    return rates


def main() -> None:
    """Build, and then serve."""
    settings = set(sys.argv[1:])
    trainers = {name: Trainer(name, settings) for name in NETS}

    def answer(line: str) -> dict:
        if line == "describe":
            return {"parameters": {n: count_parameters(t.net) for n, t in trainers.items()}}
        if line == "peak":
            return peaks()
        start = time.perf_counter()
        trainers[line].epoch()
        return {"seconds": time.perf_counter() - start}

    serve(answer)


if __name__ == "__main__":
    main()
