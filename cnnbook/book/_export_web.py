"""How does a trained network get onto a page that has no server? As a script of numbers.

A functional Keras model becomes `CNN_MODELS[name] = {layers, weights, more}` for `engine.js`: the
layers in order, and all their numbers in one block of base64, kernels with 8 bits, 16 or 32, the
others always with 32. Its answers on some images become `CNN_CHECKS[name]`, a script of its own,
so that the page can compare itself with Keras when somebody asks.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from cnnbook.book._files import BookError

# What the engine has not: a layer must have these settings as they are by default.
AS_USUAL: dict[str, dict[str, Any]] = {
    "Conv2D": {"dilation_rate": (1, 1), "groups": 1, "data_format": "channels_last"},
    "DepthwiseConv2D": {
        "dilation_rate": (1, 1),
        "depth_multiplier": 1,
        "data_format": "channels_last",
    },
    "MaxPooling2D": {"padding": "valid", "data_format": "channels_last"},
    "GlobalAveragePooling2D": {"keepdims": False, "data_format": "channels_last"},
    "ReLU": {"negative_slope": 0.0, "threshold": 0.0},
    "Flatten": {"data_format": "channels_last"},
}
PLAIN = ("InputLayer", "Rescaling", "BatchNormalization", "Dense", "Dropout", "Add")
KNOWN = tuple(sorted({*AS_USUAL, *PLAIN}))
ACTIVATIONS = {
    "Conv2D": ("linear", "relu"),
    "DepthwiseConv2D": ("linear", "relu"),
    "Dense": ("linear", "relu", "sigmoid", "softmax"),
}
FORMS = {"float32": "<f4", "float16": "<f2", "int8": "i1"}
SMALL = 1_000  # numbers: a kernel of fewer is not worth rounding to 8 bits
Entry = dict[str, Any]
Store = Callable[..., Entry]  # takes an array into the block, and says where it lies


def model_script(
    name: str, model: keras.Model, more: Mapping[str, Any], dtype: str = "float16"
) -> str:
    """Return the script that gives a page a network.

    Args:
        name: By which pages ask for it.
        model: A functional model of layers that `engine.js` knows.
        more: What else a page wants to know of it. The number of its parameters and the size of
            its weights are added.
        dtype: Of the kernels, "float16", "float32", or "int8" for those that are not small.

    Raises:
        BookError: If the engine lacks a layer of the model, or a setting of a layer.
    """
    parts: list[bytes] = []

    def store(array: np.ndarray, exact: bool = False) -> Entry:
        is_small = dtype == "int8" and array.size < SMALL
        form = "float32" if exact or is_small else dtype
        scales: Entry = {}
        if form == "int8":
            array, ones = in_eight_bits(array)
            scales = {"scales": store(ones, exact=True)}
        number = np.ascontiguousarray(array, FORMS[form])
        if not np.isfinite(number).all():
            rule = f"its weights must be finite numbers of {form}"
            raise BookError(f"{model.name}: {rule}; got {np.ravel(array)[:3]} ...; train it again.")
        place = sum(map(len, parts))
        content = number.tobytes()
        parts.append(content + bytes(-len(content) % 4))
        return {"at": place, "size": int(number.size), "dtype": form, **scales}

    inputs = _inputs_of_layers(model)
    layers = [_layer_entry(layer, inputs, store) for layer in model.layers]
    weights = as_text(b"".join(parts))
    facts = {"parameters": model.count_params(), "size": size_in_words(len(weights)), **more}
    return _script("CNN_MODELS", name, {"layers": layers, "weights": weights, "more": facts})


def checks_script(
    name: str, model: keras.Model, images: np.ndarray, counts: Mapping[str, int], maps: str
) -> str:
    """Return the script with which a page compares itself with Keras.

    Probabilities and heat maps are computed here, so that the page's own sums are compared as well.

    Args:
        name: As of the network.
        model: The network as Keras has it; its last layer is dense and gives logits.
        images: (count, height, width, channels) uint8; probabilities are kept of all of them.
        counts: Of how many of the images the outputs of a layer are kept, by its name.
        maps: The layer of which heat maps are made, with as many as of its outputs.
    """
    outputs = {layer: model.get_layer(layer).output for layer in {*counts, maps}}
    answers = keras.Model(model.input, [outputs, model.output]).predict(images, 50, verbose=0)
    kept, logits = answers
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    heat = _heat_maps(kept[maps], np.asarray(model.layers[-1].kernel), logits.argmax(axis=1))
    facts = {
        "images": as_text(images.tobytes()),
        "count": len(images),
        "outputs": {layer: _numbers(kept[layer][:count]) for layer, count in counts.items()},
        "answer": model.layers[-1].name,
        "probabilities": _numbers(powers / powers.sum(axis=1, keepdims=True)),
        "maps": maps,
        "heat": _numbers(heat[: counts.get(maps, len(images))]),
    }
    return _script("CNN_CHECKS", name, facts)


def _heat_maps(maps: np.ndarray, kernel: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the share of each place in the logit of a class, (count, h, w) in [0, 1]."""
    own = kernel.reshape(-1, maps.shape[3], kernel.shape[1])  # of each place, or one of all
    own = own.reshape(*(maps.shape[1:3] if len(own) > 1 else (1, 1)), *own.shape[1:])
    shares = np.stack(
        [(image * own[..., k]).sum(-1) for image, k in zip(maps, classes, strict=True)]
    )
    shares = np.maximum(shares, 0)
    largest = shares.max(axis=(1, 2), keepdims=True)
    return shares / np.where(largest > 0, largest, 1)


def _numbers(array: np.ndarray) -> Entry:
    return {"data": as_text(np.asarray(array, "<f4").tobytes()), "count": len(array)}


def in_eight_bits(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel as whole numbers of -127 to 127, and for each column how much 1 is."""
    ones = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(127)
    ones = np.where(ones == 0, np.float32(1), ones)
    with np.errstate(invalid="ignore"):  # of what is not finite the caller speaks
        return np.round(kernel / ones), ones


def as_text(content: bytes) -> str:
    """Write bytes as base64."""
    return base64.b64encode(content).decode()


def size_in_words(count: int) -> str:
    """Say how much there is to load: 286 kB, 12.5 MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _script(table: str, name: str, entry: Entry) -> str:
    content = json.dumps(entry, separators=(",", ":"))
    return f"(globalThis.{table} ??= {{}})[{json.dumps(name)}] = {content};\n"


def _layer_entry(layer: keras.Layer, inputs: dict[str, list[str]], store: Store) -> Entry:
    """Say all that the engine must know of a layer."""
    kind, config = type(layer).__name__, layer.get_config()
    _require_known(layer, kind, config)
    weights = [np.asarray(weight) for weight in layer.get_weights()]
    entry: Entry = {"name": layer.name, "type": kind, "from": inputs[layer.name]}
    entry["shape"] = list(layer.output.shape[1:])
    if kind == "Rescaling":
        entry |= {"scale": float(config["scale"]), "offset": float(config["offset"])}
    if kind == "BatchNormalization":
        entry |= _scale_and_shift(layer, store)
    if kind == "ReLU":
        entry |= {"max": config["max_value"]}
    if kind == "MaxPooling2D":
        entry |= {"size": config["pool_size"][0]}
    if kind in ACTIVATIONS:
        bias = weights[1] if len(weights) > 1 else np.zeros(layer.output.shape[-1])
        entry |= {"kernel": store(weights[0]), "bias": store(bias, exact=True)}
        entry |= {"kernel_shape": list(weights[0].shape), "activation": config["activation"]}
    if kind in ("Conv2D", "DepthwiseConv2D"):
        entry |= {"strides": config["strides"][0], "same": config["padding"] == "same"}
    return entry


def _scale_and_shift(layer: keras.Layer, store: Store) -> Entry:
    """Make two numbers a channel of the four: output = scale * input + shift."""
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    scale = 1 / np.sqrt(variance.astype("float64") + layer.epsilon)
    scale = scale * np.asarray(layer.gamma) if layer.scale else scale
    shift = -mean * scale + (np.asarray(layer.beta) if layer.center else 0)
    return {"scale": store(scale, exact=True), "shift": store(shift, exact=True)}


def _inputs_of_layers(model: keras.Model) -> dict[str, list[str]]:
    """Name, for each layer, those whose outputs it takes."""
    if not hasattr(model, "_nodes_by_depth"):
        rule = "it must be a functional model for a page"
        found = f"got {type(model).__name__}; build it with keras.Model(inputs, outputs)"
        raise BookError(f"{model.name}: {rule}; {found}.")
    inputs: dict[str, list[str]] = {}
    for node in (node for nodes in model._nodes_by_depth.values() for node in nodes):
        layer = node.operation
        if layer.name in inputs:
            raise _refusal(layer, "a layer must be used exactly once", "one used again")
        inputs[layer.name] = [each._keras_history.operation.name for each in node.input_tensors]
    return inputs


def _require_known(layer: keras.Layer, kind: str, config: Entry) -> None:
    """Refuse what the engine would compute wrong, or not at all."""
    if kind not in KNOWN:
        raise _refusal(layer, f"a layer must be one of {', '.join(KNOWN)}", kind)
    if config.get("activation", "linear") not in ACTIVATIONS.get(kind, ("linear",)):
        choices = " or ".join(ACTIVATIONS[kind])
        raise _refusal(layer, f"`activation` of {kind} must be {choices}", config["activation"])
    for setting, usual in AS_USUAL.get(kind, {}).items():
        found = tuple(config[setting]) if isinstance(usual, tuple) else config[setting]
        if (found or 0) != usual if isinstance(usual, float) else found != usual:
            raise _refusal(layer, f"`{setting}` of {kind} must be {usual}", found)
    for setting in ("strides", "pool_size"):
        if setting in config and len(set(config[setting])) > 1:
            raise _refusal(layer, f"`{setting}` must be the same down and across", config[setting])
    if kind == "MaxPooling2D" and tuple(config["strides"]) != tuple(config["pool_size"]):
        rule = "`strides` of MaxPooling2D must be its `pool_size`"
        raise _refusal(layer, rule, config["strides"])
    if kind == "BatchNormalization" and config["axis"] not in (-1, len(layer.output.shape) - 1):
        raise _refusal(layer, "`axis` of BatchNormalization must be the last", config["axis"])
    if kind == "Rescaling" and max(np.size(config["scale"]), np.size(config["offset"])) > 1:
        raise _refusal(layer, "`scale` and `offset` of Rescaling must be numbers", "more than one")


def _refusal(layer: keras.Layer, rule: str, found: object) -> BookError:
    way = "change the model, or add this to engine.js and _export_web.py"
    return BookError(f"layer {layer.name!r}: {rule} for a page; got {found}; {way}.")
