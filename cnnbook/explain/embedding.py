"""Which pictures are alike to a network? The numbers before its last layer, drawn in a plane.

The last layer only draws straight borders: all that the network knows lies in the numbers that this
layer gets. Two pictures that are close there are alike to it.

Source: for t-SNE: van der Maaten & Hinton (2008), "Visualizing Data using t-SNE", Journal of
Machine Learning Research 9, https://www.jmlr.org/papers/v9/vandermaaten08a.html.

This file stands alone: copy it, it needs only Keras, NumPy and scikit-learn, which brings
threadpoolctl.
"""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224


def embed(model: keras.Model, images: np.ndarray, layer_name: str | None = None) -> np.ndarray:
    """Compute what the last layer of a classifier gets to see of each image.

    Args:
        model: Any built model, with models as layers in it or not.
        images: (count, height, width, channels), as the model takes them.
        layer_name: Of a layer, or its path, such as "base/average", to take what it returns
            instead. Default: take what the last layer with weights gets.

    Returns:
        (count, features) float32; of maps, the mean over all places.

    Raises:
        ValueError: If there is no such layer, lists close names; or the images do not fit.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> x = keras.layers.GlobalAveragePooling2D(name="average")(images)
        >>> model = keras.Model(images, keras.layers.Dense(10)(x))
        >>> embed(model, np.full((1, 8, 8, 3), [1, 2, 3]))
        array([[1., 2., 3.]], dtype=float32)
    """
    images = _check_model_images(model, images)
    if layer_name is None:
        learned = [layer for _, layer in _nodes(model) if layer.weights]
        if not learned:
            raise ValueError("`model` has no layer with weights; name one: `layer_name`.")
        layer, end = learned[-1], 0
    else:
        layer, end = _find_layer(model, layer_name), 1
    features = []
    with _heard(layer) as heard:
        for part in _parts(images):
            model(images[part].astype("float32"), training=False)
            values = keras.ops.convert_to_numpy(keras.ops.cast(heard[end], "float32"))
            is_maps = values.ndim == 4
            features.append(
                values.mean(axis=(1, 2)) if is_maps else values.reshape(len(values), -1)
            )
    return np.concatenate(features)


def project(features: np.ndarray, method: str = "pca", seed: int = 0) -> np.ndarray:
    """Lay points of many dimensions out in a plane.

    "pca" turns them so that the plane shows as much of their spread as a plane can: distances are
    at most what they were, directions mean something, new points could be added. "tsne" keeps
    neighbours together and nothing else: neither the distance nor the size of its clusters means
    anything, and another seed gives another picture. It takes 10 to 20 s for 1,000 points.

    Args:
        features: (count, features), at least 4 points; or images, (count, height, width, channels).
        method: "pca" or "tsne".
        seed: For "tsne"; of "pca" it changes next to nothing.

    Returns:
        (count, 2) float32.

    Raises:
        ValueError: If there are too few points, one is not finite, or there is no such method.

    Example:
        >>> line = np.arange(5)[:, None] * [3, 4]
        >>> np.abs(project(line)[:, 0]).round(3)
        array([10.,  5.,  0.,  5., 10.], dtype=float32)
    """
    points = np.asarray(features)
    if points.ndim < 2 or len(points) < 4 or not points[0].size or not np.isfinite(points).all():
        raise ValueError(
            "`features` must be (count, features), 4 points or more, all finite; got shape"
            f" {points.shape}. Look for nan, and give it all images at once."
        )
    points = points.reshape(len(points), -1).astype("float32")
    points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))
    if method == "pca":
        return PCA(2, random_state=seed).fit_transform(points)
    if method == "tsne":
        if points.shape[1] > 50:  # as the paper does: faster, and less noise
            points = PCA(min(50, len(points)), random_state=seed).fit_transform(points)
        perplexity = min(30, (len(points) - 1) / 3)
        # Its threads wait for each other a thousand times: on a busy machine 30 times slower.
        with threadpool_limits(1, user_api="openmp"):
            tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
            return tsne.fit_transform(points)
    raise ValueError(f'`method` must be "pca" or "tsne"; got {method!r}.')


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
