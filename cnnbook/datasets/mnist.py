"""MNIST and Fashion-MNIST: which copy is here, and is it whole?

Looks, in this order, in the folder that the variable CNNBOOK_DATA names (idx .gz files, or a
TensorFlow Datasets folder), in the prepared copy of TensorFlow Datasets (TFDS), downloads through
TFDS unless CNNBOOK_OFFLINE is set, and falls back to the small copy that comes with the book. A
copy that is found but broken is an error: it is never quietly replaced by a smaller one.

Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits"; Xiao, Rasul & Vollgraf
(2017), "Fashion-MNIST: a Novel Image Dataset", https://arxiv.org/abs/1708.07747.

This file stands alone: copy it, it needs only NumPy, and tensorflow-datasets
and filelock for TFDS copies.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import shutil
import socket
import time
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

DIGITS = tuple("0123456789")
ARTICLES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FILES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)
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
    "put the four idx .gz files into a folder {name}/ and set CNNBOOK_DATA to its parent",
    "go online, unset CNNBOOK_OFFLINE, and run: cnnbook data prepare {name}",
    "take the folder data/ of the cnnbook repository along: it has {title} embedded",
)
HOSTS = {
    "mnist": "storage.googleapis.com",
    "fashion_mnist": "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
}


def load_mnist() -> ImageSplits:
    """Load handwritten digits, and say where from.

    Returns:
        Images (count, 28, 28, 1) uint8, white on black; labels 0 to 9. The whole set has 55,000
        training, 5,000 validation and the 10,000 official test images; the embedded one, drawn
        from the first 10,000 training images, 7,500 / 1,000 / 1,500. The validation images are
        chosen by their content, so they are the same on every machine and from every source.

    Raises:
        FileNotFoundError: If no copy is to be had; lists every place tried.
        OSError: If a copy is broken: names the file and what is wrong with it.
    """
    return _load_checked("mnist", "MNIST", DIGITS)


def load_fashion_mnist() -> ImageSplits:
    """Load pictures of clothes, and say where from; as `load_mnist` in everything else.

    The embedded copy has the first 1,000 training and 200 test images of each class:
    9,000 training, 1,000 validation and 2,000 test images.
    """
    return _load_checked("fashion_mnist", "Fashion-MNIST", ARTICLES)


def _load_checked(name: str, title: str, class_names: tuple[str, ...]) -> ImageSplits:
    places = {
        f"CNNBOOK_DATA/{name}": lambda: _read_folder(name),
        **tfds_places(name, HOSTS[name]),
        "the embedded copy": lambda: _read_embedded(name),
    }
    ways_out = [way.format(name=name, title=title) for way in WAYS_OUT]
    source, arrays, passed_by = first_available(title, places, ways_out)
    return split_and_announce(title, source, arrays, class_names)._replace(passed_by=passed_by)


def read_idx(path: Path, expected_sha256: str | None = None) -> np.ndarray:
    """Read one idx .gz file of unsigned bytes, and check all that can be checked.

    Args:
        path: A file whose name says "idx3" (images) or "idx1" (labels).
        expected_sha256: Checksum of the unpacked content; None skips only this check.

    Returns:
        (count, height, width) or (count,) uint8.

    Raises:
        OSError: If the file is empty, no gzip file, cut short, damaged, of another kind than its
            name says, of another length than its header says, or has another checksum.
    """
    packed = path.read_bytes()
    again = "Download it again, or restore it from a backup."
    if not packed:
        raise OSError(f"{path} is empty (0 bytes). {again}")
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MAX_CONTENT + 1)
    except EOFError:
        raise OSError(f"{path} is cut short: {len(packed):,} bytes and no end. {again}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        looks = " It looks like an HTML page." if packed.lstrip()[:1] == b"<" else ""
        raise OSError(f"{path} is no whole gzip file: {error}.{looks} {again}") from None

    if len(content) > MAX_CONTENT:
        raise OSError(f"{path} unpacks to more than {MAX_CONTENT:,} bytes. {again}")
    rank = 3 if "idx3" in path.name else 1
    magic, expected_magic = content[:4].hex(), f"0000080{rank}"
    if magic != expected_magic:
        raise OSError(
            f"{path} begins with 0x{magic} ({KINDS.get(magic, 'neither images nor labels')});"
            f" expected 0x{expected_magic} ({KINDS[expected_magic]}). Were files swapped? {again}"
        )
    if len(content) < 4 + 4 * rank:
        raise OSError(f"{path} ends within its header, after {len(content)} bytes. {again}")
    shape = [int.from_bytes(content[at : at + 4]) for at in range(4, 4 + 4 * rank, 4)]
    body = memoryview(content)[4 + 4 * rank :]
    if len(body) != math.prod(shape):
        raise OSError(
            f"{path}: its header promises {math.prod(shape):,} bytes ({shape}); it holds"
            f" {len(body):,}. {again}"
        )
    found = hashlib.sha256(content).hexdigest()
    if expected_sha256 not in (None, found):
        raise OSError(
            f"{path} has the wrong checksum: SHA-256 of its content is {found}, expected"
            f" {expected_sha256}. {again}"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_four(folder: Path, checksums: tuple[str, ...]) -> list[np.ndarray]:
    missing = [file for file in FILES if not (folder / file).is_file()]
    if len(missing) == len(FILES):
        raise NotHereError(f"no folder with {FILES[0]} and its three companions")
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; add or remove the others.")
    arrays = [read_idx(folder / file, sha) for file, sha in zip(FILES, checksums, strict=True)]
    for images, labels in ((0, 1), (2, 3)):
        if len(arrays[images]) != len(arrays[labels]):
            raise OSError(
                f"{folder}: {FILES[images]} has {len(arrays[images]):,} images and {FILES[labels]}"
                f" {len(arrays[labels]):,} labels; download both again."
            )
    return [array[..., None] if array.ndim == 3 else array for array in arrays]


def _read_folder(name: str) -> list[np.ndarray]:
    data = os.environ.get("CNNBOOK_DATA")
    if not data:
        raise NotHereError("the variable CNNBOOK_DATA is not set")
    return _read_four(Path(data).expanduser() / name, PUBLISHED[name])


def _read_embedded(name: str) -> list[np.ndarray]:
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "_data", here.parents[min(2, len(here.parents) - 1)] / "data"):
        if (folder / "manifest.json").is_file():
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            checksums = tuple(manifest[f"{name}/{file}"]["content_sha256"] for file in FILES)
            return _read_four(folder / name, checksums)
    raise NotHereError("this file was copied out of cnnbook, and its data/ was not")


# From here on the file cifar.py says the same, word for word.


class ImageSplits(NamedTuple):
    """Images (count, height, width, channels) uint8 and labels (count,) int64, in three parts."""

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    passed_by: tuple[str, ...] = ()  # the places that had no copy, each with the reason


class NotHereError(Exception):
    """This place holds no copy; look in the next one."""


def first_available(
    title: str, places: dict[str, Callable[[], list[np.ndarray]]], ways_out: list[str]
) -> tuple[str, list[np.ndarray], tuple[str, ...]]:
    """Read from the first place that has a copy; otherwise say what was tried and what to do.

    Returns:
        The place, its arrays, and why each place before it was passed by.
    """
    reasons = []
    for place, read in places.items():
        try:
            return place, read(), tuple(reasons)
        except (NotHereError, RuntimeError) as reason:  # the latter where there is no home folder
            reasons.append(f"{place}: {reason}")
    lines = [f"{title} is nowhere to be found. Tried, in this order:"]
    lines += [f"  - {reason}" for reason in reasons]
    lines += ["Ways out:", *(f"  {number}. {way}" for number, way in enumerate(ways_out, start=1))]
    raise FileNotFoundError("\n".join(lines))


def tfds_places(
    name: str, host: str, label_key: str = "label"
) -> dict[str, Callable[[], list[np.ndarray]]]:
    """Return the three places where TensorFlow Datasets may have a copy, each with its reader."""
    data = Path(os.environ.get("CNNBOOK_DATA", "")).expanduser()
    home = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets"))
    roots = [data, data / "tensorflow_datasets"] if os.environ.get("CNNBOOK_DATA") else []
    return {
        "CNNBOOK_DATA/tensorflow_datasets": lambda: _read_tfds(name, label_key, roots),
        "the prepared TFDS copy": lambda: _read_tfds(name, label_key, [home.expanduser()]),
        "a download through TFDS": lambda: _download_tfds(name, label_key, home.expanduser(), host),
    }


def _read_tfds(name: str, label_key: str, roots: list[Path]) -> list[np.ndarray]:
    """Read train images, train labels, test images and test labels as TFDS has prepared them."""
    if not roots:
        raise NotHereError("the variable CNNBOOK_DATA is not set")
    # TFDS leaves a folder "incomplete.ABC_3.0.2" behind when it is killed.
    found = [root for root in roots if any((root / name).glob("[0-9]*/dataset_info.json"))]
    if not found:
        raise NotHereError(f"no prepared {name} in {roots[-1]}")
    import tensorflow_datasets as tfds

    try:
        parts = tfds.load(
            name, split=["train", "test"], data_dir=found[0], download=False, batch_size=-1
        )
        return [part[key].numpy() for part in parts for key in ("image", label_key)]
    except Exception as error:
        raise OSError(
            f"{found[0] / name} holds a TFDS copy that cannot be read ({type(error).__name__}:"
            f" {str(error).partition(chr(10))[0]}). Move it away and prepare it again."
        ) from error


def _download_tfds(name: str, label_key: str, folder: Path, host: str) -> list[np.ndarray]:
    """Let TFDS download and prepare; ask first whether the host answers (TFDS waits 3 minutes)."""
    if "CNNBOOK_OFFLINE" in os.environ:
        raise NotHereError("the variable CNNBOOK_OFFLINE forbids it")
    try:
        if not urllib.request.getproxies():
            socket.create_connection((host, 443), timeout=5).close()
    except OSError as error:
        raise NotHereError(f"no network: {host} does not answer ({error})") from None
    try:
        import tensorflow_datasets as tfds
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):  # of two at once, one works and one waits
            _sweep(folder / name)
            tfds.builder(name, data_dir=folder).download_and_prepare()
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise NotHereError(f"it failed ({reason})") from error
    return _read_tfds(name, label_key, [folder])


def _sweep(folder: Path) -> None:
    """Remove what a TFDS that was killed more than a day ago has left of a data set."""
    for path in folder.glob("incomplete.??????_*"):
        if time.time() - path.stat().st_mtime > 24 * 3600:
            shutil.rmtree(path, ignore_errors=True)


def split_and_announce(
    title: str, source: str, arrays: list[np.ndarray], class_names: tuple[str, ...]
) -> ImageSplits:
    """Set the validation images apart, and print one line: which source, how many images.

    Validation gets the training images whose pixels have the smallest SHA-256: 5,000 of a whole
    set, 1,000 of a small one. So the choice depends on the pixels alone, not on the order of a
    file or on a random generator, and equal pictures always stay together: rather than part them,
    validation gets a few images less.
    """
    images, labels, test_images, test_labels = arrays
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    count = 5_000 if len(images) >= 50_000 else min(1_000, len(images) // 5)
    first_beyond = sorted(digests)[count]
    is_validation = np.array([digest < first_beyond for digest in digests])
    splits = ImageSplits(
        *(images[~is_validation], labels[~is_validation].astype(np.int64)),
        *(images[is_validation], labels[is_validation].astype(np.int64)),
        *(test_images.copy(), test_labels.astype(np.int64)),
        class_names,
        source,
    )
    print(
        f"{title} from {source}: {len(splits.train_images):,} training,"
        f" {len(splits.validation_images):,} validation and {len(test_images):,} test images."
    )
    return splits
