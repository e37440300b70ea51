"""plot_timeline: what is drawn, read back from the axes."""

from itertools import pairwise

import numpy as np
import pytest

from cnnbook.plots.timeline import plot_timeline

EVENTS = ((1998, "LeNet-5"), (1943, "neuron"), (1989, "zip codes"), (1990, "later"))


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_events_stand_in_the_order_of_their_years_whatever_their_order():
    expected = ["1943  neuron", "1989  zip codes", "1990  later", "1998  LeNet-5"]
    assert texts(plot_timeline(EVENTS)) == expected


def test_the_points_are_at_their_years():
    [points] = [line for line in plot_timeline(EVENTS).axes[0].lines if line.get_marker() == "o"]
    assert list(points.get_ydata()) == [1943, 1989, 1990, 1998]


def test_each_text_is_joined_with_its_year():
    axes = plot_timeline(EVENTS).axes[0]
    joined = {line.get_ydata()[0]: line.get_ydata()[-1] for line in axes.lines[1:]}
    assert joined == {int(text.get_text()[:4]): text.get_position()[1] for text in axes.texts}


def test_time_runs_downwards():
    bottom, top = plot_timeline(EVENTS).axes[0].get_ylim()
    assert bottom > top


@pytest.mark.parametrize("events", [EVENTS, [(1980, "a"), (1980, "b"), (1980, "c")]])
def test_no_two_texts_touch(events):
    figure = plot_timeline(events)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    heights = sorted((box.y0, box.y1) for box in boxes)
    assert all(lower[1] < upper[0] for lower, upper in pairwise(heights))


def test_events_of_one_year_keep_their_order():
    assert texts(plot_timeline([(1980, "b"), (1980, "a")])) == ["1980  b", "1980  a"]


def test_a_single_event_is_drawn():
    assert texts(plot_timeline([(1980, "neocognitron")])) == ["1980  neocognitron"]


def test_the_axis_counts_whole_years():
    figure = plot_timeline([(1980, "a"), (1981, "b")])
    figure.canvas.draw()
    ticks = figure.axes[0].get_yticks()
    np.testing.assert_array_equal(ticks, ticks.round())
    assert figure.axes[0].get_ylabel() == "year"


def test_the_title_is_that_given():
    assert plot_timeline(EVENTS, title="Fifty years").axes[0].get_title() == "Fifty years"


def test_the_events_of_the_caller_are_left_in_their_order():
    events = list(EVENTS)
    plot_timeline(events)
    assert events == list(EVENTS)


@pytest.mark.parametrize("event", [1980, (1980,), (1980, "a", "b"), "ab"])
def test_what_is_no_pair_is_refused(event):
    with pytest.raises(ValueError, match=r"`events` must hold \(year, text\) pairs; got"):
        plot_timeline([event])


def test_no_events_are_refused():
    with pytest.raises(ValueError, match="`events` must hold at least one"):
        plot_timeline([])


@pytest.mark.parametrize("year", [10**400, 1e300, float("nan")])
def test_a_year_that_no_axis_has_is_refused(year):
    with pytest.raises(ValueError, match=r"`events` must hold \(year, text\) pairs; got"):
        plot_timeline([(year, "a")])
