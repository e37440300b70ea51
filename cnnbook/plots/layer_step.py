"""What does one layer make of one picture? The picture, the layer's maps, the network's answer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import COLORS, color_scale
from cnnbook.plots._arguments import check_bytes
from cnnbook.plots._draw import enlarged, make_panels, plain, tiled

MOST_MAPS, MOST_UNITS, MOST_CLASSES = 40, 400, 10  # that are drawn


@checked
@plain
def plot_layer(
    image: np.ndarray,
    values: np.ndarray,
    probabilities: np.ndarray,
    *,
    class_names: Sequence[Any] | None = None,
    picture: str = "picture",
    layer: str = "layer",
) -> Figure:
    """Draw a picture, what a layer returns for it, and the probability of each class.

    All maps share one scale: yellow is the largest value, dark blue is 0. Where there are negative
    values, red is positive, blue negative and white 0. Up to 40 maps or 400 units are drawn, and of
    many classes the ten most likely.

    Args:
        image: (height, width, 1 or 3), values in [0, 255].
        values: (h, w, maps), or (units,), each a square.
        probabilities: (classes,).
        class_names: One a class. Default: 0, 1, 2 and so on.
        picture: What to call the picture.
        layer: What to call the layer.

    Returns:
        The figure: picture, maps with a colour bar, answer. Nothing is shown or saved here.

    Raises:
        ValueError: If an array has another rank, is empty or not finite, or names are too few.

    Example:
        >>> figure = plot_layer(np.zeros((8, 8, 1)), np.ones((6, 6, 50)), [0.1, 0.9], layer="conv1")
        >>> [axes.get_title() for axes in figure.axes[:3]]
        ['picture, 8×8', 'conv1: 40 of 50 maps of 6×6', 'answer: 1, 90%']
    """
    image, values, probabilities = map(np.asarray, (image, values, probabilities))
    for name, array, ranks, text in (
        ("image", image, (3,), "(height, width, channels)"),
        ("values", values, (1, 3), "(height, width, maps) or (units,)"),
        ("probabilities", probabilities, (1,), "(classes,)"),
    ):
        is_known = array.size and array.dtype.kind in "iuf" and np.isfinite(array).all()
        if array.ndim not in ranks or not is_known:
            words = f"`{name}` must be finite, {text}; got {array.dtype} of shape {array.shape}."
            raise ValueError(f"{words} Of a batch take [0].")
    check_bytes("image", image)
    if abs(probabilities.sum() - 1) > 0.02 or probabilities.min() < 0:
        words = "`probabilities` must be from 0 on, with sum 1; got"
        raise ValueError(f"{words} sum {probabilities.sum():.3g}. Take keras.ops.softmax(logits).")
    called = [*map(str, range(len(probabilities)) if class_names is None else class_names)]
    if len(called) != len(probabilities):
        words = f"`class_names` must hold one name a class, {len(probabilities)}; got"
        raise ValueError(f"{words} {len(called)}. Leave it away for numbers.")
    figure, panels = make_panels(1, 3, (9, 3.7), None, width_ratios=(2.3, 4.6, 1.7))
    left, middle, right = panels.flat
    left.imshow(image.clip(0, 255) / 255, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    left.set_title(f"{picture}, {image.shape[0]}×{image.shape[1]}", fontsize=9)
    left.set(xticks=[], yticks=[])
    count = _draw_maps(middle, values)
    what = "units" if values.ndim == 1 else f"maps of {values.shape[0]}×{values.shape[1]}"
    some = f"{count} of " if count < values.shape[-1] else ""
    middle.set_title(f"{layer}: {some}{values.shape[-1]} {what}", fontsize=9)
    best = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES]
    rows = np.sort(best)
    colors = np.where(rows == best[0], COLORS[1], COLORS[0])
    right.barh(range(len(rows)), probabilities[rows], color=colors)
    right.set_yticks(range(len(rows)), [called[row] for row in rows])
    right.set(xlim=(0, 1), xticks=[0, 0.5, 1], ylim=(len(rows) - 0.5, -0.5))
    right.set_xlabel("probability", fontsize=8)
    right.tick_params(labelsize=8)
    right.set_title(f"answer: {called[best[0]]}, {probabilities[best[0]]:.0%}", fontsize=9)
    return figure


def _draw_maps(axes: Axes, values: np.ndarray) -> int:
    """Draw maps, or units, as tiles on one scale, with its bar; return how many."""
    maps = values.reshape(1, 1, -1) if values.ndim == 1 else values
    height, width = maps.shape[:2]
    count: int = min(maps.shape[2], MOST_UNITS if values.ndim == 1 else MOST_MAPS)
    ideal = math.sqrt(1.4 * count * height / width)
    choices = range(math.ceil(ideal), math.ceil(1.3 * ideal) + 1)
    across = min(count, min(choices, key=lambda choice: (-count % choice, choice)))
    sheet = tiled(enlarged(np.moveaxis(maps[..., :count], 2, 0)), across)
    shown = axes.imshow(sheet, interpolation="nearest", **color_scale(values, "viridis"))
    axes.axis("off")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8).ax.tick_params(labelsize=8)
    return count
