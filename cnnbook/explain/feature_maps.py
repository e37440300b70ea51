"""What does each layer see? Feature maps, filters that never fire, and the filters themselves.

A feature map is what one filter of a layer answers at each place of a picture. A filter that
answers 0 on every picture is dead: with ReLU it gets no gradient either, so it stays dead. And the
filters of a first layer, drawn, show whether anything was learned: edges and colours, or noise.

Source: Zeiler & Fergus (2013), "Visualizing and Understanding Convolutional Networks",
https://arxiv.org/abs/1311.2901, figures 2 and 6.

This file stands alone: copy it, it needs only Keras and NumPy.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import keras
import numpy as np

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224


def feature_maps(
    model: keras.Model, images: np.ndarray, layer_names: str | Sequence[str]
) -> dict[str, np.ndarray]:
    """Compute what some layers return for some images.

    Args:
        model: Any built model, with models as layers in it or not.
        images: (count, height, width, channels), as the model takes them.
        layer_names: One or several, or paths such as "base/conv1" where models are layers. Of a
            layer that is used several times, its last use counts.

    Returns:
        For each name, in the given order, (count, h, w, maps) float32; (count, units) of a layer
        that returns no maps.

    Raises:
        ValueError: If there is no such layer, lists close names; or the images do not fit.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> model = keras.Model(images, keras.layers.Conv2D(4, 3, name="conv1")(images))
        >>> feature_maps(model, np.zeros((2, 8, 8, 3)), "conv1")["conv1"].shape
        (2, 6, 6, 4)
    """
    images = _check_model_images(model, images)
    names = [layer_names] if isinstance(layer_names, str) else list(layer_names)
    maps = {name: [] for name in names}
    for values in _run(model, images, names):
        for name, value in zip(names, values, strict=True):
            maps[name].append(value)
    return {name: np.concatenate(values) for name, values in maps.items()}


def dead_filters(model: keras.Model, images: np.ndarray, layer_name: str) -> np.ndarray:
    """Compute on which share of the images each filter fires nowhere.

    To fire is to be above 0: name the ReLU, or a convolution that has it as its activation. Of a
    convolution before its ReLU it comes to the same. The maps are not kept, so the images may be
    many; a thousand tell a dead filter from one for a rare thing.

    Args:
        model: Any built model.
        images: (count, height, width, channels), as the model takes them.
        layer_name: As for `feature_maps`.

    Returns:
        (filters,) float64 in [0, 1]: 1 for a filter that is dead as far as these images tell.

    Raises:
        ValueError: As for `feature_maps`.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> model = keras.Model(images, keras.layers.ReLU(name="relu")(images))
        >>> dead_filters(model, np.full((2, 8, 8, 3), [-1, 0, 1]), "relu")
        array([1., 1., 0.])
    """
    images = _check_model_images(model, images)
    silent = 0
    for [maps] in _run(model, images, [layer_name]):
        places = tuple(range(1, maps.ndim - 1))
        silent = silent + (~(maps > 0).any(axis=places)).sum(axis=0)
    return silent / len(images)


def filter_images(
    model: keras.Model, layer_name: str | None = None, same_scale: bool = True
) -> np.ndarray:
    """Return the kernels of a convolution as pictures.

    Args:
        model: Any built model.
        layer_name: As for `feature_maps`. Default: the first layer with kernels, which look at the
            pixels, so that three channels are red, green and blue.
        same_scale: Whether 1 is the largest weight of the whole layer, so that filters can be
            compared and dead ones are grey; else the largest of each filter, so that all show
            their pattern.

    Returns:
        (filters, height, width, channels) float32 in [0, 1]: 0.5 is a weight of 0, above are the
        positive ones. A depthwise convolution has a filter of 1 channel for each channel it reads.

    Raises:
        ValueError: If there is no such layer, lists close names; or it has no kernels.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> model = keras.Model(images, keras.layers.Conv2D(4, 5)(images))
        >>> filter_images(model).shape
        (4, 5, 5, 3)
    """
    if layer_name is None:
        with_kernels = [layer for _, layer in _nodes(model) if _kernels(layer) is not None]
        layer = with_kernels[0] if with_kernels else None
    else:
        layer = _find_layer(model, layer_name)
    kernels = None if layer is None else _kernels(layer)
    if kernels is None:
        names = [path for path, layer in _nodes(model) if _kernels(layer) is not None]
        raise ValueError(
            "`layer_name` must name a layer with kernels of two dimensions;"
            f" got {layer_name!r}. Such are: {', '.join(names) or 'none in this model'}."
        )
    if isinstance(layer, (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)):
        kernels = kernels.reshape(*kernels.shape[:2], 1, -1)
    filters = kernels.transpose(3, 0, 1, 2).astype("float32")
    largest = np.abs(filters).max(axis=None if same_scale else (1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * filters / np.where(largest > 0, largest, 1)


def _kernels(layer: keras.layers.Layer) -> np.ndarray | None:
    """Return the first weight with four axes, (height, width, channels, filters), of a layer."""
    if hasattr(layer, "layers"):
        return None
    weights = [weight for weight in layer.weights if len(weight.shape) == 4]
    return keras.ops.convert_to_numpy(weights[0]) if weights else None


def _run(model: keras.Model, images: np.ndarray, names: list[str]) -> Iterator[list[np.ndarray]]:
    """Yield, batch by batch, what each of the layers returns."""
    layers = [_find_layer(model, name) for name in names]
    with ExitStack() as stack:
        heard = [stack.enter_context(_heard(layer)) for layer in layers]
        for part in _parts(images):
            model(images[part].astype("float32"), training=False)
            yield [
                keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")) for _, output in heard
            ]


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
