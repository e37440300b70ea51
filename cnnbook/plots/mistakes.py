"""Where was the network most wrong? The worst mistakes, with what it said and how sure it was."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook.plots._arguments import as_pictures, check_counts, check_probabilities
from cnnbook.plots._draw import CENTERED, draw_picture, make_panels, plain


@checked
@plain
def plot_mistakes(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[Any],
    count: int = 16,
    *,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    r"""Draw the images that were taken for another class, the worst first.

    The worst is the one whose true class was thought least likely. Above each stands what the
    network said and how sure it was, and in a second line the true class with its probability.

    Args:
        images: (count, height, width, 1 or 3). Integers in [0, 255], or floats in [0, 1] or
            [0, 255].
        labels: (count,) integers, the true classes.
        probabilities: (count, classes) in [0, 1], such as softmax(logits).
        class_names: The name of class 0, of class 1, and so on.
        count: Mistakes to draw, at most.
        columns: Pictures in a row, at most.
        title: What the mistakes show. Default: how many there are, of how many images.

    Returns:
        The figure; if there is no mistake, it says so. Nothing is shown or saved here.

    Raises:
        ValueError: If arrays do not fit together or are not what is said above.

    Example:
        >>> sure = [[0.9, 0.1], [0.8, 0.2]]
        >>> figure = plot_mistakes(np.zeros((2, 4, 4, 1)), [0, 1], sure, ["cat", "dog"])
        >>> figure.axes[0].get_title()
        'cat? 80 %\ndog: 20 %'
    """
    images = as_pictures(images)
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_probabilities(labels, probabilities)
    if (len(images), len(class_names)) != probabilities.shape:
        raise ValueError(
            "`images` and `class_names` must be as many as rows and columns of `probabilities`,"
            f" {probabilities.shape}; got {len(images)} and {len(class_names)}."
        )
    check_counts(count=count, columns=columns)
    mistakes = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    doubted, surest = probabilities[mistakes, labels[mistakes]], probabilities[mistakes].max(axis=1)
    mistakes = mistakes[np.lexsort((-surest, doubted))]  # first where the truth was least likely
    worst = mistakes[:count]
    columns = max(1, min(columns, len(worst)))
    rows = max(1, math.ceil(len(worst) / columns))
    inches = min(1.4, 9 / columns)
    height = rows * (inches * images.shape[1] / images.shape[2] + 0.36) + 0.3
    if title is None:
        title = f"{len(mistakes):,} of {len(labels):,} images were taken for another class"
    figure, panels = make_panels(rows, columns, (max(columns * inches, 3.5), height), title)
    for axes in panels.flat:
        axes.axis("off")
    for axes, index in zip(panels.flat, worst, strict=False):
        draw_picture(axes, images[index])
        true, shares = labels[index], probabilities[index]
        text = f"{class_names[shares.argmax()]}? {_percent(shares.max())}"
        axes.set_title(f"{text}\n{class_names[true]}: {_percent(shares[true])}", fontsize=8)
    if not len(mistakes):
        panels[0, 0].text(0.5, 0.5, "no mistakes", **CENTERED)
    return figure


def _percent(probability: float) -> str:
    """Write a probability so that 100 % means certain, and 0 % impossible."""
    percent = 100 * float(probability)
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if 1 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f} %"
