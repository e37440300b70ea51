"""CIFAR's own files, and case 32: a pickle that would run a program."""

import os
import pickle
import resource

import numpy as np
import pytest

from cnnbook.datasets.cifar_batches import read_cifar_batch

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3072), np.uint8)


def write(path, batch, protocol=2):
    path.write_bytes(pickle.dumps(batch, protocol=protocol))
    return path


def batch(**changes):
    return {b"data": PIXELS, b"labels": [3, 1, 4, 1, 5], b"batch_label": b"one"} | changes


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pixels_are_planes_of_red_green_and_blue(tmp_path, protocol):
    images, labels = read_cifar_batch(write(tmp_path / "data_batch_1", batch(), protocol))
    assert images.shape == (5, 32, 32, 3)
    assert images[2, 0, 1, 0] == PIXELS[2, 1]
    assert images[2, 1, 0, 1] == PIXELS[2, 1024 + 32]
    assert images[2, 31, 31, 2] == PIXELS[2, 3071]
    assert list(labels) == [3, 1, 4, 1, 5]


class Trap:
    """Unpickling this makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_case_32_a_malicious_pickle_is_not_run(tmp_path, unchanged):
    path = write(tmp_path / "data_batch_1", batch(trap=Trap(tmp_path / "trapped")))
    pickle.loads(path.read_bytes())
    assert (tmp_path / "trapped").is_dir()  # so it is bad
    (tmp_path / "trapped").rmdir()
    with unchanged(tmp_path), pytest.raises(OSError, match=r"asks for posix.mkdir, which is not"):
        read_cifar_batch(path)


def is_a_batch(content):
    """Tell it by Python's own unpickler; these contents do no harm."""
    try:
        batch = pickle.loads(content, encoding="bytes")
        return len(batch[b"data"]) == len(batch[b"labels"])
    except (EOFError, TypeError, KeyError, pickle.UnpicklingError):
        return False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has 0 bytes"),
        (pickle.dumps([1, 2]), "it is no dictionary with data and labels"),
        (pickle.dumps({b"data": PIXELS}), "it is no dictionary with data and labels"),
        (pickle.dumps({b"data": PIXELS, b"labels": [1]}, 2), r"uint8 of shape \(5, 3072\)"),
        (pickle.dumps(batch(), 2)[:-9], "data_batch_1 is no CIFAR batch that can be read"),
        (b"<html>", "data_batch_1 is no CIFAR batch that can be read"),
    ],
)
def test_case_32_other_content_is_refused(tmp_path, content, words, unchanged):
    (tmp_path / "data_batch_1").write_bytes(content)
    assert not is_a_batch(content)
    assert is_a_batch(pickle.dumps(batch(), 2))
    with unchanged(tmp_path), pytest.raises(OSError, match=words):
        read_cifar_batch(tmp_path / "data_batch_1")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="test_batch is no file that exists"):
        read_cifar_batch(tmp_path / "test_batch")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x02K\x01r\x00\x00\x00\x0a.", "it is no dictionary"),  # value number 167,772,160
        (b"\x80\x05\x96" + (300_000_000).to_bytes(8, "little"), "EOFError"),  # a bytearray
    ],
)
def test_a_few_bytes_cannot_take_gigabytes(tmp_path, content, words):
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OSError, match=words):
        read_cifar_batch(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000
