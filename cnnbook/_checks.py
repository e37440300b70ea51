"""Is each argument of the kind that its function takes? Type hints say it, `checked` asks."""

import functools
import inspect
import numbers
import os
import re
import reprlib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
LISTS = (tuple, list, Sequence, Collection, Iterable)
NUMBER_KINDS: dict[Any, Any] = {bool: (bool, np.bool_), int: numbers.Integral, float: numbers.Real}
WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    np.ndarray: "an array of numbers",
    Callable: "a function",
    Mapping: "a dictionary",
    os.PathLike: "a path",
    type(None): "None",
}
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function refuse arguments of another type than its hints say, in one clear line.

    Only the kind of each value is looked at: its range is the function's own business, and so is
    which of the words of a `Literal` it is; but nan and infinity are no numbers. Where an array is
    asked for, whatever NumPy makes an array of will do, but for a bare number; where a tuple or
    list, what has a length and items; where a named tuple, data class or protocol, what has its
    fields. What can be walked through only once is left alone. The function raises ValueError, of
    one line. Of paths, `~` becomes the home folder.
    """
    signature = inspect.signature(function)
    kinds = {name: each.kind for name, each in signature.parameters.items()}
    by_place = [name for name, kind in kinds.items() if kind < inspect.Parameter.VAR_POSITIONAL]
    the_rest = [name for name, kind in kinds.items() if kind == inspect.Parameter.VAR_POSITIONAL]

    @functools.cache
    def hints() -> dict[str, Any]:  # at the first call: some name what comes later in a file
        known = typing.get_type_hints(function)
        rest = [name for name, kind in kinds.items() if kind == inspect.Parameter.VAR_KEYWORD]
        return {name: hint for name, hint in known.items() if name not in (*rest, "return")}

    @functools.cache
    def paths() -> set[str]:
        return {name for name, hint in hints().items() if "Path" in str(hint)}

    @functools.wraps(function)
    def refusing(*arguments: P.args, **keywords: P.kwargs) -> R:
        known = hints()
        # Of a wrong call some names are missing or unknown: Python says so itself, below.
        placed = zip(by_place + the_rest * len(arguments), arguments, strict=False)
        for name, value in (*placed, *keywords.items()):
            if name in known and not _fits(value, known[name]):
                # The arguments of a class are explained where the class is.
                explained = type(arguments[0]) if function.__name__ == "__init__" else function
                raise ValueError(
                    f"`{name}` must be {_in_words(known[name])}; got"
                    f" {_received(value, known[name])}.{_meaning(explained.__doc__, name)}"
                )
        if not paths():
            return function(*arguments, **keywords)
        bound = signature.bind(*arguments, **keywords)
        for name in paths() & {*bound.arguments}:
            bound.arguments[name] = _from_home(bound.arguments[name])
        return function(*bound.args, **bound.kwargs)

    # Keras looks for a layer's arguments here, not below what is wrapped.
    vars(refusing)["__signature__"] = signature
    return refusing


def as_array_of_any(values: Any) -> np.ndarray:
    """Return an array of whatever came, of objects where lists are of unequal length."""
    try:
        return np.asarray(values)
    except ValueError:  # with None behind, NumPy looks into none of them
        return np.array([*values, None], object)[:-1]


def shown(path: object) -> str:
    """Return a path for a message: one line that can be printed, whatever its bytes are."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path of the user's, in which `~` means the home folder, as in a shell."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no home folder, or no such user
        raise OSError(f"{shown(path)}: there is no such home folder. Write it out.") from None


def _from_home(value: Any) -> Any:
    """Return a path, or a list of them, with the home folder in place of `~`."""
    if type(value) in (list, tuple):
        return [_from_home(item) for item in value]
    return expanded(value) if isinstance(value, (str, Path)) and str(value)[:1] == "~" else value


@functools.cache
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split `Sequence[str]` into Sequence and (str,), and a union into Union and its members."""
    kind = typing.get_origin(hint) or hint
    return (Union if kind is types.UnionType else kind), typing.get_args(hint)


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of the kind that a type hint names."""
    if type(value) is hint and hint not in (float, np.ndarray):
        return True  # most are, and this is fast
    kind, inner = _parts(hint)
    if kind is Union:
        return any(_fits(value, each) for each in inner)
    if kind is Literal:
        return any(_fits(value, type(each)) for each in inner)
    if kind in NUMBER_KINDS:
        is_kind = isinstance(value, NUMBER_KINDS[kind]) and (type(value) is bool) <= (kind is bool)
        return is_kind and (kind is not float or -np.inf < value < np.inf)
    if kind is np.ndarray:
        return _is_array(value)
    if kind in LISTS:
        return _is_list(value, kind, inner)
    if kind in (Any, object) or not isinstance(kind, type):
        return True  # what cannot be asked
    if issubclass(kind, Mapping) and isinstance(value, Mapping):
        return all(all(map(_fits, item, inner)) for item in value.items())
    fields = getattr(kind, "_fields", ()) or getattr(kind, "__dataclass_fields__", ())
    if getattr(kind, "_is_protocol", False):
        fields = [name for name in {**vars(kind), **kind.__annotations__} if name[0] != "_"]
    return all(hasattr(value, name) for name in fields) if fields else isinstance(value, kind)


def _is_array(value: Any) -> bool:
    """Tell whether NumPy makes an array of numbers of a value; copy no array."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind not in "OSUmMc"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return not re.search("object|string|datetime|timedelta|complex", str(value.dtype))
    if value is None or isinstance(value, (str, bytes, Mapping, numbers.Number)):
        return False
    if isinstance(value, (list, tuple)) and value and all(hasattr(item, "shape") for item in value):
        return len({tuple(item.shape) for item in value}) == 1 and all(map(_is_array, value))
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except Exception:  # ragged lists, and what other libraries raise
        return False


def _is_list(value: Any, kind: Any, inner: tuple[Any, ...]) -> bool:
    """Tell whether a value has items, and each is of the kind that the hint names."""
    if isinstance(value, (str, bytes, Mapping)) or getattr(value, "shape", None) == ():
        return False
    once = kind in (Iterable, Collection)  # will do, and then is left alone
    parts = ("__len__", "__contains__" if once else "__getitem__")
    if not all(hasattr(value, part) for part in parts):
        return once and isinstance(value, kind)
    if _is_fixed(kind, inner):
        return len(value) == len(inner) and all(map(_fits, value, inner))
    same = isinstance(value, np.ndarray) and value.dtype != object
    return not inner or all(_fits(item, inner[0]) for item in (value[:1] if same else value))


def _is_fixed(kind: Any, inner: tuple[Any, ...]) -> bool:
    """Tell `tuple[int, int]` from `tuple[int, ...]` and from lists."""
    return kind is tuple and Ellipsis not in inner and bool(inner)


def _in_words(hint: Any) -> str:
    """Say what a type hint asks for."""
    kind, inner = _parts(hint)
    if kind is Union:
        words = dict.fromkeys(_in_words(each) for each in inner if each not in (type(None), Any))
        ordered = sorted(words, key=lambda each: each.startswith("a list"))
        return " or ".join(ordered) + (", or None" if type(None) in inner else "")
    if kind is Literal:
        return " or ".join(map(repr, inner))
    if _is_fixed(kind, inner):
        return f"({', '.join(map(_in_words, inner))})"
    if kind in LISTS:
        anything = not inner or inner[0] in (Any, object)
        return "a list" + ("" if anything else f", each {_in_words(inner[0])}")
    for known in (kind, Mapping, os.PathLike):
        if known in WORDS and issubclass(kind, known):
            return WORDS[known]
    library = kind.__module__.partition(".")[0].replace("builtins", "Python")
    return f"a {library}.{kind.__name__.removesuffix('V2')}"


def _received(value: Any, hint: Any = None) -> str:
    """Say on one short line what a value is, and which item of a list is wrong."""
    if hasattr(value, "dtype") and len(getattr(value, "shape", ())):
        dtype = str(value.dtype).removeprefix("<dtype: '").removesuffix("'>")  # TensorFlow's
        return f"{dtype} of shape {tuple(value.shape)}"
    text = f"{' '.join(SHORT.repr(value).split())} ({type(value).__name__})"
    members = typing.get_args(hint) if _parts(hint)[0] is Union else [hint]
    for kind, inner in map(_parts, members):
        if isinstance(value, (list, tuple)) and kind in LISTS and not _is_fixed(kind, inner):
            wrong = [place for place, item in enumerate(value) if not _fits(item, *inner[:1])]
            return text + f", of which item {wrong[0]} is {_received(value[wrong[0]])}"
    return text


def _meaning(docstring: str | None, name: str) -> str:
    """Return what a docstring says about an argument, up to its first stop."""
    found = re.search(rf"\n( +){name}: ((?:[^\n]|\n\1 )*?)[.:;](?:\s|$)", docstring or "")
    return f" It is: {' '.join(found[2].split())}." if found else ""
