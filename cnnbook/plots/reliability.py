"""When a network says 90 %, is it right nine times in ten? A reliability diagram.

Source: Guo, Pleiss, Sun & Weinberger (2017), "On Calibration of Modern Neural Networks",
https://arxiv.org/abs/1706.04599, section 2 and figure 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import LINES, line_look
from cnnbook.plots._arguments import check_probabilities
from cnnbook.plots._draw import line_name, make_panels, plain

FEW = 10  # images: their share says little


@checked
@plain
def plot_reliability(
    labels: np.ndarray,
    probabilities: Mapping[Any, np.ndarray],
    *,
    bins: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw how often networks are right against how sure they are.

    Sure is the probability of the class that was chosen. On the diagonal both agree; below it a
    network is surer than it may be. A point stands for the images of one bin, at their mean; it is
    hollow if they are fewer than 10, for that says little. The panel below shows how many percent
    of all images are in each bin. The name of each line ends in its expected calibration error: the
    distance from the diagonal, the mean over all images, in points of percent.

    Args:
        labels: (count,) integers, the true classes.
        probabilities: For each name (count, classes) in [0, 1], such as softmax(logits).
        bins: Of equal width, between 0 and 100 %.
        title: What the diagram shows.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If labels, probabilities or bins are not as said above, or there are none.

    Example:
        >>> said = np.array([[0.8, 0.2]] * 10)
        >>> figure = plot_reliability([0] * 6 + [1] * 4, {"small net": said})
        >>> figure.axes[0].lines[1].get_label()
        'small net, error 20.0 points'
    """
    labels = np.asarray(labels)
    networks = {name: np.asarray(said) for name, said in probabilities.items()}
    if not networks or not 1 <= bins <= 1_000:
        words = "`probabilities` must hold at least one network, `bins` be 1 to 1,000; got"
        raise ValueError(f'{words} {len(networks)} and {bins}. Pass {{"name": probabilities}}.')
    for said in networks.values():
        check_probabilities(labels, said)
    figure, panels = make_panels(2, 1, (5, 5.6), title, height_ratios=(3, 1), sharex=True)
    above, below = panels.flat
    above.plot([0, 100], [0, 100], color="grey", linestyle=":", label="as sure as right")
    edges = np.linspace(0, 100, bins + 1)
    for number, (name, said) in enumerate(networks.items()):
        sure, is_right = 100 * said.max(axis=1), 100.0 * (said.argmax(axis=1) == labels)
        bin_of = np.minimum((sure / 100 * bins).astype(int), bins - 1)
        count = np.bincount(bin_of, minlength=bins)
        mean_sure = np.bincount(bin_of, sure, bins) / count.clip(1)
        mean_right = np.bincount(bin_of, is_right, bins) / count.clip(1)
        error = (count * np.abs(mean_sure - mean_right)).sum() / count.sum()
        look, label = line_look(number), f"{line_name(name)}, error {error:.1f} points"
        line = LINES[number % len(LINES)]
        used, few = count > 0, (count > 0) & (count < FEW)
        above.plot(mean_sure[used], mean_right[used], label=label, linestyle=line, **look)
        look["markerfacecolor"] = "white"
        above.plot(mean_sure[few], mean_right[few], linestyle="none", **look)
        below.stairs(100 * count / count.sum(), edges, color=look["color"], linestyle=line)
    above.set(ylabel="right, percent of the bin's images", ylim=(-2, 102))
    below.set(xlabel="how sure, percent", ylabel="percent of\nall images", xlim=(0, 101))
    above.grid(alpha=0.3)
    above.legend(fontsize=8)
    return figure
