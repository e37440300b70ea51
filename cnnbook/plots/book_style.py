"""How do figures look as the book's do? One call sets type, colours, width and ground."""

from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap

FONT, OTHER_FONT = "Book Sans", "DejaVu Sans"
# 7.2 inches are the full column of a page, 720 pixels, so that 10 points are 13.9 pixels there.
SETTINGS: dict[Any, Any] = {
    "figure.figsize": (7.2, 2.8),
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.transparent": True,
    "figure.constrained_layout.use": True,
    "font.family": [FONT, OTHER_FONT],
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "text.color": "#1b2026",
    "axes.labelcolor": "#585d64",
    "xtick.labelcolor": "#585d64",
    "ytick.labelcolor": "#585d64",
    "axes.edgecolor": "#b9b6ac",
    "xtick.color": "#b9b6ac",
    "ytick.color": "#b9b6ac",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e6e3d9",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.prop_cycle": "cycler(color=['#0072b2', '#d55e00', '#00795a', '#585d64', '#8a5a9e'])",
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "image.cmap": "Blues",
}
# What is below zero, zero, and above: the same three colours as in the live pages.
SIGNS = LinearSegmentedColormap.from_list("signs", ["#d55e00", "#ffffff", "#0060a0"])
# Notebooks save figures by a way of their own, which does not ask for `savefig.transparent`.
NO_GROUND = {"figure.facecolor": "none", "axes.facecolor": "none"}


def use_book_style() -> None:
    """Draw all figures from now on as those of the book.

    They are as wide as its text, have no ground of their own, so that they stand on light and dark
    pages, and are saved with 200 dots an inch, in notebooks as well. Draw what a figure is about
    in "C0", which is blue, what to look at in "C1", which is orange, and the rest in "0.6". Draw
    values with a sign by the colour map "signs", with the same limit on both sides: blue is above
    zero, white is zero, and orange is below.

    The type is Source Sans, of two files in the folder `fonts` beside this module; where that
    folder is missing, it is Matplotlib's own.

    Example:
        >>> with plt.rc_context():  # or without, for all that follows
        ...     use_book_style()
        ...     figure, axes = plt.subplots()
        >>> figure.get_size_inches().tolist(), figure.get_facecolor()
        ([7.2, 2.8], (0.0, 0.0, 0.0, 0.0))
    """
    families = [FONT, OTHER_FONT] if _add_fonts() else [OTHER_FONT]
    plt.rcParams.update(SETTINGS | NO_GROUND | {"font.family": families})
    if SIGNS.name not in matplotlib.colormaps:
        matplotlib.colormaps.register(SIGNS)
    if plt.get_backend().endswith("inline"):  # 200 dots an inch, and no margin cut off
        import_module("matplotlib_inline.backend_inline").set_matplotlib_formats(
            "retina", bbox_inches=None
        )


def _add_fonts() -> bool:
    """Let Matplotlib know the type of the book; return whether it is there."""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    files = [str(path) for path in Path(__file__).with_name("fonts").glob("*.ttf")]
    for file in files:
        if file not in known:
            font_manager.fontManager.addfont(file)
    return bool(files)
