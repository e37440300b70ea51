"""Which part of a picture raised the score of a class? Grad-CAM, a coarse map of the place.

The maps of a late layer, added up: each weighted by how much it raises the score. Try it on the
network with random weights, too: if the map stays the same, it shows the picture and not what was
learned (Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim (2018), "Sanity Checks for Saliency Maps",
https://arxiv.org/abs/1810.03292).

Source: Selvaraju et al. (2016), "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", https://arxiv.org/abs/1610.02391, section 3.

This file stands alone: copy it, it needs only Keras on TensorFlow, and NumPy.
"""

import difflib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras
import numpy as np
import tensorflow as tf

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: int | np.ndarray | None = None,
    layer_name: str | None = None,
) -> np.ndarray:
    """Compute a coarse heat map an image: where the network finds what speaks for a class.

    Args:
        model: A functional classifier, with models as layers in it or not. It may return logits or
            end in softmax, which is left out. Of several outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: The class to explain, one for all images or one each. Default: the one with
            the highest score.
        layer_name: Of a layer that returns maps, or its path, such as "base/conv5". Default: the
            last one behind a convolution that is no pooling and has maps of more than one pixel.

    Returns:
        (count, h, w) float32 in [0, 1] of the layer's h and w, each map scaled by its own maximum.
        A map is all zeros where nothing in the layer speaks for the class.

    Raises:
        ValueError: If there is no such layer, lists close names; if it returns no maps, or images
            or classes do not fit.

    Example:
        >>> images = keras.Input((6, 6, 1))
        >>> x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(images)
        >>> x = keras.layers.GlobalAveragePooling2D()(x)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> float(grad_cam(model, np.ones((1, 6, 6, 1)), class_index=0).min())
        1.0
    """
    images = _check_model_images(model, images)
    classes = _check_class_index(class_index, len(images))
    layer = _find_layer(model, _last_maps(model) if layer_name is None else layer_name)
    heatmaps = []
    with _before_softmax(model):
        for part in _parts(images):
            with tf.GradientTape() as tape, _heard(layer, tape.watch) as heard:
                scores, _ = _class_scores(model, images[part].astype("float32"), classes[part])
            features = heard[1]
            if len(features.shape) != 4:
                raise ValueError(
                    f"`layer_name` must name a layer that returns maps, such as {_last_maps(model)}"
                    f"; {layer_name!r} returns {tuple(features.shape)}."
                )
            weights = tf.reduce_mean(_gradient(tape, scores, features), axis=(1, 2), keepdims=True)
            heat = tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1))
            peaks = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
            heatmaps.append(tf.math.divide_no_nan(heat, peaks).numpy())
    return np.concatenate(heatmaps)


def _last_maps(model: keras.Model) -> str:
    """Return the path of the layer that Grad-CAM looks at unless it is told another."""
    skipped = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.Model)
    last, is_behind = None, False
    for path, layer in _nodes(model):
        is_behind = is_behind or any(len(weight.shape) == 4 for weight in layer.weights)
        shape = tuple(getattr(getattr(layer, "output", None), "shape", ()))
        has_maps = len(shape) == 4 and shape[1:3] != (1, 1)
        if is_behind and has_maps and not isinstance(layer, skipped):
            last = path
    if last is None:
        raise ValueError(
            "`model` must have a convolution with maps of more than one pixel; got none. Try"
            " saliency or occlusion_map, which need none, or name the layer: `layer_name`."
        )
    return last


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


def _nodes(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer with its path; a model that is a layer comes before its own layers."""
    for layer in model.layers:
        yield f"{prefix}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from _nodes(layer, f"{prefix}{layer.name}/")


def _find_layer(model: keras.Model, layer_name: str) -> keras.layers.Layer:
    """Return the layer of this name or path, wherever it lies, or say which names are close."""
    is_input = keras.layers.InputLayer
    nodes = {path: layer for path, layer in _nodes(model) if not isinstance(layer, is_input)}
    if layer_name in nodes:
        return nodes[layer_name]
    found = [path for path in nodes if path.endswith(f"/{layer_name}")]
    if len(found) != 1:
        ends = {path.rpartition("/")[2]: path for path in nodes}
        close = difflib.get_close_matches(str(layer_name).rpartition("/")[2], ends, 5, 0.4)
        advice = f"Close names: {', '.join([ends[end] for end in close] or list(nodes)[-8:])}."
        if found:
            advice = f"These have it, write one of them: {', '.join(found)}."
        raise ValueError(
            f"`layer_name` must name one layer of the model; {len(found)} are named"
            f" {layer_name!r}. {advice}"
        )
    return nodes[found[0]]


@contextmanager
def _heard(layer: keras.layers.Layer, watch: Callable | None = None) -> Iterator[list]:
    """Keep what a layer gets and what it returns, [input, output], each time the model runs.

    Unlike a new model of the same layers this leaves no trace in them, and it hears layers at any
    depth of models in models.
    """
    heard, compute = [], layer.call

    def call(*arguments, **keywords):
        output = compute(*arguments, **keywords)
        heard[:] = [*arguments, *keywords.values()][0], output
        if watch:
            watch(output)
        return output

    with _replaced(layer, "call", call):
        yield heard


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
