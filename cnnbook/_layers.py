"""Where is a layer, what goes in and out of it while its model runs, which images does it take?"""

import difflib
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from cnnbook._checks import as_array_of_any

HAVING_KERNELS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)
Images = np.ndarray | object  # any: `check_model_images` says best what is wrong


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers of a model, or those that a wrapper or a layer of one's own holds."""
    if hasattr(layer, "layers"):
        return list(layer.layers)
    return list(layer._flatten_layers(include_self=False, recursive=False))


def nodes(
    model: keras.layers.Layer, prefix: str = "", *, inside: bool = True
) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer with its path; what has layers in it comes before them.

    Not `inside`: only those of models, none that a wrapper or another layer keeps to itself.
    """
    for layer in sublayers(model):
        yield f"{prefix}{layer.name}", layer
        if inside or hasattr(layer, "layers"):
            yield from nodes(layer, f"{prefix}{layer.name}/", inside=inside)


def check_called(model: keras.Model) -> None:
    """Refuse a model whose layers have no weights yet."""
    if not model.built:
        raise ValueError(
            f"`model` must know the shape of its images to have weights, {model.name!r} does not"
            " yet; call the model once on a batch: model(images)."
        )


def find_layer(model: keras.Model, layer_name: str, argument: str = "layer_name") -> keras.Layer:
    """Return the layer of this name or path, wherever it lies, or say which names are close."""
    check_called(model)
    is_input = keras.layers.InputLayer
    pairs = [(path, layer) for path, layer in nodes(model) if not isinstance(layer, is_input)]
    name = str(layer_name)
    found = [pair for pair in pairs if pair[0] == name]
    found = found or [pair for pair in pairs if pair[0].endswith(f"/{name}")]
    if len({id(layer) for _, layer in found}) != 1:
        paths = [path for path, _ in pairs]
        ends = {path.rpartition("/")[2]: path for path in paths}
        close = difflib.get_close_matches(name.rpartition("/")[2], ends, 5, 0.4)
        advice = f"Close names: {', '.join([ends[end] for end in close] or paths[-8:])}."
        if found:
            same = ", ".join(dict.fromkeys(path for path, _ in found))
            advice = f"These have it, write one of them: {same}."
        raise ValueError(
            f"`{argument}` must name one layer of the model; {len(found)} are named {layer_name!r}."
            f" {advice}"
        )
    return found[0][1]


def run(model: keras.Model, images: Any) -> Any:
    """Return what a model answers, not in training; whether it takes images or a list of them."""
    packed = hasattr(model, "operations") and not hasattr(model.input, "shape")
    given = keras.tree.pack_sequence_as(model.input, [images]) if packed else images
    try:
        return model(given, training=False)
    except Exception as error:
        if isinstance(error, (MemoryError, RuntimeError)) or "Exhausted" in type(error).__name__:
            raise  # the trouble of a machine
        said = " ".join(re.sub(r"\x1b\[\d+m", "", str(error)).split())
        raise ValueError(
            f"`model` must run on images alone, of {tuple(images.shape)}; it stopped with"
            f" {type(error).__name__}: {said[:200]}"
        ) from error


def image_shape_of(model: keras.Model) -> tuple[int | None, ...]:
    """Return the shape of the images that a model takes, None where it takes any."""
    inputs = getattr(model, "inputs", None) or ()
    if len(inputs) > 1:
        names = ", ".join(each.name for each in inputs)
        raise ValueError(
            f"`model` must take one input, images; it takes {len(inputs)}: {names}. Build one that"
            " takes images alone, and the others as constants."
        )
    return tuple(inputs[0].shape[1:]) if inputs else (None, None, None)


@contextmanager
def listening(
    layer: keras.layers.Layer,
    watch: Callable[[Any], object] | None = None,
    attribute: str = "call",
) -> Iterator[list[Any]]:
    """Keep what a layer gets and what it returns, [input, output], the last time that it runs.

    Unlike a new model of the same layers this leaves no trace in them, and hears layers at any
    depth. `watch` is called with each output. With "activation" that is heard instead.
    """
    heard: list[Any] = []
    compute = getattr(layer, attribute)

    def call(*arguments: Any, **keywords: Any) -> Any:
        output = compute(*arguments, **keywords)
        heard[:] = [*arguments, *keywords.values()][0], output
        if watch:
            watch(output)
        return output

    with replaced(layer, attribute, call):
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
    wanted = image_shape_of(model)
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
    is_small = pixels.dtype.kind == "f" and 0 <= pixels.min() < pixels.max() <= 1
    if is_small and model.built and _takes_255(model, pixels.shape[1:]):
        warnings.warn(
            f"`images` are 0 to 1, and {model.name!r} begins with a layer that rescales 0 to 255:"
            " it sees black. Pass images * 255.",
            stacklevel=4,
        )
    return pixels


def _takes_255(model: keras.Model, shape: tuple[int, ...]) -> bool:
    """Whether pixels are divided by 50 or more, or lose 50, before the first kernel sees them."""
    first = next((layer for _, layer in nodes(model) if isinstance(layer, HAVING_KERNELS)), None)
    if first is None:
        return False
    with listening(first) as heard:
        seen = []
        for value in (0, 1):
            run(model, np.full((1, *shape), value, "float32"))
            seen += heard[:1]
    try:
        black, white = map(as_array, seen)
    except Exception:  # it was not heard, or is but the plan of a tensor
        return False
    return bool(abs(white - black).max() < 1 / 50 or black.min() < -50)
