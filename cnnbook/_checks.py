"""Is each argument of the kind that its function takes? Type hints say it, `checked` asks."""

import collections.abc
import functools
import inspect
import numbers
import os
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar, Union

import numpy as np

P, R = ParamSpec("P"), TypeVar("R")
WORDS: dict[Any, str] = {
    **{int: "a whole number", float: "a number", bool: "True or False", str: "text"},
    **{np.ndarray: "an array of numbers", Callable: "a function", type(None): "None"},
    **{collections.abc.Callable: "a function", os.PathLike: "a path"},
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function refuse arguments of another type than its hints say, in one clear line.

    Only the kind of each value is looked at: its range is the function's own business. Where an
    array is asked for, whatever NumPy makes an array of numbers of will do.

    Raises:
        ValueError: By the function; names the argument, what it must be and what it got.
    """
    signature = inspect.signature(function)
    hints: dict[str, Any] = {}  # asked for at the first call: some name what comes later in a file

    @functools.wraps(function)
    def refusing(*arguments: P.args, **keywords: P.kwargs) -> R:
        if not hints:
            hints.update(typing.get_type_hints(function))
        for name, value in signature.bind(*arguments, **keywords).arguments.items():
            kind, hint = signature.parameters[name].kind, hints.get(name, Any)
            if kind is inspect.Parameter.VAR_POSITIONAL:
                hint = tuple[hint, ...]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                hint = Any
            if not _fits(value, hint):
                raise ValueError(
                    f"`{name}` must be {_in_words(hint)}; got {_received(value)}."
                    f"{_meaning(function, name)}"
                )
        return function(*arguments, **keywords)

    return refusing


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a value is of the kind that a type hint names."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is Literal:
        return isinstance(value, tuple({type(each) for each in inner}))
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind is np.ndarray:
        return _is_array(value)
    if kind is collections.abc.Callable:
        return callable(value)
    if not isinstance(kind, type) or kind is object:
        return True  # what cannot be asked
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return all(hasattr(value, field) for field in kind._fields)
    if issubclass(kind, Mapping):
        keys, values = inner or (Any, Any)
        return isinstance(value, Mapping) and all(
            _fits(key, keys) and _fits(each, values) for key, each in value.items()
        )
    if kind is collections.abc.Iterable and not hasattr(value, "__len__"):
        return hasattr(value, "__iter__")
    if kind in (tuple, list, collections.abc.Sequence, collections.abc.Iterable):
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            return False
        items = list(value)  # type: ignore[call-overload]
        if kind is tuple and inner and inner[-1] is not Ellipsis:
            return len(items) == len(inner) and all(map(_fits, items, inner))
        return not inner or all(_fits(item, inner[0]) for item in items)
    return isinstance(value, kind)


def _is_array(value: object) -> bool:
    """Tell whether NumPy makes an array of numbers, or of rows of text, of a value."""
    if value is None or isinstance(value, (str, bytes, Mapping)):
        return False
    try:
        return np.asarray(value).dtype.kind in "biufcUS" or hasattr(value, "dtype")
    except Exception:  # ragged lists, and what other libraries raise
        return False


def _in_words(hint: Any) -> str:
    """Say what a type hint asks for."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_in_words(each) for each in inner))
    if kind is Literal:
        return " or ".join(map(repr, inner))
    if kind in WORDS:
        return WORDS[kind]
    if isinstance(kind, type) and issubclass(kind, os.PathLike):
        return WORDS[os.PathLike]
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        return f"({', '.join(map(_in_words, inner))})"
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "a dictionary"
    if kind in (tuple, list, collections.abc.Sequence, collections.abc.Iterable):
        return "a list" + (f", each {_in_words(inner[0])}" if inner else "")
    return f"a {kind.__module__.partition('.')[0]}.{kind.__name__}"


def _received(value: object) -> str:
    """Say what a value is, on one short line."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def _meaning(function: Callable[..., object], name: str) -> str:
    """Return what the docstring says about an argument, up to its first stop."""
    found = re.search(rf"\n +{name}: ((?:.|\n +)*?[.:;])(?:\s|$)", function.__doc__ or "")
    return f" It is: {' '.join(found[1].split())[:-1]}." if found else ""
