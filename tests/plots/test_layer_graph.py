"""plot_layer_graph is tested by what it drew: boxes, their places, arrows, colours."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch

from cnnbook.plots.layer_graph import plot_layer_graph


class Layer(NamedTuple):
    name: str
    kind: str
    inputs: tuple[str, ...]
    output_shape: tuple[int, ...]


RESIDUAL = [
    Layer("images", "InputLayer", (), (8, 8, 4)),
    Layer("conv", "Conv2D", ("images",), (8, 8, 4)),
    Layer("norm", "BatchNormalization", ("conv",), (8, 8, 4)),
    Layer("add", "Add", ("norm", "images"), (8, 8, 4)),
    Layer("pool", "MaxPooling2D", ("add",), (4, 4, 4)),
    Layer("dense", "Dense", ("pool",), (10,)),
]


def draw(layers):
    figure = plot_layer_graph(layers, title="A block")
    [axes] = figure.axes
    boxes = {text.get_text().splitlines()[0]: text for text in axes.texts}
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    return axes, boxes, arrows


def test_each_layer_is_a_box_with_its_kind_and_map_size():
    axes, boxes, _ = draw(RESIDUAL)
    assert list(boxes) == [layer.name for layer in RESIDUAL]
    assert boxes["pool"].get_text() == "pool\nMaxPooling2D, 4×4×4"
    assert boxes["dense"].get_text() == "dense\nDense, 10"
    assert axes.get_title() == "A block"


def test_boxes_stand_below_all_their_inputs_and_inside_the_picture():
    axes, boxes, _ = draw(RESIDUAL)
    heights = {name: box.get_position()[1] for name, box in boxes.items()}
    for layer in RESIDUAL:
        assert all(heights[layer.name] < heights[name] for name in layer.inputs)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for box in boxes.values():
        x, y = box.get_position()
        assert left < x < right
        assert bottom < y < top


def test_there_is_an_arrow_for_each_input_and_long_ones_go_around_the_boxes():
    _, boxes, arrows = draw(RESIDUAL)
    assert len(arrows) == sum(len(layer.inputs) for layer in RESIDUAL)
    ways = [[tuple(point) for point in arrow._path_original.vertices] for arrow in arrows]
    [turns] = [way for way in ways if len(way) > 2]
    places = {name: box.get_position() for name, box in boxes.items()}
    assert turns[0][0] == places["images"][0]
    assert turns[-1][0] == places["add"][0]
    for (x, y), name in zip(turns[1:-1], ("conv", "norm"), strict=True):
        assert y == places[name][1]
        assert abs(x - places[name][0]) > 0.8


def test_brothers_stand_beside_each_other_without_touching():
    layers = [Layer("images", "InputLayer", (), (8, 8, 3))]
    layers += [Layer(f"conv{i}", "Conv2D", ("images",), (8, 8, 2)) for i in range(4)]
    names = tuple(f"conv{i}" for i in range(4))
    layers.append(Layer("join", "Concatenate", names, (8, 8, 8)))
    _, boxes, _ = draw(layers)
    places = [boxes[name].get_position() for name in names]
    assert len({y for _, y in places}) == 1
    gaps = [b[0] - a[0] for a, b in pairwise(places)]
    assert min(gaps) >= 1.7
    middle = sum(x for x, _ in places) / 4
    assert boxes["images"].get_position()[0] == pytest.approx(middle)
    assert boxes["join"].get_position()[0] == pytest.approx(middle)


def test_kinds_have_their_colours():
    _, boxes, _ = draw(RESIDUAL)
    colours = {name: to_hex(box.get_bbox_patch().get_facecolor()) for name, box in boxes.items()}
    assert colours == {
        "images": "#eeeeee",
        "conv": "#9ecae1",
        "norm": "#eeeeee",
        "add": "#f4a582",
        "pool": "#fdd0a2",
        "dense": "#a1d99b",
    }


def test_an_input_that_does_not_come_before_is_named():
    with pytest.raises(ValueError, match="'b' has the input 'c', which does not.*Known there: a"):
        plot_layer_graph([Layer("a", "A", (), (1,)), Layer("b", "B", ("c",), (1,))])


@pytest.mark.parametrize("count", [0, 41])
def test_too_few_or_too_many_layers(count):
    with pytest.raises(ValueError, match=f"must be 1 to 40 layers; got {count}. Draw one block"):
        plot_layer_graph([RESIDUAL[0]] * count)
