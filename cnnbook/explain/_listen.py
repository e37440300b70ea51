"""What a model answers, before softmax and in its layers, and what may be asked of one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import keras
import numpy as np

from cnnbook._checks import as_array_of_any
from cnnbook._layers import Images, as_array, check_model_images, listening, replaced

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224
ClassIndex = int | np.ndarray | object | None  # any: `check_question` says best what is wrong


def before_softmax(model: keras.Model) -> AbstractContextManager[None]:
    """Let a model return logits for a while: where softmax and sigmoid are sure, they are flat."""
    last = model
    while getattr(last, "outputs", None):
        last = last.outputs[0]._keras_history.operation
    if isinstance(last, keras.layers.Softmax):
        return replaced(last, "call", lambda scores, mask=None: scores)
    if getattr(last, "activation", None) in (keras.activations.softmax, keras.activations.sigmoid):
        return replaced(last, "activation", keras.activations.linear)
    return nullcontext()


def heard_values(
    model: keras.Model, images: np.ndarray, layers: list[keras.layers.Layer], end: int = 1
) -> Iterator[list[np.ndarray]]:
    """Yield, batch by batch, what each of the layers returns; with `end` 0, what each gets."""
    with ExitStack() as stack:
        heard = [stack.enter_context(listening(layer)) for layer in layers]
        for part in parts(images):
            model(images[part].astype("float32"), training=False)
            yield [as_array(values[end]) for values in heard]


def class_scores(model: keras.Model, images: Any, classes: np.ndarray) -> tuple[Any, np.ndarray]:
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


def check_question(
    model: keras.Model, images: Images, class_index: ClassIndex
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, and one class an image, -1 for the one that the model prefers."""
    known = check_model_images(model, images)
    count, classes = len(known), as_array_of_any(-1 if class_index is None else class_index)
    fits = classes.dtype.kind in "iu" and classes.shape in ((), (count,))
    if not fits or (class_index is not None and classes.min() < 0):
        raise ValueError(
            f"`class_index` must be one whole number from 0, one for each of the {count} images, or"
            f" None for the class that the model prefers; got {class_index}."
        )
    return known, np.broadcast_to(classes, count)


def parts(images: np.ndarray) -> Iterator[slice]:
    """Yield the images' batches as slices: the larger the images, the fewer at once."""
    size = min(256, max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2])))
    for start in range(0, len(images), size):
        yield slice(start, start + size)
