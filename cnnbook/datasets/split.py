"""Which pictures are for training, and which for validation?

It depends on what is in the files, not on their names, order or place: every machine chooses the
same ones, and copies of a picture stay on one side.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnbook._checks import checked, shown
from cnnbook.datasets._choose import content_digest, smallest_of_each

Paths = Sequence[str | Path]


@checked
def split_by_content(
    paths: Paths, labels: np.ndarray, validation_fraction: float = 0.2, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the pictures for training and for validation, the same on every machine.

    Of each class, validation gets those whose content, hashed together with the seed, comes first.

    Args:
        paths: One file each.
        labels: (count,) integers.
        validation_fraction: Of each class; between 0 and 1.
        seed: Another number gives another choice.

    Returns:
        Indices of the training and of the validation pictures, each in rising order.

    Raises:
        ValueError: If the fraction leaves a class without a picture in one of the parts, or there
            is not one label for each path, or labels are no whole numbers.
        OSError: If a file cannot be read: names it.
    """
    if not 0 < validation_fraction < 1:
        found = f"got {validation_fraction}. 0.2 is usual"
        raise ValueError(f"`validation_fraction` must be between 0 and 1; {found}.")
    labels = np.asarray(labels)
    if labels.shape != (len(paths),):
        must = f"must be (count,), one for each of the {len(paths)} `paths`"
        raise ValueError(f"`labels` {must}; got labels of shape {labels.shape}.")
    if not len(paths):
        raise ValueError("`paths` is empty; there is nothing to split.")
    if labels.dtype.kind not in "iub":
        words = "`labels` must be whole numbers, one for each class"
        raise ValueError(f"{words}; got {labels.dtype}. labels.astype(int) makes them whole.")
    digests = [content_digest(path, f"{seed}/".encode()) for path in paths]
    _warn_of_contradictions(paths, labels, digests)
    is_validation = smallest_of_each(
        digests, labels, lambda total: min(round(validation_fraction * total), total - 1)
    )
    for label in np.unique(labels):
        members = labels == label
        if not is_validation[members].any():
            found = f"{validation_fraction} of the {members.sum()} pictures with label {label}"
            advice = "take another, or add other pictures"
            raise ValueError(f"`validation_fraction` {found} leaves none for a part; {advice}.")
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)


def _warn_of_contradictions(paths: Paths, labels: np.ndarray, digests: list[bytes]) -> None:
    """Warn where the same content has two labels."""
    first: dict[bytes, int] = {}
    for index, digest in enumerate(digests):
        other = first.setdefault(digest, index)
        if labels[other] != labels[index]:
            pair = f"{shown(paths[other])} and {shown(paths[index])} are the same picture with"
            found = f"{pair} the labels {labels[other]} and {labels[index]}"
            warnings.warn(f"{found}; remove one.", stacklevel=4)
