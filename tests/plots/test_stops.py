"""plot_stops: what is drawn, read back from the axes, against cases worked by hand."""

import pytest

from cnnbook.plots.stops import plot_stops


def places(axes, label):
    """Return the squares that are drawn under a label, counted from 0."""
    bars = [bars for bars in axes.containers if bars.get_label() == label]
    return [round(bar.get_x() + bar.get_width() / 2) for group in bars for bar in group]


def stops(axes):
    """Return the first and the last square below each bar of the filter, from the top."""
    [bars] = [bars for bars in axes.containers if bars.get_label() == "filter"]
    tops = sorted(bars, key=lambda bar: -bar.get_y())
    return [(round(bar.get_x()), round(bar.get_x() + bar.get_width())) for bar in tops]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((5, 3, 0, 1), [(0, 2), (1, 3), (2, 4)]),
        ((5, 3, 0, 2), [(0, 2), (2, 4)]),
        ((3, 3, 1, 1), [(0, 2), (1, 3), (2, 4)]),
        ((6, 2, 0, 3), [(0, 1), (3, 4)]),
    ],
)
def test_every_stop_of_the_filter_is_a_bar(case, expected):
    assert stops(plot_stops([case]).axes[0]) == expected


def test_pixels_and_zeros_are_told_apart():
    axes = plot_stops([(3, 3, 1, 1)]).axes[0]
    assert places(axes, "pixel") == [1, 2, 3]
    assert places(axes, "zero of the padding") == [0, 4]
    assert places(axes, "never reached") == []


@pytest.mark.parametrize(
    ("case", "left_out"), [((10, 3, 0, 2), [9]), ((6, 2, 0, 3), [2, 5]), ((4, 2, 1, 3), [2, 5])]
)
def test_what_no_filter_reaches_is_marked(case, left_out):
    assert places(plot_stops([case]).axes[0], "never reached") == left_out


def test_each_panel_is_headed_by_its_sum():
    figure = plot_stops([(10, 3, 0, 2), (5, 3, 1, 1), (7, 3, 0, 3)], title="Stops")
    headings = [axes.get_title() for axes in figure.axes]
    expected = ["(10 - 3 + 2·0) / 2 + 1 = 4.5", "(5 - 3 + 2·1) / 1 + 1 = 5"]
    assert headings == [*expected, "(7 - 3 + 2·0) / 3 + 1 = 2.333", ""]
    assert figure.get_suptitle() == "Stops"


def test_the_legend_names_only_what_is_drawn():
    def legend(case):
        return {text.get_text() for text in plot_stops([case]).legends[0].get_texts()}

    assert legend((5, 3, 0, 1)) == {"pixel", "filter"}
    assert legend((10, 3, 0, 2)) == {"pixel", "filter", "never reached"}


def test_everything_lies_within_the_panel():
    figure = plot_stops([(10, 3, 1, 1), (4, 3, 0, 1)])
    for axes in figure.axes:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        for bar in axes.patches:
            assert left <= bar.get_x() < bar.get_x() + bar.get_width() <= right
            assert bottom <= bar.get_y() < bar.get_y() + bar.get_height() <= top


@pytest.mark.parametrize(
    "case", [(5, 3, 0), (0, 1, 0, 1), (5, 0, 0, 1), (5, 3, -1, 1), (5, 3, 0, 0), (5, 8, 1, 1), 5,
             (5.5, 3, 0, 1), (10**7, 3, 0, 1), (5, 3, 500, 1)]
)  # fmt: skip
def test_an_impossible_case_is_refused(case):
    with pytest.raises(ValueError, match=r"`cases` must hold \(input_size, kernel_size.*; got"):
        plot_stops([case])


def test_no_case_is_refused():
    with pytest.raises(ValueError, match="`cases` must hold at least one"):
        plot_stops([])
