"""plot_map_sizes is tested by what it drew: blocks, their sides, and what stands below them."""

from collections import namedtuple
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon

from cnnbook.plots.map_sizes import plot_map_sizes


class Layer(NamedTuple):
    name: str
    output_shape: tuple[int, ...]


DIGIT_NET = [
    Layer("images", (28, 28, 1)),
    Layer("rescaling", (28, 28, 1)),
    Layer("conv1", (24, 12, 16)),
    Layer("stage1_pool", (12, 6, 16)),
    Layer("flatten", (1152,)),
    Layer("dropout", (1152,)),
    Layer("logits", (10,)),
]


def draw(layers, **keywords):
    [axes] = plot_map_sizes(layers, **keywords).axes
    polygons = [np.array(p.get_xy())[:-1] for p in axes.patches if isinstance(p, Polygon)]
    return axes, polygons


def test_each_change_of_shape_is_a_block_named_with_its_size():
    axes, _ = draw(DIGIT_NET, title="A digit net")
    assert [text.get_text() for text in axes.texts] == [
        "images\n28×28×1",
        "conv1\n24×12×16",
        "stage1\npool\n12×6×16",
        "flatten\n1152",
        "logits\n10",
    ]
    assert axes.get_title() == "A digit net"


def test_a_block_of_maps_has_three_sides_and_a_bar_one():
    axes, polygons = draw(DIGIT_NET)
    assert len(polygons) == 3 * 3 + 2
    colours = [to_hex(patch.get_facecolor()) for patch in axes.patches]
    assert colours[-2:] == ["#a1d99b"] * 2
    assert len(set(colours[:3])) == 3


def test_heights_and_widths_are_to_scale():
    _, polygons = draw(DIGIT_NET)
    blocks = [polygons[i : i + 3] for i in (0, 3, 6)]
    heights = [np.ptp(edge[:, 1]) for edge, _, _ in blocks]
    np.testing.assert_allclose(np.divide(heights, heights[0]), [1, 24 / 28, 12 / 28])
    widths = [np.ptp(face[:, 0]) for _, face, _ in blocks]
    np.testing.assert_allclose(np.divide(widths, widths[0]), [1, 12 / 28, 6 / 28])
    assert heights[0] == pytest.approx(1.5)


def test_four_times_the_maps_are_twice_as_deep():
    _, polygons = draw([Layer("a", (8, 8, 4)), Layer("b", (8, 8, 16)), Layer("c", (8, 8, 64))])
    depths = [np.ptp(edge[:, 0]) for edge in polygons[::3]]
    np.testing.assert_allclose(np.divide(depths, depths[0]), [1, 2, 4])


def test_twice_the_numbers_are_one_step_higher():
    _, bars = draw([Layer("a", (16,)), Layer("b", (32,)), Layer("c", (64,)), Layer("d", (1,))])
    heights = [np.ptp(bar[:, 1]) for bar in bars]
    steps = np.diff(heights[:3])
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] > 0
    assert heights[3] == pytest.approx(steps[0])


def test_sides_meet_in_their_edges_and_have_their_areas():
    _, sides = draw([Layer("a", (8, 4, 9))])
    corners = [{tuple(point) for point in side.round(9)} for side in sides]
    assert [len(corners[a] & corners[b]) for a, b in ((0, 1), (1, 2), (0, 2))] == [2, 2, 2]
    (depth, height), (aside, _) = np.ptp(sides[0], axis=0), np.ptp(sides[1], axis=0)
    areas = []
    for x, y in (side.T for side in sides):  # of any polygon that does not cross itself
        areas.append(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
    np.testing.assert_allclose(areas, [depth * height, aside * height, depth * aside])
    assert np.ptp(sides[1][:, 1]) == pytest.approx(height + aside)  # it rises as it goes back


def test_the_longest_side_of_all_maps_sets_the_scale():
    _, polygons = draw([Layer("a", (16, 4, 1)), Layer("b", (4, 8, 1))])
    assert np.ptp(polygons[0][:, 1]) == pytest.approx(1.5)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 12])
def test_blocks_stand_beside_each_other_inside_the_picture(count):
    layers = [Layer(f"conv{i}", (64 - i, 64, 2 ** min(i, 10))) for i in range(count)]
    axes, polygons = draw(layers)
    blocks = [np.concatenate(polygons[i : i + 3]) for i in range(0, 3 * count, 3)]
    sides = [(block[:, 0].min(), block[:, 0].max()) for block in blocks]
    for (_, right), (left, _) in pairwise(sides):
        assert right < left
    assert axes.get_xlim()[0] <= sides[0][0] and sides[-1][1] <= axes.get_xlim()[1]
    assert max(block[:, 1].max() for block in blocks) <= axes.get_ylim()[1]
    assert axes.figure.get_size_inches()[0] <= 9
    places = [text.get_position()[0] for text in axes.texts]
    assert all(left < place < right for place, (left, right) in zip(places, sides, strict=True))


@pytest.mark.parametrize("count", [0, 13])
def test_no_block_or_too_many_are_refused(count):
    layers = [Layer(f"conv{i}", (i + 1, 8, 2)) for i in range(count)]
    with pytest.raises(ValueError, match=f"must make 1 to 12 blocks; got {count}. Pass a choice"):
        plot_map_sizes(layers)


@pytest.mark.parametrize("shape", [(None, None, 3), (8, 8), (), (0, 8, 3)])
def test_shapes_that_have_no_picture_are_refused_by_name(shape):
    with pytest.raises(ValueError, match=r"`layers` must each give .*'conv1' gives \("):
        plot_map_sizes([Layer("images", (8, 8, 3)), Layer("conv1", shape)])


def test_sizes_may_be_numbers_of_numpy():
    Row = namedtuple("Row", "name output_shape")
    figure = plot_map_sizes([Row("a", np.array([8, 8, 3])), Row("b", (np.int64(4), 4, 6))])
    assert [text.get_text() for text in figure.axes[0].texts] == ["a\n8×8×3", "b\n4×4×6"]
