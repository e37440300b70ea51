"""What does the network of the first page say of one digit, before any script runs?

The page shows that answer until its own network is loaded, and where scripts are off. It is
computed when the page is made, by the functions of chapters 1 and 2, with the weights that the
page itself uses.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from cnnbook._digit_weights import digit_weights
from cnnbook.arithmetic import convolve, pool
from cnnbook.book._live_data import unseen_digits

LAYERS = {"conv1": 8, "relu2": 12, "relu3": 12}  # and how many maps of each are shown
SHOWN, SAMPLE = 25, 40  # a clear 5; digits by which maps are chosen
EPSILON = 1e-3  # of Keras' batch normalisation
BLUE, WHITE = (0, 114, 178), (255, 255, 255)


@dataclass(frozen=True)
class ShownLayer:
    """Some maps of a layer, and their picture."""

    maps: tuple[int, ...]
    count: int
    picture: str
    side: int
    width: int


@dataclass(frozen=True)
class Still:
    """A digit, what the network says of it, and what its layers see; pictures are data: URLs."""

    digit: str
    probabilities: tuple[float, ...]
    layers: Mapping[str, ShownLayer]
    parameters: int


@cache
def still_answer() -> Still:
    """Compute the answer to a test digit, and choose maps that differ."""
    images, _ = unseen_digits()
    weights = digit_weights()
    outputs = run_digit_net(weights, images[:SAMPLE])
    logits = outputs["logits"][SHOWN]
    shares = np.exp(logits - logits.max())
    return Still(
        _as_url(_colored(images[SHOWN], WHITE)),
        tuple(float(share) for share in shares / shares.sum()),
        {name: _layer(outputs[name], count) for name, count in LAYERS.items()},
        sum(array.size for array in weights.values()),
    )


def run_digit_net(weights: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
    """Run the digit net, layer by layer.

    Args:
        weights: Arrays by layer and name, "conv1/kernel".
        images: (count, 28, 28) of 0 to 255.

    Returns:
        What "conv1", "relu2", "relu3" and "logits" give.
    """

    def relu_after_norm(x: np.ndarray, number: int) -> np.ndarray:
        gamma, beta, mean, variance = (
            weights[f"norm{number}/{it}"]
            for it in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return np.maximum(gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta, 0)

    x = images[..., None] / np.float32(255)
    x = np.maximum(convolve(x, weights["conv1/kernel"], strides=2) + weights["conv1/bias"], 0)
    outputs = {"conv1": x}
    outputs["relu2"] = relu_after_norm(pool(convolve(x, weights["conv2/kernel"])), 2)
    outputs["relu3"] = relu_after_norm(convolve(outputs["relu2"], weights["conv3/kernel"]), 3)
    flat = outputs["relu3"].reshape(len(images), -1)
    outputs["logits"] = flat @ weights["logits/kernel"] + weights["logits/bias"]
    return outputs


def _layer(output: np.ndarray, count: int) -> ShownLayer:
    chosen = different_maps(output, count)
    width = count * (output.shape[2] + 1) - 1
    canvas = np.zeros((output.shape[1], width), "uint8")
    for place, number in enumerate(chosen):
        values = output[SHOWN, :, :, number]
        left = place * (values.shape[1] + 1)
        canvas[:, left : left + values.shape[1]] = 255 * values / max(values.max(), 1e-9)
    picture = _as_url(_colored(canvas, BLUE))
    return ShownLayer(chosen, output.shape[3], picture, output.shape[1], width)


def _colored(amounts: np.ndarray, color: tuple[int, int, int]) -> Image.Image:
    """Paint amounts from 0 to 255 in one colour, on no ground."""
    picture = Image.new("RGB", amounts.shape[::-1], color)
    picture.putalpha(Image.fromarray(amounts))
    return picture


def different_maps(output: np.ndarray, count: int) -> tuple[int, ...]:
    """Choose maps that say the most, and each something else than those before.

    Args:
        output: (images, height, width, maps).
        count: How many to choose.
    """
    values = output.reshape(-1, output.shape[-1])
    spread = values.std(axis=0)
    alike = np.abs(np.corrcoef(values.T + 1e-9 * np.arange(len(values))))
    strong = [int(it) for it in np.argsort(-spread)[: max(count, output.shape[-1] // 2)]]
    chosen = [strong.pop(0)]
    while len(chosen) < count:
        best = min(strong, key=lambda it: alike[it, chosen].max())
        strong.remove(best)
        chosen.append(best)
    return tuple(sorted(chosen))


def _as_url(picture: Image.Image) -> str:
    picture.save(file := io.BytesIO(), "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
