"""How do I put the weights of one model into another that names its layers differently?

A model of keras.applications, or any other of the same architecture, gives its weights to a model
of this folder, layer for layer, in the order of the layers that have any.

This file stands alone: copy it, it needs only Keras.
"""

from collections.abc import Iterator
from itertools import zip_longest

import keras


def load_weights_from(model: keras.Model, official: keras.Model) -> None:
    """Copy all weights of one model into another of the same architecture.

    Nothing is copied before every shape has been compared. Shapes are all that is compared: two
    layers of equal shape in the wrong order would go unseen, so try both models on one image.
    Mind that each expects its own preprocessing.

    Args:
        model: Takes the weights; changed in place.
        official: Gives them; has the same layers with weights in the same order.

    Raises:
        ValueError: If one is no model or has no weights yet, or if the two differ anywhere: the
            first layers that do not match are named.

    Example:
        >>> def build(name):
        ...     image = keras.Input((8, 8, 3))
        ...     return keras.Model(image, keras.layers.Conv2D(2, 3, name=name)(image))
        >>> ours, theirs = build("conv1"), build("stem_convolution")
        >>> load_weights_from(ours, theirs)
        >>> (ours.get_weights()[0] == theirs.get_weights()[0]).all()
        np.True_
    """
    for name, given in (("model", model), ("official", official)):
        if not isinstance(given, keras.Model) or not given.weights:
            raise ValueError(
                f"`{name}` must be a keras.Model that has weights; got {given!r}. Build it with an "
                "input shape, or call it on one image."
            )
    ours, theirs = list(_weighted_layers(model)), list(_weighted_layers(official))
    for number, (mine, other) in enumerate(zip_longest(ours, theirs), start=1):
        if _shapes(mine) != _shapes(other):
            raise ValueError(
                "`official` must have the same architecture as `model`; got, as weighted layer "
                f"number {number}, {_describe(other)}, where `model` has {_describe(mine)}. "
                "Nothing was copied. Compare depth, image size and number of classes."
            )
    for mine, other in zip(ours, theirs, strict=True):
        mine.set_weights(other.get_weights())


def _weighted_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Give the layers that have weights, those of models inside the model too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted_layers(layer)
        elif layer.weights:
            yield layer


def _shapes(layer: keras.Layer | None) -> list[tuple[int, ...]] | None:
    return layer and [tuple(weight.shape) for weight in layer.weights]


def _describe(layer: keras.Layer | None) -> str:
    return f'"{layer.name}" with {_shapes(layer)}' if layer else "none"
