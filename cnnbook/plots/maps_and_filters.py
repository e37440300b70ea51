"""What does a layer see, and what does it look for? Its feature maps and its filters, in tiles."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import color_scale
from cnnbook.plots._arguments import check_counts, in_range
from cnnbook.plots._draw import CENTERED, draw_picture, enlarged, make_panels, plain, tiled


@checked
@plain
def plot_feature_maps(
    maps: Mapping[Any, np.ndarray],
    *,
    columns: int = 12,
    rows: int = 2,
    inches: float = 0.7,
    title: str | None = None,
) -> Figure:
    """Draw the first feature maps of some layers for one image, a block of tiles each layer.

    All maps of a layer share one scale: yellow is its largest value, dark blue is 0; or red is
    positive, blue negative and white 0. A map that is 0 everywhere is marked with a 0.

    Args:
        maps: For each name (height, width, maps), such as `values[0]` of `feature_maps`.
        columns: Tiles in a row, at most.
        rows: Rows of tiles a layer, at most; further maps are left out, and the count says so.
        inches: Width of a tile.
        title: What the maps show.

    Returns:
        The figure, with one picture a layer. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no layer or tile, or one has another shape or is not finite.

    Example:
        >>> figure = plot_feature_maps({"conv1": np.ones((6, 6, 30)), "conv2": np.ones((3, 3, 8))})
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['conv1: 24 of 30 maps of 6 × 6', 'conv2: 8 maps of 3 × 3']
    """
    if not maps:
        raise ValueError('`maps` must hold at least one layer; got none. Pass {"conv1": maps[0]}.')
    layers = {name: np.asarray(values) for name, values in maps.items()}
    for name, values in layers.items():
        if values.ndim != 3 or not values.size or not np.isfinite(values).all():
            words = f"`maps` must be finite, (height, width, maps) for one image; {name!r} has"
            raise ValueError(f"{words} shape {values.shape}. Of a batch take values[0].")
    check_counts(columns=columns, rows=rows)
    shown = {name: min(values.shape[2], rows * columns) for name, values in layers.items()}
    across = max(min(columns, count) for count in shown.values())
    heights = [
        math.ceil(shown[name] / across) * inches * values.shape[0] / values.shape[1] + 0.26
        for name, values in layers.items()
    ]
    size = across * inches, sum(heights) + (0.35 if title else 0.05)
    figure, panels = make_panels(len(layers), 1, size, title, height_ratios=heights)
    for axes, (name, values) in zip(panels.flat, layers.items(), strict=True):
        tiles = enlarged(np.moveaxis(values[..., : shown[name]], 2, 0))
        sheet = tiled(tiles, across)
        axes.imshow(sheet, interpolation="nearest", **color_scale(values, "viridis"))
        axes.axis("off")
        height, width = tiles.shape[1:]
        for index in np.flatnonzero(~tiles.any(axis=(1, 2))):
            y, x = (np.array(divmod(index, across)) + 0.5) * (height + 1, width + 1) - 1
            color = "black" if values.min() < 0 else "white"
            axes.text(x, y, "0", **CENTERED, color=color, fontsize=8)
        count = f"{shown[name]} of " if shown[name] < values.shape[2] else ""
        text = f"{name}: {count}{values.shape[2]} maps of {values.shape[0]} × {values.shape[1]}"
        axes.set_title(text, loc="left", fontsize=8, pad=2)
    return figure


@checked
@plain
def plot_filters(
    filters: np.ndarray,
    *,
    columns: int = 16,
    rows: int = 8,
    inches: float = 0.5,
    title: str | None = None,
) -> Figure:
    """Draw filters side by side: in colour if they read colours, else one tile a channel.

    Args:
        filters: (filters, height, width, channels) in [0, 1], such as of `filter_images`. Those of
            1 or 3 channels are a tile each; others have a row each, and a tile a channel.
        columns: Tiles in a row, at most.
        rows: Rows, at most; what does not fit is left out.
        inches: Width of a tile.
        title: What the filters show.

    Returns:
        The figure, with all tiles in one picture. Nothing is shown or saved here.

    Raises:
        ValueError: If `filters` is empty or not of such a shape, or there is no tile.

    Example:
        >>> figure = plot_filters(np.zeros((8, 5, 5, 3)), columns=4)
        >>> figure.axes[0].images[0].get_array().shape
        (21, 43, 3)
    """
    filters = np.asarray(filters)
    if filters.ndim != 4 or not filters.size:
        words = "`filters` must be (filters, height, width, channels), at least one; got"
        raise ValueError(f"{words} shape {filters.shape}. filter_images(model) makes them.")
    check_counts(columns=columns, rows=rows)
    filters = in_range("filters", filters.astype(float))
    count, height, width, channels = filters.shape
    if channels in (1, 3):
        across = min(columns, count)
        tiles = filters[: rows * across]
    else:
        across = min(columns, channels)
        tiles = np.moveaxis(filters[:rows, ..., :across], 3, 1).reshape(-1, height, width, 1)
    picture = tiled(enlarged(tiles.clip(0, 1)), across)
    height = across * inches * picture.shape[0] / picture.shape[1] + (0.5 if title else 0.3)
    figure, [[axes]] = make_panels(1, 1, (max(across * inches, 3), height), title)
    draw_picture(axes, picture if channels == 3 else picture[..., 0], interpolation="nearest")
    axes.axis("off")
    if channels not in (1, 3):
        text = f"a row for each of {len(tiles) // across} filters, a column for each channel"
        axes.set_title(text, loc="left", fontsize=8, pad=2)
    return figure
