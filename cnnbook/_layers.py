"""Where is a layer? A walk through a model, its layers, and the models among them."""

import difflib
from collections.abc import Iterator

import keras


def nodes(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer with its path; a model that is a layer comes before its own layers."""
    for layer in model.layers:
        yield f"{prefix}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from nodes(layer, f"{prefix}{layer.name}/")


def find_layer(model: keras.Model, layer_name: str) -> keras.layers.Layer:
    """Return the layer of this name or path, wherever it lies, or say which names are close."""
    is_input = keras.layers.InputLayer
    named = {path: layer for path, layer in nodes(model) if not isinstance(layer, is_input)}
    if str(layer_name) in named:
        return named[str(layer_name)]
    found = [path for path in named if path.endswith(f"/{layer_name}")]
    if len(found) != 1:
        ends = {path.rpartition("/")[2]: path for path in named}
        close = difflib.get_close_matches(str(layer_name).rpartition("/")[2], ends, 5, 0.4)
        advice = f"Close names: {', '.join([ends[end] for end in close] or list(named)[-8:])}."
        if found:
            advice = f"These have it, write one of them: {', '.join(found)}."
        raise ValueError(
            f"`layer_name` must name one layer of the model; {len(found)} are named"
            f" {layer_name!r}. {advice}"
        )
    return named[found[0]]
