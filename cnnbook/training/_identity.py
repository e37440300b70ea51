"""Do two functions compute the same? Told by their code and by all that they hold, not by name."""

import hashlib
import sys
from collections.abc import Mapping
from types import CodeType, FunctionType, GenericAlias, MethodType, ModuleType, UnionType
from typing import Any

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
        names = set(own) - {"__dict__", "__weakref__", "__doc__", "__annotations__"}
        parts = [value.__module__, value.__qualname__, version]
        parts += [[name, own[name]] for name in sorted(names)]
        parts += value.__bases__ if own else []
    elif isinstance(value, (property, classmethod, staticmethod)):
        parts = [getattr(value, name, None) for name in ("__func__", "fget")]
    else:
        parts = [type(value), value.__reduce_ex__(2)]
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


def _names(code: CodeType) -> list[str]:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return [*code.co_names, *(name for each in inner for name in _names(each))]


def _version(module: str) -> str:
    """Return the version of what a module belongs to, nothing where it is a reader's own file."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return sys.version
    return str(getattr(sys.modules.get(top), "__version__", ""))
