"""Which picture does a filter like best? Gradient ascent on the pixels.

Left alone this ends in a glitter that no photograph has, so the picture is moved a little before
each step, blurred, and drawn towards grey.

Source: Erhan, Bengio, Courville & Vincent (2009), "Visualizing Higher-Layer Features of a Deep
Network", technical report 1341, University of Montreal; the regularisers: Yosinski, Clune, Nguyen,
Fuchs & Lipson (2015), "Understanding Neural Networks Through Deep Visualization",
https://arxiv.org/abs/1506.06579 (towards grey, blur); Mordvintsev, Olah & Tyka (2015),
"Inceptionism: Going Deeper into Neural Networks" (moving).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook._layers import find_layer, image_shape_of, listening, run
from cnnbook.explain._gradients import gradient_of

GRAY = 127.5


@checked
def maximize_filter(
    model: keras.Model,
    layer_name: str,
    filter_index: int | Sequence[int],
    *,
    steps: int = 100,
    step_size: float = 8.0,
    jitter: int | None = None,
    blur: float = 0.3,
    decay: float = 0.01,
    image_shape: tuple[int, int, int] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Look for the picture on which a filter answers most, in the mean over all places.

    What counts is its answer before the activation: after ReLU a silent filter gives no hint.

    Args:
        model: Any built model of images with values 0 to 255.
        layer_name: Of a convolution, a ReLU behind it or a dense layer; or its path, "base/conv1".
            Of a layer that is used several times, its last use counts.
        filter_index: Which of its filters or units, from 0. Several are worked on at once.
        steps: How often the pixels are changed.
        step_size: By how much, in grey levels in the root mean square; falls evenly to a tenth.
        jitter: By how many pixels the picture is moved at most. Default: a sixteenth of its side.
        blur: Share of a blurred copy that is mixed in at each step, from 0 to 1; falls to 0.
        decay: Share of the way to grey that each pixel goes at each step, from 0 to 1; falls to 0.
        image_shape: (height, width, channels). Default: the model's.
        seed: Of the noise and the moves.

    Returns:
        (height, width, channels) uint8, or (filters, height, width, channels) for several.

    Raises:
        ValueError: If there is no such layer or filter, or an argument is not as said above.

    Example:
        >>> images = keras.Input((8, 8, 1))
        >>> x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(images)
        >>> int(maximize_filter(keras.Model(images, x), "conv", 0).min())
        255
    """
    layer = find_layer(model, layer_name)
    filters = np.atleast_1d(filter_index)
    known = image_shape_of(model)
    shape: Any = known if image_shape is None else tuple(map(int, image_shape))
    _check_ascent(shape, known, filters, steps, blur, decay)
    moves = max(1, min(shape[:2]) // 16) if jitter is None else int(jitter)
    if min(moves, seed) < 0:
        raise ValueError(f"`jitter` and `seed` must be 0 or more; got {jitter} and {seed}.")
    random = np.random.default_rng(seed)
    pictures = GRAY + random.normal(0, 10, (len(filters), *shape))
    uphill = tf.function(lambda pixels: _uphill(model, layer, filters, pixels), autograph=False)
    for step in range(steps):
        left = 1 - step / steps
        move = random.integers(-moves, moves + 1, 2)
        moved = np.roll(pictures, move, axis=(1, 2))
        gradient = uphill(tf.constant(moved, tf.float32)).numpy()
        size = np.sqrt((gradient**2).mean(axis=(1, 2, 3), keepdims=True))
        # Where nothing changes the answer, try a random change.
        gradient = np.where(size > 0, gradient, random.normal(0, 1, gradient.shape))
        moved += step_size * max(left, 0.1) * gradient / np.where(size > 0, size, 1)
        moved += left * (blur * (_blurred(moved) - moved) + decay * (GRAY - moved))
        pictures = np.roll(moved, -move, axis=(1, 2)).clip(0, 255)
    pictures = np.rint(pictures).astype("uint8")
    return pictures if np.ndim(filter_index) else pictures[0]


def _uphill(
    model: keras.Model, layer: keras.layers.Layer, filters: np.ndarray, pixels: tf.Tensor
) -> tf.Tensor:
    """Return the gradient of each filter's mean answer to its picture, before the activation."""
    is_bent = getattr(layer, "activation", None) is not None
    end = 0 if is_bent or isinstance(layer, keras.layers.ReLU) else 1
    with (
        tf.GradientTape() as tape,
        listening(layer, None, "activation" if is_bent else "call") as heard,
    ):
        tape.watch(pixels)
        run(model, pixels)
        if not heard or not hasattr(heard[end], "shape"):
            words = "`layer_name` must name a layer that the model runs, on one tensor; got"
            raise ValueError(f"{words} {layer.name!r}.")
        answers = tf.cast(heard[end], tf.float32)
        if not 0 <= filters.min() <= filters.max() < answers.shape[-1]:
            words = f"`filter_index` must be 0 to {answers.shape[-1] - 1}, the filters of"
            raise ValueError(f"{words} {layer.name!r}; got {filters.tolist()}.")
        answers = tf.reshape(answers, (len(filters), -1, answers.shape[-1]))
        means, wanted = tf.reduce_mean(answers, axis=1), filters.astype(int)
        chosen = tf.gather(means, wanted, axis=1, batch_dims=1)
    return gradient_of(tape, chosen, pixels)


def _blurred(pictures: np.ndarray) -> np.ndarray:
    """Return the pictures weighted 1, 2, 1 along both sides, as if they were endless."""
    for axis in (1, 2):
        around = np.roll(pictures, 1, axis) + np.roll(pictures, -1, axis)
        pictures = (2 * pictures + around) / 4
    return pictures


def _check_ascent(
    shape: tuple, known: tuple, filters: np.ndarray, steps: int, blur: float, decay: float
) -> None:
    """Refuse what leads nowhere."""
    fits = all(side in (None, got) for side, got in zip(known, shape, strict=False))
    if len(shape) != 3 or not all(side and side > 0 for side in shape) or not fits:
        words = "`image_shape` must be (height, width, channels), and the model takes images"
        raise ValueError(f"{words} {known}; got {shape}. Give one: image_shape=(224, 224, 3).")
    if not filters.size or filters.ndim != 1 or not np.issubdtype(filters.dtype, np.integer):
        words = f"`filter_index` must be a whole number or a list of them; got {filters.tolist()}."
        raise ValueError(words)
    if steps < 1 or not 0 <= blur <= 1 or not 0 <= decay <= 1:
        words = "`steps` must be 1 or more, `blur` and `decay` from 0 to 1; got"
        raise ValueError(f"{words} {steps}, {blur} and {decay}.")
