"""Which colours does a drawing take? Those that can be told apart, and scales with a middle."""

from typing import Any

import matplotlib
import numpy as np

# Okabe and Ito's colours can be told apart with any colour vision; the markers do so in grey.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LINES = ["-", "--", "-."]


def line_look(number: int) -> dict[str, Any]:
    """Return the colour and the marker of a line, by its number."""
    return {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}


def color_scale(values: np.ndarray, colors: str, peak: float | None = None) -> dict[str, Any]:
    """Span signed values from -peak to peak, others from 0 to peak in `colors`.

    Signs are red and blue, or as in the book where `use_book_style` has been called.
    """
    peak = peak or float(max(values.max(), -float(values.min()))) or 1.0
    if values.min() < 0:
        signs = "signs" if "signs" in matplotlib.colormaps else "RdBu_r"
        return {"cmap": signs, "vmin": -peak, "vmax": peak}
    return {"cmap": colors, "vmin": 0, "vmax": peak}
