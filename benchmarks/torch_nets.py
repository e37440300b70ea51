"""The networks of the benchmarks in PyTorch, layer for layer those of `cnnbook.models`.

The pixels come scaled, as (batch, channels, height, width); PyTorch's own initialisation is kept.
"""

from collections.abc import Sequence

from torch import nn


def build_mnist_cnn(
    filters: tuple[int, int] = (32, 64),
    dense_units: int = 128,
    dropout: tuple[float, float] = (0.25, 0.5),
) -> nn.Module:
    """`cnnbook.models.mnist_cnn` for 28x28 grey images."""
    return nn.Sequential(
        *_convolution(1, filters[0]),
        *_convolution(filters[0], filters[1]),
        nn.MaxPool2d(2),
        nn.Dropout(dropout[0]),
        nn.Flatten(),
        nn.Linear(12 * 12 * filters[1], dense_units),
        nn.ReLU(),
        nn.Dropout(dropout[1]),
        nn.Linear(dense_units, 10),
    )


def build_deep_blocks(
    filters: Sequence[int] = (64, 128, 256), dense_units: tuple[int, int] = (768, 256)
) -> nn.Module:
    """`cnnbook.models.deep_blocks` for 28x28 grey images."""
    layers, channels = [], 1
    for width in filters:
        layers += _convolution(channels, width, padding=1)
        layers += [*_convolution(width, width, padding=1), nn.MaxPool2d(2)]
        channels = width
    first, second = dense_units
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(3 * 3 * channels, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, 10),
    )


def build_cifar_tutorial_net() -> nn.Module:
    """`cnnbook.models.cifar_tutorial` for 32x32 colour images."""
    return nn.Sequential(
        *_convolution(3, 32),
        nn.MaxPool2d(2),
        *_convolution(32, 64),
        nn.MaxPool2d(2),
        *_convolution(64, 64),
        nn.Flatten(),
        nn.Linear(1024, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def count_parameters(net: nn.Module) -> int:
    """All trainable numbers, as `keras.Model.count_params` counts them."""
    return sum(parameter.numel() for parameter in net.parameters())


def _convolution(channels: int, filters: int, padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(channels, filters, 3, padding=padding), nn.ReLU()]
