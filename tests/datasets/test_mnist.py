"""MNIST and Fashion-MNIST: which source is taken, what is said, and what a broken file gets."""

import gzip
import hashlib
import json
import math
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from filelock import FileLock, Timeout
from tensorflow_datasets.core.utils import file_utils

from cnnbook import _machine
from cnnbook.datasets import _places, mnist
from cnnbook.datasets.mnist import FILES, load_fashion_mnist, load_mnist, read_idx

DATA = Path(__file__).parents[2] / "data"
SMALL_SETS = [(load_mnist, (7_500, 1_000, 1_500)), (load_fashion_mnist, (9_000, 1_000, 2_000))]


@pytest.fixture(autouse=True)
def nothing_prepared(monkeypatch, tmp_path):
    """No test sees the copies of the machine it runs on."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing_here"))


def write_idx(path, array, rank=None):
    """The format of the published files, written here a second time."""
    header = bytes([0, 0, 8, rank or array.ndim])
    header += b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))


@pytest.fixture
def tiny_set(monkeypatch, tmp_path):
    """A folder with 30 training and 10 test digits, taken for the published files."""
    random = np.random.default_rng(7)
    arrays = []
    for file, count in zip(FILES, (30, 30, 10, 10), strict=True):
        shape = (count, 28, 28) if "idx3" in file else (count,)
        arrays.append(random.integers(0, 10, shape, np.uint8))
        write_idx(tmp_path / "mnist" / file, arrays[-1])
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))
    take_for_published(monkeypatch, tmp_path / "mnist")
    return tmp_path / "mnist", arrays


def take_for_published(monkeypatch, folder):
    content = [gzip.decompress((folder / file).read_bytes()) for file in FILES]
    checksums = tuple(hashlib.sha256(part).hexdigest() for part in content)
    monkeypatch.setitem(mnist.PUBLISHED, "mnist", checksums)


def write_tfds(root, train=20, test=6):
    """A copy as TFDS' own builder writes it, of random digits."""
    builder = tfds.builder("mnist", data_dir=root)

    def examples(count):
        random = np.random.default_rng(count)
        for index in range(count):
            picture = random.integers(0, 256, (28, 28, 1), np.uint8)
            yield index, {"image": picture, "label": index % 10}

    builder._split_generators = lambda *_: {"train": examples(train), "test": examples(test)}
    offline = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(download_config=offline)


# Sources, in order --------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "counts"), SMALL_SETS)
def test_the_embedded_copy_is_the_last_resort_and_says_so(load, counts, capsys):
    splits = load()
    line = capsys.readouterr().out
    assert splits.source == "the embedded copy"
    assert "from the embedded copy" in line
    assert f"{counts[0]:,} training, {counts[1]:,} validation and {counts[2]:,} test" in line
    assert (len(splits.train_images), len(splits.validation_images)) == counts[:2]
    assert len(splits.test_images) == counts[2]


def test_idx_files_under_the_variable_come_before_everything_else(tiny_set, tmp_path, capsys):
    _, arrays = tiny_set
    write_tfds(tmp_path)
    splits = load_mnist()
    assert splits.source == "CNNBOOK_DATA/mnist"
    assert "MNIST from CNNBOOK_DATA/mnist: 24 training, 6 validation and 10 test images." in (
        capsys.readouterr().out
    )
    np.testing.assert_array_equal(splits.test_images[..., 0], arrays[2])
    np.testing.assert_array_equal(splits.test_labels, arrays[3])


@pytest.mark.slow
@pytest.mark.parametrize("below", ["", "tensorflow_datasets"])
def test_a_tfds_folder_under_the_variable_comes_second(below, monkeypatch, tmp_path):
    write_tfds(tmp_path / "variable" / below)
    write_tfds(tmp_path / "prepared", train=10)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    splits = load_mnist()
    assert splits.source == "CNNBOOK_DATA/tensorflow_datasets"
    assert (len(splits.train_images), len(splits.test_images)) == (16, 6)


def test_a_prepared_tfds_copy_comes_third(monkeypatch, tmp_path):
    write_tfds(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert load_mnist().source == "the prepared TFDS copy"


def test_a_download_comes_before_the_embedded_copy(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {})
    asked = []
    connection = type("Connection", (), {"close": lambda self: None})
    monkeypatch.setattr(
        _places.socket,
        "create_connection",
        lambda address, timeout: asked.append((address, timeout)) or connection(),
    )
    builder = type("Builder", (), {"download_and_prepare": lambda self: write_tfds(tmp_path)})
    with monkeypatch.context() as patch:
        real = tfds.builder
        calls = []

        def first_ours(name, **keywords):
            calls.append(name)
            return builder() if len(calls) == 1 else real(name, **keywords)

        patch.setattr(tfds, "builder", first_ours)
        assert load_mnist().source == "a download through TFDS"
    assert asked == [(("storage.googleapis.com", 443), 5)]


def test_the_offline_variable_forbids_the_download(monkeypatch):
    def forbidden(*_, **__):
        raise RuntimeError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket, "socket", forbidden)
    assert load_mnist().source == "the embedded copy"


def test_the_splits_say_why_each_place_before_was_passed_by(tiny_set, monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert load_mnist().passed_by == ()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "empty"))
    assert load_mnist().passed_by == (
        "CNNBOOK_DATA/mnist: no folder with train-images-idx3-ubyte.gz and its three companions",
        f"CNNBOOK_DATA/tensorflow_datasets: no prepared mnist in {empty}/tensorflow_datasets",
        f"the prepared TFDS copy: no prepared mnist in {tmp_path}/nothing_here",
        "a download through TFDS: the variable CNNBOOK_OFFLINE forbids it",
    )


def test_case_28_what_a_killed_tfds_left_is_swept_after_a_day_under_the_lock(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {"https": "proxy"})
    with file_utils.incomplete_dir(tmp_path / "mnist" / "3.0.1") as name:
        old = Path(name)  # as TFDS calls it until it is complete
    (tmp_path / "mnist" / "3.0.1").rmdir()
    today, other = old.with_name("incomplete.TODAY0_3.0.1"), old.with_name("incomplete.notes")
    for folder in (old, today, other):
        (folder / "below").mkdir(parents=True)
        (folder / "below" / "file").write_text("half")
    for folder in (old, other):
        os.utime(folder, times=(time.time() - 25 * 3600,) * 2)
    seen = []

    class Builder:
        def download_and_prepare(self):
            with pytest.raises(Timeout):
                FileLock(tmp_path / ".mnist.lock", timeout=0).acquire()
            seen.extend(path.name for path in (tmp_path / "mnist").iterdir())
            raise ConnectionError

    monkeypatch.setattr(tfds, "builder", lambda *_, **__: Builder())
    assert load_mnist().passed_by[-1] == "a download through TFDS: it failed (ConnectionError: )"
    assert sorted(seen) == [today.name, other.name]
    assert (other / "below" / "file").read_text() == "half"


HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_case_30_the_lock_of_a_process_that_died_is_free(monkeypatch, tmp_path):
    lock = tmp_path / ".mnist.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Timeout):
        FileLock(lock, timeout=0).acquire()
    holder.kill()
    holder.communicate(timeout=60)
    builder = type("Builder", (), {"download_and_prepare": lambda self: 1 / 0})
    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {"https": "proxy"})
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: builder())
    assert "it failed (ZeroDivisionError" in load_mnist().passed_by[-1]  # so it had its turn


def test_what_tfds_left_when_it_was_killed_is_no_copy(monkeypatch, tmp_path):
    write_tfds(tmp_path)
    (tmp_path / "mnist" / "3.0.1").rename(tmp_path / "mnist" / "incomplete.AB12_3.0.1")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert load_mnist().source == "the embedded copy"


def test_a_tilde_in_the_variable_is_the_home_folder(tiny_set, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CNNBOOK_DATA", "~")
    assert load_mnist().source == "CNNBOOK_DATA/mnist"


def test_case_27_without_a_home_folder_the_places_that_need_none_are_read(tiny_set, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user without an entry
    with pytest.raises(RuntimeError):
        Path.home()
    assert load_mnist().source == "CNNBOOK_DATA/mnist"
    monkeypatch.delenv("CNNBOOK_DATA")
    splits = load_mnist()
    assert splits.source == "the embedded copy"
    assert splits.passed_by[2] == "the prepared TFDS copy: Could not determine home directory."


# Nothing anywhere -----------------------------------------------------------------------------


def test_error_lists_what_was_tried_and_why_and_three_ways_out(monkeypatch, tmp_path):
    monkeypatch.setattr(_machine, "__file__", str(tmp_path / "project" / "mnist.py"))
    with pytest.raises(FileNotFoundError, match="MNIST is nowhere to be found") as caught:
        load_mnist()
    message = str(caught.value)
    reasons = [
        "CNNBOOK_DATA/mnist: the variable CNNBOOK_DATA is not set",
        "CNNBOOK_DATA/tensorflow_datasets: the variable CNNBOOK_DATA is not set",
        f"the prepared TFDS copy: no prepared mnist in {tmp_path / 'nothing_here'}",
        "a download through TFDS: the variable CNNBOOK_OFFLINE forbids it",
        "the embedded copy: this file was copied out of cnnbook",
    ]
    places = [message.index(f"  - {reason}") for reason in reasons]
    assert places == sorted(places)
    assert [f"  {number}. " in message for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_no_network_is_said_with_the_host_and_within_seconds(monkeypatch, tmp_path):
    def unreachable(address, timeout):
        assert timeout <= 10
        raise OSError("[Errno 101] Network is unreachable")

    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setattr(_machine, "__file__", str(tmp_path / "project" / "mnist.py"))
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {})
    monkeypatch.setattr(_places.socket, "create_connection", unreachable)
    with pytest.raises(FileNotFoundError, match=r"no network: storage.googleapis.com does not"):
        load_mnist()


@pytest.mark.parametrize("words", ["", "404\nfor the second time"])
def test_a_failed_download_is_one_reason_on_one_line(words, monkeypatch, tmp_path):
    class Builder:
        def download_and_prepare(self):
            raise ConnectionError(words)

    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setattr(_machine, "__file__", str(tmp_path / "project" / "mnist.py"))
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {"https": "proxy"})
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: Builder())
    with pytest.raises(FileNotFoundError) as caught:
        load_mnist()
    assert f"it failed (ConnectionError: {words[:3]})\n" in str(caught.value)


# Broken copies: named, never replaced by a smaller one ------------------------------------------


def case_1_cut_short(path):
    path.write_bytes(path.read_bytes()[:-9])


def case_3_wrong_crc(path):
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)


def case_3_trailing_garbage(path):
    path.write_bytes(path.read_bytes() + b"garbage")


def case_2_html(path):
    path.write_text("<html><title>404 Not Found</title></html>")


def case_2_html_after_a_gap(path):
    path.write_text("\n  <!DOCTYPE html>")


def case_6_one_image_less(path):
    header_and_body = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(header_and_body[:-784]))


def case_6_some_bytes_more(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"more"))


def case_7_absurd_sizes(path):
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:4] + b"\x80\0\0\0\x80\0\0\0\0\0\0\x01" + content[16:]))


def case_6_header_cut(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:10]))


def case_12_another_pixel(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(content))


def case_5_labels_for_images(path):
    shutil.copy(path.with_name(FILES[1]), path)


def case_4_empty(path):
    path.write_bytes(b"")


def case_21_bomb(path):
    path.write_bytes(gzip.compress(bytes(mnist.MAX_CONTENT + 1), compresslevel=1))


BROKEN = {
    case_21_bomb: "unpacks to more than 100,000,000 bytes",
    case_1_cut_short: "is cut short: .* bytes and no end",
    case_3_wrong_crc: "is no whole gzip file: CRC check failed",
    case_3_trailing_garbage: "is no whole gzip file",
    case_2_html: "is no whole gzip file: .* It looks like an HTML page",
    case_2_html_after_a_gap: "It looks like an HTML page",
    case_4_empty: r"is empty \(0 bytes\)",
    case_6_one_image_less: r"header promises 23,520 bytes \(\[30, 28, 28\]\); it holds 22,736",
    case_6_some_bytes_more: "header promises 23,520 bytes .* it holds 23,524",
    case_7_absurd_sizes: "header promises 4,611,686,018,427,387,904 bytes",
    case_6_header_cut: "ends within its header, after 10 bytes",
    case_12_another_pixel: "has the wrong checksum: SHA-256 of its content is [0-9a-f]{64}, exp",
    case_5_labels_for_images: r"begins with 0x00000801 \(labels\); expected 0x00000803 \(images\)",
}


def case_of(path, sha256):
    """The case of the bad data that a file of images is, by the standard library; 0 for none."""
    packed = path.read_bytes()
    try:
        content = gzip.decompress(packed)
    except EOFError:
        return 1
    except gzip.BadGzipFile:
        return 2 if packed.lstrip().startswith(b"<") else 3
    if len(content) > 100_000_000:
        return 21
    if not packed or content[:4] != struct.pack(">I", 0x803):
        return 5 if packed else 4
    sizes = struct.unpack(">3I", content[4:16]) if len(content) >= 16 else (0,)
    if max(sizes) >= 2**31 or math.prod(sizes) != len(content) - 16:
        return 7 if max(sizes) >= 2**31 else 6
    return 0 if hashlib.sha256(content).hexdigest() == sha256 else 12


@pytest.mark.parametrize(
    ("spoil", "words"), BROKEN.items(), ids=[spoil.__name__ for spoil in BROKEN]
)
def test_a_broken_file_is_named_with_what_is_wrong_and_what_to_do(
    spoil, words, tiny_set, unchanged
):
    folder, _ = tiny_set
    images, sha256 = folder / FILES[0], mnist.PUBLISHED["mnist"][0]
    load_mnist()  # good so far
    assert case_of(images, sha256) == 0
    spoil(images)
    assert case_of(images, sha256) == int(spoil.__name__.split("_")[1])
    with (
        unchanged(folder),
        pytest.raises(OSError, match=f"{FILES[0]}.*{words}.*Download it again"),
    ):
        load_mnist()


@pytest.mark.parametrize("file", FILES)
def test_case_17_half_a_file_is_found_out_on_every_use(tiny_set, unchanged, file):
    folder, _ = tiny_set
    load_mnist()
    (folder / file).write_bytes((folder / file).read_bytes()[: (folder / file).stat().st_size // 2])
    for _ in range(2):
        with unchanged(folder), pytest.raises(OSError, match=f"{file} is cut short"):
            load_mnist()


def header(path):
    """The numbers at the start of an idx file, as the standard library reads them."""
    return struct.unpack_from(">II", gzip.decompress(path.read_bytes()))


def test_case_5_swapped_images_and_labels_are_told_apart(tiny_set, unchanged):
    folder, _ = tiny_set
    images, labels = (folder / file for file in FILES[:2])
    images.rename(folder / "elsewhere")
    labels.rename(images)
    (folder / "elsewhere").rename(labels)
    assert (header(images)[0], header(labels)[0]) == (0x801, 0x803)
    with (
        unchanged(folder),
        pytest.raises(OSError, match=r"0x00000801 \(labels\); expected 0x00000803 .*swapped"),
    ):
        load_mnist()


def test_case_12_swapped_train_and_test_files_have_the_wrong_checksum(tiny_set, unchanged):
    folder, _ = tiny_set
    for kind in ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"):
        train, test = folder / f"train-{kind}", folder / f"t10k-{kind}"
        train.rename(folder / "elsewhere")
        test.rename(train)
        (folder / "elsewhere").rename(test)
    assert [header(folder / file)[1] for file in FILES] == [10, 10, 30, 30]
    with (
        unchanged(folder),
        pytest.raises(OSError, match=r"train-images.* has the wrong checksum"),
    ):
        load_mnist()


def test_case_8_image_and_label_counts_must_agree(tiny_set, monkeypatch, unchanged):
    folder, arrays = tiny_set
    write_idx(folder / FILES[1], arrays[1][:-1])
    take_for_published(monkeypatch, folder)
    assert [header(folder / file)[1] for file in FILES] == [30, 29, 10, 10]
    with (
        unchanged(folder),
        pytest.raises(OSError, match=r"train-images.* has 30 images and train-labels.* 29 labels"),
    ):
        load_mnist()


def test_a_missing_companion_is_named(tiny_set):
    folder, _ = tiny_set
    (folder / FILES[3]).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {FILES[3]}"):
        load_mnist()


def test_case_31_a_broken_tfds_copy_is_named(monkeypatch, tmp_path, unchanged):
    write_tfds(tmp_path)
    record = next(tmp_path.rglob("*train.tfrecord*"))
    record.write_bytes(record.read_bytes()[:-50])
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(record)))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with (
        unchanged(tmp_path),
        pytest.raises(OSError, match=r"mnist holds a TFDS copy that cannot be read \(DataLoss"),
    ):
        load_mnist()


def test_the_embedded_files_have_the_bytes_and_sums_of_the_manifest():
    manifest = json.loads((DATA / "manifest.json").read_text())
    present = {path.relative_to(DATA).as_posix() for path in DATA.glob("*/*.*")}
    assert present == set(manifest)
    for name, entry in manifest.items():
        content = (DATA / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            entry["bytes"],
            entry["sha256"],
        )


# What comes out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "counts"), SMALL_SETS)
def test_shapes_types_and_classes(load, counts):
    splits = load()
    for images, labels in zip(splits[0:6:2], splits[1:6:2], strict=True):
        assert images.shape == (len(labels), 28, 28, 1)
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert set(labels) == set(range(10))
        assert images.max() == 255
        assert images.min() == 0
        images[0] = 0  # the reader may write into them
    assert len(splits.class_names) == 10


@pytest.mark.parametrize(("load", "counts"), SMALL_SETS)
def test_classes_are_as_frequent_in_validation_as_in_training(load, counts):
    splits = load()
    in_validation = np.bincount(splits.validation_labels) / len(splits.validation_labels)
    in_training = np.bincount(splits.train_labels) / len(splits.train_labels)
    np.testing.assert_allclose(in_validation, in_training, rtol=0.2)


@pytest.mark.parametrize(("load", "counts"), SMALL_SETS)
def test_no_picture_is_in_two_parts(load, counts):
    train, validation, test = ({image.tobytes() for image in part} for part in load()[0:6:2])
    assert not train & validation
    assert not (train | validation) & test


def test_the_split_depends_on_the_pixels_alone(tiny_set, monkeypatch, tmp_path):
    folder, arrays = tiny_set
    first = load_mnist()
    order = np.random.default_rng(1).permutation(30)
    for file, array in zip(FILES[:2], arrays[:2], strict=True):
        write_idx(folder / file, array[order])
    take_for_published(monkeypatch, folder)
    again = load_mnist()
    assert {image.tobytes() for image in first.validation_images} == {
        image.tobytes() for image in again.validation_images
    }
    for splits in (first, again):  # and labels stay with their images
        by_pixels = {image.tobytes(): label for image, label in zip(*arrays[:2], strict=True)}
        for image, label in zip(splits.train_images, splits.train_labels, strict=True):
            assert by_pixels[image.tobytes()] == label


def test_equal_pictures_stay_together():
    random = np.random.default_rng(0)
    images = np.repeat(random.integers(0, 256, (10, 28, 28, 1), np.uint8), 7, axis=0)
    arrays = [images, np.zeros(70, np.uint8), images[:1], np.zeros(1, np.uint8)]
    splits = _places.split_and_announce("Repeated", "a test", arrays, ("one",))
    train, validation = ({image.tobytes() for image in part} for part in splits[0:3:2])
    assert (len(train), len(validation)) == (8, 2)
    assert len(splits.validation_images) == 14


def test_class_names_are_those_of_tfds(tmp_path):
    for name, ours in (("mnist", mnist.DIGITS), ("fashion_mnist", mnist.ARTICLES)):
        labels = tfds.builder(name, data_dir=tmp_path).info.features["label"]
        assert tuple(labels.names) == ours


def test_read_idx_reads_what_numpy_wrote(tmp_path):
    images = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    write_idx(tmp_path / "some-images-idx3-ubyte.gz", images)
    np.testing.assert_array_equal(read_idx(tmp_path / "some-images-idx3-ubyte.gz"), images)


# The whole sets ---------------------------------------------------------------------------------


def test_whole_mnist_has_the_published_counts(real_data):
    splits = load_mnist()
    assert splits.source == "CNNBOOK_DATA/mnist"
    assert [len(splits[i]) for i in (0, 2, 4)] == [55_000, 5_000, 10_000]
    assert list(splits.test_labels[:10]) == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counted = np.bincount(np.concatenate([splits.train_labels, splits.validation_labels]))
    assert list(counted) == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_the_embedded_digits_are_training_digits_with_their_labels(real_data, monkeypatch):
    whole = load_mnist()
    monkeypatch.delenv("CNNBOOK_DATA")
    small = load_mnist()
    label_of = {
        image.tobytes(): label
        for part in (0, 2)
        for image, label in zip(whole[part], whole[part + 1], strict=True)
    }
    for part in (0, 2, 4):
        for image, label in zip(small[part], small[part + 1], strict=True):
            assert label_of[image.tobytes()] == label


# Other names, other places, troubles of the machine ------------------------------------------


def rename_all(folder, name, unpack=True):
    for file in FILES:
        content = (folder / file).read_bytes()
        (folder / file).unlink()
        part, kind, rank, _ = file.removesuffix(".gz").split("-")
        path = folder / name.format(part=part, kind=kind, rank=rank)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.decompress(content) if unpack else content)


@pytest.mark.parametrize(
    ("name", "unpack"),
    [
        ("{part}-{kind}-{rank}-ubyte", True),
        ("{part}-{kind}.{rank}-ubyte", True),
        ("{part}-{kind}-{rank}-ubyte(1).gz", False),
        ("{part}-{kind}-{rank}-ubyte (1).gz", False),
        ("{part}-{kind}-{rank}-ubyte", False),  # packed, without the ending
        ("{part}-{kind}-{rank}-ubyte.gz", True),  # a browser unpacked it, and kept the name
        ("{part}-{kind}-{rank}-ubyte/{part}-{kind}.{rank}-ubyte", True),
        ("raw/{part}-{kind}-{rank}-ubyte", True),
    ],
)
def test_idx_files_are_read_whatever_programs_call_them(tiny_set, name, unpack):
    folder, arrays = tiny_set
    rename_all(folder, name, unpack)
    splits = load_mnist()
    assert splits.source == "CNNBOOK_DATA/mnist"
    np.testing.assert_array_equal(splits.test_images[..., 0], arrays[2])


def test_unpacked_files_are_checked_as_well(tiny_set):
    folder, _ = tiny_set
    rename_all(folder, "{part}-{kind}-{rank}-ubyte")
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x63")
    with pytest.raises(OSError, match="t10k-labels-idx1-ubyte has the wrong checksum"):
        load_mnist()
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(OSError, match=r"t10k-labels-idx1-ubyte: its header promises 10 bytes"):
        load_mnist()


@pytest.mark.parametrize("name", ["MNIST", "MNIST/raw"])
def test_the_folders_of_other_programs_are_found(tiny_set, tmp_path, name):
    folder, _ = tiny_set
    folder.rename(tmp_path / "moved")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "moved").rename(tmp_path / name)
    assert load_mnist().source == "CNNBOOK_DATA/mnist"


def test_the_variable_may_name_the_folder_itself_but_no_other_with_idx_files(tiny_set, monkeypatch):
    folder, _ = tiny_set
    monkeypatch.setenv("CNNBOOK_DATA", str(folder))
    assert load_mnist().source == "CNNBOOK_DATA/mnist"
    with pytest.raises(OSError, match="CNNBOOK_DATA names .*mnist, which holds idx files itself"):
        load_fashion_mnist()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("no folder")])
def test_a_variable_that_names_no_folder_is_an_error_and_no_small_copy(monkeypatch, tmp_path, make):
    make(tmp_path / "dta")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "dta"))
    with pytest.raises(OSError, match=r"^CNNBOOK_DATA/mnist: .*dta cannot be used \(N.*_DATA, "):
        load_mnist()


def test_a_folder_that_may_not_be_read_is_an_error_and_no_small_copy(tiny_set, monkeypatch):
    folder, _ = tiny_set
    really = Path.iterdir

    def refuse(path):
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(PermissionError):
        load_mnist()
    monkeypatch.delenv("CNNBOOK_DATA")
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder.parent))
    with pytest.raises(PermissionError):
        load_mnist()


def test_a_relative_path_means_the_same_in_the_folder_and_below_it(tiny_set, monkeypatch, tmp_path):
    """Chapters run in notebooks/, the command line in the folder above."""
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    monkeypatch.setenv("CNNBOOK_DATA", "..")
    (tmp_path / "data").mkdir()
    (tmp_path / "mnist").rename(tmp_path / "data" / "mnist")
    monkeypatch.setenv("CNNBOOK_DATA", "../data")
    for place in ("project", "project/notebooks"):
        monkeypatch.chdir(tmp_path / place)
        assert load_mnist().source == "CNNBOOK_DATA/mnist"


def test_an_empty_variable_is_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _places.tfds_folder() == tmp_path / "tensorflow_datasets"


def test_a_file_that_may_not_be_read_is_not_called_damaged(tiny_set, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"train-images.* cannot be read now") as caught:
        load_mnist()
    assert caught.value.errno == 13


@pytest.mark.parametrize("error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "")])
def test_too_little_memory_is_no_fault_of_a_tfds_copy(monkeypatch, tmp_path, error):
    write_tfds(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(tfds, "load", refuse)
    with pytest.raises(MemoryError, match="not enough memory to read"):
        load_mnist()


def test_a_download_that_failed_is_told_beside_the_small_copy(monkeypatch, capsys):
    builder = type("Builder", (), {"download_and_prepare": lambda self: 1 / 0})
    monkeypatch.delenv("CNNBOOK_OFFLINE")
    monkeypatch.setattr(_places.urllib.request, "getproxies", lambda: {"https": "proxy"})
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: builder())
    assert load_mnist().source == "the embedded copy"
    assert "images. (a download through TFDS: it failed (Zero" in capsys.readouterr().out
