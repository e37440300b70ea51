"""plot_reliability against bins that are counted by hand."""

import numpy as np
import pytest

from cnnbook.plots.reliability import plot_reliability


def two_classes(sure):
    """Probabilities of two classes, the first chosen with these."""
    sure = np.asarray(sure, float)
    return np.stack([sure, 1 - sure], axis=1)


@pytest.fixture
def case():
    """20 images at 60 %, 12 of them right; 20 at 95 %, 16 right; 4 at 100 %, none right."""
    sure = np.repeat([0.6, 0.95, 1.0], [20, 20, 4])
    labels = np.repeat([0, 1, 0, 1, 1], [12, 8, 16, 4, 4])
    return labels, two_classes(sure)


def test_a_point_is_how_sure_and_how_often_right(case):
    line = plot_reliability(case[0], {"net": case[1]}).axes[0].lines[1]
    np.testing.assert_allclose(line.get_xdata(), [60, (20 * 95 + 4 * 100) / 24])
    np.testing.assert_allclose(line.get_ydata(), [60, 100 * 16 / 24])


def test_the_calibration_error_is_the_mean_distance_over_all_images(case):
    line = plot_reliability(case[0], {"net": case[1]}).axes[0].lines[1]
    expected = (20 * 0 + 24 * abs((20 * 95 + 400) / 24 - 1600 / 24)) / 44
    assert line.get_label() == f"net, error {expected:.1f} points"
    assert line.get_label() == "net, error 15.9 points"


def test_below_stands_how_many_images_are_in_each_bin(case):
    shares = plot_reliability(case[0], {"net": case[1]}, bins=10).axes[1].patches[0].get_data()
    expected = np.zeros(10)
    expected[6], expected[9] = 100 * 20 / 44, 100 * 24 / 44
    np.testing.assert_allclose(shares.values, expected)
    np.testing.assert_allclose(shares.edges, np.arange(0, 101, 10))


def test_a_point_of_few_images_is_hollow(case):
    labels, said = case
    axes = plot_reliability(labels[24:], {"net": said[24:]}, bins=20).axes[0]
    _, all_points, few = axes.lines
    assert len(all_points.get_xdata()) == 1  # 95 to 100 %: 16 + 4 images
    assert not len(few.get_xdata())
    few = plot_reliability(labels[-9:], {"net": said[-9:]}).axes[0].lines[2]
    assert len(few.get_xdata()) == 1
    assert few.get_markerfacecolor() == "white"


def test_a_perfect_network_lies_on_the_diagonal():
    sure = np.repeat([0.55, 0.65, 0.75, 0.85, 0.95], 100)
    places = np.tile(np.arange(100), 5)
    labels = (places >= np.round(100 * sure)).astype(int)
    axes = plot_reliability(labels, {"net": two_classes(sure)}).axes[0]
    np.testing.assert_allclose(axes.lines[1].get_xdata(), axes.lines[1].get_ydata())
    assert axes.lines[1].get_label() == "net, error 0.0 points"
    assert list(axes.lines[0].get_xdata()) == list(axes.lines[0].get_ydata()) == [0, 100]


def test_networks_differ_in_colour_marker_and_line(case):
    figure = plot_reliability(case[0], {"a": case[1], "b": case[1]}, title="Alike")
    first, second = figure.axes[0].lines[1], figure.axes[0].lines[3]
    for look in ("get_color", "get_marker", "get_linestyle"):
        assert getattr(first, look)() != getattr(second, look)()
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["as sure as right", "a, error 15.9 points", "b, error 15.9 points"]
    assert figure.get_suptitle() == "Alike"
    assert "percent" in figure.axes[0].get_ylabel() and "percent" in figure.axes[1].get_xlabel()


def test_what_does_not_fit_is_refused(case):
    labels, said = case
    with pytest.raises(ValueError, match=r"`probabilities` must hold at least one .*got 0 and 10"):
        plot_reliability(labels, {})
    with pytest.raises(ValueError, match="`bins` be 1 to 1,000; got 1 and 0"):
        plot_reliability(labels, {"net": said}, bins=0)
    with pytest.raises(ValueError, match=r"`probabilities` must be .*keras.ops.softmax"):
        plot_reliability(labels, {"net": 5 * said})
    with pytest.raises(ValueError, match="`labels` must be one whole number for each of the 44"):
        plot_reliability(labels[:5], {"net": said})
    with pytest.raises(ValueError, match="`labels` must be 0 to 1; got 0 to 2"):
        plot_reliability(2 * labels, {"net": said})
