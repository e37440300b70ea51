"""CIFAR-10 and CIFAR-100 from copies that TFDS' own builders have written."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from cnnbook.datasets import cifar
from cnnbook.datasets.cifar import load_cifar10, load_cifar100


@pytest.fixture(autouse=True)
def nothing_prepared(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing_here"))


def write_tfds(root, name, train=40, test=7):
    """Random photographs; the fine label is index % 100 (or 10), the coarse one index % 20."""
    builder = tfds.builder(name, data_dir=root)

    def examples(count, seed):
        random = np.random.default_rng(seed)
        for index in range(count):
            picture = random.integers(0, 256, (32, 32, 3), np.uint8)
            example = {"id": str(index), "image": picture}
            if name == "cifar100":
                yield index, example | {"label": (index * 3) % 100, "coarse_label": index % 20}
            else:
                yield index, example | {"label": index % 10}

    builder._split_generators = lambda *_: {"train": examples(train, 0), "test": examples(test, 1)}
    offline = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(download_config=offline)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    root = tmp_path_factory.mktemp("copies")
    for name in ("cifar10", "cifar100"):
        write_tfds(root, name)
    return root


def test_the_copy_under_the_variable_is_taken_and_named(copies, monkeypatch, capsys):
    monkeypatch.setenv("CNNBOOK_DATA", str(copies))
    splits = load_cifar10()
    assert splits.source == "CNNBOOK_DATA/tensorflow_datasets"
    assert capsys.readouterr().out == (
        "CIFAR-10 from CNNBOOK_DATA/tensorflow_datasets:"
        " 32 training, 8 validation and 7 test images.\n"
    )


def test_the_prepared_copy_is_taken_where_the_variable_leads_nowhere(copies, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(copies))
    assert load_cifar10().source == "the prepared TFDS copy"


def test_pictures_and_labels_are_those_that_were_written(copies, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copies))
    splits = load_cifar10()
    random = np.random.default_rng(0)
    written = {random.integers(0, 256, (32, 32, 3), np.uint8).tobytes(): i for i in range(40)}
    read = {}
    for part in (0, 2):
        assert splits[part].shape[1:] == (32, 32, 3)
        assert (splits[part].dtype, splits[part + 1].dtype) == (np.uint8, np.int64)
        for image, label in zip(splits[part], splits[part + 1], strict=True):
            read[image.tobytes()] = label
    assert read == {image: index % 10 for image, index in written.items()}


def test_fine_and_coarse_labels_come_with_their_names_and_the_same_split(copies, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(copies))
    fine, coarse = load_cifar100(), load_cifar100("coarse")
    np.testing.assert_array_equal(fine.validation_images, coarse.validation_images)
    assert (len(fine.class_names), len(coarse.class_names)) == (100, 20)
    together = {
        (int(a), int(b)) for part in (1, 3) for a, b in zip(fine[part], coarse[part], strict=True)
    }
    assert together == {((index * 3) % 100, index % 20) for index in range(40)}


def test_unknown_label_mode_lists_the_two():
    with pytest.raises(ValueError, match="`label_mode` must be 'fine' or 'coarse'; got 'rough'"):
        load_cifar100("rough")


def test_error_lists_what_was_tried_and_three_ways_out():
    with pytest.raises(FileNotFoundError, match="CIFAR-10 is nowhere to be found") as caught:
        load_cifar10()
    message = str(caught.value)
    assert "CNNBOOK_DATA/tensorflow_datasets: the variable CNNBOOK_DATA is not set" in message
    assert "the prepared TFDS copy: no prepared cifar10 in" in message
    assert "a download through TFDS: the variable CNNBOOK_OFFLINE forbids it" in message
    assert "  3. use load_mnist() or load_fashion_mnist()" in message


def test_case_31_a_broken_copy_is_named_and_left_alone(copies, monkeypatch, tmp_path, unchanged):
    shutil.copytree(copies, tmp_path / "copy")
    record = next((tmp_path / "copy").rglob("cifar10-test.tfrecord*"))
    content = bytearray(record.read_bytes())
    content[500] ^= 255
    record.write_bytes(content)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "copy"))
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(record)))
    with (
        unchanged(tmp_path),
        pytest.raises(OSError, match=r"copy/cifar10 holds a TFDS copy that cannot be read"),
    ):
        load_cifar10()


TWO_AT_ONCE = """
import os, sys, time
import numpy as np
import tensorflow_datasets as tfds
from cnnbook.datasets import _places, cifar
_places.urllib.request.getproxies = lambda: {"https": "somewhere"}
real = tfds.builder
def builder(name, **keywords):
    made = real(name, **keywords)
    def examples():
        time.sleep(1)
        with open(sys.argv[1], "a") as log:
            log.write("made ")
        for index in range(20):
            picture = np.full((32, 32, 3), index, np.uint8)
            yield index, {"id": str(index), "image": picture, "label": 0}
    made._split_generators = lambda *_: {"train": examples(), "test": examples()}
    made.download_and_prepare = lambda: type(made).download_and_prepare(
        made, download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    return made
tfds.builder = builder
print(cifar.load_cifar10().source)
"""


@pytest.mark.slow
def test_case_29_of_two_downloads_at_once_one_works_and_both_succeed(tmp_path):
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path / "tfds")}
    environment.pop("CNNBOOK_OFFLINE")
    command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path / "log")]
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, text=True, **options) for _ in range(2)]
    for run in both:
        output, errors = run.communicate(timeout=120)
        assert "a download through TFDS" in output or "the prepared TFDS copy" in output, errors
    assert (tmp_path / "log").read_text() == "made made "  # train and test, once each


@pytest.mark.slow
def test_whole_cifar10_has_the_published_counts_and_names(real_data):
    splits = load_cifar10()
    assert [len(splits[i]) for i in (0, 2, 4)] == [45_000, 5_000, 10_000]
    assert list(np.bincount(splits.test_labels)) == [1_000] * 10
    names = real_data / "tensorflow_datasets/cifar10/3.0.2/label.labels.txt"
    assert tuple(names.read_text().split()) == splits.class_names
    means = np.concatenate([splits.train_images, splits.validation_images]).mean((0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.49140, 0.48216, 0.44653], atol=1e-4)


def test_class_names_of_cifar100_are_sorted_and_distinct_as_published():
    assert len(set(cifar.FINE_CLASSES)) == 100
    assert list(cifar.FINE_CLASSES) == sorted(cifar.FINE_CLASSES)
    assert len(set(cifar.COARSE_CLASSES)) == 20
    assert list(cifar.COARSE_CLASSES) == sorted(cifar.COARSE_CLASSES)
