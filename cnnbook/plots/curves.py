"""Does it learn, and does it overfit? Learning curves of one or several models."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnbook._checks import checked
from cnnbook._colors import line_look
from cnnbook.plots._draw import line_name, plain


@checked
@plain
def plot_learning_curves(
    histories: Mapping[Any, Any] | Any,
    metric: str = "accuracy",
    title: str | None = None,
) -> Figure:
    """Draw a metric over the epochs: training dashed, validation solid.

    The gap between both is shaded: it is what the model knows about its training images only. Keras
    averages the training value over an epoch, while the model improves and with dropout on, so
    early on it may be the worse one.

    Args:
        histories: For each name what `model.fit` returned, or its attribute `history`; or a single
            one, without a name. One without "val_" + metric gets no solid line.
        metric: A key of every history, such as "accuracy" or "loss".
        title: What the curves show.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no history, or one lacks the metric, or epochs of it.

    Example:
        >>> history = {"accuracy": [0.7, 0.9], "val_accuracy": [0.8, 0.85]}
        >>> figure = plot_learning_curves({"small net": history})
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['small net, training', 'small net, validation']
    """
    histories = _named_histories(histories)
    if not histories:
        words = "`histories` must hold at least one history; got none."
        raise ValueError(f'{words} Pass {{"name": fitted.history}}.')
    for name, history in histories.items():
        _check_history(name, history, metric)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, (name, history) in enumerate(histories.items()):
        training, validation = history[metric], history.get(f"val_{metric}")
        epochs = range(1, len(training) + 1)
        style = line_look(index) | {"markersize": 4}
        axes.plot(epochs, training, linestyle="--", label=f"{line_name(name)}, training", **style)
        if validation is not None:
            axes.plot(
                epochs, validation, linestyle="-", label=f"{line_name(name)}, validation", **style
            )
            axes.fill_between(epochs, training, validation, color=style["color"], alpha=0.12)
    axes.set(xlabel="epoch", ylabel=metric.replace("_", " "), title=title or "")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, handlelength=3)  # long enough to show dashes
    return figure


def _named_histories(given: Any) -> dict[Any, Mapping[str, Sequence[float]]]:
    """Return the history of each name, of what `fit` returns as well, or refuse it."""
    plain_one = getattr(given, "history", given)
    if isinstance(plain_one, Mapping):
        values = plain_one.values()
        is_one = plain_one is not given or (bool(values) and all(map(np.ndim, values)))
        named = {"model": plain_one} if is_one else plain_one
        histories = {name: getattr(each, "history", each) for name, each in named.items()}
        if all(isinstance(each, Mapping) for each in histories.values()):
            return histories
    raise ValueError(
        "`histories` must be histories by name; got"
        f' {type(given).__name__}. Pass {{"name": fitted}}, of fitted = model.fit(...).'
    )


def _check_history(name: str, history: Mapping[Any, Sequence[float]], metric: str) -> None:
    """Refuse what cannot be drawn, and say what could be."""
    if metric not in history:
        known = sorted(key for key in history if not key.startswith("val_"))
        words = f"`metric` must be in every history; {name!r} has no {metric!r}, only {known}."
        raise ValueError(f"{words} Name one of these, or compile the model with that metric.")
    keys = [key for key in (metric, f"val_{metric}") if key in history]
    count, *validated = [np.size(history[key]) for key in keys]
    if np.ndim(history[metric]) != 1 or count == 0:
        raise ValueError(f"`histories` must hold epochs; {name!r} has no epoch. Train it first.")
    for key in keys:
        if np.asarray(history[key]).dtype.kind not in "buif":
            words = f"`histories` must hold numbers; {name!r} has {history[key]!r:.60} as {key!r}."
            raise ValueError(f"{words} Of text make them with float.")
    if validated not in ([], [count]):
        raise ValueError(
            f"`histories` must hold one value an epoch; {name!r} has {count} of {metric!r} but "
            f"{validated[0]} of 'val_{metric}'. Validate every epoch, or leave the latter out."
        )
