"""Which part of the picture was it? Heat maps laid over the pictures that they explain."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import color_scale
from cnnbook.plots._arguments import as_pictures, lines_of_titles
from cnnbook.plots._draw import draw_picture, make_panels, plain

BRIGHT = 0.995  # the quantile of a fine map where the strongest colour begins


@checked
@plain
def plot_heat_maps(
    images: np.ndarray,
    heatmaps: Mapping[Any, np.ndarray],
    titles: Sequence[Any] | None = None,
    *,
    inches: float = 1.5,
    title: str | None = None,
) -> Figure:
    """Draw a row for each image: the image, then each of its heat maps over a grey copy of it.

    Each map has a scale of its own. A map of values from 0 on is the more yellow the more it says;
    in a map with signs, red speaks for the class and blue against it. Where a map says nothing, the
    picture shows. A coarse map, such as Grad-CAM's, is smoothed, and a line is drawn around all
    above half of its maximum, so that the place is seen without colours. In a map as fine as the
    picture the strongest 0.5 % of the pixels look alike: one would outshine all others.

    Args:
        images: (count, height, width, 1 or 3). Integers in [0, 255], or floats in [0, 1] or
            [0, 255].
        heatmaps: For each name (count, h, w) of any h and w; of (count, h, w, channels), such as
            integrated gradients, the channels are added up.
        titles: One string an image, drawn above it.
        inches: Width of one picture.
        title: What the maps show.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If `images` is empty or not of such a shape, or maps or titles do not fit.

    Example:
        >>> figure = plot_heat_maps(np.ones((2, 8, 8, 1)), {"Grad-CAM": np.ones((2, 3, 3))})
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['', 'Grad-CAM']
    """
    images = as_pictures(images)
    maps = {name: _checked_map(name, heat, len(images)) for name, heat in heatmaps.items()}
    lines, (height, width) = lines_of_titles(titles, images) or 1, images.shape[1:3]
    tall = len(images) * (inches * height / width + 0.16 * lines) + (0.3 if title else 0)
    size = (1 + len(maps)) * inches, tall
    figure, panels = make_panels(len(images), 1 + len(maps), size, title)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for index, (row, image) in enumerate(zip(panels, images, strict=True)):
        draw_picture(row[0], image, extent=(0, width, height, 0))
        row[0].set_title("" if titles is None else titles[index], fontsize=8)
        row[0].axis("off")
        for axes, (name, heat) in zip(row[1:], maps.items(), strict=True):
            draw_picture(axes, image, in_gray=True, extent=(0, width, height, 0))
            _draw_heat(axes, heat[index], (height, width))
            axes.set_title("" if index else name, fontsize=8)
            axes.axis("off")
    return figure


def _checked_map(name: str, heat: np.ndarray, count: int) -> np.ndarray:
    """Return (count, h, w), with the channels added up, or refuse what is no map."""
    heat = np.asarray(heat, "float32")
    heat = heat.sum(axis=3) if heat.ndim == 4 else heat
    if heat.ndim != 3 or len(heat) != count or not heat.size or not np.isfinite(heat).all():
        words = f"`heatmaps` must be finite, (count, h, w), one for each of the {count} images;"
        raise ValueError(f"{words} {name!r} has shape {heat.shape}.")
    return heat


def _draw_heat(axes: Axes, heat: np.ndarray, size: tuple[int, int]) -> None:
    """Draw one map over what is there: the stronger, the less of that is seen."""
    (height, width), largest = size, float(np.abs(heat).max())
    if not largest:
        return
    peak, is_coarse = largest, 2 * heat.shape[0] <= height and 2 * heat.shape[1] <= width
    if is_coarse:
        heat = _resized(heat, size)
    else:
        peak = float(np.quantile(np.abs(heat), BRIGHT)) or largest
    opacity = 0.9 * np.sqrt(np.minimum(1, np.abs(heat) / peak))
    look = {"extent": (0, width, height, 0), "interpolation": "nearest", "alpha": opacity}
    axes.imshow(heat, **color_scale(heat, "plasma", peak), **look)
    levels = [side * largest / 2 for side in (-1, 1) if (side * heat > largest / 2).any()]
    if is_coarse and levels and np.abs(heat).min() < largest / 2:
        down, across = np.arange(height) + 0.5, np.arange(width) + 0.5
        for color, thickness in (("black", 2.2), ("white", 1.0)):
            axes.contour(across, down, heat, levels, colors=color, linewidths=thickness)


def _resized(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a map of this (height, width), linear between the centres of the old pixels."""
    for count in size:  # each axis in turn: the map is on its side in between
        old, new = ((np.arange(n) + 0.5) / n for n in (len(heat), count))
        heat = np.stack([np.interp(new, old, line) for line in heat.T])
    return heat
