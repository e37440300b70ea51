"""What happens to the score of a class when a part of the picture is hidden?

Slide a square over the picture and look how far the score falls: what mattered, with nothing
assumed about the network, not even that it has gradients. It takes one run for each place of the
square.

Source: Zeiler & Fergus (2013), "Visualizing and Understanding Convolutional Networks",
https://arxiv.org/abs/1311.2901, section 4.2.
Differs from the source: it looks at the score before softmax; each pixel gets the mean of the
squares that hide it.

This file stands alone: copy it, it needs only Keras and NumPy.
"""

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras
import numpy as np

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224


def occlusion_map(
    model: keras.Model,
    images: np.ndarray,
    class_index: int | np.ndarray | None = None,
    window: int | None = None,
    strides: int | None = None,
    fill: float | np.ndarray | None = None,
) -> np.ndarray:
    """Compute how far the score of a class falls where a square hides the image.

    Args:
        model: A functional classifier, with models as layers in it or not. It may return logits or
            end in softmax, which is left out. Of several outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: The class to explain, one for all images or one each. Default: the one with
            the highest score.
        window: Side of the square in pixels. Default: a seventh of the shorter side.
        strides: From one place of the square to the next, `window` at most. Default: half of it.
        fill: What the square shows: a value, or one a channel. Default: each image's mean colour.

    Returns:
        (count, height, width) float32: the fall of the score, the mean of all squares that hide
        the pixel. Negative where hiding raises the score: the pixel speaks against the class.

    Raises:
        ValueError: If images or classes do not fit, or the square does not.

    Example:
        >>> images = keras.Input((4, 4, 1))
        >>> x = keras.layers.GlobalAveragePooling2D()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> bright = np.zeros((1, 4, 4, 1))
        >>> bright[0, 0, 0] = 16
        >>> occlusion_map(model, bright, class_index=0, window=2, strides=2, fill=0)[0, 0]
        array([1., 1., 0., 0.], dtype=float32)
    """
    images = _check_model_images(model, images)
    classes = _check_class_index(class_index, len(images))
    height, width = images.shape[1:3]
    window = max(1, min(height, width) // 7) if window is None else window
    strides = max(1, window // 2) if strides is None else strides
    if not 1 <= strides <= window <= min(height, width):
        raise ValueError(
            f"`window` must be 1 to {min(height, width)}, the shorter side, and `strides` 1 to"
            f" `window`, that no pixel is left out; got {window} and {strides}."
        )
    starts = [
        sorted({*range(0, side - window, strides), side - window}) for side in (height, width)
    ]
    squares = list(itertools.product(*starts))
    maps = np.zeros((len(images), height, width))
    hidden = np.zeros((height, width))
    for top, left in squares:
        hidden[top : top + window, left : left + window] += 1
    with _before_softmax(model):
        # A model of its own, so that what it compiles is not kept, and has no softmax.
        compiled = keras.Model(model.inputs, model.outputs[0]).predict_on_batch
        for index, image in enumerate(images.astype("float32")):
            colour = image.mean(axis=(0, 1)) if fill is None else fill
            [score], chosen = _class_scores(model, image[None], classes[index : index + 1])
            copies = np.broadcast_to(image, (len(squares), *image.shape))
            for part in _parts(copies):
                covered = copies[part].copy()
                for copy, (top, left) in zip(covered, squares[part], strict=True):
                    copy[top : top + window, left : left + window] = colour
                falls = float(score) - compiled(covered)[:, chosen[0]].astype("float32")
                for fall, (top, left) in zip(falls, squares[part], strict=True):
                    maps[index, top : top + window, left : left + window] += fall
    return (maps / hidden).astype("float32")


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
