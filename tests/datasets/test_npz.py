"""npz files: cases 9 to 11 of the bad data."""

import io
import math
import zipfile

import numpy as np
import pytest

from cnnbook.datasets.npz import load_npz

IMAGES = np.arange(400, dtype=np.uint8).reshape(10, 40)


@pytest.fixture
def good(tmp_path):
    np.savez(tmp_path / "good.npz", x_train=IMAGES, y_train=np.arange(10))
    return tmp_path / "good.npz"


def header(shape, dtype="|u1"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def write(path, content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_numpy_saved_them(tmp_path, save):
    save(tmp_path / "a.npz", x=IMAGES, y=IMAGES.astype("float32").T, z=np.float64(3))
    arrays = load_npz(tmp_path / "a.npz", ["x", "y", "z"])
    np.testing.assert_array_equal(arrays["x"], IMAGES)
    np.testing.assert_array_equal(arrays["y"], IMAGES.T)
    assert arrays["z"] == 3


BROKEN = {
    "truncated": (
        lambda content: content[:-30],
        ".npz file that can be read: File is not a zip",
    ),
    "empty": (lambda content: b"", r"is empty \(0 bytes\)"),
    "text": (lambda content: b"x_train, y_train\n", "looks like text or a web page"),
    "html": (lambda content: b"<html>404</html>", "looks like text or a web page"),
    "crc": (
        lambda content: content.replace(IMAGES.tobytes()[:40], b"\xff" * 40),
        "Bad CRC-32 for file 'x_train.npy'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_case_9_a_damaged_file_is_named(good, kind, unchanged):
    spoil, words = BROKEN[kind]
    content = good.read_bytes()
    good.write_bytes(spoil(content))
    assert good.read_bytes() != content
    with pytest.raises((zipfile.BadZipFile, EOFError, ValueError)):
        dict(np.load(good))
    with unchanged(good.parent), pytest.raises(OSError, match=f"good.npz.*{words}.*again"):
        load_npz(good, ["x_train"])


def test_case_9_a_missing_key_lists_those_that_are_there(good, unchanged):
    with np.load(good) as arrays, pytest.raises(KeyError):
        arrays["x_test"]
    with (
        unchanged(good.parent),
        pytest.raises(OSError, match="lacks x_test; it holds x_train, y_train"),
    ):
        load_npz(good, ["x_train", "x_test"])


def test_case_9_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.npz is no file that exists"):
        load_npz(tmp_path / "none.npz", ["x"])


def test_case_10_python_objects_are_refused_and_not_run(tmp_path, unchanged):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    stream = io.BytesIO()
    np.save(stream, np.array([Trap()], dtype=object))
    path = write(tmp_path / "bad.npz", stream.getvalue())
    with np.load(path, allow_pickle=True) as arrays:
        arrays["x_train"][0].close()
    assert (tmp_path / "trapped").exists()  # that is what it does where pickles are allowed
    (tmp_path / "trapped").unlink()
    with unchanged(tmp_path), pytest.raises(OSError, match="holds Python objects"):
        load_npz(path, ["x_train"])


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2**40, 2**20), "declares 1,152,921,504,606,846,976 bytes and stores"),
        ((1000,), "declares 1,000 bytes; its entry holds fewer"),
        ((5,), "goes on after its 5 bytes"),
    ],
)
def test_case_11_a_shape_that_the_file_cannot_hold_is_refused(tmp_path, shape, words, unchanged):
    path = write(tmp_path / "bad.npz", header(shape) + bytes(10))
    with zipfile.ZipFile(path) as archive:  # NumPy would allocate, or leave the rest unread
        body = archive.getinfo("x_train.npy").file_size - len(header(shape))
    assert math.prod(shape) != body == 10
    with unchanged(tmp_path), pytest.raises(OSError, match=words):
        load_npz(path, ["x_train"])
