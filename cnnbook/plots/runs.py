"""Do the seeds agree? Curves of several runs: their mean, and all that lies between extremes."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.scale import get_scale_names
from matplotlib.ticker import MaxNLocator

from cnnbook._checks import checked
from cnnbook._colors import line_look
from cnnbook.plots._draw import line_name, plain


@checked
@plain
def plot_runs(
    runs: Mapping[Any, np.ndarray],
    x: Sequence[float] | None = None,
    labels: tuple[str, str] = ("epoch", "accuracy"),
    title: str | None = None,
    scales: tuple[str, str] = ("linear", "linear"),
) -> Figure:
    """Draw one line a name, the mean of its runs, within a band from the lowest run to the highest.

    Args:
        runs: For each name the curves of its runs, (count, points), such as one a seed; or one
            curve (points,), drawn without a band. Values that are not finite are left out.
        x: Where the points lie, the same for all. Default: 1, 2, 3, ...
        labels: Names of both axes, with their units.
        title: What the curves show.
        scales: Matplotlib's scale of each axis: "linear", or "log", which cannot show 0.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If there are no runs, their lengths differ from one another or from `x`, or
            there is no such scale.

    Example:
        >>> figure = plot_runs({"small net": [[0.7, 0.9], [0.5, 0.8]]})
        >>> figure.axes[0].lines[0].get_ydata().round(2).tolist()
        [0.6, 0.85]
    """
    curves = {name: np.atleast_2d(np.asarray(values, float)) for name, values in runs.items()}
    if not curves:
        raise ValueError('`runs` must hold at least one entry; got none. Pass {"name": curves}.')
    lengths = {name: values.shape[1] for name, values in curves.items()}
    if any(values.ndim != 2 for values in curves.values()):
        words = "`runs` must hold (count, points) or (points,) by name; got"
        raise ValueError(f"{words} {[values.shape for values in curves.values()]}.")
    points = len(x) if x is not None else next(iter(lengths.values()))
    if points == 0 or set(lengths.values()) != {points}:
        raise ValueError(
            f"`runs` must all have the same number of points, 1 or more, and `x` as many; got"
            f" {lengths}{'' if x is None else f' and {points} in `x`'}. Cut them alike."
        )
    known = [name for name in get_scale_names() if not name.startswith("function")]
    if unknown := set(scales) - set(known):
        words = f"`scales` must be two of: {', '.join(known)}; got"
        raise ValueError(f"{words} {', '.join(sorted(unknown))}.")
    places = np.arange(1, points + 1) if x is None else np.asarray(x)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, (name, values) in enumerate(curves.items()):
        values = np.ma.masked_invalid(values)
        style = line_look(index) | {"markersize": 4, "markevery": max(1, points // 20)}
        axes.plot(places, values.mean(axis=0), label=line_name(name), **style)
        if len(values) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            axes.fill_between(places, low, high, color=style["color"], alpha=0.2, linewidth=0)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title or "")
    axes.set(xscale=scales[0], yscale=scales[1])
    if scales[0] == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(integer=places.dtype.kind in "iu"))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
