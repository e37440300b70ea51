"""CIFAR-10 and CIFAR-100: small colour photographs in 10 or 100 classes.

Looks, in this order, in the TensorFlow Datasets folder under the variable CNNBOOK_DATA, in the
prepared copy of TensorFlow Datasets (TFDS), and downloads through TFDS unless CNNBOOK_OFFLINE is
set. There is no embedded copy: the licence of these photographs does not allow one.

Source: Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images",
https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.

This file stands alone: copy it, it needs only NumPy, tensorflow-datasets and filelock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

HOST = "www.cs.toronto.edu"
CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
COARSE_CLASSES = (
    *("aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables"),
    *("household_electrical_devices", "household_furniture", "insects", "large_carnivores"),
    *("large_man-made_outdoor_things", "large_natural_outdoor_scenes"),
    *("large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates"),
    *("people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2"),
)
FINE_CLASSES = (
    *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle"),
    *("bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle"),
    *("caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch"),
    *("crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox"),
    *("girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion"),
    *("lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom"),
    *("oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree"),
    *("plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
    *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake"),
    *("spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank"),
    *("telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle"),
    *("wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"),
)


def load_cifar10() -> ImageSplits:
    """Load photographs in ten classes, and say where from.

    Returns:
        Images (count, 32, 32, 3) uint8 RGB, labels 0 to 9: 45,000 training, 5,000 validation and
        the 10,000 official test images. The validation images are chosen by their content, so
        they are the same on every machine and from every source.

    Raises:
        FileNotFoundError: If no copy is to be had; lists every place tried.
        OSError: If a copy is broken: names the folder and what is wrong with it.
    """
    return _load_from_tfds("cifar10", "CIFAR-10", CIFAR10_CLASSES, "label")


def load_cifar100(label_mode: str = "fine") -> ImageSplits:
    """Load photographs in 100 fine or 20 coarse classes; as `load_cifar10` in everything else.

    Args:
        label_mode: "fine" for labels 0 to 99, "coarse" for labels 0 to 19.

    Raises:
        ValueError: If `label_mode` is neither.
    """
    modes = {"fine": (FINE_CLASSES, "label"), "coarse": (COARSE_CLASSES, "coarse_label")}
    if label_mode not in modes:
        raise ValueError(f"`label_mode` must be 'fine' or 'coarse'; got {label_mode!r}.")
    return _load_from_tfds("cifar100", "CIFAR-100", *modes[label_mode])


def _load_from_tfds(
    name: str, title: str, class_names: tuple[str, ...], label_key: str
) -> ImageSplits:
    ways_out = [
        f"go online, unset CNNBOOK_OFFLINE, and run: cnnbook data prepare {name}",
        f"copy the folder tensorflow_datasets/{name} of a machine that has it into"
        " ~/tensorflow_datasets, or beside other data and set CNNBOOK_DATA to its parent",
        "use load_mnist() or load_fashion_mnist(), which come with the book",
    ]
    places = tfds_places(name, HOST, label_key)
    source, arrays, passed_by = first_available(title, places, ways_out)
    return split_and_announce(title, source, arrays, class_names)._replace(passed_by=passed_by)


# From here on the file mnist.py says the same, word for word.


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
