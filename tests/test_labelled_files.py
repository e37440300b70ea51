"""LabelledFiles: what belongs together, what is refused, and what one can take out of it."""

from pathlib import Path

import numpy as np
import pytest

from cnnbook._checks import shown
from cnnbook.labelled_files import LabelledFiles

NAMES = ("cat", "dog")


@pytest.fixture
def files():
    return LabelledFiles(["1.jpg", Path("a/2.jpg"), "3.jpg"], [0, 1, 1], NAMES)


def test_paths_labels_and_names_are_kept_and_text_becomes_paths(files):
    assert files.paths == [Path("1.jpg"), Path("a/2.jpg"), Path("3.jpg")]
    np.testing.assert_array_equal(files.labels, [0, 1, 1])
    assert isinstance(files.labels, np.ndarray)
    assert (files.class_names, len(files)) == (NAMES, 3)
    assert LabelledFiles(files.paths, files.labels, ["cat", "dog"]).class_names == NAMES


def test_a_notebook_shows_one_line_and_not_all_paths(files):
    assert repr(files) == "LabelledFiles(3 files of the classes cat, dog)"


def test_no_part_can_be_exchanged_for_one_of_another_length(files):
    with pytest.raises(AttributeError):
        files.paths = ["1.jpg"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([2, 0], [2, 0]),
        ((2, 0), [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        (slice(2), [0, 1]),
        (slice(None, None, 2), [0, 2]),
        ([-1], [2]),
        ([], []),
        (np.zeros(3, bool), []),
    ],
)
def test_some_are_taken_out_with_their_labels(files, rows, expected):
    some = files.select(rows)
    assert some.paths == [files.paths[index] for index in expected]
    assert some.labels.tolist() == [[0, 1, 1][index] for index in expected]
    assert some.class_names == NAMES


@pytest.mark.parametrize("rows", [[3], [True, False], [0.5], np.zeros((3, 3), bool)])
def test_rows_that_are_none_are_refused(files, rows):
    with pytest.raises(ValueError, match="`rows` must choose among 3 pictures, by numbers from 0"):
        files.select(rows)


@pytest.mark.parametrize("rows", [None, "1.jpg", ["1.jpg"], {0: 1}, object(), [[0], [1, 2]]])
def test_what_are_no_rows_at_all_is_refused(files, rows):
    with pytest.raises(ValueError, match=r"`rows` must be an array of numbers or .*It is: Their"):
        files.select(rows)


def test_shares_of_classes_are_labels_too_and_stay_with_their_pictures():
    shares = np.array([[0.5, 0.5], [0.9, 0.1]])
    files = LabelledFiles(["1.jpg", "2.jpg"], shares, NAMES)
    np.testing.assert_array_equal(files.select([1]).labels, shares[1:])


def test_none_are_possible():
    assert len(LabelledFiles([], [], ())) == 0


@pytest.mark.parametrize(
    ("paths", "labels", "names", "words"),
    [
        (["1.jpg"], [0, 1], NAMES, "same length; got 1 paths and 2 labels"),
        (["1.jpg", "2.jpg"], [0], NAMES, "same length; got 2 paths and 1 labels"),
        (["1.jpg"], np.array(0), NAMES, "same length; got 1 paths and 1 labels"),
        (["1.jpg"], [2], NAMES, "`labels` must be 0 to 1, one of 2 classes; got 2 to 2. Number"),
        (["1.jpg", "2.jpg"], [-1, 0], NAMES, "`labels` must be 0 to 1, one of 2 classes; got -1"),
        (["1.jpg"], [0], (), "one of 0 classes; got 0 to 0"),
        (["1.jpg"], ["cat"], NAMES, "`labels` must be an array of numbers; .*class_names.index"),
        (["1.jpg"], [True], NAMES, "`labels` must be whole numbers or shares; got bool"),
        ("1.jpg", [0], NAMES, "`paths` must be a list; got '1.jpg' .*a single one in brackets"),
        (Path("1.jpg"), [0], NAMES, "`paths` must be a list; got PosixPath"),
        (
            [np.zeros(3)],
            [0],
            NAMES,
            "`paths` must be a list, each text or a path; got ndarray. Images are for",
        ),
        ([1], [0], NAMES, "`paths` must be a list, each text or a path; got"),
        (None, [0], NAMES, "`paths` must be a list"),
        ({"1.jpg": 0}, [0], NAMES, "`paths` must be a list"),
        (["1.jpg"], None, NAMES, "`labels` must be an array of numbers; got None"),
        (["1.jpg", "2.jpg"], [[0], [0, 1]], NAMES, "`labels` must be an array of numbers"),
        (
            ["1.jpg", "2.jpg"],
            [[0], [2]],
            NAMES,
            "`labels` must be 0 to 1, one of 2 classes; got 0 to",
        ),
        (
            ["1.jpg", "2.jpg"],
            [0.0, 2.0],
            NAMES,
            "`labels` must be 0 to 1, one of 2 classes; got 0.0",
        ),
        (
            ["1.jpg", "2.jpg"],
            [0.5, 1.0],
            NAMES,
            "`labels` must be 0 to 1, one of 2 classes; got 0.5",
        ),
        (["1.jpg", "2.jpg"], [0, np.nan], NAMES, "`labels` must be finite; got nan"),
        (["1.jpg"], [[0.5, np.inf]], NAMES, "`labels` must be finite; got nan or inf"),
        (["1.jpg"], [0], "cat", "`class_names` must be a list, each text; got 'cat'"),
        (["1.jpg"], [0], [1, 2], "`class_names` must be a list, each text"),
        (["1.jpg"], [0], None, "`class_names` must be a list, each text; got None"),
    ],
)
def test_what_does_not_belong_together_is_named(paths, labels, names, words):
    with pytest.raises(ValueError, match=words) as caught:
        LabelledFiles(paths, labels, names)
    assert "\n" not in str(caught.value)


def test_odd_paths_are_shown_on_one_line():
    assert shown("a/ü.jpg") == "a/ü.jpg"
    assert shown(Path("a\nb")) == "'a\\nb'"
    assert shown(b"\xff.jpg".decode("utf-8", "surrogateescape")) == "'\\udcff.jpg'"
