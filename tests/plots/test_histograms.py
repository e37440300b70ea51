"""plot_histograms, by what it drew."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnbook.plots.histograms import plot_histograms


def counts(axes):
    """Height of each filled bar by the middle of its bin, empty ones left out."""
    return {
        round(bar.get_x() + bar.get_width() / 2, 3): int(bar.get_height())
        for bar in axes.patches
        if isinstance(bar, plt.Rectangle) and bar.get_height()
    }


def test_values_are_counted_in_their_bins():
    [axes] = plot_histograms({"a": [[-1, 0, 0], [0.99, 1, 0.01]]}).axes
    width = 2 / 61
    edge = round(1 - width / 2, 3)
    assert counts(axes) == {-edge: 1, 0: 3, edge: 2}


@pytest.mark.slow
def test_the_axis_reaches_to_the_largest_value_of_all():
    figure = plot_histograms({"a": [0.5], "b": [-3, 1]}, before=[2])
    low, high = (figure.axes[0].patches[0].get_x(), figure.axes[0].patches[60])
    assert low == pytest.approx(-3)
    assert high.get_x() + high.get_width() == pytest.approx(3)


def test_values_beyond_the_limit_are_counted_at_the_ends():
    [axes] = plot_histograms({"a": [-9, 5, 0.1]}, limit=1).axes
    assert sorted(counts(axes).values()) == [1, 1, 1]
    assert min(counts(axes)) > -1 and max(counts(axes)) < 1


@pytest.mark.slow
def test_panels_share_their_axes_and_the_rest_is_blank():
    figure = plot_histograms({"a": [1], "b": [2], "c": [3]}, columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", ""]
    assert not figure.axes[3].axison
    assert len({axes.get_xlim() for axes in figure.axes[:3]}) == 1
    assert len({axes.get_ylim() for axes in figure.axes[:3]}) == 1


@pytest.mark.slow
def test_before_is_an_outline_in_every_panel_and_named():
    figure = plot_histograms({"a": [1, 2], "b": [2]}, before=np.zeros((3, 2)))
    for axes in figure.axes:
        [outline] = [patch for patch in axes.patches if isinstance(patch, plt.Polygon)]
        assert not outline.get_fill() and outline.get_xy()[:, 1].max() == 6
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert sorted(legend) == ["after", "before"]


def test_counts_are_on_a_log_scale_and_the_axes_are_named():
    figure = plot_histograms({"a": [1, 2]}, title="It shrinks")
    assert figure.axes[0].get_yscale() == "log"
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("weight", "count")
    assert figure.get_suptitle() == "It shrinks"
    assert figure.axes[0].get_legend() is None


def test_equal_zeros_are_drawn():
    assert counts(plot_histograms({"a": np.zeros(5)}).axes[0]) == {0: 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"after": {}}, "at least one entry; got none"),
        ({"after": {"a": []}}, "'a' has 0 values, 0 of them finite"),
        ({"after": {"a": [1, np.nan]}}, "'a' has 2 values, 1 of them finite. Did the training"),
        ({"after": {"a": [1]}, "before": [np.inf]}, "'before' has 1 values, 0 of them"),
        ({"after": {"a": [1]}, "columns": 0}, "`columns` must be 1 or more; got 0"),
        ({"after": {"a": [1]}, "limit": np.inf}, "`limit` must be a finite number.*got inf"),
        ({"after": {"a": [1]}, "limit": -1}, "`limit` must be above 0; got -1"),
    ],
)
def test_what_cannot_be_drawn(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_histograms(**arguments)
