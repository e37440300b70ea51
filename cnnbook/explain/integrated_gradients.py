"""What did each pixel add to the score of a class? Integrated gradients: shares that sum up.

Walk from an empty picture to this one in a straight line, and add up the gradients on the way: then
the shares of all pixels sum to what the score gained, no more and no less.

Source: Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks",
https://arxiv.org/abs/1703.01365.
Differs from the paper: gradients are taken in the middle of each step, and a step over which the
shares do not sum to the change of the score is halved, until the sum is right.
"""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook._layers import check_called
from cnnbook.explain._gradients import gradient_of
from cnnbook.explain._listen import ClassIndex, Logits, asked, class_scores, parts

TOLERANCE = 0.01  # of the change of the score
ROUNDING = 2e-5  # of the sum of all sizes: where shares cancel, float32 allows no more
STEPS_AT_MOST = 1_000
NARROWEST = 1e-6  # of the way
Compiled = Callable[[np.ndarray, np.int32], Any]  # pixels and a class to what one asks of them


@checked
def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    class_index: ClassIndex = None,
    baseline: float | np.ndarray = 0.0,
    *,
    steps: int = 50,
) -> np.ndarray:
    """Compute each pixel's share in the score of a class, positive or negative.

    Args:
        model: A classifier that was called or built, of any kind. It may return logits or end in
            softmax or sigmoid, which is left out. Of a list of outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: Which to explain, for all images or each. Default: that of the highest score.
            One score is taken for class 1, and its negative for class 0.
        baseline: The empty picture: one value, an image, or one for each image. Black pixels get
            nothing if it is black.
        steps: From the baseline to the image, to begin with. Where the score bends they are halved
            until the sum is right, up to 1,000 in all.

    Returns:
        (count, height, width, channels) float32. The sum over an image is its score less that of
        the baseline, within 1 % of this difference (or, where shares cancel, 0.002 % of the sum of
        their sizes). If not, a warning says so.

    Raises:
        ValueError: If model, images, classes or baseline do not fit, or `steps` is below 1.

    Example:
        >>> images = keras.Input((1, 2, 1))
        >>> x = keras.layers.Flatten()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> integrated_gradients(model, np.array([[[[3], [-5]]]]), class_index=0).ravel().round(3)
        array([ 3., -5.], dtype=float32)
    """
    check_called(model)
    if steps < 1:
        raise ValueError(f"`steps` must be 1 or more; got {steps}. 50 is a good beginning.")
    with asked(model, images, class_index) as (known, classes, logits):
        try:
            baselines = np.broadcast_to(np.asarray_chkfinite(baseline, "float32"), known.shape)
        except (ValueError, TypeError) as error:
            words = f"`baseline` must be finite, one number, an image {known.shape[1:]}, or one"
            raise ValueError(f"{words} for each image; got shape {np.shape(baseline)}.") from error
        shares = np.empty(known.shape, "float32")
        compiled = _compiled(logits, known.shape[1:])
        for index, (start, wanted) in enumerate(zip(baselines, classes, strict=True)):
            ends = np.stack([start, known[index].astype("float32")])
            _, [chosen] = class_scores(logits, ends[1:], np.array([wanted]))
            shares[index], change, is_right = _shares_on_the_way(compiled, ends, chosen, steps)
            if not is_right:
                warnings.warn(
                    f"The shares of image {index} sum to {shares[index].sum():.4g}, not to the"
                    f" change of its score, {change:.4g}: take more `steps`, or a baseline that is"
                    " more like a picture.",
                    stacklevel=2,
                )
    return shares


def _shares_on_the_way(
    compiled: tuple[Compiled, Compiled], ends: np.ndarray, chosen: int, steps: int
) -> tuple[np.ndarray, float, bool]:
    """Return the shares in one image, ends[1], the change of its score, and whether they agree.

    The error of each step is known; the steps that make up most of it are halved.
    """
    scores_of, slopes_of = compiled
    edges = np.linspace(0, 1, steps + 1)
    scores = _along(scores_of, ends, chosen, edges).astype(float)
    starts, stops, before, after = edges[:-1], edges[1:], scores[:-1], scores[1:]
    change, total, kept, taken = scores[-1] - scores[0], 0.0, 0.0, 0
    while True:
        middles, widths = (starts + stops) / 2, stops - starts
        shares = _along(slopes_of, ends, chosen, middles) * (ends[1] - ends[0])
        shares *= widths[:, None, None, None].astype("float32")
        errors = shares.sum(axis=(1, 2, 3), dtype=float) - (after - before)
        everything, taken = total + shares.sum(axis=0), taken + len(errors)
        allowed = max(TOLERANCE * abs(change), ROUNDING * np.abs(everything).sum())
        is_right = abs(kept + errors.sum()) <= allowed
        if is_right or taken > STEPS_AT_MOST or widths.min() < NARROWEST:
            return everything, change, is_right
        order = np.argsort(np.abs(errors))
        is_good = np.cumsum(np.abs(errors)[order]) <= (allowed - abs(kept)) / 2
        good, bad = order[is_good], order[~is_good]
        total, kept = total + shares[good].sum(axis=0), kept + errors[good].sum()
        between = _along(scores_of, ends, chosen, middles[bad])
        starts, stops = np.append(starts[bad], middles[bad]), np.append(middles[bad], stops[bad])
        before, after = np.append(before[bad], between), np.append(between, after[bad])


def _along(function: Compiled, ends: np.ndarray, chosen: int, at: np.ndarray) -> np.ndarray:
    """Return what a function says at some shares of the way from ends[0] to ends[1]."""
    pixels = ends[0] + at[:, None, None, None].astype("float32") * (ends[1] - ends[0])
    found = [function(pixels[part], np.int32(chosen)).numpy() for part in parts(pixels)]
    return np.concatenate(found)


def _compiled(logits: Logits, shape: tuple[int, ...]) -> tuple[Compiled, Compiled]:
    """Return what computes scores and their gradients, as graphs: more than twice as fast."""
    kinds = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((), tf.int32)]

    def scores(pixels: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        return tf.gather(logits(pixels), chosen, axis=1)

    def slopes(pixels: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            found = scores(pixels, chosen)
        return gradient_of(tape, found, pixels)

    compiled, gradients = (tf.function(f, kinds, autograph=False) for f in (scores, slopes))
    return compiled, gradients
