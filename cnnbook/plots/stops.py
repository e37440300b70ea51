"""Where does a filter stop along one axis, and which pixels does it never reach?"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook.plots._draw import make_panels, plain

LONGEST = 1_000  # pixels in a row that can be seen


@checked
@plain
def plot_stops(cases: Sequence[Sequence[float] | float], title: str | None = None) -> Figure:
    """Draw a row of pixels for each case and, below it, every stop of the filter.

    Args:
        cases: (input_size, kernel_size, padding, strides) of each panel. `padding` counts the
            zeros at each of the two ends.
        title: What the whole picture shows.

    Returns:
        The figure, two panels in a row, headed by the sum (W - F + 2P) / S + 1. Where that is no
        whole number, the filter stops at the whole number below. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no case, or one is not four whole numbers, or a filter larger than
            its padded input, or that longer than 1,000.

    Example:
        >>> figure = plot_stops([(10, 3, 0, 2)])
        >>> figure.axes[0].get_title()
        '(10 - 3 + 2·0) / 2 + 1 = 4.5'
    """
    if len(cases) == 0:
        raise ValueError("`cases` must hold at least one case; got none.")
    known = [_checked_case(case) for case in cases]
    rows = math.ceil(len(cases) / 2)
    longest = max(size + 2 * padding for size, _, padding, _ in known)
    deepest = max((size - width + 2 * ring) // step + 1 for size, width, ring, step in known)
    size = 9, 0.6 + rows * (0.8 + 0.12 * deepest)
    figure, panels = make_panels(rows, min(len(cases), 2), size, title, 11)
    for axes in panels.flat:
        axes.set(xlim=(-1, longest), ylim=(-0.2 - 0.5 * deepest, 1.1))
        axes.axis("off")
    for axes, case in zip(panels.flat, known, strict=False):
        _draw_case(axes, *case)
    legends = [axes.get_legend_handles_labels() for axes in panels.flat]
    handles = {label: handle for both in legends for handle, label in zip(*both, strict=True)}
    look: dict[str, Any] = {"loc": "outside lower center", "ncols": 4, "fontsize": 9}
    figure.legend([*handles.values()], [*handles], **look)
    return figure


def _draw_case(axes: Axes, size: int, kernel_size: int, padding: int, strides: int) -> None:
    """Draw squares from left to right, and bars from top to bottom in the order of the stops."""
    places = np.arange(size + 2 * padding)
    starts = np.arange(0, len(places) - kernel_size + 1, strides)
    is_pixel = (places >= padding) & (places < padding + size)
    offsets = places[:, None] - starts
    is_reached = ((offsets >= 0) & (offsets < kernel_size)).any(axis=1)
    for label, chosen, color in (
        ("pixel", is_pixel & is_reached, "#56B4E9"),
        ("zero of the padding", ~is_pixel & is_reached, "white"),
        ("never reached", ~is_reached, "black"),
    ):
        if chosen.any():
            axes.bar(places[chosen], 0.9, 0.9, edgecolor="black", label=label, color=color)
    depths = -0.3 - 0.5 * np.arange(len(starts))
    axes.barh(depths, kernel_size - 0.2, 0.3, starts - 0.4, color="#D55E00", label="filter")
    exact = (size - kernel_size + 2 * padding) / strides + 1
    text = f"({size} - {kernel_size} + 2·{padding}) / {strides} + 1 = {exact:.4g}"
    axes.set_title(text, fontsize=10)


def _checked_case(case: Any) -> tuple[int, int, int, int]:
    """Return the four numbers, or refuse what is no case."""
    is_case = np.shape(case) == (4,) and all(float(value).is_integer() for value in case)
    size, kernel_size, padding, strides = map(int, case) if is_case else (0, 0, 0, 0)
    longest = size + 2 * padding
    if min(size, kernel_size, strides) < 1 or padding < 0 or not kernel_size <= longest <= LONGEST:
        words = "`cases` must hold (input_size, kernel_size, padding, strides), whole numbers, the"
        words += f" filter no larger than the padded input, and that at most {LONGEST} long"
        raise ValueError(f"{words}; got {case!r}.")
    return size, kernel_size, padding, strides
