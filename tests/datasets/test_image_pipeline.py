"""Lazy batches: order, case 57 of the bad data, broken pictures, changes, memory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cnnbook.datasets import image_folder, image_pipeline, mapping_file
from cnnbook.datasets.image_folder import list_image_files, load_image_folder
from cnnbook.datasets.image_pipeline import make_image_pipeline
from cnnbook.labelled_files import LabelledFiles


@pytest.fixture
def pets(files):
    return LabelledFiles(*files, ("cat", "dog"))


def greys(dataset):
    return [int(image[0, 0, 0]) for images, _ in dataset for image in images]


# Batches --------------------------------------------------------------------------------------


def test_evaluation_gives_every_picture_once_and_in_order(pets):
    dataset = make_image_pipeline(pets, (7, 5), batch_size=8)
    assert greys(dataset) == list(range(30))
    assert [len(labels) for _, labels in dataset] == [8, 8, 8, 6]
    assert len(dataset) == 4
    assert dataset.element_spec[0].shape.as_list() == [None, 7, 5, 3]
    assert dataset.element_spec[0].dtype == tf.uint8


@pytest.mark.parametrize("training", [True, False])
def test_no_autotuning_holds_up_the_end_of_an_epoch(pets, training):
    dataset = make_image_pipeline(pets, (5, 7), training=training, augment=tf.identity)
    assert dataset.options().autotune.enabled is False


def test_training_shuffles_anew_and_keeps_labels_with_pictures(pets):
    dataset = make_image_pipeline(pets, (7, 5), 8, training=True)
    first, second = greys(dataset), greys(dataset)
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second
    for images, labels in dataset:
        np.testing.assert_array_equal(images[:, 0, 0, 0] >= 20, labels == 1)


def test_augmentation_is_for_training_alone(pets):
    def brighten(images):
        return images + 100

    trained = greys(make_image_pipeline(pets, (7, 5), training=True, augment=brighten))
    assert sorted(trained) == list(range(100, 130))
    assert greys(make_image_pipeline(pets, (7, 5), augment=brighten)) == list(range(30))


def test_labels_move_with_the_pictures_in_training_alone(files, pets):
    def turn_round(images, labels):
        return images[::-1] + 100, labels[::-1]

    for images, labels in make_image_pipeline(pets, (7, 5), training=True, augment=turn_round):
        np.testing.assert_array_equal(images[:, 0, 0, 0] >= 120, labels == 1)
    evaluation = make_image_pipeline(pets, (7, 5), augment=turn_round)
    assert greys(evaluation) == list(range(30))
    assert [label for _, labels in evaluation for label in labels] == list(files[1])


class Recorder:
    """Stands for a layer that resizes: keeps what it is given, and makes pictures of the sizes."""

    resizes = True

    def __call__(self, images):
        return images

    def change_and_resize(self, pixels, sizes, image_size):
        first = tf.gather(pixels, tf.cumsum(tf.reduce_prod(sizes, axis=1), exclusive=True))
        new = tf.stack([*tf.unstack(tf.cast(sizes, tf.uint8), axis=1), first[:, 0]], axis=1)
        return tf.tile(new[:, None, None], (1, *image_size, 1))


def test_a_layer_that_resizes_gets_pictures_of_their_own_sizes(tmp_path):
    """Sides and grey of each picture come back; large ones are shrunk to at most twice the size."""
    sizes = [(7, 5), (12, 20), (13, 20), (14, 16), (100, 3), (8, 60), (1, 1)]
    paths = [tmp_path / f"{index}.png" for index in range(len(sizes))]
    for index, (size, path) in enumerate(zip(sizes, paths, strict=True)):
        Image.new("L", size[::-1], 10 * index).save(path)
    files = LabelledFiles(paths, range(7), tuple("abcdefg"))
    dataset = make_image_pipeline(files, (6, 10), 3, training=True, augment=Recorder())
    seen = {}
    for images, labels in dataset:
        assert images.shape[1:] == (6, 10, 3)
        seen |= {
            int(y): tuple(map(int, image[0, 0])) for image, y in zip(images, labels, strict=True)
        }
    given = {0: (7, 5), 1: (12, 20), 2: (7, 20), 3: (7, 16), 4: (12, 3), 5: (8, 20), 6: (1, 1)}
    assert seen == {index: (*size, 10 * index) for index, size in given.items()}


def test_a_layer_that_resizes_is_for_training_alone(pets):
    dataset = make_image_pipeline(pets, (7, 5), augment=Recorder())
    assert greys(dataset) == list(range(30))


def test_pixels_lie_one_after_the_other_row_by_row():
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (*size, 3), np.uint8) for size in [(2, 3), (4, 1), (1, 1)]]
    pixels, sizes = image_pipeline._one_after_the_other(pictures)
    np.testing.assert_array_equal(sizes, [(2, 3), (4, 1), (1, 1)])
    np.testing.assert_array_equal(pixels[:3], pictures[0][0])
    np.testing.assert_array_equal(pixels[6:10], pictures[1][:, 0])
    np.testing.assert_array_equal(pixels[10], pictures[2][0, 0])


def test_few_numbers_of_pixels_are_ever_seen():
    lengths = set()
    for count in range(1, 4000):
        length = len(image_pipeline._one_after_the_other([np.zeros((count, 1, 3), np.uint8)])[0])
        assert count <= length <= 1.5 * count + 1
        lengths.add(length)
    assert len(lengths) <= 25


def test_a_broken_picture_is_named_where_the_layer_resizes(files, pets):
    files[0][9].write_bytes(b"<html>")
    dataset = make_image_pipeline(pets, (7, 5), 30, training=True, augment=Recorder())
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"cat/09.png is no picture"):
        next(iter(dataset))


def test_batches_arrays_and_single_pictures_have_the_same_pixels(tmp_path):
    random = np.random.default_rng(0)
    for index, suffix in enumerate(["jpg", "png", "webp", "bmp", "gif"]):
        path = tmp_path / "ab"[index % 2] / f"{index}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (40, 30, 3), np.uint8)).save(path)
    arrays, labels, _ = load_image_folder(tmp_path, (24, 20))
    listed = list_image_files(tmp_path)
    mapping = tmp_path / "map.txt"
    mapping.write_text(
        "".join(
            f"{p.relative_to(tmp_path)}\t{y}\n" for p, y in zip(listed.paths, labels, strict=True)
        )
    )
    lazy = np.concatenate([images for images, _ in make_image_pipeline(listed, (24, 20))])
    np.testing.assert_array_equal(lazy, arrays)
    np.testing.assert_array_equal(mapping_file.load_mapping_file(mapping, (24, 20))[0], arrays)
    single = [image_folder.read_image(path, (24, 20)) for path in listed.paths]
    np.testing.assert_array_equal(single, arrays)


def test_a_broken_picture_is_named_when_its_batch_is_read(files, pets):
    files[0][9].write_bytes(b"<html>")
    iterator = iter(make_image_pipeline(pets, (7, 5), 8))
    next(iterator)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"cat/09.png is no picture") as caught:
        next(iterator)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("count", "size", "batch", "words"),
    [
        (0, (7, 5), 8, "`files` is empty"),
        (30, (0, 5), 8, r"at least 1; got \(0, 5\) and 8"),
        (30, (7, 5), 0, r"at least 1; got \(7, 5\) and 0"),
    ],
)
def test_impossible_arguments_are_named(pets, count, size, batch, words):
    with pytest.raises(ValueError, match=words):
        make_image_pipeline(pets.select(slice(count)), size, batch)


def test_who_gives_paths_alone_is_told_what_to_give(files):
    words = r"`files` must be a .*LabelledFiles.*or LabelledFiles\(paths, labels, class_names\)"
    for wrong in (files[0], files[0][0].parent, str(files[0][0]), tuple(files)):
        with pytest.raises(ValueError, match=words):
            make_image_pipeline(wrong, (7, 5))


MEMORY = """
import sys
from pathlib import Path
from cnnbook.datasets.image_folder import list_image_files
from cnnbook.datasets.image_pipeline import make_image_pipeline


def peak():  # not ru_maxrss: a child process begins with that of its parent
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) // 1024


tensorflow = peak()
files = list_image_files(sys.argv[1])
count = sum(len(y) for x, y in make_image_pipeline(files, (32, 32), 128, training=True))
print(count, tensorflow, peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says the peak")
def test_100_000_small_pictures_take_less_than_1_gb_tensorflow_included(tmp_path):
    for seed in range(10):
        noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{seed}.jpg")
    for index in range(100_000):  # hard links: 100,000 files, written quickly
        folder = tmp_path / "data" / f"class{index % 10}" / f"{index // 10_000}"
        if index % 10_000 < 10:
            folder.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / f"{index % 10}.jpg", f"{folder}/{index}.jpg")
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "data"], capture_output=True, text=True
    )
    shutil.rmtree(tmp_path / "data")
    assert run.returncode == 0, run.stderr
    count, tensorflow, whole = map(int, run.stdout.split())
    print(f"{count:,} pictures: at most {whole:,} MB, of which {tensorflow:,} MB are TensorFlow's")
    assert count == 100_000
    assert whole < 1000


def test_case_57_files_come_in_the_order_of_their_names(tmp_path, monkeypatch):
    for name in ("b/2.png", "b/10.png", "a/é.png", "a/z.png", "B/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (2, 2)).save(tmp_path / name)
    really_scan = os.scandir

    def backwards(place):
        return sorted(really_scan(place), key=lambda entry: entry.name, reverse=True)

    assert [entry.name for entry in backwards(tmp_path)] == ["b", "a", "B"]
    expected = ["B/1.png", "a/z.png", "a/é.png", "b/10.png", "b/2.png"]
    for scan in (really_scan, backwards):
        monkeypatch.setattr(os, "scandir", scan)
        found = list_image_files(tmp_path).paths
        assert [path.relative_to(tmp_path).as_posix() for path in found] == expected
