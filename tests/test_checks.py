"""checked: each kind of hint takes what fits it, refuses what does not, and says so in one line."""

import functools
import inspect
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pytest

from cnnbook._checks import checked, expanded


class Size(NamedTuple):
    height: int
    width: int


@dataclass
class Box:
    height: int
    width: int = 3


class Sized(Protocol):
    width: int

    def area(self) -> int: ...


class Square:
    """Has what the two above ask for, and is neither."""

    height = width = 3

    def area(self):
        return 9


def taking(hint):
    """A checked function of one argument, which gives it back."""

    def function(value):
        return value

    function.__annotations__["value"] = hint
    return checked(function)


def numbers_from(*values):
    yield from values


TEXTS = ["a", np.str_("b")]
GENERATOR = numbers_from(1, 2)
OBJECTS = np.array([1, None], object)
Numbers = Sequence[float] | np.ndarray
NO_NUMBERS = [float("nan"), float("-inf"), np.float32("inf")]
# hint: (what fits, what does not, how the latter is answered)
HINTS = {
    int: ([3, np.int64(3), np.uint8(3)], [3.0, True, np.True_, "3", None, [3]], "a whole number"),
    float: (
        [3, 3.5, np.float32(3), Fraction(1, 3), 10**400],
        [True, "3", None, *NO_NUMBERS],
        "a finite number",
    ),
    bool: ([True, np.False_], [0, 1, None, "yes"], "True or False"),
    str: (TEXTS, [b"a", 3, None, Path("a")], "text"),
    str | Path: (["a", Path("a")], [3, None, b"a", ["a"]], "text or a path"),
    int | None: ([3, None], [3.5, "None"], "a whole number, or None"),
    Literal["a", "b"]: (["a", "other"], [3, None, ["a"]], "'a' or 'b'"),
    Literal[18, None]: ([18, np.int64(34), None], ["18", True, 1.5], "18 or None"),
    Sequence[str]: (
        [TEXTS, ("a",), [], np.array(["a"])],
        ["a", {"a": 1}, 3, None, {"a"}],
        "a list",
    ),
    Sequence[Sequence[int]]: (
        [[[1, 2], [3]], np.ones((2, 2), int)],
        [[1], [["a"]]],
        "a list, each",
    ),
    Sequence[int | str]: ([[1, "a"]], [[1.5], [None], "ab"], "a list, each a whole number or text"),
    list[int]: ([[1], (1,), range(3), np.arange(3)], [[1.0], np.ones(3), np.array(3)], "a list"),
    tuple[int, int]: ([(1, 2), [1, 2], np.arange(2)], [(1, 2, 3), (1, "a"), 1, None], "(a whole"),
    tuple[int, ...]: ([(), (1, 2, 3)], [(1, "a"), 1], "a list, each a whole number"),
    Iterable[int]: ([[1], {1}, GENERATOR], [["a"], {"a"}, 3, None, "12"], "a list, each a whole"),
    Sequence[int] | int: ([3, [3]], ["a"], "a whole number or a list, each a whole number; got"),
    Sequence[int] | Any | None: ([3, None, object()], [], ""),
    Sequence[Any]: ([[1, None]], [GENERATOR, "a", 3, {1: 2}], "must be a list; got "),
    Iterable[object]: ([[1, None], GENERATOR], ["a", 3, {1: 2}], "must be a list; got "),
    Mapping[str, int]: ([{}, {"a": 1}], [{1: 1}, {"a": "b"}, [("a", 1)], None], "a dictionary"),
    dict: ([{}, {"a": 1}], [[], None], "a dictionary"),
    Callable[[int], int]: ([len, Square, taking(int)], [3, None, "len"], "a function"),
    type: ([int, Square], [3, "int"], "a Python.type"),
    Size: ([Size(1, 2), Square()], [(1, 2), 3, None], "a test_checks.Size"),
    Box: ([Box(1), Square()], [(1, 2), 3, Box], "a test_checks.Box"),
    Sized: ([Square()], [Size(1, 2), 3, None], "a test_checks.Sized"),
    Sequence[Sized]: ([[Square()]], [[Square(), 3], Square()], "a list, each a test_checks.Sized"),
    Square: ([Square()], [Square, 3, Size(1, 2)], "a test_checks.Square"),
    Numbers: (
        [[1, 2.5], np.ones((2, 2)), (1,)],
        [["a", None], None, OBJECTS],
        "a list, each a finite num",
    ),
    Any: ([3, None, object()], [], ""),
    object: ([3, None], [], ""),
}
ARRAYS = [np.ones(3), np.float32(3), [1, 2], [[1, 2], [3, 4]], [np.ones(2)] * 2, []]
NO_ARRAYS = [
    None,
    3,
    2.5,
    True,
    "a",
    b"a",
    {"a": 1},
    object(),
    [[1, 2], [3]],
    [np.ones(2), np.ones(3)],
    [None],
]


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_what_fits_is_let_through_as_it_is_and_what_does_not_is_refused(hint):
    fitting, wrong, words = HINTS[hint]
    for value in fitting:
        assert taking(hint)(value) is value
    for value in wrong:
        with pytest.raises(ValueError, match=r"^`value` must be [^\n]+; got [^\n]+\.$") as caught:
            taking(hint)(value)
        assert words in str(caught.value)


def test_an_array_is_whatever_numpy_makes_an_array_of():
    for value in [*ARRAYS, range(3)]:
        assert taking(np.ndarray)(value) is value
    for value in [
        *NO_ARRAYS,
        ["a", "b"],
        np.array(["a"]),
        OBJECTS,
        GENERATOR,
        {1},
        np.array(["2026-01-01"], "M8[D]"),
        np.eye(2) * 1j,
        [1, 2j],
    ]:
        with pytest.raises(ValueError, match="`value` must be an array of numbers; got "):
            taking(np.ndarray)(value)


def test_tensors_of_other_libraries_are_arrays_and_datasets_are_not():
    import keras
    import tensorflow as tf

    for kind in ("uint8", "float32", "bfloat16", "bool"):
        taking(np.ndarray)(tf.ones((2, 3), kind))
        taking(np.ndarray)([tf.ones((2, 3), kind)] * 2)
        taking(np.ndarray | None)(keras.Variable(tf.zeros(2), dtype="float32"))
    taking(tuple[int, ...])(tf.ones((2, 3)).shape)
    data = tf.data.Dataset.range(3)
    for wrong, hint in [
        (tf.constant(["a"]), np.ndarray),
        (data, np.ndarray),
        (data, Sequence[int]),
        (tf.constant(3), Sequence[int]),
        (tf.constant(3), int),
    ]:
        with pytest.raises(ValueError, match="`value` must be"):
            taking(hint)(wrong)
    assert taking(Iterable[int])(data) is data
    with pytest.raises(ValueError, match=r"`value` must be a tensorflow.Dataset; got 3 \(int\)"):
        taking(tf.data.Dataset)(3)
    with pytest.raises(ValueError, match=r"must be a keras.Model; got \[3, 4\] \(list\)"):
        taking(keras.Model)([3, 4])
    with pytest.raises(ValueError, match=r"must be text; got float32 of shape \(2, 3\)"):
        taking(str)(tf.ones((2, 3)))


def test_arrays_are_neither_copied_nor_walked_through(monkeypatch):
    large = np.ones((1000, 1000), "uint8")
    monkeypatch.setattr(np, "asarray", None)
    taking(np.ndarray)(large)
    taking(np.ndarray)([large, large])
    taking(Sequence[Sequence[int]])(large)
    assert next(taking(Iterable[str])(numbers_from(1))) == 1  # nothing was taken out


# What is said ---------------------------------------------------------------------------------


@checked
def documented(images: np.ndarray, /, names: Sequence[str] = (), *more: int, size: int = 3, **rest):
    """Do nothing.

    Args:
        images: (count, height, width), of any
            number type; 1.5 too.
        names: One
            a class
        *more: Numbers.
        size: In pixels.
    """
    return images, names, more, size, rest


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        ((None,), {}, "`images` must be an array of numbers; got None (NoneType). It is: (count,"
         " height, width), of any number type."),
        (([1], [*"abcdefgh", 5]), {}, "`names` must be a list, each text; got ['a', 'b', 'c', 'd',"
         " 'e', 'f', ...] (list), of which item 8 is 5 (int)."),
        (([1], (), 5, "six"), {}, "`more` must be a whole number; got 'six' (str)."),
        (([1],), {"size": "big"}, "`size` must be a whole number; got 'big' (str). It is: In"
         " pixels."),
        (([1], "x" * 99), {}, "`names` must be a list, each text; got 'xxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "...xxxxxxxxxxxxxxxxxxxxxxxxxxxx' (str)."),
        (([1], np.ones((2, 3))), {}, "`names` must be a list, each text; got float64 of shape (2,"
         " 3)."),
    ],
)  # fmt: skip
def test_the_line_says_what_the_argument_is_and_what_came(arguments, keywords, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        documented(*arguments, **keywords)
    assert str(caught.value) == words


def test_values_that_print_badly_take_one_short_line():
    class Long:
        def __repr__(self):
            return "long\n" * 10_000

    for value in (Long(), [Long()] * 1000, {"a": Long()}, "a\nb" * 1000):
        with pytest.raises(ValueError, match=r"^`value` must be a whole number; got .+$") as caught:
            taking(int)(value)
        assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_long_docstrings_without_a_stop_take_no_time():
    def function(value: int):
        pass

    function.__doc__ = "Do.\n\n    value: " + "\n        words" * 2000
    with pytest.raises(ValueError, match=r"got None \(NoneType\)\.$"):
        checked(function)(None)


# Calls ----------------------------------------------------------------------------------------


def test_all_kinds_of_arguments_arrive_and_defaults_are_not_checked():
    assert documented([1], ["a"], 1, 2, size=5, other=None) == (
        [1],
        ["a"],
        (1, 2),
        5,
        {"other": None},
    )
    assert checked(lambda size=None: size)() is None

    @checked
    def function(size: int = "default", *, names: Sequence[str] = 3):
        return size, names

    assert function() == ("default", 3)
    assert function(names=["a"], size=1) == (1, ["a"])
    with pytest.raises(ValueError, match="`names` must be a list, each text"):
        function(names=3)


def test_a_keyword_that_goes_to_the_rest_is_not_checked():
    @checked
    def function(size: int = 3, **rest: int):
        return rest

    assert function(rest="text", other=None) == {"rest": "text", "other": None}


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"a": 1}), ((1,), {"c": 1}), ((1,), {"b": 1, "z": 0})],
)
def test_a_wrong_call_gets_pythons_own_words(arguments, keywords):
    def function(a: int, b: int = 2):
        pass

    with pytest.raises(TypeError) as expected:
        function(*arguments, **keywords)
    with pytest.raises(TypeError) as found:
        checked(function)(*arguments, **keywords)
    assert str(found.value) == str(expected.value)


def test_name_docstring_signature_and_examples_stay():
    def function(a: int, *, b: str = "x") -> str:
        """Say it.

        >>> 1 + 1
        2
        """

    wrapped = checked(function)
    assert (wrapped.__name__, wrapped.__doc__) == (function.__name__, function.__doc__)
    assert wrapped.__module__ == function.__module__ and wrapped.__wrapped__ is function
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert inspect.getfullargspec(wrapped) == inspect.getfullargspec(function)


def test_doctest_finds_the_examples_of_checked_functions():
    import doctest

    from cnnbook import arithmetic

    found = {test.name for test in doctest.DocTestFinder().find(arithmetic) if test.examples}
    assert "cnnbook.arithmetic.output_size" in found


def test_hints_may_name_what_comes_later_in_the_file():
    def function(value):
        return value

    function.__annotations__["value"] = "Later | None"
    function = checked(function)
    globals()["Later"] = Square
    assert function(None) is None
    with pytest.raises(ValueError, match=r"`value` must be a test_checks.Square, or None; got 3"):
        function(3)


class Thing:
    """A thing.

    Args:
        size: In pixels, at least 1.
    """

    @checked
    def __init__(self, size: int):
        self.size = size

    @checked
    def grow(self, by: int, other: "Thing | None" = None):
        return self.size + by

    @staticmethod
    @checked
    def of(size: int):
        return Thing(size)

    @classmethod
    @checked
    def made(cls, size: int):
        return cls(size)


def test_methods_and_init_are_checked_and_the_class_explains_its_arguments():
    assert Thing(3).grow(by=2, other=Thing(1)) == 5
    assert Thing.of(3).size == Thing.made(3).size == 3
    with pytest.raises(ValueError, match=r"`size` .*got 'a' \(str\). It is: In pixels, at least 1"):
        Thing("a")
    for call in (Thing(3).grow, Thing.of, Thing.made):
        with pytest.raises(ValueError, match=r"must be a whole number; got 1.5 \(float\)"):
            call(1.5)
    with pytest.raises(ValueError, match="`other` must be a test_checks.Thing, or None"):
        Thing(3).grow(1, other=3)


def test_generators_and_partial_functions_work():
    @checked
    def count(up_to: int):
        yield from range(up_to)

    assert list(functools.partial(count, up_to=3)()) == [0, 1, 2]
    with pytest.raises(ValueError, match="`up_to`"):
        count("a")  # at the call, not at the first item


def test_layers_and_optimizers_of_keras_can_be_checked_saved_and_loaded(tmp_path):
    import keras

    @keras.saving.register_keras_serializable(package="test_checks")
    class Scaled(keras.layers.Layer):
        """Multiply.

        Args:
            factor: By this.
        """

        @checked
        def __init__(self, factor: float, size: tuple[int, int] = (1, 1), **options):
            super().__init__(**options)
            self.factor, self.size = factor, size

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return super().get_config() | {"factor": self.factor, "size": self.size}

    @keras.saving.register_keras_serializable(package="test_checks")
    class WithoutConfig(keras.layers.Layer):  # Keras reads the arguments off the signature
        @checked
        def __init__(self, factor: float, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

    images = keras.Input((3,))
    x = WithoutConfig(5.0)(Scaled(2, (3, 4), name="scaled")(images))
    model = keras.Model(images, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("scaled").factor == 2
    np.testing.assert_array_equal(loaded(np.ones((1, 3), "float32")), np.full((1, 3), 10))
    assert keras.models.clone_model(model).output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"`factor` must be a finite number.* It is: By this\."):
        Scaled("a")


@pytest.mark.slow
def test_a_checked_function_can_be_called_in_a_graph_of_tensorflow():
    import tensorflow as tf

    @checked
    def double(images: np.ndarray, factor: float = 2.0, names: Sequence[str] | None = None):
        return images * factor

    traced = tf.function(lambda images: double(images, 2.0, ["a", "b"]))
    assert traced(tf.ones(3)).numpy().tolist() == [2, 2, 2]
    data = tf.data.Dataset.from_tensor_slices([1.0, 2.0]).map(double)
    assert [float(value) for value in data] == [2, 4]


def test_a_path_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert expanded(Path("a")) == Path("a")
    with pytest.raises(OSError, match=r"^~nobody-of-this-name/a: there is no such home folder\."):
        expanded("~nobody-of-this-name/a")


@checked
def _takes_paths(path: str | Path, others: Sequence[str | Path] = (), word: str = "~") -> list:
    return [path, *others, word]


def test_a_function_gets_the_home_folder_in_place_of_a_tilde(monkeypatch, tmp_path):
    """In paths and lists of them, by place and by name; in no other text."""
    monkeypatch.setenv("HOME", str(tmp_path))
    a, b = tmp_path / "a", tmp_path / "b"
    assert _takes_paths("~/a", ["~/b", Path("~/b"), "c~"]) == [a, b, b, "c~", "~"]
    assert _takes_paths(path=Path("~/a"), others=("~",)) == [a, tmp_path, "~"]
    assert _takes_paths("a") == ["a", "~"]


# What it costs --------------------------------------------------------------------------------


def test_a_call_costs_little():
    @checked
    def function(size: int, scale: float = 1.0, name: str | None = None, mode: Literal["a"] = "a"):
        pass

    seconds = min(timeit.repeat(lambda: function(3, 2.0, "x", "a"), number=500, repeat=5)) / 500
    assert seconds < 60e-6  # 10 on a quiet machine


def test_neither_keras_nor_tensorflow_is_imported():
    code = "import sys, cnnbook._checks; print({'keras', 'tensorflow'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "set()\n"
