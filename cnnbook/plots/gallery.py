"""What do these images look like? A grid of pictures with titles.

This file stands alone: copy it, it needs only Matplotlib and NumPy.
"""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def plot_gallery(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    inches: float = 1.2,
    title: str | None = None,
) -> Figure:
    """Draw every image once, row by row; unused cells stay blank.

    Args:
        images: (count, height, width), (count, height, width, 1) or
            (count, height, width, 3). Integers in [0, 255] or floats in [0, 1];
            values outside are drawn as the nearest bound.
        titles: One string an image, drawn above it.
        columns: Pictures in a row, at most.
        inches: Width of one cell; its height follows the shape of the images.
        title: What the whole picture shows, drawn above all rows.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If `images` is empty or not of such a shape, if `titles`
            has another length, or if `columns` is less than 1.

    Example:
        >>> figure = plot_gallery(np.zeros((3, 28, 28), "uint8"), columns=2)
        >>> len(figure.axes)
        4
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in (1, 3)):
        raise ValueError(
            "`images` must have shape (count, height, width), optionally with 1 or 3 channels "
            f"last; got shape {images.shape}. For a single image pass `image[None]`."
        )
    if images.size == 0:
        raise ValueError(
            f"`images` must hold at least one image; got shape {images.shape}. "
            "Check the selection that made it."
        )
    if titles is not None and len(titles) != len(images):
        raise ValueError(
            f"`titles` must hold one string an image, {len(images)}; got {len(titles)}. "
            "Cut `images` and `titles` alike."
        )
    if columns < 1:
        raise ValueError(f"`columns` must be 1 or more; got {columns}. 8 fits a page.")

    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    title_lines = max(text.count("\n") + 1 for text in titles) if titles is not None else 0
    cell_height = inches * images.shape[1] / images.shape[2] + 0.16 * title_lines
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * inches, rows * cell_height + (0.3 if title else 0)),
        squeeze=False,
        layout="constrained",
    )
    white = 255 if np.issubdtype(images.dtype, np.integer) else 1
    for index, cell in enumerate(axes.flat):
        cell.axis("off")
        if index < len(images):
            picture = images[index].clip(0, white)
            cell.imshow(picture, cmap="gray", vmin=0, vmax=white)
            if titles is not None:
                cell.set_title(titles[index], fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10, wrap=True)
    return figure
