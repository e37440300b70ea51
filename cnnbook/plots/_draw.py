"""Panels under a title, pictures in them, and tiles on a sheet."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CENTERED: dict[str, Any] = {"ha": "center", "va": "center"}


def make_panels(
    rows: int, columns: int, size: Sequence[float], title: str | None, font: int = 10, **look: Any
) -> tuple[Figure, np.ndarray]:
    """Make a figure of this size in inches, and its panels, (rows, columns), below a title."""
    if not min(size) > 0:
        words = f"`inches` must be above 0; got a figure of {size[0]:.3g} by {size[1]:.3g} inches."
        raise ValueError(words)
    look |= {"figsize": size, "squeeze": False, "layout": "constrained"}
    figure, panels = plt.subplots(rows, columns, **look)
    if title:
        figure.suptitle(title, fontsize=font, wrap=True)
    return figure, panels


def draw_picture(axes: Axes, picture: np.ndarray, in_gray: bool = False, **options: Any) -> None:
    """Draw whole numbers from 0 to 255 or others from 0 to 1; what lies beyond, as these."""
    white = 255 if np.issubdtype(picture.dtype, np.integer) else 1
    shown = picture.clip(0, white)
    shown = shown.mean(axis=2) if in_gray else shown
    axes.imshow(shown, cmap="gray", vmin=0, vmax=white, **options)


def enlarged(tiles: np.ndarray) -> np.ndarray:
    """Repeat the pixels of small tiles, so that the lines between them look thin."""
    times = max(1, 12 // max(tiles.shape[1:3]))
    return tiles.repeat(times, axis=1).repeat(times, axis=2)


def tiled(tiles: np.ndarray, across: int) -> np.ndarray:
    """Lay equal tiles out row by row, with a line between, white where nothing is drawn."""
    down = math.ceil(len(tiles) / across)
    height, width = np.array(tiles.shape[1:3]) + 1
    is_color = tiles.shape[3:] in {(1,), (3,)}
    sheet = np.full((down * height, across * width, *tiles.shape[3:]), 1.0 if is_color else np.nan)
    for index, tile in enumerate(tiles):
        top, left = np.array(divmod(index, across)) * (height, width)
        sheet[top : top + height - 1, left : left + width - 1] = tile
    return sheet[:-1, :-1]
