"""A worker of time_to_accuracy.py: trains a recipe with one seed in PyTorch.

The network and settings of PyTorch's MNIST example (Adadelta at rate 1.0, which is multiplied by
0.7 after each epoch, batches of 64, its mean and deviation of the pixels), in float32. The images
lie in memory as one tensor, already scaled: the example's DataLoader, which opens each image by
itself, would only make it slower. It prints what accuracy_keras.py prints.
"""

import argparse
import contextlib
import json
import sys
import time

import numpy as np
import torch
from recipes import RECIPES, Recipe
from torch_nets import build_mnist_cnn, count_parameters

from cnnbook.datasets.mnist import load_mnist


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and normalise as the example does; channels come first."""
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float() / 255
    return (pixels - 0.1307) / 0.3081, torch.from_numpy(labels)


def test_accuracy(net: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of the images that the net names right."""
    net.eval()
    with torch.no_grad():
        answers = [net(batch).argmax(1) for batch in images.split(1000)]
    net.train()
    return (torch.cat(answers) == labels).double().mean().item()


def train(recipe: Recipe, seed: int, max_epochs: int) -> None:
    """Train, and print a line an epoch."""
    with contextlib.redirect_stdout(sys.stderr):
        digits = load_mnist()
    images, labels = as_tensors(
        np.concatenate([digits.train_images, digits.validation_images]),
        np.concatenate([digits.train_labels, digits.validation_labels]),
    )
    test_images, test_labels = as_tensors(digits.test_images, digits.test_labels)

    torch.manual_seed(seed)
    start, testing = time.perf_counter(), 0.0
    net = build_mnist_cnn()
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    facts = {"images": len(images), "policy": "float32", "parameters": count_parameters(net)}
    print(json.dumps(facts), flush=True)
    net.train()
    for epoch in range(min(recipe.epochs, max_epochs)):
        for chosen in torch.randperm(len(images)).split(recipe.batch_size):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
        schedule.step()
        now = time.perf_counter()
        accuracy = test_accuracy(net, test_images, test_labels)
        line = {
            "epoch": epoch + 1,
            "seconds": now - start - testing,
            "test_accuracy": accuracy,
        }
        print(json.dumps(line), flush=True)
        testing += time.perf_counter() - now


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("seed", type=int)
    parser.add_argument("max_epochs", type=int)
    options = parser.parse_args()
    train(RECIPES[options.recipe], options.seed, options.max_epochs)


if __name__ == "__main__":
    main()
