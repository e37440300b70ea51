"""Where is a layer, what goes in and out of it while its model runs, which images does it take?"""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from cnnbook._checks import as_array_of_any

Images = np.ndarray | object  # any: `check_model_images` says best what is wrong


def nodes(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer with its path; a model that is a layer comes before its own layers."""
    for layer in model.layers:
        yield f"{prefix}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from nodes(layer, f"{prefix}{layer.name}/")


def find_layer(model: keras.Model, layer_name: str, argument: str = "layer_name") -> keras.Layer:
    """Return the layer of this name or path, wherever it lies, or say which names are close."""
    is_input = keras.layers.InputLayer
    named = {path: layer for path, layer in nodes(model) if not isinstance(layer, is_input)}
    name = str(layer_name)
    found = [name] if name in named else [path for path in named if path.endswith(f"/{name}")]
    if len(found) != 1:
        ends = {path.rpartition("/")[2]: path for path in named}
        close = difflib.get_close_matches(name.rpartition("/")[2], ends, 5, 0.4)
        advice = f"Close names: {', '.join([ends[end] for end in close] or list(named)[-8:])}."
        if found:
            advice = f"These have it, write one of them: {', '.join(found)}."
        raise ValueError(
            f"`{argument}` must name one layer of the model; {len(found)} are named {layer_name!r}."
            f" {advice}"
        )
    return named[found[0]]


@contextmanager
def listening(
    layer: keras.layers.Layer, watch: Callable[[Any], object] | None = None
) -> Iterator[list[Any]]:
    """Keep what a layer gets and what it returns, [input, output], each time the model runs.

    Unlike a new model of the same layers this leaves no trace in them, and hears layers at any
    depth. `watch` is called with each output.
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


def as_array(values: Any) -> np.ndarray:
    """Return a tensor of any backend and type as float32."""
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(values, "float32")))


def check_model_images(model: keras.Model, images: Images) -> np.ndarray:
    """Return the images as an array, or refuse what the model cannot take."""
    pixels = as_array_of_any(images)
    inputs = getattr(model, "inputs", None)
    wanted = tuple(inputs[0].shape[1:]) if inputs else (None, None, None)
    pairs = zip(wanted, pixels.shape[1:], strict=False)
    fits = pixels.ndim == len(wanted) + 1 == 4 and all(size in (None, got) for size, got in pairs)
    if not fits or not pixels.size or pixels.dtype.kind not in "buif":
        raise ValueError(
            "`images` must be numbers, (count, height, width, channels), of at least one image;"
            f" the model takes images {wanted}, got {pixels.dtype} of shape {pixels.shape}. Of a"
            " single image pass image[None]."
        )
    if not np.isfinite(pixels).all():
        raise ValueError("`images` must be finite; got nan or inf. Look for what made them.")
    return pixels
