"""Do two functions or networks compute the same? Told by code and what they hold, not by name."""

import copyreg
import dis
import hashlib
import json
import sys
from collections.abc import Mapping
from types import CodeType, FunctionType, GenericAlias, MethodType, ModuleType, UnionType
from typing import Any

import keras
import numpy as np

PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes, UnionType, GenericAlias)


def identity(value: Any) -> str:
    """Return a digest of a function or object that changes with what it does.

    Code, defaults, enclosed values and what a function uses of its own file count. What comes from
    a library, or with Python, is known by its name and version.

    Raises:
        TypeError: If something in it cannot be told from others, such as an open file.
    """
    try:
        return hashlib.sha256(_described(value, {}).encode()).hexdigest()
    except (RecursionError, OSError, ValueError, AttributeError) as error:
        raise TypeError(str(error)) from error


def told_apart(argument: str, value: Any) -> str:
    """Return what tells a function or layer from others, or refuse it for the cache."""
    try:
        return identity(value)
    except TypeError as error:
        raise ValueError(
            f"`{argument}` must be such that the cache can tell it from others; got {value!r}"
            f" ({str(error)[:200]}). Write it as a function of its own, or pass no `cache_folder`."
        ) from error


def network_key(model: keras.Model) -> str:
    """Return the SHA-256 of all that features depend on, but for the pictures.

    Names of layers, which Keras counts on, are no part of it, nor is which are trainable.
    """
    digest = hashlib.sha256(json.dumps(network_config(model), sort_keys=True).encode())
    for layer in _operations(model):  # their code: a configuration only names it
        own = {} if isinstance(layer, keras.Model) else vars(layer)
        inside = [own[name] for name in own if name not in ("build", "quantize") and name[0] != "_"]
        inside = [each for each in inside if isinstance(each, (FunctionType, np.ndarray))]
        digest.update(told_apart("model", [type(layer), *inside]).encode())
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        digest.update(f"{values.dtype} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


def network_config(model: keras.Model) -> Any:
    """Return the configuration of a network, with numbers in place of its layers' names."""
    config = json.loads(model.to_json())["config"] | {"name": ""}
    return _without_names(config, _numbers_of_layers(config, {}))


def _operations(model: keras.Operation) -> list[keras.Operation]:
    """Return a model, its layers and operations, and those inside them."""
    inner = {
        id(each): each for name in ("layers", "operations") for each in getattr(model, name, [])
    }
    layer = [model.layer] if isinstance(model, keras.layers.Wrapper) else []
    return [model, *(each for part in [*inner.values(), *layer] for each in _operations(part))]


def _numbers_of_layers(config: dict, numbers: dict[str, int]) -> dict[str, int]:
    for layer in config.get("layers", []):
        numbers.setdefault(layer["config"]["name"], len(numbers))
        _numbers_of_layers(layer["config"], numbers)
    return numbers


def _without_names(value: object, numbers: dict[str, int], key: str = "") -> object:
    """Replace names of layers by numbers, where a configuration has names and nothing else."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name != "trainable"}
        return {name: _without_names(inner, numbers, name) for name, inner in kept.items()}
    if isinstance(value, list):
        return [_without_names(inner, numbers, key) for inner in value]
    is_name = key in {"name", "keras_history", "input_layers", "output_layers"}
    return numbers.get(value, value) if is_name and isinstance(value, str) else value


def _described(value: Any, seen: dict[int, tuple[int, Any]]) -> str:
    """Describe a value by those that it consists of; what came before, by its number."""
    if isinstance(value, PLAIN):
        return f"{type(value).__name__} {value!r}"
    if id(value) in seen:
        return f"number {seen[id(value)][0]}"
    seen[id(value)] = len(seen), value  # which keeps it alive, and so its id its own
    if isinstance(value, ModuleType):
        return f"module {value.__name__} {_version(value.__name__)}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return f"array {value.dtype} {value.shape} {digest}"
    if isinstance(value, Mapping):
        parts = [part for item in value.items() for part in item]
    elif isinstance(value, (set, frozenset)):
        return f"set {sorted(_described(item, dict(seen)) for item in value)}"
    elif isinstance(value, (tuple, list)):
        parts = [*value]
    elif isinstance(value, CodeType):
        parts = [value.co_code, value.co_consts, value.co_names, value.co_varnames]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, FunctionType):
        parts = _parts_of_function(value)
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        version = _version(value.__module__ or "builtins")
        own = vars(value) if isinstance(value, type) and not version else {}
        names = set(own) - {"__dict__", "__weakref__", "__doc__", "__annotations__", "_abc_impl"}
        wrapped = getattr(value, "__wrapped__", None)  # such as by functools.cache
        if not (version or wrapped or isinstance(value, type)):
            raise TypeError(f"{value.__qualname__} is compiled")
        parts = [value.__module__, value.__qualname__, version, wrapped]
        parts += [[name, own[name]] for name in sorted(names)]
        parts += value.__bases__ if own else []
    elif isinstance(value, (property, classmethod, staticmethod)):
        parts = [getattr(value, name, None) for name in ("__func__", "fget")]
    else:
        reducers = copyreg.dispatch_table
        reduced = reducers.get(type(value), lambda each: each.__reduce_ex__(2))(value)
        parts = [type(value), reduced]
    return f"{type(value).__name__} ({', '.join(_described(part, seen) for part in parts)})"


def _parts_of_function(function: Any) -> list[Any]:
    """Return what a function's answer may depend on; of a library's, not what it calls there."""
    version, code = _version(function.__module__ or ""), function.__code__
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    own = {name: vars(function)[name] for name in vars(function) if name != "__signature__"}
    parts = [function.__defaults__, function.__kwdefaults__, cells, own]
    if version:
        return [*parts, function.__module__, function.__qualname__, version]
    names = sorted(set(_names(code)) & set(function.__globals__))
    return [*parts, code, [[name, function.__globals__[name]] for name in names]]


GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")


def _names(code: CodeType) -> list[str]:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    used = [each.argval for each in dis.get_instructions(code) if each.opname in GLOBAL]
    return [*used, *(name for each in inner for name in _names(each))]


def _version(module: str) -> str:
    """Return the version of what a module belongs to, nothing where it is a reader's own file."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return sys.version
    return str(getattr(sys.modules.get(top), "__version__", ""))
