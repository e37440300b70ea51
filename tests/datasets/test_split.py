"""The split by content: cases 55 to 57 of the bad data."""

import filecmp
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnbook.datasets.split import split_by_content


def test_the_split_is_disjoint_complete_and_of_the_wanted_size_in_each_class(files):
    train, validation = split_by_content(*files, validation_fraction=0.2)
    assert sorted([*train, *validation]) == list(range(30))
    assert list(np.bincount(files[1][validation])) == [4, 2]


def test_case_57_the_split_does_not_depend_on_names_order_or_place(files, tmp_path):
    paths, labels = files
    chosen = {paths[i].read_bytes() for i in split_by_content(paths, labels)[1]}
    order = np.random.default_rng(0).permutation(30)
    others = []
    for number, index in enumerate(order):
        others.append(tmp_path / f"elsewhere{number}")
        shutil.copy(paths[index], others[-1])
    again = split_by_content(others, labels[order])[1]
    assert {others[i].read_bytes() for i in again} == chosen


def test_case_57_the_split_of_these_files_is_pinned(tmp_path):
    """The same on every machine and from release to release: worked out once, written here."""
    paths = [tmp_path / str(index) for index in range(10)]
    for index, path in enumerate(paths):
        path.write_bytes(b"picture %d" % index)
    choices = [list(split_by_content(paths, [0] * 10, 0.3, seed=seed)[1]) for seed in (0, 1)]
    # printf "0/picture 3" | sha256sum, for each of the ten; the three smallest of each seed.
    assert choices == [[0, 1, 7], [1, 2, 5]]


def test_case_55_equal_files_stay_together(files):
    paths, labels = files
    for index in range(1, 20, 2):
        shutil.copy(paths[index - 1], paths[index])
    assert len({path.read_bytes() for path in paths[:20]}) == 10
    train, validation = ({paths[i].read_bytes() for i in part} for part in split_by_content(*files))
    assert not train & validation
    assert labels[0] == 0


def test_case_55_the_same_picture_in_two_classes_is_warned_of_with_both_paths(
    files, tmp_path, unchanged
):
    paths, labels = files
    shutil.copy(paths[3], paths[25])
    assert filecmp.cmp(paths[3], paths[25], shallow=False)
    assert labels[3] != labels[25]
    with (
        unchanged(tmp_path),
        pytest.warns(UserWarning, match=r"cat/03.png and .*dog/25.png are the same picture with"),
    ):
        split_by_content(*files)


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -0.1, float("nan")])
def test_case_56_a_fraction_that_is_none_is_refused(files, fraction, tmp_path, unchanged):
    assert not min(30 * fraction, 30 - 30 * fraction) > 0  # a part is empty, or less
    with (
        unchanged(tmp_path),
        pytest.raises(ValueError, match="`validation_fraction` must be (between 0|a fin)"),
    ):
        split_by_content(*files, fraction)


def test_case_56_a_split_that_rounds_to_nothing_is_refused(files, tmp_path, unchanged):
    assert round(0.04 * 10) == 0
    with (
        unchanged(tmp_path),
        pytest.raises(ValueError, match="0.04 of the 10 pictures with label 1 leaves none"),
    ):
        split_by_content(*files, 0.04)
    with (
        unchanged(tmp_path),
        pytest.raises(ValueError, match="of the 1 pictures with label 0 leaves none"),
    ):
        split_by_content(files[0][:1], [0], 0.5)


def test_case_56_the_seed_changes_the_split_and_has_a_default(files):
    splits = [tuple(split_by_content(*files, 0.5, seed=seed)[1]) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    assert tuple(split_by_content(*files, 0.5)[1]) == splits[0]


def test_a_missing_file_is_named(files):
    files[0][4].unlink()
    with pytest.raises(OSError, match=r"cat/04.png cannot be read"):
        split_by_content(*files)


@pytest.mark.parametrize(
    ("labels", "shape"),
    [([0] * 29, r"\(29,\)"), ([0] * 31, r"\(31,\)"), ([[0]] * 30, r"\(30, 1\)")],
)
def test_as_many_labels_as_paths_are_asked_for(files, labels, shape):
    words = (
        f"`labels` must be .count,., one for each of the 30 `paths`; got labels of shape {shape}"
    )
    with pytest.raises(ValueError, match=words):
        split_by_content(files[0], labels)


@pytest.mark.parametrize("labels", [[0.5] * 30, [float("nan")] * 30])
def test_labels_must_be_whole_numbers(files, labels):
    with pytest.raises(ValueError, match="`labels` must be whole numbers, one for each class; got"):
        split_by_content(files[0], labels)


def test_no_paths_are_refused():
    with pytest.raises(ValueError, match="`paths` is empty"):
        split_by_content([], np.zeros(0, int))


def test_what_may_not_be_read_is_told_with_the_number_of_the_system(files, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"00.png cannot be read now \(Permission denied\)"):
        split_by_content(*files)
