"""Which images does a shard have, and can its batches be shared out?"""

from pathlib import Path
from typing import Any

import numpy as np

from cnnbook._arrays import told_array
from cnnbook._identity import identity


def paths_of(
    images: Any, labels: np.ndarray | None, image_shape: tuple[int, int, int] | None
) -> list[Path]:
    """Return the paths of pictures on disk, none for arrays; refuse what does not go together."""
    if not hasattr(images, "paths"):
        if labels is None:
            raise ValueError("`labels` must be given with arrays, one an image; got None.")
        if image_shape is not None:
            words = f"`image_shape` must be left out with arrays; got {image_shape}"
            raise ValueError(f"{words}. It is for pictures on disk.")
        return []
    if labels is not None:
        raise ValueError("`labels` must be left out with files, which have theirs.")
    if len(images) == 0:
        raise ValueError("`images` is empty; a batch needs at least one picture.")
    if image_shape is None or image_shape[2] != 3 or min(image_shape) < 1:
        words = f"`image_shape` must be (height, width, 3) with files; got {image_shape}"
        raise ValueError(f"{words}. Pictures are resized to it.")
    return list(images.paths)


def check_slices(count: int, batch_size: int, size: int, seed: int) -> None:
    """Refuse batches that cannot be shared out, or of which there are none."""
    if batch_size % size:
        less = batch_size - batch_size % size
        near = [each for each in (less, less + size) if each]
        words = f"`batch_size` must be a multiple of {size}, the processes of `world`; got"
        raise ValueError(f"{words} {batch_size}. Take {' or '.join(map(str, near))}.")
    if batch_size > count:
        words = f"`batch_size` must be at most {count}, the number of images; got {batch_size}"
        raise ValueError(f"{words}. Batches that are not full are left out.")
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more; got {seed}.")


def told_images(
    images: np.ndarray, paths: list[Path], image_shape: tuple[int, int, int] | None
) -> str:
    """Say what tells images from others; of files, their names and folders, not where these are."""
    if not paths:
        return told_array(images)
    names = ["/".join(path.parts[-2:]) for path in paths]
    return f"{len(names)} files, {image_shape}, SHA-256 {identity(names)[:16]}"
