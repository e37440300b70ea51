"""Which classes lie close together? Points in a plane, by class, such as those of t-SNE or PCA."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import COLORS, MARKERS
from cnnbook.plots._draw import CENTERED, plain

LAYERS = 8


@checked
@plain
def plot_scatter(
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[Any],
    axis_names: tuple[str, str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw each point in the colour and with the marker of its class, named at its middle.

    Args:
        points: (count, 2).
        labels: (count,) integers, the classes.
        class_names: The name of class 0, of class 1, and so on.
        axis_names: What both axes mean, with numbers along them. Default: nothing, as with t-SNE.
        title: What the points show.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If arrays do not fit together or are not what is said above.

    Example:
        >>> figure = plot_scatter(np.eye(2), [0, 1], ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['cat', 'dog']
    """
    points, labels = np.asarray(points), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all() or not len(points):
        words = f"`points` must be (count, 2), finite, at least one; got shape {points.shape}."
        raise ValueError(f"{words} project(features) makes them.")
    is_whole = labels.dtype.kind in "iu" and labels.shape == (len(points),)
    if not is_whole or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"`labels` must be one whole number a point, {len(points)}, from 0 to"
            f" {len(class_names) - 1}, the last of `class_names`; got {labels.dtype} of shape"
            f" {labels.shape}."
        )
    figure, axes = plt.subplots(figsize=(7, 6), layout="constrained")
    size = float(np.clip(20_000 / len(points), 7, 30))
    for index in map(int, np.unique(labels)):  # bytes would overflow below
        chosen = points[labels == index]
        color, marker = COLORS[index % len(COLORS)], MARKERS[(index + index // 7) % len(MARKERS)]
        look: dict[str, Any] = {"s": size, "marker": marker, "alpha": 0.6, "linewidths": 0}
        for turn in range(LAYERS):  # in turns with the others, that no class hides another
            across, up = chosen[turn::LAYERS].T
            axes.scatter(across, up, c=color, zorder=1 + turn / LAYERS, **look)
        box = {"facecolor": "white", "edgecolor": color, "alpha": 0.85, "pad": 1.5}
        middle, height = np.median(chosen, axis=0)
        axes.text(middle, height, class_names[index], **CENTERED, fontsize=9, zorder=3, bbox=box)
    if axis_names is None:
        axes.set(xticks=[], yticks=[])
    else:
        axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    axes.set_title(title or "", fontsize=10, wrap=True)
    return figure
