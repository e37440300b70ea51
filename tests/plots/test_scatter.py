"""plot_scatter: which points are drawn where, read back from the axes."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from cnnbook._colors import COLORS
from cnnbook.plots.scatter import plot_scatter

NAMES = ["cat", "dog", "emu"]


@pytest.fixture
def points():
    random = np.random.default_rng(0)
    return random.normal(0, 1, (60, 2)), np.arange(60) % 3


def drawn(axes, color):
    """All points in one colour."""
    found = [
        group.get_offsets()
        for group in axes.collections
        if same_color(group.get_facecolor()[0, :3], color)
    ]
    return np.concatenate(found)


def test_every_point_is_drawn_once_in_the_colour_of_its_class(points):
    places, labels = points
    axes = plot_scatter(places, labels, NAMES).axes[0]
    for index in range(3):
        found = drawn(axes, COLORS[index])
        expected = places[labels == index]
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0))
    assert sum(len(group.get_offsets()) for group in axes.collections) == 60


def test_no_class_lies_above_all_others(points):
    groups = plot_scatter(*points, NAMES).axes[0].collections
    ordered = sorted(groups, key=lambda group: group.get_zorder())
    colours = [tuple(group.get_facecolor()[0, :3]) for group in ordered]
    assert set(colours[:3]) == set(colours[-3:])
    assert len(set(colours[-3:])) == 3


def test_a_class_is_named_at_its_median(points):
    places, labels = points
    axes = plot_scatter(places, labels, NAMES, title="Three").axes[0]
    for index, text in enumerate(axes.texts):
        assert text.get_text() == NAMES[index]
        np.testing.assert_allclose(text.get_position(), np.median(places[labels == index], axis=0))
    assert axes.get_title() == "Three"


def test_a_class_without_points_is_left_out(points):
    places, labels = points
    axes = plot_scatter(places, 2 * (labels > 0), NAMES).axes[0]
    assert [text.get_text() for text in axes.texts] == ["cat", "emu"]


def test_twenty_classes_differ_in_colour_or_marker():
    labels = np.arange(20)
    axes = plot_scatter(np.eye(20)[:, :2], labels, [str(label) for label in labels]).axes[0]
    looks = {
        (tuple(group.get_facecolor()[0, :3]), group.get_paths()[0].vertices.tobytes())
        for group in axes.collections
        if len(group.get_offsets())
    }
    assert len(looks) == 20


def test_axes_have_numbers_only_if_they_mean_something(points):
    bare = plot_scatter(*points, NAMES).axes[0]
    assert not len(bare.get_xticks()) and not len(bare.get_yticks())
    named = plot_scatter(*points, NAMES, ("first component", "second component")).axes[0]
    assert (named.get_xlabel(), named.get_ylabel()) == ("first component", "second component")
    assert len(named.get_xticks()) and len(named.get_yticks())


def test_what_does_not_fit_is_refused(points):
    places, labels = points
    for wrong in (places[:, :1], places[0], places[:0], np.full((60, 2), np.nan)):
        with pytest.raises(ValueError, match=r"`points` must be \(count, 2\), finite"):
            plot_scatter(wrong, labels, NAMES)
    for wrong in (labels[:5], labels / 1, labels + 1, labels - 1):
        with pytest.raises(
            ValueError, match="`labels` must be one whole number a point, 60, from 0"
        ):
            plot_scatter(places, wrong, NAMES)


def test_labels_of_bytes_have_the_colours_and_markers_of_whole_numbers():
    names = [str(number) for number in range(256)]

    def looks(kind):
        drawn = plot_scatter(np.eye(2), np.array([0, 255], kind), names).axes[0].collections
        return [(each.get_facecolor(), each.get_paths()[0].vertices) for each in drawn]

    for one, other in zip(looks("uint8"), looks("int64"), strict=True):
        np.testing.assert_equal(one, other)
