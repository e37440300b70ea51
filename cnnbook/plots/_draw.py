"""Panels under a title, pictures in them, tiles on a sheet, and names as they are."""

import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

Given = ParamSpec("Given")
LONGEST_NAME = 40  # letters; more would leave no room for what is named
LETTERS_AN_INCH = 14  # in one line; of twice as many, the layout would give up
SMALLEST, LARGEST = 0.1, 600  # inches; Matplotlib draws no picture of more than 2**16 pixels
CENTERED: dict[str, Any] = {"ha": "center", "va": "center"}


def plain(function: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """Let a function draw names of any kind, as they are: a $ begins no formula."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def drawing(*arguments: Given.args, **keywords: Given.kwargs) -> Figure:
        given = signature.bind(*arguments, **keywords)
        for name in ("class_names", "titles"):
            if given.arguments.get(name) is not None:
                given.arguments[name] = [as_name(each) for each in given.arguments[name]]
        figure = function(*given.args, **given.kwargs)
        letters = int(LETTERS_AN_INCH * figure.get_figwidth())
        for text in figure.findobj(Text):
            text.set_parse_math("$" not in text.get_text())
            lines = _drawable(text.get_text()).split("\n")
            if max(map(len, lines)) > 2 * letters:
                lines = textwrap.wrap(" ".join(lines), letters, max_lines=3, placeholder=" …")
            text.set_text("\n".join(lines))
        return figure

    return drawing


def as_name(value: object) -> str:
    """Return a name as text that can be drawn, and not too long."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    cut = LONGEST_NAME // 2
    lines = [
        line if len(line) <= LONGEST_NAME else f"{line[: cut - 1]}…{line[-cut:]}"
        for line in _drawable(text).split("\n")
    ]
    return "\n".join(lines)


def line_name(value: object) -> str:
    """Return a name for a legend, which leaves out those that begin with a _."""
    name = as_name(value)
    return f" {name}" if name[:1] in ("", "_") else name


def _drawable(text: str) -> str:
    """Write signs that no font in use has by their numbers, for they would all be the same box."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    families = plt.rcParams["font.family"]
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in families]
    return "".join(
        sign
        if sign == "\n" or any(font.get_char_index(ord(sign)) for font in fonts)
        else sign.encode("unicode_escape").decode()
        for sign in text
    )


def make_panels(
    rows: int, columns: int, size: Sequence[float], title: str | None, font: int = 10, **look: Any
) -> tuple[Figure, np.ndarray]:
    """Make a figure of this size in inches, and its panels, (rows, columns), below a title."""
    if not SMALLEST <= min(size) <= max(size) <= LARGEST:
        words = f"`inches` must make the figure {SMALLEST} to {LARGEST} wide and high; got"
        raise ValueError(f"{words} {size[0]:.3g} by {size[1]:.3g} inches. Draw fewer, or smaller.")
    look |= {"figsize": size, "squeeze": False, "layout": "constrained"}
    figure, panels = plt.subplots(rows, columns, **look)
    if title:
        figure.suptitle(title, fontsize=font, wrap=True)
    return figure, panels


def draw_picture(axes: Axes, picture: np.ndarray, in_gray: bool = False, **options: Any) -> None:
    """Draw whole numbers from 0 to 255 or others from 0 to 1; what lies beyond, as these."""
    white = 255 if np.issubdtype(picture.dtype, np.integer) else 1
    shown = picture.clip(0, white)
    shown = shown.mean(axis=2) if in_gray else shown
    axes.imshow(shown, cmap="gray", vmin=0, vmax=white, **options)


def enlarged(tiles: np.ndarray) -> np.ndarray:
    """Repeat the pixels of small tiles, so that the lines between them look thin."""
    times = max(1, 12 // max(tiles.shape[1:3]))
    return tiles.repeat(times, axis=1).repeat(times, axis=2)


def tiled(tiles: np.ndarray, across: int) -> np.ndarray:
    """Lay equal tiles out row by row, with a line between, white where nothing is drawn."""
    down = math.ceil(len(tiles) / across)
    height, width = np.array(tiles.shape[1:3]) + 1
    is_color = tiles.shape[3:] in {(1,), (3,)}
    sheet = np.full((down * height, across * width, *tiles.shape[3:]), 1.0 if is_color else np.nan)
    for index, tile in enumerate(tiles):
        top, left = np.array(divmod(index, across)) * (height, width)
        sheet[top : top + height - 1, left : left + width - 1] = tile
    return sheet[:-1, :-1]
