"""How does a kernel move over a picture? It lies on its patch, place by place, with all numbers."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnnbook._checks import checked
from cnnbook.plots._draw import CENTERED, plain

LARGEST, MOST_PLACES = 8, 4  # pixels a side, and places side by side, whose numbers can be read
INCHES_A_PLACE, GAP = 2.4, 0.8  # width of a place; pixels between picture and answers
POSITIVE, NEGATIVE, ZERO = "#0072B2", "#B84A00", "#585d64"  # a factor's colour; all can be read


@checked
@plain
def plot_kernel_steps(
    image: np.ndarray, kernel: np.ndarray, places: Sequence[Any], title: str | None = None
) -> Figure:
    """Draw a kernel on its patch, and below it the one answer, for some places side by side.

    In the frame, each pixel has its number and, small, the number of the kernel by which it is
    multiplied. Answers of places further left stand in the map as well, the others are left blank.

    Args:
        image: (height, width), up to 8×8 finite numbers of any scale; whole ones read best.
        kernel: (kernel_height, kernel_width), no larger than the image.
        places: (row, column) of the patch's upper left pixel, 1 to 4 of them.
        title: What the whole picture shows.

    Returns:
        The figure, one panel a place. Nothing is shown or saved here.

    Raises:
        ValueError: If an array has another rank or size, or the kernel does not fit at a place.

    Example:
        >>> image = np.array([[2, 2, 7], [2, 2, 7]])
        >>> figure = plot_kernel_steps(image, np.array([[-1, 1]]), [(0, 0), (0, 1)])
        >>> [axes.get_title() for axes in figure.axes]
        ['answer: 0', 'answer: 5']
    """
    image, kernel = np.asarray(image), np.asarray(kernel)
    for name, array in (("image", image), ("kernel", kernel)):
        if array.ndim != 2 or not array.size or not np.isfinite(array).all():
            words = f"`{name}` must be finite numbers, (height, width); got shape {array.shape}."
            raise ValueError(f"{words} Choose one channel of one picture.")
    if max(image.shape) > LARGEST or (np.array(kernel.shape) > image.shape).any():
        words = f"`image` must be at most {LARGEST}×{LARGEST}, and `kernel` fit in it; got shapes"
        raise ValueError(f"{words} {image.shape} and {kernel.shape}. Cut a small part out.")
    answers_shape = np.subtract(image.shape, kernel.shape) + 1
    known = [_checked_place(place, answers_shape) for place in places]
    if not 1 <= len(known) <= MOST_PLACES:
        words = f"`places` must hold 1 to {MOST_PLACES} pairs (row, column); got {len(known)}."
        raise ValueError(f"{words} Choose those that show most.")
    rows, columns = image.shape
    tall = rows + GAP + answers_shape[0] + 0.2
    height = INCHES_A_PLACE * tall / (columns + 0.3) + (0.7 if title else 0.4)
    size = (INCHES_A_PLACE * len(known), height)
    figure, panels = plt.subplots(1, len(known), figsize=size, squeeze=False, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    answers = np.full(answers_shape, np.nan)
    for axes, place in zip(panels[0], known, strict=True):
        row, column = place
        patch = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
        answers[place] = (patch * kernel.astype(float)).sum()
        _draw_numbers(axes, image, (0, 0), gray=True)
        _draw_numbers(axes, answers, _corner_of_answers(image, answers))
        _draw_kernel(axes, kernel, place)
        _join(axes, kernel, place, _corner_of_answers(image, answers))
        axes.set(xlim=(-0.15, columns + 0.15), ylim=(tall, -0.15), aspect="equal")
        axes.set_title(f"answer: {_number(answers[place])}")
        axes.axis("off")
    return figure


def _corner_of_answers(image: np.ndarray, answers: np.ndarray) -> tuple[float, float]:
    """Return where the map begins, below the picture and in its middle: x, y."""
    return (image.shape[1] - answers.shape[1]) / 2, image.shape[0] + GAP


def _draw_numbers(
    axes: Axes, numbers: np.ndarray, corner: tuple[float, float], gray: bool = False
) -> None:
    """Draw a square for each number; pixels grey, never too dark for black, what is nan blank."""
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    for (row, column), value in np.ndenumerate(numbers):
        shade = 0.82 + 0.18 * (value - low) / (high - low) if gray and high > low else 1.0
        x, y = corner[0] + column, corner[1] + row
        look: dict[str, Any] = {"facecolor": str(shade), "edgecolor": "0.55", "linewidth": 0.8}
        axes.add_patch(Rectangle((x, y), 1, 1, **look))
        if not np.isnan(value):
            place = (x + 0.5, y + 0.5) if not gray else (x + 0.36, y + 0.36)
            axes.text(*place, _number(value), **CENTERED, fontsize=12, color="black")


def _draw_kernel(axes: Axes, kernel: np.ndarray, place: tuple[int, int]) -> None:
    """Write each factor into its pixel's lower right corner, and draw a frame around them all."""
    for (row, column), value in np.ndenumerate(kernel):
        color = NEGATIVE if value < 0 else POSITIVE if value > 0 else ZERO
        look: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 9.5, "weight": "bold"}
        right, bottom = place[1] + column + 0.94, place[0] + row + 0.95
        axes.text(right, bottom, f"×{_number(value)}", color=color, **look)
    height, width = kernel.shape
    axes.add_patch(
        Rectangle(place[::-1], width, height, fill=False, edgecolor="C1", linewidth=3, zorder=3)
    )


def _join(
    axes: Axes, kernel: np.ndarray, place: tuple[int, int], corner: tuple[float, float]
) -> None:
    """Frame the answer, and draw a line to it from each side of the frame above."""
    (row, column), (height, width) = place, kernel.shape
    left, top = corner[0] + column, corner[1] + row
    frame: dict[str, Any] = {"fill": False, "edgecolor": "C1", "linewidth": 3, "zorder": 3}
    axes.add_patch(Rectangle((left, top), 1, 1, **frame))
    for start, end in ((column, left), (column + width, left + 1)):
        line: dict[str, Any] = {"color": "C1", "linewidth": 1, "linestyle": ":", "zorder": 2}
        axes.plot([start, end], [row + height, top], **line)


def _number(value: float) -> str:
    """Write a number short, with a true minus."""
    return f"{value:.3g}".replace("-", "−")


def _checked_place(place: Any, answers_shape: np.ndarray) -> tuple[int, int]:
    """Return a row and a column, or refuse a place at which the kernel does not fit."""
    is_pair = np.shape(place) == (2,) and all(float(each).is_integer() for each in place)
    if not is_pair or (np.array(place) < 0).any() or (np.array(place) >= answers_shape).any():
        last = ", ".join(str(size - 1) for size in answers_shape)
        words = f"`places` must be pairs (row, column) from (0, 0) to ({last}), where the kernel"
        raise ValueError(f"{words} fits; got {' '.join(repr(place).split())}.")
    return int(place[0]), int(place[1])
