"""Which classes does a classifier mix up? A confusion matrix."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnbook._checks import as_array_of_any, checked
from cnnbook.plots._draw import CENTERED, plain

Classes = np.ndarray | object  # any: `_checked_classes` says best what is wrong
MOST_CLASSES_WITH_NUMBERS = 20  # more would not be legible


@checked
@plain
def plot_confusion_matrix(
    labels: Classes,
    predictions: Classes,
    class_names: Sequence[Any],
    normalize: bool = False,
    *,
    title: str | None = None,
) -> Figure:
    """Draw how often each true class (row) was taken for each class (column).

    The diagonal, what was right, stays grey: its large counts would leave no shade for the
    mistakes. The darkest blue is the most frequent mistake.

    Args:
        labels: (count,) integers, the true classes.
        predictions: (count,) integers, the predicted classes.
        class_names: The name of class 0, of class 1, and so on.
        normalize: Show percent of the true class, 0 where it does not occur, instead of counts.
        title: What the matrix shows.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If labels and predictions are not equally many class indices, one or more.

    Example:
        >>> figure = plot_confusion_matrix([0, 0, 1], [0, 1, 1], ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '1', '', '1']
    """
    num_classes = len(class_names)
    true = _checked_classes("labels", labels, num_classes)
    said = _checked_classes("predictions", predictions, num_classes)
    if len(true) != len(said):
        words = f"`predictions` must be as many as `labels`, {len(true)}; got {len(said)}."
        raise ValueError(f"{words} Predict the images that the labels belong to.")
    matrix = np.zeros((num_classes, num_classes))
    np.add.at(matrix, (true, said), 1)
    if normalize:
        matrix *= 100 / matrix.sum(axis=1, keepdims=True).clip(min=1)
    longest = max(map(len, class_names))
    side = min(9, 2.2 + 0.48 * num_classes) + 0.06 * max(0, longest - 20)
    figure, axes = plt.subplots(figsize=(side, 0.92 * side), layout="constrained")
    right = np.eye(num_classes, dtype=bool)
    most = matrix[~right].max(initial=0) or 1
    colors = plt.get_cmap("Blues").with_extremes(bad="lightgrey")
    picture = axes.imshow(np.ma.array(matrix, mask=right), cmap=colors, vmin=0, vmax=most)
    if num_classes <= MOST_CLASSES_WITH_NUMBERS:
        for (row, column), value in np.ndenumerate(matrix):
            text = f"{value:.{int(normalize)}f}" if value else ""
            color = "white" if row != column and value > 0.6 * most else "black"
            axes.text(column, row, text, **CENTERED, fontsize=8, color=color)
    turn = 90 if longest > 3 else 0
    axes.set_xticks(range(num_classes), class_names, rotation=turn, fontsize=8)
    axes.set_yticks(range(num_classes), class_names, fontsize=8)
    axes.set(xlabel="predicted class", ylabel="true class", title=title or "")
    unit = "mistakes, percent of the true class" if normalize else "mistakes, images"
    figure.colorbar(picture, label=unit, shrink=0.8, ticks=MaxNLocator(integer=not normalize))
    return figure


def _checked_classes(name: str, values: Classes, num_classes: int) -> np.ndarray:
    """Return one class index an image, or refuse what is none."""
    classes = as_array_of_any(values)
    if classes.ndim != 1 or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(
            f"`{name}` must be one integer an image, shape (count,); got {classes.dtype} of shape "
            f"{classes.shape}. From logits take `logits.argmax(axis=1)`."
        )
    if classes.size == 0:
        raise ValueError(f"`{name}` must hold at least one class; got none.")
    if classes.min() < 0 or classes.max() >= num_classes:
        raise ValueError(
            f"`{name}` must be indices into the {num_classes} `class_names`, 0 to "
            f"{num_classes - 1}; got {classes.min()} to {classes.max()}. Name all classes."
        )
    return classes
