"""What may be drawn: numbers, pictures, probabilities, and as many names as there are things."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def as_pictures(images: np.ndarray) -> np.ndarray:
    """Return (count, height, width, 1 or 3), or refuse what cannot be drawn as pictures."""
    pictures = np.asarray(images)
    if pictures.ndim != 4 or pictures.shape[3] not in (1, 3) or not pictures.size:
        raise ValueError(
            "`images` must be (count, height, width, 1 or 3), at least one; got shape"
            f" {pictures.shape}. Grey images need a last axis: images[..., None]. Of a single image"
            " pass image[None]."
        )
    return in_range("images", pictures)


def in_range(name: str, images: np.ndarray) -> np.ndarray:
    """Return pictures as they are drawn: numbers with a point, if they go to 255, from 0 to 1."""
    if images.dtype.kind not in "buif" or not np.isfinite(images).all():
        words = f"`{name}` must be finite numbers; got {images.dtype}"
        raise ValueError(f"{words} with nan, inf or others. Look for what made them.")
    goes_to_255 = images.max() > (8 if images.min() >= 0 else 25)
    return images / 255 if images.dtype.kind == "f" and goes_to_255 else images


def check_bytes(name: str, image: np.ndarray) -> None:
    """Refuse a picture from 0 to 1 where one from 0 to 255 is meant: it would be black."""
    in_range(name, image)
    if image.dtype.kind == "f" and 0 <= image.min() < image.max() <= 1:
        raise ValueError(
            f"`{name}` must have values 0 to 255; got {image.min():.3g} to {image.max():.3g}."
            f" Pass {name} * 255."
        )


def check_probabilities(labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse what is not one whole label and one row of probabilities an image."""
    shape, kind = probabilities.shape, probabilities.dtype.kind
    sums = probabilities.sum(axis=1) if len(shape) == 2 and kind in "iuf" else np.zeros(1)
    if not np.allclose(sums, 1, atol=0.02) or probabilities.min(initial=0) < 0:
        raise ValueError(
            "`probabilities` must be (count, classes), from 0 on, each row with sum 1; got shape"
            f" {shape} and sums {sums.min():.3g} to {sums.max():.3g}. Of logits take"
            " keras.ops.softmax(logits)."
        )
    if labels.shape != shape[:1] or labels.dtype.kind not in "iu" or not len(labels):
        raise ValueError(
            f"`labels` must be one whole number for each of the {shape[0]} images, at least one;"
            f" got {labels.dtype} of shape {labels.shape}. Of one-hot labels take argmax(axis=1)."
        )
    if labels.min() < 0 or labels.max() >= shape[1]:
        words = f"`labels` must be 0 to {shape[1] - 1}; got {labels.min()} to {labels.max()}."
        raise ValueError(words)


def lines_of_titles(titles: Sequence[Any] | None, images: np.ndarray) -> int:
    """Return how many lines the longest title of the images has, 0 where there are none."""
    if titles is None:
        return 0
    if len(titles) != len(images):
        words = f"`titles` must hold one string an image, {len(images)}; got {len(titles)}."
        raise ValueError(f"{words} Cut `images` and `titles` alike.")
    return max(text.count("\n") + 1 for text in titles)


def check_counts(**counts: int) -> None:
    """Refuse a grid without a tile."""
    if min(counts.values()) < 1:
        names = " and ".join(f"`{name}`" for name in counts)
        got = " and ".join(map(str, counts.values()))
        raise ValueError(f"{names} must be 1 or more; got {got}. The defaults fit a page.")
