"""Mean image, variances and directions of any number of images, taken batch by batch in float64."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from cnnbook._checks import as_array_of_any

LARGEST = 1e30  # of the values: their squares are added up
LARGEST_COVARIANCE = 2 * 2**30  # bytes; 16,384 values an image


def directions(data: Iterable, components: int | None, epsilon: float) -> tuple[np.ndarray, ...]:
    """Mean image, directions from the largest variance, one a column, and the scale of each."""
    count, mean, products = moments(data, _products)
    if count < 2:
        raise ValueError(f"`data` must hold at least 2 images to whiten; got {count}.")
    if components is not None and components > mean.size:
        most = f"at most the {mean.size} values of an image"
        raise ValueError(f"`components` must be {most}; got {components}.")
    directions, variances, _ = np.linalg.svd(products / (count - 1), hermitian=True)
    largest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[largest, np.arange(len(largest))])
    # Where the images do not vary, what is left is rounding; dividing by it would blow it up.
    nothing = variances <= variances.max() * len(variances) * np.finfo(float).eps
    scales = np.where(nothing, 0, 1 / np.sqrt(np.where(nothing, 1, variances + epsilon)))
    return mean, (directions * signs)[:, :components], scales[:components]


def _products(centered: np.ndarray) -> np.ndarray:
    if 8 * centered.shape[1] ** 2 > LARGEST_COVARIANCE:
        found = f"got {centered.shape[1]:,}. Shrink the images, or whiten patches of them"
        raise ValueError(f"`data` must have at most 16,384 values an image; {found}.")
    return centered.T @ centered


def moments(data: Iterable, spread: Callable = lambda flat: (flat**2).sum(axis=0)) -> tuple:
    """Count, mean image and summed `spread` of all images, batch by batch, in float64."""
    count, mean, total = 0, np.zeros(()), np.zeros(())
    for batch in _batches(data):
        if count and batch.shape[1:] != mean.shape:
            found = f"{mean.shape} and {batch.shape[1:]}. Resize or crop them first"
            raise ValueError(f"`data` must hold images of one shape; got {found}.")
        batch_mean, flat = batch.mean(axis=0), batch.reshape(len(batch), -1)
        step, share = batch_mean - mean, len(batch) / (count + len(batch))
        between = spread(np.sqrt(count * share) * step.reshape(1, -1))
        total = total + spread(flat - batch_mean.reshape(-1)) + between
        mean, count = mean + share * step, count + len(batch)
    if not count:
        raise ValueError("`data` must hold at least one image; got none. Check the selection.")
    return count, mean, total


def _batches(data: Any) -> Iterator[np.ndarray]:
    """Images in float64, some at a time."""
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        raise ValueError("`data` must end; got an infinite dataset. Leave `repeat` out.")
    is_array = hasattr(data, "shape")
    if is_array and len(data.shape) == 3 and data.shape[2] in (1, 3):
        found = f"got one, of shape {tuple(data.shape)}. Pass image[None]"
        raise ValueError(f"`data` must be several images; {found}.")
    if is_array:
        data = np.array_split(data, range(1024, len(data), 1024))
    for batch in data:
        batch = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
        images = as_array_of_any(batch)
        if images.dtype.kind in "cOSUmM" or np.ma.isMaskedArray(batch):
            found = f"got {type(batch).__name__} of {images.dtype}. Take the images out of it"
            raise ValueError(f"`data` must hold batches of numbers; {found}.")
        if images.ndim < 2 or (not is_array and images.ndim != 4):
            found = f"got shape {images.shape}. Batch the dataset, or pass one array of all images"
            batches = "batches (count, height, width, channels)"
            raise ValueError(f"`data` must come in {batches}; {found}.")
        if images.size and not max(-float(images.min()), float(images.max())) < LARGEST:
            words = f"`data` must be finite; got nan or infinity, or {LARGEST:.0e} and more"
            raise ValueError(f"{words}. Clean the images first.")
        if images.size:
            yield images.astype(float)
