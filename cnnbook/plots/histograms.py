"""What has training done to the weights? Histograms side by side, on the same axes."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import COLORS
from cnnbook.plots._arguments import check_counts
from cnnbook.plots._draw import make_panels, plain

AFTER, BEFORE = COLORS[0], COLORS[-1]


@checked
@plain
def plot_histograms(
    after: Mapping[Any, np.ndarray],
    before: np.ndarray | None = None,
    *,
    columns: int = 4,
    limit: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw one panel a name: its values filled, and behind each the outline of `before`.

    Counts are on a log scale, for a few large weights matter. All panels share bins and axes.

    Args:
        after: For each name the values to count, of any shape.
        before: Values drawn as an outline in every panel, such as the weights before training.
        columns: Panels in a row, at most.
        limit: Where the axis ends on both sides; values beyond count there. Default: the largest.
        title: What the panels show.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no panel, one is not finite, or `columns`, `limit` not above 0.

    Example:
        >>> figure = plot_histograms({"plain": [-1, 0.1, 2], "decay": [0, 0, 1]}, columns=2)
        >>> [axes.get_title() for axes in figure.axes]
        ['plain', 'decay']
    """
    values = {name: np.ravel(np.asarray(array)).astype(float) for name, array in after.items()}
    first = {} if before is None else {"before": np.ravel(np.asarray(before)).astype(float)}
    if not values:
        raise ValueError('`after` must hold at least one entry; got none. Pass {"name": weights}.')
    for name, array in {**values, **first}.items():
        if not array.size or not np.isfinite(array).all():
            raise ValueError(
                f"`after` and `before` must hold finite values; {name!r} has {array.size} values,"
                f" {np.isfinite(array).sum()} of them finite. Did the training diverge?"
            )
    check_counts(columns=columns)
    if limit is None:
        limit = max(np.abs(array).max() for array in {**values, **first}.values()) or 1
    if limit <= 0:
        raise ValueError(f"`limit` must be above 0; got {limit}. None takes the largest value.")
    columns = min(columns, len(values))
    rows = math.ceil(len(values) / columns)
    size = (max(4.0, 2.2 * columns), 1.9 * rows + 0.5)
    figure, panels = make_panels(rows, columns, size, title, 11, sharex=True, sharey=True)
    bins = np.linspace(-limit, limit, 62)  # an odd number of bins: one of them holds 0
    for axes, (name, array) in zip(panels.flat, values.items(), strict=False):
        axes.hist(array.clip(-limit, limit), bins, color=AFTER, label="after")
        for label, outline in first.items():
            axes.hist(outline.clip(-limit, limit), bins, histtype="step", color=BEFORE, label=label)
        axes.set_title(name, fontsize=9)
        axes.set_yscale("log")
    for axes in panels.flat[len(values) :]:
        axes.axis("off")
    figure.supxlabel("weight", fontsize=9)
    figure.supylabel("count", fontsize=9)
    if first:
        panels.flat[0].legend(fontsize=7)
    return figure
