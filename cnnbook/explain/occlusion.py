"""What happens to the score of a class when a part of the picture is hidden?

Slide a square over the picture and look how far the score falls: nothing is assumed about the
network, not even that it has gradients. It takes one run for each place of the square.

Source: Zeiler & Fergus (2013), "Visualizing and Understanding Convolutional Networks",
https://arxiv.org/abs/1311.2901, section 4.2.
Differs from the source: it looks at the score before softmax; each pixel gets the mean of the
squares that hide it.
"""

import itertools
from typing import Any

import keras
import numpy as np

from cnnbook._checks import checked
from cnnbook._layers import check_called
from cnnbook.explain._listen import ClassIndex, Logits, asked, class_scores, parts


@checked
def occlusion_map(
    model: keras.Model,
    images: np.ndarray,
    class_index: ClassIndex = None,
    window: int | None = None,
    strides: int | None = None,
    *,
    fill: float | np.ndarray | None = None,
) -> np.ndarray:
    """Compute how far the score of a class falls where a square hides the image.

    Args:
        model: A classifier that was called or built, of any kind. It may return logits or end in
            softmax or sigmoid, which is left out. Of a list of outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: Which to explain, for all images or each. Default: that of the highest score.
            One score is taken for class 1, and its negative for class 0.
        window: Side of the square in pixels. Default: a seventh of the shorter side.
        strides: From one place of the square to the next, `window` at most. Default: half of it.
        fill: What the square shows: a value, or one a channel. Default: each image's mean colour.

    Returns:
        (count, height, width) float32: the fall of the score, the mean of all squares that hide
        the pixel. Negative where hiding raises the score: the pixel speaks against the class.

    Raises:
        ValueError: If model, images or classes do not fit, or the square does not.

    Example:
        >>> images = keras.Input((4, 4, 1))
        >>> x = keras.layers.GlobalAveragePooling2D()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> bright = np.zeros((1, 4, 4, 1))
        >>> bright[0, 0, 0] = 16
        >>> occlusion_map(model, bright, class_index=0, window=2, strides=2, fill=0)[0, 0]
        array([1., 1., 0., 0.], dtype=float32)
    """
    check_called(model)
    with asked(model, images, class_index) as (known, classes, logits):
        squares = _squares(known, window, strides)
        color = np.asarray(0 if fill is None else fill)
        if color.shape not in ((), known.shape[3:]) or not np.isfinite(color).all():
            words = "`fill` must be finite, one number, or one for each channel, here"
            raise ValueError(
                f"{words} {known.shape[3]}; got shape {color.shape}. None takes each image's mean."
            )
        maps, hidden = np.zeros(known.shape[:3]), np.zeros(known.shape[1:3])
        for square in squares:
            hidden[square] += 1
        compiled = _Compiled(logits).predict_on_batch
        for index, image in enumerate(known.astype("float32")):
            color = image.mean(axis=(0, 1)) if fill is None else color
            [score], [chosen] = class_scores(logits, image[None], classes[index : index + 1])
            copies = np.broadcast_to(image, (len(squares), *image.shape))
            for part in parts(copies):
                covered = copies[part].copy()
                for copy, square in zip(covered, squares[part], strict=True):
                    copy[square] = color
                falls = float(score) - compiled(covered)[:, chosen]
                for fall, square in zip(falls, squares[part], strict=True):
                    maps[index][square] += fall
    return (maps / hidden).astype("float32")


class _Compiled(keras.Model):
    """A model of its own, so that what it compiles, without softmax, is not kept by another."""

    def __init__(self, logits: Logits) -> None:
        super().__init__(name="compiled")
        self.logits, self.built = logits, True

    def call(self, images: Any) -> Any:
        return self.logits(images)


def _squares(images: np.ndarray, window: int | None, strides: int | None) -> list[Any]:
    """Return all places of the square, as slices."""
    height, width = images.shape[1:3]
    window = max(1, min(height, width) // 7) if window is None else window
    strides = max(1, window // 2) if strides is None else strides
    if not 1 <= strides <= window <= min(height, width):
        raise ValueError(
            f"`window` must be 1 to {min(height, width)}, the shorter side, and `strides` 1 to"
            f" `window`, that no pixel is left out; got {window} and {strides}."
        )
    tops, lefts = ([*range(0, side - window, strides), side - window] for side in (height, width))
    places = itertools.product(tops, lefts)
    return [np.s_[top : top + window, left : left + window] for top, left in places]
