"""What does each layer see? Feature maps, filters that never fire, and the filters themselves.

A filter that answers 0 on every picture is dead: with ReLU it gets no gradient either, so it stays
dead. The filters of a first layer, drawn, show whether anything was learned: edges, or noise.

Source: Zeiler & Fergus (2013), "Visualizing and Understanding Convolutional Networks",
https://arxiv.org/abs/1311.2901, figures 2 and 6.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from cnnbook._checks import checked
from cnnbook._layers import (
    Images,
    as_array,
    check_called,
    check_model_images,
    find_layer,
    nodes,
    sublayers,
)
from cnnbook.explain._listen import heard_values


@checked
def feature_maps(
    model: keras.Model, images: Images, layer_names: str | Sequence[Any]
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
    images = check_model_images(model, images)
    names = [layer_names] if isinstance(layer_names, str) else list(layer_names)
    layers = [find_layer(model, name, "layer_names") for name in names]
    heard = zip(*heard_values(model, images, layers), strict=True)
    return {name: np.concatenate(values) for name, values in zip(names, heard, strict=True)}


@checked
def dead_filters(model: keras.Model, images: Images, layer_name: str) -> np.ndarray:
    """Compute on which share of the images each filter fires nowhere.

    To fire is to be above 0, after ReLU or before it. The maps are not kept, so the images may be
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
    images = check_model_images(model, images)
    silent = 0
    for [maps] in heard_values(model, images, [find_layer(model, layer_name)]):
        silent += (~(maps > 0).any(axis=tuple(range(1, maps.ndim - 1)))).sum(axis=0)
    return np.asarray(silent / len(images))


@checked
def filter_images(
    model: keras.Model, layer_name: str | None = None, *, same_scale: bool = True
) -> np.ndarray:
    """Return the kernels of a convolution as pictures.

    Args:
        model: Any built model.
        layer_name: As for `feature_maps`. Default: the first layer with kernels.
        same_scale: Whether 1 is the largest weight of the whole layer, so that filters can be
            compared and dead ones are grey; else that of each filter, so that all show a pattern.

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
    check_called(model)
    having = {path: layer for path, layer in nodes(model) if _has_kernels(layer)}
    first = next(iter(having.values()), None)
    layer = first if layer_name is None else find_layer(model, layer_name)
    if layer is None or not _has_kernels(layer):
        raise ValueError(
            "`layer_name` must name a layer with kernels of two dimensions;"
            f" got {layer_name!r}. Such are: {', '.join(having) or 'none in this model'}."
        )
    kernels = as_array(next(weight for weight in layer.weights if len(weight.shape) == 4))
    if isinstance(layer, (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)):
        kernels = kernels.reshape(*kernels.shape[:2], 1, -1)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        kernels = kernels.swapaxes(2, 3)
    filters = kernels.transpose(3, 0, 1, 2)
    largest = np.abs(filters).max(axis=None if same_scale else (1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * filters / np.where(largest > 0, largest, 1)


def _has_kernels(layer: keras.layers.Layer) -> bool:
    """Whether a layer without layers in it has a weight (height, width, channels, filters)."""
    return not sublayers(layer) and any(len(weight.shape) == 4 for weight in layer.weights)
