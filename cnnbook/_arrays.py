"""Do images and labels make batches, and are they the same as before?"""

import numpy as np

from cnnbook._identity import identity


def told_array(array: np.ndarray) -> str:
    """Say what tells an array from others."""
    return f"{array.dtype} {array.shape} SHA-256 {identity(array)[:16]}"


def check_arrays(
    images: np.ndarray, labels: np.ndarray, batch_size: int, num_classes: int | None = None
) -> None:
    """Refuse arrays that make no batches, and what would train, without a word, to nonsense."""
    if not (np.ndim(images) and np.ndim(labels)):
        raise ValueError("`images` and `labels` must be several; pass image[None] and [label].")
    if len(images) == 0:
        raise ValueError("`images` is empty; a pipeline needs at least one image.")
    if len(images) != len(labels):
        found = f"got {len(images)} images and {len(labels)} labels"
        raise ValueError(f"`images` and `labels` must have the same length; {found}.")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {batch_size}.")
    _check_values(np.asarray(images), np.asarray(labels), num_classes)


def _check_values(images: np.ndarray, labels: np.ndarray, num_classes: int | None) -> None:
    """Refuse what would train, without a word, to nan or to nonsense."""
    for name, values in (("images", images), ("labels", labels)):
        # nan passes through `min`, and nothing is copied.
        ends = [values.min(), values.max()] if values.size and values.dtype.kind == "f" else []
        if not np.isfinite(ends).all():
            raise ValueError(
                f"`{name}` must be finite; got nan or infinity. Look for their source."
            )
    if num_classes is not None and num_classes < 2:
        raise ValueError(f"`num_classes` must be 2 or more, or None; got {num_classes}.")
    are_classes = labels.size == len(labels) and labels.dtype.kind in "iu"
    lowest, highest = labels.min(initial=0), labels.max(initial=0)
    found = f"got {lowest} to {highest}, of shape {labels.shape}. Number the classes from 0"
    if are_classes and lowest < 0:
        raise ValueError(f"`labels` must be 0 or more; {found}.")
    is_known = are_classes and highest < (num_classes or np.inf)
    are_shares = labels.shape[1:] == (num_classes,) and lowest >= 0
    are_shares = are_shares and bool((abs(labels.sum(axis=1, dtype=float) - 1) < 1e-3).all())
    if num_classes and not is_known and not are_shares:
        words = f"`labels` must be whole numbers, 0 to {num_classes - 1}, or {num_classes} shares"
        raise ValueError(f"{words} each, with the sum 1; {found}.")
