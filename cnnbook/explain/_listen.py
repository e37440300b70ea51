"""What goes into a layer and comes out of it while its model runs, and what may be asked of one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224
ClassIndex = int | np.ndarray | object | None  # any: `check_question` says best what is wrong


@contextmanager
def listening(
    layer: keras.layers.Layer, watch: Callable[[Any], object] | None = None
) -> Iterator[list[Any]]:
    """Keep what a layer gets and what it returns, [input, output], each time the model runs.

    Unlike a new model of the same layers this leaves no trace in them, and it hears layers at any
    depth of models in models. `watch` is called with each output.
    """
    heard: list[Any] = []
    compute = layer.call

    def call(*arguments: Any, **keywords: Any) -> Any:
        output = compute(*arguments, **keywords)
        heard[:] = [*arguments, *keywords.values()][0], output
        if watch:
            watch(output)
        return output

    with replaced(layer, "call", call):
        yield heard


@contextmanager
def replaced(layer: keras.layers.Layer, name: str, value: object) -> Iterator[None]:
    """Give a layer another attribute for a while; Keras does not get to see it."""
    old = {key: was for key, was in vars(layer).items() if key == name}
    vars(layer)[name] = value
    try:
        yield
    finally:
        del vars(layer)[name]
        vars(layer).update(old)


def before_softmax(model: keras.Model) -> AbstractContextManager[None]:
    """Let the model return logits for a while, also if it ends in softmax or sigmoid.

    Where these are sure, they are flat: next to nothing is left of a gradient.
    """
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


def as_array(values: Any) -> np.ndarray:
    """Return a tensor of any backend and type as float32."""
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(values, "float32")))


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
    model: keras.Model, images: np.ndarray, class_index: ClassIndex
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, and one class an image, -1 for the one that the model prefers."""
    images = check_model_images(model, images)
    count = len(images)
    try:
        classes = np.asarray(-1 if class_index is None else class_index)
        fits = classes.dtype.kind in "iu" and classes.shape in ((), (count,))
    except ValueError:  # a list of lists of unequal length
        fits = False
    if not fits or (class_index is not None and classes.min() < 0):
        raise ValueError(
            f"`class_index` must be one whole number from 0, one for each of the {count} images, or"
            f" None for the class that the model prefers; got {class_index}."
        )
    return images, np.broadcast_to(classes, count)


def check_model_images(model: keras.Model, images: np.ndarray) -> np.ndarray:
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


def parts(images: np.ndarray) -> Iterator[slice]:
    """Yield the images' batches as slices: the larger the images, the fewer at once."""
    size = min(256, max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2])))
    for start in range(0, len(images), size):
        yield slice(start, start + size)
