"""What do these images look like? A grid of pictures with titles."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook.plots._arguments import check_counts, in_range, lines_of_titles
from cnnbook.plots._draw import draw_picture, make_panels, plain


@checked
@plain
def plot_gallery(
    images: np.ndarray,
    titles: Sequence[Any] | None = None,
    columns: int = 8,
    inches: float = 1.2,
    *,
    title: str | None = None,
) -> Figure:
    """Draw every image once, row by row; unused cells stay blank.

    Args:
        images: (count, height, width), or with 1 or 3 channels last. Integers in [0, 255] or floats
            in [0, 1]; values outside are drawn as the nearest bound. Floats that go far beyond 1
            are taken to be in [0, 255].
        titles: One string an image, drawn above it.
        columns: Pictures in a row, at most.
        inches: Width of one cell; its height follows the shape of the images.
        title: What the whole picture shows, drawn above all rows.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If images or titles are not what is said above, or there is no column.

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
        words = f"`images` must hold at least one image; got shape {images.shape}."
        raise ValueError(f"{words} Check the selection that made it.")
    images = in_range("images", images)
    check_counts(columns=columns)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    height = inches * images.shape[1] / images.shape[2] + 0.16 * lines_of_titles(titles, images)
    size = columns * inches, rows * height + (0.3 if title else 0)
    figure, panels = make_panels(rows, columns, size, title)
    for index, cell in enumerate(panels.flat):
        cell.axis("off")
        if index < len(images):
            draw_picture(cell, images[index])
            if titles is not None:
                cell.set_title(titles[index], fontsize=8)
    return figure
