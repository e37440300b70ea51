"""Which pictures are for training, and which for validation?

It depends on what is in the files, not on their names, order or place, so that every machine
chooses the same ones, and copies of a picture stay on one side.

This file stands alone: copy it, it needs only NumPy.
"""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def split_by_content(
    paths: Sequence[str | Path],
    labels: np.ndarray,
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the pictures for training and for validation, the same on every machine.

    Of each class, validation gets those whose content, hashed together with the seed, comes
    first. So neither names, order nor file system matter, and equal files stay together.

    Args:
        paths: One file each.
        labels: (count,) integers.
        validation_fraction: Of each class; between 0 and 1.
        seed: Another number gives another choice.

    Returns:
        Indices of the training and of the validation pictures, each in rising order.

    Raises:
        ValueError: If the fraction is not between 0 and 1, or leaves a class without a picture
            in one of the parts.
        OSError: If a file cannot be read: names it.
    """
    if not 0 < validation_fraction < 1:
        raise ValueError(
            f"`validation_fraction` must be between 0 and 1; got {validation_fraction}."
        )
    labels = np.asarray(labels)
    digests = [content_digest(path, str(seed).encode()) for path in paths]
    warn_of_contradictions(paths, labels, digests)
    is_validation = np.zeros(len(paths), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(round(validation_fraction * len(members)), len(members) - 1)
        first_beyond = sorted(digests[index] for index in members)[count]
        chosen = [index for index in members if digests[index] < first_beyond]
        if not chosen:
            raise ValueError(
                f"`validation_fraction` {validation_fraction} of the {len(members)} pictures with"
                f" label {label} leaves none for one of the parts; take another fraction, or add"
                " pictures that differ."
            )
        is_validation[chosen] = True
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)


def content_digest(path: str | Path, salt: bytes) -> bytes:
    """Return the SHA-256 of a salt and the content of a file."""
    try:
        return hashlib.sha256(salt + b"/" + Path(path).read_bytes()).digest()
    except (OSError, ValueError) as error:
        raise OSError(f"{shown(path)} cannot be read: {error}.") from error


def warn_of_contradictions(
    paths: Sequence[str | Path], labels: np.ndarray, digests: list[bytes]
) -> None:
    """Warn where the same content has two labels."""
    first: dict[bytes, int] = {}
    for index, digest in enumerate(digests):
        other = first.setdefault(digest, index)
        if labels[other] != labels[index]:
            warnings.warn(
                f"{shown(paths[other])} and {shown(paths[index])} are the same picture with the"
                f" labels {labels[other]} and {labels[index]}; remove one.",
                stacklevel=3,
            )


# This one is that of image_folder.py, word for word.


def shown(path: str | Path) -> str:
    """Return a path for a message: on one line, and printable whatever its bytes are."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
