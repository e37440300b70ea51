"""What did each pixel add to the score of a class? Integrated gradients: shares that sum up.

A gradient says what a small change would do, and where the network is sure that is nothing. So walk
from an empty picture to this one in a straight line, and add up the gradients on the way: then the
shares of all pixels sum to what the score gained on the way, no more and no less.

Source: Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks",
https://arxiv.org/abs/1703.01365.
Differs from the paper: gradients are taken in the middle of each step, and a step over which the
shares do not sum to the change of the score is halved, until the sum is right.

This file stands alone: copy it, it needs only Keras on TensorFlow, and NumPy.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras
import numpy as np
import tensorflow as tf

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224
TOLERANCE = 0.01  # of the change of the score
ROUNDING = 2e-5  # of the sum of all sizes: where shares cancel, float32 allows no more
STEPS_AT_MOST = 1_000
NARROWEST = 1e-6  # of the way


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    class_index: int | np.ndarray | None = None,
    baseline: float | np.ndarray = 0.0,
    steps: int = 50,
) -> np.ndarray:
    """Compute each pixel's share in the score of a class, positive or negative.

    Args:
        model: A functional classifier, with models as layers in it or not. It may return logits or
            end in softmax, which is left out. Of several outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: The class to explain, one for all images or one each. Default: the one with
            the highest score.
        baseline: The empty picture: one value, an image, or one for each image. Where a picture
            equals it, the share is 0: black pixels get nothing if it is black.
        steps: From the baseline to the image, to begin with. Where the score bends they are halved
            until the sum is right, up to 1,000 in all.

    Returns:
        (count, height, width, channels) float32. The sum over an image is its score less that of
        the baseline, within 1 % of this difference (or, where shares cancel, 0.002 % of the sum of
        their sizes). If not, a warning says so.

    Raises:
        ValueError: If images, classes or baseline do not fit, or `steps` is below 1.

    Example:
        >>> images = keras.Input((1, 2, 1))
        >>> x = keras.layers.Flatten()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> integrated_gradients(model, np.array([[[[3], [-5]]]]), class_index=0).ravel().round(3)
        array([ 3., -5.], dtype=float32)
    """
    images = _check_model_images(model, images)
    classes = _check_class_index(class_index, len(images))
    if steps < 1:
        raise ValueError(f"`steps` must be 1 or more; got {steps}. 50 is a good beginning.")
    try:
        baselines = np.broadcast_to(np.asarray(baseline, "float32"), images.shape)
    except ValueError as error:
        raise ValueError(
            f"`baseline` must be one number, an image {images.shape[1:]}, or one for each image;"
            f" got shape {np.shape(baseline)}."
        ) from error
    shares = np.empty(images.shape, "float32")
    with _before_softmax(model):
        compiled = _compiled(model, images.shape[1:])
        for index, (start, wanted) in enumerate(zip(baselines, classes, strict=True)):
            ends = np.stack([start, images[index].astype("float32")])
            _, [chosen] = _class_scores(model, ends[1:], np.array([wanted]))
            shares[index], change, is_right = _walk(compiled, ends, chosen, steps)
            if not is_right:
                warnings.warn(
                    f"The shares of image {index} sum to {shares[index].sum():.4g}, not to the"
                    f" change of its score, {change:.4g}: take more `steps`, or a baseline that is"
                    " more like a picture.",
                    stacklevel=2,
                )
    return shares


def _walk(compiled: tuple, ends: np.ndarray, chosen: int, steps: int) -> tuple:
    """Return the shares in one image, ends[1], the change of its score, and whether they agree.

    The error of each step is known, for so is the change of the score over it. The steps that make
    up most of the error are halved.
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


def _along(function: Callable, ends: np.ndarray, chosen: int, at: np.ndarray) -> np.ndarray:
    """Return what a function says at some shares of the way from ends[0] to ends[1]."""
    pixels = ends[0] + at[:, None, None, None].astype("float32") * (ends[1] - ends[0])
    found = [function(pixels[part], np.int32(chosen)).numpy() for part in _parts(pixels)]
    return np.concatenate(found)


def _compiled(model: keras.Model, shape: tuple[int, ...]) -> tuple[Callable, Callable]:
    """Return what computes scores and their gradients, for pixels and a class, as graphs.

    Of a deep network a graph takes less than half the time of running operation by operation.
    """
    kinds = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((), tf.int32)]

    def scores(pixels, chosen):
        outputs = keras.tree.flatten(model(pixels, training=False))[0]
        return tf.cast(tf.gather(outputs, chosen, axis=1), tf.float32)

    def slopes(pixels, chosen):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            found = scores(pixels, chosen)
        return _gradient(tape, found, pixels)

    return tuple(tf.function(each, kinds, autograph=False) for each in (scores, slopes))


def _gradient(tape: tf.GradientTape, scores: tf.Tensor, of: tf.Tensor) -> tf.Tensor:
    """Return the gradient as float32, or say why there is none."""
    gradient = tape.gradient(scores, of)
    if gradient is None:
        raise ValueError(
            "`model` must compute its score from the layer or the pixels, in floats, on TensorFlow;"
            f" no gradient gets through. Keras runs on {keras.backend.backend()}. Is the layer in a"
            " side branch, or does the model take or make whole numbers?"
        )
    return tf.cast(tf.convert_to_tensor(gradient), tf.float32)


def _class_scores(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> tuple:
    """Return each image's score of its class, and the classes; -1 stands for the preferred one."""
    scores = keras.tree.flatten(model(images, training=False))[0]
    if len(scores.shape) != 2 or classes.max() >= scores.shape[1]:
        raise ValueError(
            "`class_index` must be below the number of classes, and `model` return scores (count,"
            f" classes); got class {classes.max()} and scores of shape {tuple(scores.shape)}."
        )
    preferred = keras.ops.convert_to_numpy(keras.ops.argmax(scores, axis=1))
    classes = np.where(classes < 0, preferred, classes)
    chosen = keras.ops.take_along_axis(scores, classes[:, None], axis=1)[:, 0]
    return keras.ops.cast(chosen, "float32"), classes


def _check_class_index(class_index: int | np.ndarray | None, count: int) -> np.ndarray:
    """Return one class an image, -1 for the one that the model prefers."""
    classes = np.asarray(-1 if class_index is None else class_index)
    fits = classes.dtype.kind in "iu" and classes.shape in ((), (count,))
    if not fits or (class_index is not None and classes.min() < 0):
        raise ValueError(
            f"`class_index` must be one whole number from 0, one for each of the {count} images, or"
            f" None for the class that the model prefers; got {class_index}."
        )
    return np.broadcast_to(classes, count)


def _before_softmax(model: keras.Model) -> AbstractContextManager:
    """Let the model return logits for a while, also if it ends in softmax or sigmoid.

    Where these are sure, they are flat: next to nothing is left of a gradient.
    """
    last = model
    while getattr(last, "outputs", None):
        last = last.outputs[0]._keras_history.operation
    if isinstance(last, keras.layers.Softmax):
        return _replaced(last, "call", lambda scores, mask=None: scores)
    if getattr(last, "activation", None) in (keras.activations.softmax, keras.activations.sigmoid):
        return _replaced(last, "activation", keras.activations.linear)
    return nullcontext()


@contextmanager
def _replaced(layer: keras.layers.Layer, name: str, value: object) -> Iterator[None]:
    """Give a layer another attribute for a while; Keras does not get to see it."""
    old = {key: was for key, was in vars(layer).items() if key == name}
    vars(layer)[name] = value
    try:
        yield
    finally:
        del vars(layer)[name]
        vars(layer).update(old)


def _check_model_images(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the images as an array, or refuse what the model cannot take."""
    images = np.asarray(images)
    inputs = getattr(model, "inputs", None)
    wanted = tuple(inputs[0].shape[1:]) if inputs else (None, None, None)
    pairs = zip(wanted, images.shape[1:], strict=False)
    fits = images.ndim == len(wanted) + 1 == 4 and all(size in (None, got) for size, got in pairs)
    if not fits or not images.size or images.dtype.kind not in "buif":
        raise ValueError(
            "`images` must be numbers, (count, height, width, channels), of at least one image;"
            f" the model takes images {wanted}, got {images.dtype} of shape {images.shape}. Of a"
            " single image pass image[None]."
        )
    if not np.isfinite(images).all():
        raise ValueError("`images` must be finite; got nan or inf. Look for what made them.")
    return images


def _parts(images: np.ndarray) -> Iterator[slice]:
    """Yield the images' batches as slices: the larger the images, the fewer at once."""
    size = min(256, max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2])))
    for start in range(0, len(images), size):
        yield slice(start, start + size)
