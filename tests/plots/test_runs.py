"""plot_runs, by what it drew."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnbook.plots.runs import plot_runs

RUNS = {"a": [[1, 2, 3], [3, 4, 8]], "b": [[0, 0, 0], [0, 6, 0], [0, 0, 3]]}


def test_each_line_is_the_mean_of_its_runs():
    lines = plot_runs(RUNS).axes[0].lines
    assert [line.get_label() for line in lines] == ["a", "b"]
    assert lines[0].get_ydata().tolist() == [2, 3, 5.5]
    assert lines[1].get_ydata().tolist() == [0, 2, 1]
    assert lines[0].get_xdata().tolist() == [1, 2, 3]


def test_the_band_goes_from_the_lowest_run_to_the_highest():
    bands = plot_runs(RUNS, x=[10, 20, 30]).axes[0].collections
    points = {tuple(point) for point in bands[0].get_paths()[0].vertices}
    assert points == {(10, 1), (10, 3), (20, 2), (20, 4), (30, 3), (30, 8)}


def test_lines_differ_in_colour_and_marker_and_wear_the_colour_of_their_band():
    axes = plot_runs(RUNS).axes[0]
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()
    color = plt.matplotlib.colors.to_rgb(axes.lines[1].get_color())
    assert axes.collections[1].get_facecolor()[0][:3] == pytest.approx(color)


def test_a_single_run_has_no_band():
    for curve in ([1, 2], [[1, 2]]):
        axes = plot_runs({"one": curve}).axes[0]
        assert not axes.collections and axes.lines[0].get_ydata().tolist() == [1, 2]


def test_values_that_are_not_finite_are_left_out():
    axes = plot_runs({"a": [[1, np.inf, np.nan], [3, 4, np.nan]]}).axes[0]
    drawn = axes.lines[0].get_ydata()
    assert drawn[:2].tolist() == [2, 4] and np.isnan(np.ma.filled(drawn, np.nan)[2])


def test_labels_scales_title_and_legend():
    axes = plot_runs(RUNS, [1, 10, 100], ("learning rate", "loss"), "It dips", ("log", "log")).axes[
        0
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "loss")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_title() == "It dips"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_epochs_are_marked_at_whole_numbers():
    axes = plot_runs({"a": [1, 2, 3]}).axes[0]
    assert all(tick == int(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize(
    ("runs", "x", "message"),
    [
        ({}, None, "at least one entry; got none"),
        ({"a": [1, 2], "b": [1, 2, 3]}, None, r"same number of points.*\{'a': 2, 'b': 3\}\."),
        ({"a": [1, 2]}, [1, 2, 3], r"\{'a': 2\} and 3 in `x`"),
        ({"a": [[], []]}, None, r"1 or more.*\{'a': 0\}"),
    ],
)
def test_what_cannot_be_drawn(runs, x, message):
    with pytest.raises(ValueError, match=message):
        plot_runs(runs, x)


def test_a_scale_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"`scales` must be .*linear, .*; got logg"):
        plot_runs({"a": [1, 2]}, scales=("linear", "logg"))


@pytest.mark.parametrize("scale", ["function", "functionlog"])
def test_a_scale_that_needs_more_than_its_name_is_refused(scale):
    with pytest.raises(ValueError, match=f"`scales` must be two of: asinh, .*; got {scale}"):
        plot_runs({"a": [1, 2]}, scales=("linear", scale))
