"""Finding cats, dogs and flowers: in folders, and in copies that TFDS' own builder has written."""

import hashlib
import io
import os
import pwd
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from cnnbook.datasets import cats_vs_dogs
from cnnbook.datasets.cats_vs_dogs import FLOWERS, load_cats_vs_dogs, load_flowers
from cnnbook.datasets.image_pipeline import make_image_pipeline


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    """No test sees the copies of the machine it runs on."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_tfds"))
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "cache"))


def picture(seed):
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def make_photos(folder, class_names=("cat", "dog"), train=10, test=4):
    """The photos of each class: `train` in one folder, `test` in the other, all different."""
    for index, label in enumerate(class_names):
        for number in range(train + test):
            part = "train" if number < train else "test"
            path = folder / part / label / f"{label}.{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(1000 * index + number))
    return folder


NUMBERS = (*range(8), 999, 1000, 1001, 1399, 1400, 12_499)


def write_tfds(root, numbers=NUMBERS, separator="/"):
    """A copy as TFDS' own builder writes it from Microsoft's archive; dog 3 is lacking."""
    builder = tfds.builder("cats_vs_dogs", data_dir=root)

    def examples():
        for number in numbers:
            for label, seed in (("dog", number + 20_000), ("cat", number)):
                if (label, number) != ("dog", 3):
                    name = separator.join(["PetImages", label.title(), f"{number}.jpg"])
                    photo = {"image": io.BytesIO(picture(seed)), "image/filename": name}
                    yield name, photo | {"label": label}

    builder._split_generators = lambda *_: {"train": examples()}
    offline = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(download_config=offline)
    return root


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return write_tfds(tmp_path_factory.mktemp("copy"))


# Folders --------------------------------------------------------------------------------------


def test_the_folder_under_the_variable_is_taken_and_named(monkeypatch, tmp_path, capsys):
    folder = make_photos(tmp_path / "data" / "cats_vs_dogs")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    splits = load_cats_vs_dogs()
    assert capsys.readouterr().out == (
        "Cats and dogs from CNNBOOK_DATA/cats_vs_dogs:"
        " 16 training, 4 validation and 8 test photos.\n"
    )
    assert (splits.source, splits.class_names) == ("CNNBOOK_DATA/cats_vs_dogs", ("cat", "dog"))
    for place, part in zip(("train", "train", "test"), splits[:3], strict=True):
        assert part.labels.dtype == np.int64
        for path, label in zip(part.paths, part.labels, strict=True):
            assert path.parent == folder / place / ("cat", "dog")[label]
    train = splits.train.paths + splits.validation.paths
    assert sorted(train) == sorted((folder / "train").glob("*/*.jpg"))
    assert splits.test.paths == sorted((folder / "test").glob("*/*.jpg"))


def test_the_folder_in_the_cache_is_taken_after_that_of_the_variable(monkeypatch, tmp_path):
    make_photos(tmp_path / "cache" / "cats_vs_dogs", train=5)
    assert load_cats_vs_dogs().source == "the cache"
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    assert load_cats_vs_dogs().source == "the cache"
    make_photos(tmp_path / "data" / "cats_vs_dogs")
    assert load_cats_vs_dogs().source == "CNNBOOK_DATA/cats_vs_dogs"


def test_without_the_variables_the_cache_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNBOOK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    make_photos(tmp_path / ".cache" / "cnnbook" / "cats_vs_dogs")
    assert load_cats_vs_dogs().source == "the cache"


def test_a_tilde_in_the_variable_is_the_home_folder(monkeypatch, tmp_path):
    make_photos(tmp_path / "data" / "cats_vs_dogs")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CNNBOOK_DATA", "~/data")
    assert load_cats_vs_dogs().source == "CNNBOOK_DATA/cats_vs_dogs"


def test_flowers_are_found_in_the_same_way(monkeypatch, tmp_path, capsys):
    make_photos(tmp_path / "flowers", FLOWERS)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    splits = load_flowers()
    assert "Flowers from CNNBOOK_DATA/flowers: 40 training, 10 validation and 20 test photos." in (
        capsys.readouterr().out
    )
    assert splits.class_names == FLOWERS == tuple(sorted(FLOWERS))
    for part in splits[:3]:
        assert [path.parent.name for path in part.paths] == [FLOWERS[y] for y in part.labels]


def test_case_52_hidden_and_other_files_are_passed_over(monkeypatch, tmp_path):
    folder = make_photos(tmp_path / "cats_vs_dogs")
    for name in ("train/cat/._cat.1.jpg", "train/dog/.DS_Store", "prepared.json", "test/x.txt"):
        (folder / name).write_bytes(b"")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    assert len(load_cats_vs_dogs().train.paths) == 16


# Validation -----------------------------------------------------------------------------------


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_validation_has_the_fifth_of_each_class_with_the_smallest_hashes(monkeypatch, tmp_path):
    folder = make_photos(tmp_path / "cats_vs_dogs", train=24)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    splits = load_cats_vs_dogs()
    expected = set()
    for label in ("cat", "dog"):
        expected |= set(sorted((folder / "train" / label).iterdir(), key=digest)[: 24 // 5])
    assert set(splits.validation.paths) == expected
    assert splits.validation.labels.tolist() == [0] * 4 + [1] * 4
    assert not set(splits.validation.paths) & set(splits.train.paths)


def test_validation_is_the_same_under_other_names(monkeypatch, tmp_path):
    folder = make_photos(tmp_path / "cats_vs_dogs", train=24)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    before = {digest(path) for path in load_cats_vs_dogs().validation.paths}
    for index, path in enumerate(sorted((folder / "train").glob("*/*.jpg"), key=digest)[::-1]):
        path.rename(path.with_name(f"a{index:03}.jpg"))
    assert {digest(path) for path in load_cats_vs_dogs().validation.paths} == before


def test_equal_photos_of_a_class_stay_together(monkeypatch, tmp_path):
    folder = make_photos(tmp_path / "cats_vs_dogs", train=24)
    for path in (folder / "train").glob("*/*.jpg"):
        shutil.copy(path, path.with_name(f"copy.{path.name}"))
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    splits = load_cats_vs_dogs()
    sides = [
        {digest(path) for path in paths} for paths in (splits.train.paths, splits.validation.paths)
    ]
    assert not sides[0] & sides[1]
    assert len(splits.validation.paths) == 16  # 8 of 48 a class: 9 would part a pair


# Broken copies --------------------------------------------------------------------------------


def a_class_is_gone(folder):
    shutil.rmtree(folder / "test" / "dog")


def a_part_is_gone(folder):
    shutil.rmtree(folder / "train")


def a_class_is_empty(folder):
    for path in (folder / "train" / "cat").iterdir():
        path.unlink()


def a_photo_is_empty(folder):
    (folder / "test" / "dog" / "dog.11.jpg").write_bytes(b"")


BROKEN = {
    a_class_is_gone: r"test/dog holds no \.jpg file \(1 problems",
    a_part_is_gone: r"train/cat holds no .*; train/dog holds no .* \(2 problems",
    a_class_is_empty: r"train/cat holds no \.jpg file",
    a_photo_is_empty: r"test/dog/dog\.11\.jpg has 0 bytes \(1 problems",
}


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_a_broken_folder_is_named_and_not_passed_by(monkeypatch, tmp_path, unchanged, spoil):
    folder = make_photos(tmp_path / "data" / "cats_vs_dogs")
    make_photos(tmp_path / "cache" / "cats_vs_dogs")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    spoil(folder)
    words = f"cats_vs_dogs is no whole copy: .*{BROKEN[spoil]}.* in all.*prepare it again"
    with unchanged(tmp_path), pytest.raises(OSError, match=words):
        load_cats_vs_dogs()


# Nothing anywhere -----------------------------------------------------------------------------


def test_error_lists_what_was_tried_and_three_ways_out(tmp_path):
    with pytest.raises(FileNotFoundError, match="Cats and dogs are nowhere to be found") as caught:
        load_cats_vs_dogs()
    assert str(caught.value).splitlines()[1:5] == [
        "  - CNNBOOK_DATA/cats_vs_dogs: the variable CNNBOOK_DATA is not set",
        f"  - the cache: no train and test in {tmp_path}/cache/cats_vs_dogs",
        f"  - the prepared TFDS copy: no prepared cats_vs_dogs in {tmp_path}/no_tfds",
        "Ways out:",
    ]
    for words in ("  1. get train.zip from https", "  2. set CNNBOOK_DATA to", "  3. go online"):
        assert words in str(caught.value)


def test_error_names_each_folder_that_the_variable_leads_to(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError) as caught:
        load_cats_vs_dogs()
    data = tmp_path / "data"
    assert f"  - CNNBOOK_DATA/cats_vs_dogs: no train and test in {data}/cats_vs_dogs\n" in str(
        caught.value
    )
    places = f"{data} or {data}/tensorflow_datasets or {tmp_path}/no_tfds"
    assert f"no prepared cats_vs_dogs in {places}\n" in str(caught.value)


def test_flowers_have_their_own_way_out_and_no_tfds(copy, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    with pytest.raises(FileNotFoundError, match="Flowers are nowhere to be found") as caught:
        load_flowers()
    assert "TFDS" not in str(caught.value)
    assert "flowers/train/daisy" in str(caught.value)


def test_case_27_without_a_home_folder_the_place_that_needs_none_is_read(monkeypatch, tmp_path):
    for variable in ("TFDS_DATA_DIR", "CNNBOOK_CACHE", "HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user without an entry
    with pytest.raises(RuntimeError):
        Path.home()
    with pytest.raises(FileNotFoundError, match="the cache: Could not determine home directory"):
        load_cats_vs_dogs()
    make_photos(tmp_path / "cats_vs_dogs")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    assert load_cats_vs_dogs().source == "CNNBOOK_DATA/cats_vs_dogs"


# Copies of TFDS -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("place", ["variable", "below the variable", "default", "its variable"])
def test_a_prepared_tfds_copy_is_used_wherever_it_is(copy, monkeypatch, tmp_path, place, capsys):
    target = {
        "variable": tmp_path / "data",
        "below the variable": tmp_path / "data" / "tensorflow_datasets",
        "default": tmp_path / "tensorflow_datasets",
        "its variable": tmp_path / "no_tfds",
    }[place]
    shutil.copytree(copy, target)
    if "the variable" in f"the {place}":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    if place == "default":
        monkeypatch.delenv("TFDS_DATA_DIR")
        monkeypatch.setenv("HOME", str(tmp_path))
    splits = load_cats_vs_dogs()
    assert splits.source == "the prepared TFDS copy"
    assert "Cats and dogs from the prepared TFDS copy: 15 training, 2 validation and 6 test" in (
        capsys.readouterr().out
    )


def test_of_a_tfds_copy_the_numbers_of_the_recipe_are_taken_as_they_are(
    copy, monkeypatch, tmp_path
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    load_cats_vs_dogs()
    expected = {
        f"{'train' if number < 1000 else 'test'}/{label}/{label}.{number}.jpg": picture(seed)
        for number in NUMBERS
        for label, seed in (("dog", number + 20_000), ("cat", number))
        if number < 1400 and (label, number) != ("dog", 3)
    }
    folder = tmp_path / "cache" / "cats_vs_dogs"
    assert expected == {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")
    }
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["cats_vs_dogs"]


def test_the_photos_of_a_tfds_copy_are_written_once(copy, monkeypatch, tmp_path, unchanged):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    first = load_cats_vs_dogs()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_tfds"))
    with unchanged(tmp_path):
        again = load_cats_vs_dogs()
    assert again.source == "the cache"
    assert again.train.paths == first.train.paths


def test_names_with_the_separator_of_windows_are_read(monkeypatch, tmp_path):
    write_tfds(tmp_path / "no_tfds", separator="\\")
    assert len(load_cats_vs_dogs().test.paths) == 6


def test_what_tfds_left_when_it_was_killed_is_no_copy(copy, monkeypatch, tmp_path):
    shutil.copytree(copy, tmp_path / "no_tfds")
    place = tmp_path / "no_tfds" / "cats_vs_dogs" / "4.0.1"
    place.rename(place.with_name("incomplete.AB12CD_4.0.1"))
    with pytest.raises(FileNotFoundError, match="no prepared cats_vs_dogs in"):
        load_cats_vs_dogs()


def test_case_31_a_broken_tfds_copy_is_named_and_nothing_is_left(copy, tmp_path, unchanged):
    shutil.copytree(copy, tmp_path / "no_tfds")
    (tmp_path / "cache").mkdir()
    record = next((tmp_path / "no_tfds").rglob("*.tfrecord*"))
    content = bytearray(record.read_bytes())
    content[-500] ^= 255
    record.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(record)))
    words = r"no_tfds/cats_vs_dogs holds a TFDS copy that cannot be read \(DataLossError: .*Move"
    with unchanged(tmp_path / "no_tfds"), pytest.raises(OSError, match=words) as caught:
        load_cats_vs_dogs()
    assert not list((tmp_path / "cache").iterdir())
    assert "\n" not in str(caught.value)


def test_a_tfds_copy_without_test_photos_is_an_error_and_not_kept(tmp_path):
    write_tfds(tmp_path / "no_tfds", numbers=(0, 1, 2))
    (tmp_path / "cache").mkdir()
    with pytest.raises(OSError, match="lacks all photos 0 to 999 or 1000 to 1399 of a class"):
        load_cats_vs_dogs()
    assert not list((tmp_path / "cache").iterdir())


def test_case_26_a_full_disk_leaves_nothing(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    (tmp_path / "cache").mkdir()
    really_write = Path.write_bytes

    def write(path, content):
        if path.name == "cat.1000.jpg":
            raise OSError(28, "No space left on device")
        return really_write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match=r"^the prepared .*\(No space left on device\).*_CACHE") as e:
        load_cats_vs_dogs()
    assert e.value.errno == 28
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("name", ["CNNBOOK_CACHE", "TFDS_DATA_DIR"])
def test_a_variable_that_names_a_file_is_told_with_the_variables(monkeypatch, tmp_path, name):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(name, str(tmp_path / "file"))
    words = rf"file/cats_vs_dogs cannot be used \(Not a directory\)\. .*{name}"
    with pytest.raises(NotADirectoryError, match=words):
        load_cats_vs_dogs()


def test_case_28_what_a_killed_process_left_is_swept_after_a_day(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    old, today = (tmp_path / f"cache/.cats_vs_dogs.incomplete-{name}" for name in ("old", "today"))
    for folder in (old, today):
        (folder / "content").mkdir(parents=True)
    os.utime(old, times=(time.time() - 25 * 3600,) * 2)
    load_cats_vs_dogs()
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {"cats_vs_dogs", today.name}


def test_case_29_of_two_at_once_both_succeed(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    really_replace = Path.replace

    def when_the_other_was_faster(path, target):
        make_photos(target, train=5)
        return really_replace(path, target)

    monkeypatch.setattr(Path, "replace", when_the_other_was_faster)
    assert len(load_cats_vs_dogs().test.paths) == 8
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["cats_vs_dogs"]


# Real photos, and how they go on ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "counts"), [(load_cats_vs_dogs, (1600, 400, 800)), (load_flowers, (800, 200, 250))]
)
def test_the_real_photos_have_their_counts(real_data, load, counts):
    splits = load()
    assert tuple(map(len, splits[:3])) == counts
    for part, count in zip(splits[:3], counts, strict=True):
        each = count // len(splits.class_names)
        assert np.bincount(part.labels).tolist() == [each] * len(splits.class_names)


def test_paths_and_labels_are_what_a_pipeline_takes(monkeypatch, tmp_path):
    make_photos(tmp_path / "cats_vs_dogs")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    splits = load_cats_vs_dogs()
    batches = make_image_pipeline(splits.test, (6, 8), batch_size=3)
    images, labels = zip(*batches, strict=True)
    assert [batch.shape for batch in images] == [(3, 6, 8, 3), (3, 6, 8, 3), (2, 6, 8, 3)]
    assert np.concatenate(labels).tolist() == [0] * 4 + [1] * 4


def test_the_recipe_is_that_of_the_file_that_prepares_archives():
    from cnnbook.datasets.cats_vs_dogs_archive import prepare_cats_vs_dogs

    sizes = prepare_cats_vs_dogs.__wrapped__.__kwdefaults__
    assert range(sizes["train"]) == cats_vs_dogs.TRAIN
    assert range(sizes["train"], sizes["train"] + sizes["test"]) == cats_vs_dogs.TEST


def test_photos_are_found_whatever_their_names_end_with(monkeypatch, tmp_path):
    folder = make_photos(tmp_path / "cats_vs_dogs")
    for name, new in {
        "cat.0.jpg": "cat.0.jfif",
        "cat.1.jpg": "cat.1",
        "cat.2.jpg": "c.JPG.1",
    }.items():
        (folder / "train" / "cat" / name).rename(folder / "train" / "cat" / new)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    splits = load_cats_vs_dogs()
    assert len(splits.train.paths + splits.validation.paths) == 20
    (folder / "test" / "dog" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(OSError, match=r"dog/a.heic is of a kind that is not read"):
        load_cats_vs_dogs()


def test_a_photo_that_may_not_be_read_is_named_and_the_copy_is_not_blamed(monkeypatch, tmp_path):
    make_photos(tmp_path / "cats_vs_dogs")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"cat.0.jpg cannot be read now"):
        load_cats_vs_dogs()
