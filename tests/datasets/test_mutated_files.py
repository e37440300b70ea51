"""Good files of every kind, damaged at random: our own errors alone come out, soon and small.

Hypothesis flips bytes, cuts, repeats and swaps stretches, and makes names from all of Unicode. An
example that takes more than ten seconds fails, and so does a run that takes more than 1 GB.
"""

import contextlib
import gzip
import io
import os
import resource
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnbook.datasets._listing import is_hidden
from cnnbook.datasets.cats_vs_dogs_archive import prepare_cats_vs_dogs
from cnnbook.datasets.image_folder import load_image_folder, read_image
from cnnbook.datasets.mapping_file import load_mapping_file
from cnnbook.datasets.mnist import read_idx

pytestmark = pytest.mark.slow  # hundreds of damaged files

NOISE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def picture(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind, **options)
    return stream.getvalue()


def archive():
    """A zip file of four photos as Kaggle names them, two of each class."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for label in ("cat", "dog"):
            for number in range(2):
                file.writestr(f"train/{label}.{number}.jpg", picture("JPEG"))
    return stream.getvalue()


IDX = bytes([0, 0, 8, 3, *(0, 0, 0, 3), *(0, 0, 0, 24), *(0, 0, 0, 24)]) + NOISE.tobytes()
EXIF = Image.Exif()
EXIF[0x0112] = 6


def unpack(path):
    prepare_cats_vs_dogs(path, path.parent / "out", train=1, test=1)
    shutil.rmtree(path.parent / "out")


def read_mapping(path):
    (path.parent / "a.png").write_bytes(picture("PNG"))
    load_mapping_file(path, (4, 4))


KINDS = {
    "a.jpg": (picture("JPEG", exif=EXIF), read_image),
    "progressive.jpg": (picture("JPEG", progressive=True), read_image),
    "a.png": (picture("PNG", exif=EXIF), read_image),
    "a.gif": (picture("GIF"), read_image),
    "a.bmp": (picture("BMP"), read_image),
    "a.webp": (picture("WEBP", exif=EXIF), read_image),
    "a.zip": (archive(), unpack),
    "a-idx3.gz": (gzip.compress(IDX), read_idx),
    "map.txt": (b"a.png\t0\n./a.png\t1\n", read_mapping),
}


@st.composite
def damaged(draw, content):
    """The content after one to four damages."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        size = len(content)
        kind = draw(st.sampled_from(["flip", "cut", "drop", "swap", "repeat", "set", "insert"]))
        start = draw(st.integers(0, max(size - 1, 0)))
        length = draw(st.integers(1, 40))
        if not size:
            break
        if kind == "flip":
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del content[start:]
        elif kind == "drop":
            del content[start : start + length]
        elif kind == "repeat":
            content[start:start] = content[start : start + length]
        elif kind == "set":
            content[start : start + 4] = draw(
                st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f" * 4])
            )
        elif kind == "insert":
            content[start:start] = draw(st.binary(max_size=20))
        else:
            other = draw(st.integers(0, size - 1))
            content[start], content[other] = content[other], content[start]
    return bytes(content)


def must_be_ours(error, name=""):
    """One line, printable, with the name of the file."""
    message = str(error)
    assert name in message, repr(error)
    assert "\n" not in message, repr(error)
    assert message.encode("utf-8")


def check(name, content):
    """Read the file; an error must be ours: an OSError or ValueError of one line with the path."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, name)
        path.write_bytes(content)
        present = set(path.parent.iterdir())
        try:
            KINDS[name][1](path)
        except (OSError, ValueError) as error:
            must_be_ours(error, name)
        assert set(path.parent.iterdir()) - {path.parent / "a.png"} == present - {
            path.parent / "a.png"
        }
        assert path.read_bytes() == content
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST["kilobytes"] + 1_000_000


MOST = {}


@pytest.fixture(scope="module", autouse=True)
def _memory_that_earlier_tests_of_this_process_took():
    MOST["kilobytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


BOUNDED = {
    "deadline": 10_000,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def examine(name, examples):
    @settings(max_examples=examples, **BOUNDED)
    @given(damaged(KINDS[name][0]))
    def run(content):
        check(name, content)

    run()


@pytest.mark.parametrize("name", KINDS)
def test_the_undamaged_file_is_read(name, tmp_path):
    content, read = KINDS[name]
    (tmp_path / name).write_bytes(content)
    # The two lines of the mapping file name one picture: that one is an error already.
    expected = pytest.raises(OSError, match="already") if name == "map.txt" else None
    with expected or contextlib.nullcontext():
        read(tmp_path / name)


@pytest.mark.parametrize("name", KINDS)
def test_damage_gives_our_errors_alone(name):
    examine(name, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_much_damage_gives_our_errors_alone(name):
    examine(name, 300)


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=60
)


def encoded(name):
    """The bytes of a name on a disk: half of a surrogate pair becomes a byte that is no text."""
    return name.encode("utf-8", "surrogatepass")[:255]


@settings(max_examples=60, **BOUNDED)
@example(folder="__MACOSX", file="0", good=True)
@example(folder=".a", file="0", good=True)
@given(folder=NAMES, file=NAMES, good=st.booleans())
def test_names_from_all_of_unicode_give_pictures_or_our_errors(folder, file, good):
    with tempfile.TemporaryDirectory() as root:
        base = root.encode() + b"/"
        name = encoded(folder)
        if name in (b".", b".."):
            return
        other = b"other" if name != b"other" else b"another"
        for place in (name, other):
            Path((base + place).decode("utf-8", "surrogateescape")).mkdir()
        content = picture("PNG") if good else b"no picture"
        for place in (name + b"/" + encoded(file)[:250] + b".png", other + b"/1.png"):
            Path((base + place).decode("utf-8", "surrogateescape")).write_bytes(content)
        try:
            images, labels, class_names = load_image_folder(root, (4, 4))
            assert (len(images), list(labels), len(class_names)) == (2, [0, 1], 2)
            assert good
        except (OSError, ValueError) as error:
            must_be_ours(error)
            assert not good or is_hidden(os.fsdecode(name)) or file.startswith(".")


@settings(max_examples=60, **BOUNDED)
@given(names=st.lists(NAMES, min_size=1, max_size=4))
def test_archives_of_any_names_are_read_or_refused_and_stay_inside(names):
    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(root, "a.zip")
        path.write_bytes(archive())
        try:
            with zipfile.ZipFile(path, "a") as file:
                for name in names:
                    file.writestr(zipfile.ZipInfo(name), b"x")
        except UnicodeEncodeError:
            return  # half of a surrogate pair has no place in a zip file
        try:
            prepare_cats_vs_dogs(path, Path(root, "out"), train=1, test=1)
        except OSError as error:
            must_be_ours(error, "a.zip")
            assert [each.name for each in Path(root).iterdir()] == ["a.zip"]
        else:
            assert len(list(Path(root, "out").rglob("*.jpg"))) == 4
            assert {each.name for each in Path(root).iterdir()} == {"a.zip", "out"}


@settings(max_examples=100, **BOUNDED)
@given(text=st.text(max_size=200))
def test_mapping_files_of_any_text_give_our_errors(text):
    check("map.txt", text.encode("utf-8", "surrogatepass"))
