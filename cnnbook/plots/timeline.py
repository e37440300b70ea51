"""What came when? Events beside a line of years drawn to scale."""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnbook._checks import checked
from cnnbook.plots._draw import plain


@checked
@plain
def plot_timeline(events: Iterable[tuple[int, str] | Any], title: str | None = None) -> Figure:
    """Draw the years to scale on the left, the events evenly spaced on the right.

    A thin line joins each event with its year, so that no two texts overlap.

    Args:
        events: (year, text) in any order; texts of about 85 characters fit on a line.
        title: What the whole picture shows.

    Returns:
        The figure, earliest event at the top. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no event, or one is not a pair.

    Example:
        >>> figure = plot_timeline([(1998, "LeNet-5"), (1980, "neocognitron")])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1980  neocognitron', '1998  LeNet-5']
    """
    events = list(events)
    for event in events:
        is_pair = isinstance(event, (tuple, list)) and len(event) == 2
        year: Any = event[0] if is_pair and isinstance(event[0], numbers.Real) else math.nan
        if not abs(year) < 1e12:
            raise ValueError(f"`events` must hold (year, text) pairs; got {event!r}.")
    if not events:
        raise ValueError("`events` must hold at least one (year, text) pair; got none.")
    events.sort(key=lambda event: event[0])
    years = np.array([year for year, _ in events])
    # even steps over the same span; events of a single year still need room
    places = np.linspace(years[0], max(years[-1], years[0] + 1), len(events))
    figure, axes = plt.subplots(figsize=(8, 0.7 + 0.26 * len(events)), layout="constrained")
    axes.plot(np.zeros(len(events)), years, "o-", color="#0072B2", markersize=5, linewidth=2)
    for (year, text), place in zip(events, places, strict=True):
        axes.plot([0, 0.09, 0.12], [year, place, place], color="#888888", linewidth=0.8, zorder=0)
        axes.text(0.13, place, f"{year}  {text}", va="center", fontsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set(xlim=(-0.02, 1), xticks=[], ylabel="year")
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(title or "", fontsize=11)
    return figure
