"""Names of every kind, in every plot, are drawn as they are; and which pictures go to 255."""

from collections import namedtuple

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnbook.plots.augmentations import plot_augmentations
from cnnbook.plots.confusion import plot_confusion_matrix
from cnnbook.plots.connections import connect_dense, plot_connections
from cnnbook.plots.curves import plot_learning_curves
from cnnbook.plots.gallery import plot_gallery
from cnnbook.plots.histograms import plot_histograms
from cnnbook.plots.kernel import plot_kernel
from cnnbook.plots.kernel_steps import plot_kernel_steps
from cnnbook.plots.layer_graph import plot_layer_graph
from cnnbook.plots.layer_step import plot_layer
from cnnbook.plots.map_sizes import plot_map_sizes
from cnnbook.plots.maps_and_filters import plot_feature_maps, plot_filters
from cnnbook.plots.mistakes import plot_mistakes
from cnnbook.plots.overlay import plot_heat_maps
from cnnbook.plots.reliability import plot_reliability
from cnnbook.plots.runs import plot_runs
from cnnbook.plots.scatter import plot_scatter
from cnnbook.plots.stops import plot_stops
from cnnbook.plots.timeline import plot_timeline

pytestmark = pytest.mark.slow

Layer = namedtuple("Layer", "name kind inputs output_shape")
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype("uint8")
SAID = np.array([[0.9, 0.1], [0.8, 0.2]])
MAPS = np.ones((2, 3, 3))
NAMES = {
    "whole numbers": (0, 1),
    "dollars": ("$5 to $10", "x$^$"),
    "underscores": ("_a", "_b"),
    "carets": ("a^b", "c_d{"),
    "empty": ("", " "),
    "long": ("x" * 300, "y z " * 100),
    "Chinese": ("猫", "犬"),
    "several lines": ("a\nb", "c\td"),
    "broken": ("\udc80", "\x00a"),
    "nothing": (None, 1.5),
    "bytes": (b"cat", b"dog"),
    "of NumPy": tuple(np.array([3, 4])),
    "backslashes": ("a\\b", "\\alpha$"),
}


def layers(one, other):
    first = Layer(f"{one} 1", "Conv", (), (3, 3, 3))
    return [first, Layer(f"{other} 2", "Add", (first.name,), (3,))]


def histories(one, other):
    history = {"accuracy": [0.1, 0.2], "val_accuracy": [0.2, 0.3]}
    return {one: history, other: {"accuracy": [0.1, 0.2]}}


PLOTS = {
    "confusion": lambda a, b, t: plot_confusion_matrix([0, 1, 1], [0, 1, 0], [a, b], title=t),
    "augmentations": lambda a, b, t: plot_augmentations(
        IMAGES[0], {a: lambda x: x, b: lambda x: x}, 2, title=t
    ),
    "connections": lambda a, b, t: plot_connections(
        {name: connect_dense((3,), (3,)) for name in (a, b)}, title=t
    ),
    "curves": lambda a, b, t: plot_learning_curves(histories(a, b), title=t),
    "gallery": lambda a, b, t: plot_gallery(IMAGES, [a, b], title=t),
    "histograms": lambda a, b, t: plot_histograms({a: [1, 2], b: [0]}, np.ones(3), title=t),
    "kernel": lambda a, b, t: plot_kernel(IMAGES[0], np.eye(3), np.eye(4), t),
    "kernel_steps": lambda a, b, t: plot_kernel_steps(np.eye(3), np.eye(2), [(0, 0)], t),
    "layer_graph": lambda a, b, t: plot_layer_graph(layers(a, b), title=t),
    "layer_step": lambda a, b, t: plot_layer(
        IMAGES[0], np.ones((4, 4, 5)), [0.4, 0.6], class_names=[a, b], picture=t, layer=t
    ),
    "map_sizes": lambda a, b, t: plot_map_sizes(layers(a, b), title=t),
    "feature_maps": lambda a, b, t: plot_feature_maps({a: MAPS, b: 0 * MAPS}, title=t),
    "filters": lambda a, b, t: plot_filters(np.ones((3, 3, 3, 3)), title=t),
    "mistakes": lambda a, b, t: plot_mistakes(IMAGES, [0, 1], SAID, [a, b], title=t),
    "overlay": lambda a, b, t: plot_heat_maps(IMAGES, {a: MAPS, b: MAPS}, [a, b], title=t),
    "reliability": lambda a, b, t: plot_reliability([0, 1], {a: SAID, b: SAID}, title=t),
    "runs": lambda a, b, t: plot_runs({a: [1, 2], b: [20, 3]}, None, (t, t), t, ("log", "log")),
    "scatter": lambda a, b, t: plot_scatter(np.eye(2), [0, 1], [a, b], (t, t), t),
    "stops": lambda a, b, t: plot_stops([(10, 3, 0, 2)], t),
    "timeline": lambda a, b, t: plot_timeline([(1998, t), (1990, str(b))], t),
}


@pytest.mark.slow
@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("kind", NAMES)
def test_names_of_every_kind_are_drawn_without_a_warning(plot, kind):
    one, other = NAMES[kind]
    PLOTS[plot](one, other, str(one)).canvas.draw()


def texts(figure):
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(plt.Text)]


def test_names_are_drawn_as_they_are_and_scales_as_formulas():
    drawn = texts(plot_confusion_matrix([0, 1], [0, 1], ["$5 to $10", "猫"]))
    assert {"$5 to $10", r"\u732b"} < set(drawn)
    drawn = texts(plot_confusion_matrix([0, 1], [0, 1], [7, b"dog"]))
    assert {"7", "dog"} < set(drawn)
    figure = plot_runs({"_a": [1, 2], "": [3, 400]}, scales=("linear", "log"))
    assert {" _a", " "} < set(texts(figure))
    [ten, *_] = [each for each in figure.findobj(plt.Text) if "{10^{1}}" in each.get_text()]
    assert ten.get_parse_math()


def test_classes_of_one_name_have_a_bar_each():
    figure = plot_layer(IMAGES[0], np.ones(4), [0.3, 0.7], class_names=["cat", "cat"])
    assert [bar.get_width() for bar in figure.axes[2].patches] == [0.3, 0.7]


@pytest.mark.parametrize(
    "draw",
    [
        lambda images: plot_gallery(images).axes[0],
        lambda images: plot_mistakes(images, [1, 1], SAID, ["a", "b"]).axes[1],
        lambda images: plot_heat_maps(images, {"a": MAPS}).axes[0],
        lambda images: plot_kernel(images[0], np.eye(3), np.eye(3)).axes[0],
    ],
)
def test_pictures_with_a_point_are_drawn_alike_from_0_to_1_and_to_255(draw):
    def shown(images):
        picture = draw(images).images[0]
        return picture.to_rgba(picture.get_array())[..., :3]

    for images in (IMAGES.astype("float32"), IMAGES / 255, IMAGES / np.float32(255)):
        np.testing.assert_allclose(shown(images), shown(IMAGES), atol=0.01)
    with pytest.raises(ValueError, match="must be finite numbers; got float64 with nan"):
        draw(IMAGES * np.nan)


def test_where_255_is_meant_pictures_from_0_to_1_are_refused():
    for draw in (
        lambda image: plot_augmentations(image, {"a": lambda x: x}),
        lambda image: plot_layer(image, np.ones(4), [0.3, 0.7]),
    ):
        draw(IMAGES[0])
        draw(np.zeros((4, 4, 1)))
        with pytest.raises(ValueError, match="`image` must have values 0 to 255; got 0 to 1"):
            draw(IMAGES[0] / 255)


def test_logits_are_no_probabilities_of_a_layer():
    with pytest.raises(ValueError, match="`probabilities` must be from 0 on, with sum 1; got sum"):
        plot_layer(IMAGES[0], np.ones(4), [3.0, -1.0])


@pytest.mark.parametrize("inches", [0, -1, 1e-300, 1e6, np.inf])
def test_a_figure_that_no_file_can_hold_is_refused(inches):
    with pytest.raises(ValueError, match="`inches` must (be a finite|make the figure)"):
        plot_gallery(IMAGES, inches=inches)
    with pytest.raises(ValueError, match="`inches` must .*Draw fewer, or smaller"):
        plot_gallery(np.zeros((1500, 4, 4), "uint8"), columns=1)


def test_numbers_of_few_bits_are_drawn_as_those_of_many():
    lowest = np.full((3, 3, 2), -128, "int8")

    def drawn(kind):
        maps, units = lowest.astype(kind), lowest[0, 0].astype(kind)
        before = np.array([3, 250], "uint8" if kind == "int8" else kind)
        histogram = plot_histograms({"a": [1]}, before).axes[0].patches[-1].get_path().vertices
        return [histogram] + [
            figure.axes[place].images[0].get_clim()
            for figure, place in (
                (plot_feature_maps({"a": maps}), 0),
                (plot_layer(IMAGES[0], maps, [0.3, 0.7]), 1),
                (plot_layer(IMAGES[0], units, [0.3, 0.7]), 1),
                (plot_kernel(np.eye(4), maps[..., 0], np.eye(3)), 1),
            )
        ]

    for few, many in zip(drawn("int8"), drawn("float64"), strict=True):
        np.testing.assert_equal(few, many)
    filters = IMAGES[:, :3, :3]
    pictures = [plot_filters(each).axes[0].images[0] for each in (filters, filters / 255)]
    np.testing.assert_allclose(*[each.get_array() for each in pictures])


def test_what_is_not_finite_is_no_kernel_and_no_filter():
    with pytest.raises(ValueError, match="`kernel` must be finite"):
        plot_kernel(np.eye(6), np.full((3, 3), np.nan), np.eye(4))
    with pytest.raises(ValueError, match="`filters` must be finite"):
        plot_filters(np.full((2, 3, 3, 3), np.inf))


def test_one_hot_rows_are_probabilities():
    title = plot_mistakes(IMAGES, [0, 0], np.eye(2, dtype=int), ["a", "b"]).get_suptitle()
    assert title.startswith("1 of 2")
