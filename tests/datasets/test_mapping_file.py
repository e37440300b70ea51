"""Mapping files: good ones, and cases 58 to 60 of the bad data."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets.mapping_file import list_mapping_file, load_mapping_file


@pytest.fixture
def folder(tmp_path):
    """Four pictures, each of one grey, in a folder with a mapping file beside it."""
    root = tmp_path / "data"
    (root / "photos").mkdir(parents=True)
    for index in range(4):
        Image.new("RGB", (6, 4), (10 * index,) * 3).save(root / f"photos/{index}.png")
    Image.new("RGB", (6, 4)).save(tmp_path / "outside.png")
    return root


def write(folder, text):
    path = folder / "map.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_pictures_come_in_the_order_of_the_lines(folder):
    path = write(folder, "photos/3.png\t1\nphotos/0.png\t0\nphotos/2.png\t1\n")
    images, labels, class_names = load_mapping_file(path, (4, 6))
    assert list(images[:, 0, 0, 0]) == [30, 0, 20]
    assert (images.shape, images.dtype) == ((3, 4, 6, 3), np.uint8)
    assert (list(labels), labels.dtype) == ([1, 0, 1], np.int64)
    assert class_names == ("0", "1")


@pytest.mark.parametrize(
    "text",
    [
        "photos/0.png\t0\nphotos/1.png\t1",
        "photos/0.png\t0\r\nphotos/1.png\t1\r\n",
        "\ufeffphotos/0.png\t0\nphotos/1.png\t1\n",
        "./photos/0.png\t0\nphotos/../photos/1.png\t1\n\n\n",
    ],
    ids=["no last line end", "case_58_CRLF", "case_58_BOM", "case_58_empty_lines_at_the_end"],
)
def test_every_way_of_ending_lines_is_read(folder, text):
    found = list_mapping_file(write(folder, text))
    assert [path.name for path in found.paths] == ["0.png", "1.png"]
    assert list(found.labels) == [0, 1]


def test_class_names_allow_classes_without_a_picture(folder):
    path = write(folder, "photos/0.png\t0\nphotos/1.png\t2\n")
    found = list_mapping_file(path, class_names=("cat", "dog", "fox"))
    assert found.class_names == ("cat", "dog", "fox")
    with pytest.raises(OSError, match="no picture has label 1; pass `class_names`"):
        list_mapping_file(path)


BAD_LINES = {
    "case_58_missing_image": ("photos/9.png\t0", "line 2: there is no file photos/9.png"),
    "case_58_empty_line": ("\nphotos/1.png\t1", "line 2: it is empty"),
    "case_58_one_column": ("photos/1.png", "line 2: 1 columns instead of 2"),
    "case_58_spaces_for_the_tab": ("photos/1.png  1", "line 2: no tab; spaces do not part"),
    "case_58_three_columns": ("photos/1.png\t1\t1", "line 2: 3 columns instead of 2"),
    "case_58_line_twice": ("photos/0.png\t1", "line 2: photos/0.png is named in line 1 already"),
    "case_58_the_same_by_another_way": ("./photos/0.png\t1", "is named in line 1 already"),
    "case_58_zero_byte": ("photos/\0.png\t1", "line 2: it holds a zero byte"),
    "quotes": ('"photos/1.png"\t1', 'there is no file "photos/1.png" (part folders by /, without'),
    "a space behind": ("photos/1.png \t1", "without spaces or quotes around a path)"),
    "of Windows": ("photos\\1.png\t1", "there is no file photos\\1.png (part folders by /"),
    "case_58_a_folder": ("photos\t1", "line 2: there is no file photos"),
    "case_58_name_too_long": ("x" * 5000 + "\t1", "line 2: there is no file xxx"),
    "case_59_text": ("photos/1.png\tcat", "line 2: label 'cat' is no number"),
    "case_59_decimal": ("photos/1.png\t1.5", "line 2: label '1.5' is no number"),
    "case_59_nothing": ("photos/1.png\t", "line 2: label '' is no number"),
    "case_59_negative": ("photos/1.png\t-1", "line 2: label -1 must be from 0 to 1"),
    "case_59_two_signs": ("photos/1.png\t--1", "line 2: label '--1' is no number"),
    "case_59_number_of_classes": ("photos/1.png\t2", "line 2: label 2 must be from 0 to 1"),
    "case_59_other_digits": ("photos/1.png\t²", "line 2: label '²' is no number"),
    "case_59_many_digits": ("photos/1.png\t" + "9" * 5000, "must be from 0 to 1"),
    "case_60_up": ("../outside.png\t1", "line 2: ../outside.png leaves the folder"),
    "case_60_absolute": ("/etc/passwd\t1", "line 2: /etc/passwd leaves the folder"),
}


def case_of_second_line(path):
    """The case of the bad data that line 2 is, by csv, int and the paths of Python; 0 for none."""
    with path.open(newline="", encoding="utf-8") as file:
        first, row = list(csv.reader(file, "excel-tab"))[:2]
    if len(row) != 2 or "\0" in row[0]:
        return 58
    try:
        if int(row[1]) not in (0, 1):
            return 59
    except ValueError:
        return 59
    picture = (path.parent / row[0]).resolve()
    if not picture.is_relative_to(path.parent.resolve()):
        return 60
    is_there = os.path.isfile(picture)  # noqa: PTH113 - the other raises where a name is too long
    return 0 if is_there and picture != (path.parent / first[0]).resolve() else 58


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named_by_its_number(folder, case, unchanged):
    line, words = BAD_LINES[case]
    good = write(folder, "photos/0.png\t0\nphotos/1.png\t1\n")
    assert case_of_second_line(good) == 0
    assert len(list_mapping_file(good, class_names=("cat", "dog"))) == 2
    path = write(folder, f"photos/0.png\t0\n{line}\nphotos/2.png\t1\n")
    assert not case.startswith("case") or case_of_second_line(path) == int(case.split("_")[1])
    with unchanged(folder.parent), pytest.raises(OSError, match=r"map.txt: ") as caught:
        load_mapping_file(path, class_names=("cat", "dog"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_case_60_a_link_out_of_the_folder_is_followed_only_when_asked(folder, unchanged):
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    path = write(folder, "link.png\t0\n")
    assert not (folder / "link.png").resolve().is_relative_to(folder.resolve())
    with (
        unchanged(folder),
        pytest.raises(OSError, match="link.png leaves the folder; copy the file, or pass allow"),
    ):
        list_mapping_file(path)
    assert len(list_mapping_file(path, allow_outside=True)) == 1


def test_case_58_the_first_ten_problems_and_their_number_are_said(folder, unchanged):
    path = write(folder, "\n".join(f"none/{i}.png\t0" for i in range(25)))
    assert not (folder / "none").exists()
    with (
        unchanged(folder),
        pytest.raises(OSError, match=r"\(25 problems in all\)") as caught,
    ):
        list_mapping_file(path)
    assert str(caught.value).count("there is no file") == 10


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_a_file_without_a_line_is_an_error(folder, text):
    with pytest.raises(OSError, match="map.txt: it names no picture"):
        list_mapping_file(write(folder, text))


def test_a_file_that_is_no_text_is_an_error(folder):
    with pytest.raises(OSError, match=r"map.txt is no UTF-8 text \(byte 3\)"):
        list_mapping_file(write(folder, b"abc\xff\xfe\t0\n"))


def test_a_missing_file_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"`mapping_file` must be a file.*none.txt"):
        list_mapping_file(folder / "none.txt")


def test_an_unreadable_picture_is_named(folder):
    (folder / "photos/1.png").write_bytes(b"")
    path = write(folder, "photos/0.png\t0\nphotos/1.png\t1\n")
    with pytest.raises(OSError, match=r"photos/1.png is no picture .*the file is empty"):
        load_mapping_file(path)


def test_a_size_below_one_is_refused(folder):
    with pytest.raises(ValueError, match="`image_size` must be"):
        load_mapping_file(write(folder, "photos/0.png\t0"), (4, 0))


def test_wrong_arguments_are_refused_before_the_file_is_looked_for(monkeypatch, folder):
    with pytest.raises(ValueError, match="`image_size` must be"):
        load_mapping_file("no_such_file.txt", (0, 4))
    with pytest.raises(ValueError, match="`class_names` is empty"):
        list_mapping_file("no_such_file.txt", class_names=[])
    write(folder, "photos/3.png\t1\nphotos/0.png\t0\n")
    monkeypatch.setenv("HOME", str(folder))
    assert len(list_mapping_file("~/map.txt")) == 2
