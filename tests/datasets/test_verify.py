"""verify: what it finds in pictures that were spoilt on purpose; it changes nothing."""

import filecmp
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets.image_folder import read_image
from cnnbook.datasets.verify import Picture, verify_pictures


@pytest.fixture
def pets(tmp_path):
    """Six different pictures of two classes in two parts."""
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for label, count in (("cat", 2), ("dog", 1)):
            for index in range(count):
                path = tmp_path / part / label / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
    return tmp_path


def pictures(root):
    return [
        Picture(path, path.parent.name, path.parents[1].name)
        for part in ("train", "test")
        for path in sorted((root / part).rglob("*.*"))
    ]


def verify(root, **options):
    return verify_pictures(pictures(root), read_image, **options)


def test_good_pictures_are_counted_and_may_be_trained_on(pets, unchanged):
    with unchanged(pets):
        report = verify(pets)
    assert report.num_images == 6
    assert report.counts == {"train": {"cat": 2, "dog": 1}, "test": {"cat": 2, "dog": 1}}
    assert report.sizes == {"height": (40, 40), "width": (50, 50)}
    assert (report.errors, report.warnings, report.unreadable) == ({}, {}, [])
    assert report.may_be_trained_on


def test_every_unreadable_picture_is_reported_with_its_reason(pets, unchanged):
    (pets / "train/cat/0.png").write_bytes(b"")
    (pets / "test/dog/0.png").write_bytes(b"<html>")
    with unchanged(pets):
        report = verify(pets)
    assert [line.count(".png is no picture") for line in report.errors["unreadable"]] == [1, 1]
    assert report.unreadable == [pets / "train/cat/0.png", pets / "test/dog/0.png"]
    assert not report.may_be_trained_on


def test_pictures_of_too_many_pixels_are_a_kind_of_their_own(pets):
    Image.new("1", (9000, 9000)).save(pets / "train/cat/big.png")
    assert len(verify(pets).errors["too large"]) == 1


@pytest.mark.parametrize(
    ("source", "target", "kind", "severe"),
    [
        ("train/cat/0.png", "train/dog/9.png", "the same picture in two classes", True),
        ("train/cat/0.png", "test/cat/9.png", "the same picture in two parts", True),
        ("train/cat/0.png", "test/dog/9.png", "the same picture in two parts", True),
        ("train/cat/0.png", "train/cat/9.png", "the same picture twice in a class", False),
    ],
)
def test_case_55_equal_pictures_are_reported_with_both_paths(
    pets, source, target, kind, severe, unchanged
):
    shutil.copy(pets / source, pets / target)
    assert filecmp.cmp(pets / source, pets / target, shallow=False)
    with unchanged(pets):
        report = verify(pets)
    found = report.errors if severe else report.warnings
    assert found == {kind: [f"{pets / source} and {pets / target}"]}
    assert report.may_be_trained_on is not severe


def test_case_55_equal_pixels_in_different_files_are_the_same_picture(pets, unchanged):
    with Image.open(pets / "train/cat/0.png") as picture:
        picture.save(pets / "test/cat/9.bmp")
        with Image.open(pets / "test/cat/9.bmp") as other:
            assert (picture.tobytes(), picture.format) == (other.tobytes(), "PNG")
    with unchanged(pets):
        assert "the same picture in two parts" in verify(pets).errors


def test_imbalance_is_a_warning_with_the_counts(pets):
    for index in range(10, 30):
        noise = np.random.default_rng(index).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(noise).save(pets / f"train/cat/{index}.png")
    report = verify(pets)
    assert report.warnings == {"imbalance": ["train: 22 of cat, 1 of dog"]}


def test_case_61_classes_that_are_empty_alone_or_others_are_errors(pets, unchanged):
    names = {"train": ["cat", "dog", "fox"], "test": ["cat", "dog"], "val": ["cat"]}
    assert len(set(map(frozenset, names.values()))) == 3
    with unchanged(pets):
        report = verify(pets, class_names=names)
    assert report.errors["class without a picture"] == ["train: fox", "val: cat"]
    assert report.errors["fewer than two classes"] == ["val: cat"]
    assert report.errors["other classes than in the first part"] == ["test: fox", "val: dog, fox"]


def test_unusual_files_are_warnings(pets):
    (pets / "train/cat/0.png").rename(pets / "train/cat/0.jpg")
    with (pets / "train/cat/1.png").open("ab") as file:
        file.write(b"more")
    Image.new("RGB", (40, 8)).save(pets / "train/dog/1.png")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(pets / "train/dog/2.gif", save_all=True, append_images=frames[1:], loop=0)
    report = verify(pets)
    assert report.warnings == {
        "name with a wrong ending": [str(pets / "train/cat/0.jpg")],
        "bytes after the end": [str(pets / "train/cat/1.png")],
        "shorter side under 32 pixels": [str(pets / "train/dog/1.png")],
        "animation (first picture used)": [str(pets / "train/dog/2.gif")],
    }
    assert report.may_be_trained_on


def test_progress_counts_to_the_number_of_pictures(pets):
    seen = []
    verify(pets, progress=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_no_picture_at_all_is_no_crash():
    assert verify_pictures([], read_image).num_images == 0


def test_what_the_machine_refuses_is_told_apart_from_what_is_damaged(pets):
    def read(path):
        if path.name == "1.png":
            raise PermissionError(13, os.strerror(13), str(path))
        return read_image(path)

    (pets / "train/cat/0.png").write_bytes(b"")
    report = verify_pictures(pictures(pets), read)
    assert report.unreadable == [pets / "train/cat/0.png"]
    assert len(report.errors["cannot be read now"]) == 2
    assert not report.may_be_trained_on


def test_a_picture_that_vanishes_is_not_called_damaged(pets):
    def read(path):
        pixels = read_image(path)
        if path.name == "1.png":
            path.unlink()
        return pixels

    report = verify_pictures(pictures(pets), read)
    assert (report.unreadable, len(report.errors["cannot be read now"])) == ([], 2)


def test_too_little_memory_ends_it(pets):
    def read(path):
        raise MemoryError

    with pytest.raises(MemoryError):
        verify_pictures(pictures(pets), read)


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.pjpeg"])
def test_an_ending_that_browsers_give_is_no_wrong_one(pets, name):
    Image.effect_noise((40, 40), 60).convert("RGB").save(pets / "train/cat" / name, "JPEG")
    assert verify(pets).warnings == {}


def test_classes_that_another_system_would_take_for_one_are_told(pets):
    (pets / "train/cat").rename(pets / "train/Dog")
    report = verify(pets, class_names={"train": ["Dog", "dog"]})
    assert report.warnings["classes of nearly one name"] == ["train: dog"]
