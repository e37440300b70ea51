"""Is this the same training as before? Network, `compile` and data are told, and compared."""

import importlib
import itertools
import json
import weakref
from typing import Any

import keras
import numpy as np

from cnnbook._identity import network_config

# How optimizers were set before callbacks turned their rates.
COMPILED: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
# Names are counted on by Keras; where seeds have led is among what is kept.
UNCOMPARED = {"name", "module", "registered_name", "build_config", "seed"}


def settings_of(model: keras.Model, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a training depends on, apart from its state, as JSON; `data` is part of it."""
    weights = [
        {"shape": str(each.shape), "dtype": each.dtype, "trainable": each.trainable}
        for each in model.weights
    ]
    compiled = COMPILED.setdefault(model.optimizer, model.get_compile_config())
    described = {"network": network_config(model), "weights": weights, "compile": compiled}
    return dict(
        json.loads(json.dumps(described | {"data": data}, default=lambda each: type(each).__name__))
    )


def versions() -> str:
    """Say what computes."""
    backend = keras.backend.backend()
    library = getattr(importlib.import_module(backend), "__version__", "")
    return f"Keras {keras.version()} on {backend} {library}, NumPy {np.__version__}"


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Return in words where two descriptions differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in {**before, **now} if name not in UNCOMPARED]
        pairs = [(f"{place}.{name}", before.get(name), now.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(now, list):
        both = enumerate(itertools.zip_longest(before, now))
        pairs = [(f"{place}[{index}]", *pair) for index, pair in both]
    else:
        words = f"{place[1:].replace('.config', '')} was {_briefly(before)}, is {_briefly(now)}"
        return [] if before == now else [words]
    return [words for where, old, new in pairs for words in differences(old, new, where)]


def _briefly(value: Any) -> str:
    """Say a setting in a few words."""
    kind = value.get("class_name") if isinstance(value, dict) else None
    return kind or ("nothing" if value is None else repr(value)[:60])
