"""Which pixels does the score of a class hang on? Saliency, as fine as the picture, and noisy.

How much the score changes with each pixel: its gradient, without the sign. What every pixel has
added to the score is another question: see integrated gradients.

Source: Simonyan, Vedaldi & Zisserman (2013), "Deep Inside Convolutional Networks: Visualising Image
Classification Models and Saliency Maps", https://arxiv.org/abs/1312.6034, section 3.

This file stands alone: copy it, it needs only Keras on TensorFlow, and NumPy.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras
import numpy as np
import tensorflow as tf

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224


def saliency(
    model: keras.Model, images: np.ndarray, class_index: int | np.ndarray | None = None
) -> np.ndarray:
    """Compute how much each pixel could change the score of a class, up or down.

    Args:
        model: A functional classifier, with models as layers in it or not. It may return logits or
            end in softmax, which is left out. Of several outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: The class to explain, one for all images or one each. Default: the one with
            the highest score.

    Returns:
        (count, height, width) float32, 0 or more: the change of the score for a change of 1 in the
        pixel, the largest of its channels.

    Raises:
        ValueError: If images or classes do not fit.

    Example:
        >>> images = keras.Input((2, 2, 1))
        >>> x = keras.layers.Flatten()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> saliency(model, np.zeros((1, 2, 2, 1)), class_index=1)[0]
        array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    images = _check_model_images(model, images)
    classes = _check_class_index(class_index, len(images))
    maps = []
    with _before_softmax(model):
        for part in _parts(images):
            pixels = tf.constant(images[part].astype("float32"))
            with tf.GradientTape() as tape:
                tape.watch(pixels)
                scores, _ = _class_scores(model, pixels, classes[part])
            maps.append(np.abs(_gradient(tape, scores, pixels)).max(axis=-1))
    return np.concatenate(maps)


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
