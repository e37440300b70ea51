"""MNIST and Fashion-MNIST: which copy is here, and is it whole?

Looks in the folder that CNNBOOK_DATA names (for idx files, or a copy of TensorFlow Datasets),
where TensorFlow Datasets (TFDS) keeps its own, downloads through TFDS unless CNNBOOK_OFFLINE is
set, and falls back to the small copy that comes with the book. A copy that is found but broken is
an error: it is never quietly replaced by a smaller one.

Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits"; Xiao, Rasul & Vollgraf
(2017), "Fashion-MNIST: a Novel Image Dataset", https://arxiv.org/abs/1708.07747.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import re
import zlib
from pathlib import Path

import numpy as np

from cnnbook._checks import checked
from cnnbook._machine import embedded_file, not_the_file
from cnnbook.datasets._places import (
    ImageSplits,
    NotHereError,
    data_folder,
    first_available,
    inside,
    split_and_announce,
    tfds_places,
)

DIGITS = tuple("0123456789")
ARTICLES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FILES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)
# As programs that unpack and browsers call them: train-images.idx3-ubyte, train-...-ubyte(1).gz.
IDX = re.compile(r"(train|t10k)-(images|labels)[-.](idx[13])-ubyte\W?(?:\(?\d+\)?)?(?:\.gz)*", re.I)
MAX_CONTENT = 100_000_000  # bytes; the largest file unpacks to 47 million
# SHA-256 of what the four published files unpack to, in the order of FILES.
PUBLISHED = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion_mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
KINDS = {"00000801": "labels", "00000803": "images"}
WAYS_OUT = (
    "put the four idx files into a folder {name}/ and set CNNBOOK_DATA to its parent",
    "go online, unset CNNBOOK_OFFLINE, and run: cnnbook data prepare {name}",
    "take the folder data/ of the cnnbook repository along: it has {title} embedded",
)
HOSTS = {
    "mnist": "storage.googleapis.com",
    "fashion_mnist": "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
}


@checked
def load_mnist() -> ImageSplits:
    """Load handwritten digits, and say where from.

    Returns:
        Images (count, 28, 28, 1) uint8, white on black; labels 0 to 9. The whole set has 55,000
        training, 5,000 validation (chosen by content, the same on every machine) and the 10,000
        official test images; the embedded one, of training images alone, 7,500 / 1,000 / 1,500.

    Raises:
        FileNotFoundError: If no copy is to be had; lists every place tried.
        OSError: If a copy is broken: names the file and what is wrong with it.
    """
    return _load_checked("mnist", "MNIST", DIGITS)


@checked
def load_fashion_mnist() -> ImageSplits:
    """Load pictures of clothes, and say where from; as `load_mnist` in everything else.

    The embedded copy has the first 1,000 training and 200 test images of each class:
    9,000 training, 1,000 validation and 2,000 test images.
    """
    return _load_checked("fashion_mnist", "Fashion-MNIST", ARTICLES)


def _load_checked(name: str, title: str, class_names: tuple[str, ...]) -> ImageSplits:
    places = {
        f"CNNBOOK_DATA/{name}": lambda: _read_below_data(name),
        **tfds_places(name, HOSTS[name]),
        "the embedded copy": lambda: _read_embedded(name),
    }
    ways_out = [way.format(name=name, title=title) for way in WAYS_OUT]
    source, arrays, passed_by = first_available(f"{title} is", places, ways_out)
    return split_and_announce(title, source, arrays, class_names, passed_by)


@checked
def read_idx(path: str | Path, expected_sha256: str | None = None) -> np.ndarray:
    """Read one idx file of unsigned bytes, packed (.gz) or not, and check all that can be checked.

    Args:
        path: A file whose name says "idx3" (images) or "idx1" (labels).
        expected_sha256: Checksum of the unpacked content; None skips only this check.

    Returns:
        (count, height, width) or (count,) uint8.

    Raises:
        OSError: If the file is damaged, or is not what its name, header or checksum says. Where a
            permission or a disk is to blame, the error has an `errno`.
    """
    path, again = Path(path), "Download it again, or restore it from a backup."
    try:
        packed = path.read_bytes()
    except (OSError, MemoryError, ValueError) as error:
        raise not_the_file(error, path) or error from error
    if not packed:
        raise OSError(f"{path} is empty (0 bytes). {again}")
    # Browsers unpack, and leave the name as it was.
    is_packed = packed.startswith(b"\x1f\x8b") or not (packed[0] == 0 or path.suffix != ".gz")
    try:
        stream = io.BytesIO(packed)
        content = (gzip.GzipFile(fileobj=stream) if is_packed else stream).read(MAX_CONTENT + 1)
    except EOFError:
        raise OSError(f"{path} is cut short: {len(packed):,} bytes and no end. {again}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        looks = " It looks like an HTML page." if packed.lstrip()[:1] == b"<" else ""
        raise OSError(f"{path} is no whole gzip file: {error}.{looks} {again}") from None
    if len(content) > MAX_CONTENT:
        raise OSError(f"{path} unpacks to more than {MAX_CONTENT:,} bytes. {again}")
    rank = 3 if "idx3" in path.name.lower() else 1
    magic, expected = content[:4].hex(), f"0000080{rank}"
    if magic != expected:
        found = f"0x{magic} ({KINDS.get(magic, 'neither images nor labels')})"
        wanted = f"0x{expected} ({KINDS[expected]}). Were files swapped?"
        raise OSError(f"{path} begins with {found}; expected {wanted} {again}")
    if len(content) < 4 + 4 * rank:
        raise OSError(f"{path} ends within its header, after {len(content)} bytes. {again}")
    shape = [int.from_bytes(content[at : at + 4]) for at in range(4, 4 + 4 * rank, 4)]
    body = memoryview(content)[4 + 4 * rank :]
    if len(body) != math.prod(shape):
        promised = f"{math.prod(shape):,} bytes ({shape}); it holds {len(body):,}"
        raise OSError(f"{path}: its header promises {promised}. {again}")
    found = hashlib.sha256(content).hexdigest()
    if expected_sha256 not in (None, found):
        sums = f"SHA-256 of its content is {found}, expected {expected_sha256}"
        raise OSError(f"{path} has the wrong checksum: {sums}. {again}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_below_data(name: str) -> list[np.ndarray]:
    """Read the four files from a folder such as mnist, MNIST/raw or Fashion-MNIST."""
    folder = data_folder()
    paths = [folder, *inside(folder)]
    alike = [
        path for path in paths if re.sub(r"[\W_]", "", path.name.lower()) == name.replace("_", "")
    ]
    if not alike and any(IDX.fullmatch(path.name) for path in paths):
        words = f"CNNBOOK_DATA names {folder}, which holds idx files itself"
        raise OSError(f"{words}. It must name the folder that has folders such as mnist in it.")
    return _read_four(alike or [folder / name], PUBLISHED[name])


def _read_four(folders: list[Path], checksums: tuple[str, ...]) -> list[np.ndarray]:
    folder, files = folders[0], dict[str, Path]()
    paths = [path for each in folders if inside(each) for path in each.rglob("*")]
    for path in sorted(paths, key=lambda path: (len(path.parts), path.name not in FILES, path)):
        if (match := IDX.fullmatch(path.name)) and path.is_file():
            files.setdefault(f"{match[1]}-{match[2]}-{match[3]}-ubyte.gz".lower(), path)
    missing = [file for file in FILES if file not in files]
    if len(missing) == len(FILES):
        raise NotHereError(f"no folder with {FILES[0]} and its three companions")
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; add or remove the others.")
    arrays = [read_idx(files[file], sha) for file, sha in zip(FILES, checksums, strict=True)]
    counts = [f"{file} has {len(array):,}" for file, array in zip(FILES, arrays, strict=True)]
    for place in (0, 2):
        if len(arrays[place]) != len(arrays[place + 1]):
            found = f"{counts[place]} images and {counts[place + 1]} labels"
            raise OSError(f"{folder}: {found}; download both again.")
    return [array[..., None] if array.ndim == 3 else array for array in arrays]


def _read_embedded(name: str) -> list[np.ndarray]:
    try:
        listing = embedded_file("manifest.json")
    except FileNotFoundError:
        words = "this file was copied out of cnnbook, and its data/ was not"
        raise NotHereError(words) from None
    manifest = json.loads(listing.read_text(encoding="utf-8"))
    checksums = tuple(manifest[f"{name}/{file}"]["content_sha256"] for file in FILES)
    return _read_four([listing.parent / name], checksums)
