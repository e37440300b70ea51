"""Steps through small nets whose layers can be computed another way; drawings sent from Python."""

import base64
import types

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.plots.layer_step import plot_layer
from cnnbook.widgets import _figures
from cnnbook.widgets._figures import WIDGET_VIEW
from cnnbook.widgets.drawing_pad import SIDE, DrawingPad
from cnnbook.widgets.layers import layers_widget

PNG = b"\x89PNG"


@pytest.fixture(autouse=True, scope="module")
def _forget_networks():
    yield
    keras.utils.clear_session()


def inner_layers(x):
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    return layers.Conv2D(6, 3, name="conv2")(x)


def build(kind="flat", activation=None):
    keras.utils.set_random_seed(1)
    images = keras.Input((14, 14, 1), name="images")
    if kind == "nested":
        inside = keras.Input((14, 14, 1))
        x = keras.Model(inside, inner_layers(inside), name="base")(images)
    else:
        x = inner_layers(images)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(3, activation=activation, name="logits")(x)
    return keras.Model(images, x, name="small")


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 14, 14, 1)).astype("uint8")


@pytest.fixture
def widget(model, images):
    return layers_widget(model, images, plot_layer, DrawingPad)


@pytest.fixture
def stroke():
    """What the browser sends for an upright stroke."""
    ink = np.zeros((SIDE, SIDE), "uint8")
    ink[20:120, 50:60] = 255
    return ink.tobytes()


@pytest.mark.parametrize("kind", ["flat", "nested"])
def test_every_layer_gives_what_a_model_that_ends_in_it_returns(images, kind):
    widget = layers_widget(build(kind), images, plot_layer)
    flat, prefix = build(), "base/" if kind == "nested" else ""
    names = [f"{prefix}conv1", f"{prefix}pool1", f"{prefix}conv2", "flatten", "logits"]
    assert list(widget.outputs) == names
    for name, values in widget.outputs.items():
        layer = flat.get_layer(name.removeprefix(prefix))
        expected = keras.Model(flat.input, layer.output)(images[:1].astype("float32"))
        np.testing.assert_allclose(values, np.asarray(expected)[0], atol=1e-3)
        assert values.dtype == "float32"


def test_the_model_keeps_no_trace_of_being_looked_at(model, images):
    layers_widget(model, images, plot_layer)
    assert not any("call" in vars(layer) for layer in model.layers)


def test_the_model_keeps_no_trace_either_when_it_fails(widget):
    with pytest.raises(Exception, match=r"."):
        widget.drawing = np.ones((3, 3))
    assert not any("call" in vars(layer) for layer in widget.model.layers)


def test_probabilities_are_the_softmax_of_logits(widget, model, images):
    logits = np.asarray(model(images[:1].astype("float32")))[0]
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(widget.probabilities, expected, rtol=1e-5)


def test_a_model_that_returns_probabilities_is_taken_at_its_word(images):
    model = build(activation="softmax")
    widget = layers_widget(model, images / 255, plot_layer)
    expected = np.asarray(model((images[:1] / 255).astype("float32")))[0]
    np.testing.assert_allclose(widget.probabilities, expected, rtol=1e-5)


def test_it_starts_with_the_first_layer_of_several_maps_or_with_the_one_asked_for(model, images):
    assert layers_widget(model, images, plot_layer).layer == "conv1"
    assert layers_widget(model, images, plot_layer, layer="pool1").layer == "pool1"


# Sliders and pad -------------------------------------------------------------------------------


def drawn(widget):
    return [np.asarray(axes.images[0].get_array()) for axes in widget.draw().axes[:2]]


def titles(widget):
    return [axes.get_title() for axes in widget.draw().axes[:2]]


@pytest.mark.slow
def test_the_next_layer_changes_the_maps_that_are_drawn(widget):
    old, before = widget.controls["figure"].value, drawn(widget)
    assert titles(widget) == ["picture 0, 14×14", "1 of 5, conv1 (Conv2D): 4 maps of 12×12"]
    slider = widget.controls["layer"]
    slider.index += 1
    assert titles(widget) == ["picture 0, 14×14", "2 of 5, pool1 (MaxPooling2D): 4 maps of 6×6"]
    after = drawn(widget)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1], equal_nan=True)
    assert widget.controls["figure"].value != old
    slider.value = "logits"
    assert titles(widget)[1] == "5 of 5, logits (Dense): 3 units"


@pytest.mark.slow
def test_another_picture_changes_picture_maps_and_answer(widget, images):
    old, before = widget.controls["figure"].value, widget.probabilities
    widget.controls["picture"].value = 3
    np.testing.assert_allclose(drawn(widget)[0], images[3, ..., 0] / 255)
    fresh = layers_widget(widget.model, images[3:], plot_layer)
    np.testing.assert_allclose(widget.outputs["conv2"], fresh.outputs["conv2"])
    assert not np.allclose(widget.probabilities, before)
    assert widget.controls["figure"].value != old


@pytest.mark.slow
def test_what_is_set_in_python_moves_the_slider(widget):
    controls = widget.controls
    widget.picture, widget.layer = 2, "conv2"
    assert (controls["picture"].value, controls["layer"].value) == (2, "conv2")


@pytest.mark.slow
def test_a_drawing_takes_the_place_of_the_picture(widget, stroke):
    old = widget.controls["figure"].value
    widget.controls["pad"].ink = stroke
    image = drawn(widget)[0]
    assert titles(widget)[0] == "your drawing, 14×14"
    assert image.any(axis=1).sum() == 10 and 1 <= image.any(axis=0).sum() <= 2
    expected = np.asarray(widget.model(255 * image[None, ..., None].astype("float32")))[0]
    np.testing.assert_allclose(widget.outputs["logits"], expected, rtol=1e-4, atol=1e-3)
    assert widget.controls["figure"].value != old


@pytest.mark.slow
def test_a_wiped_pad_brings_the_picture_back(widget, stroke):
    first = widget.controls["figure"].value
    widget.controls["pad"].ink = stroke
    widget.controls["pad"].ink = b""
    assert widget.drawing is None and widget.controls["figure"].value == first


@pytest.mark.slow
def test_to_choose_a_picture_wipes_the_pad(widget, stroke):
    widget.controls["pad"].ink = stroke
    widget.controls["picture"].value = 1
    assert widget.drawing is None and widget.controls["pad"].ink == b""
    assert titles(widget)[0] == "picture 1, 14×14"


@pytest.mark.slow
def test_to_choose_a_layer_keeps_the_drawing(widget, stroke):
    widget.controls["pad"].ink = stroke
    widget.controls["layer"].value = "pool1"
    assert titles(widget)[0] == "your drawing, 14×14"


@pytest.mark.slow
def test_a_drawing_becomes_as_many_channels_as_the_pictures_have(stroke):
    pictures = keras.Input((14, 14, 3))
    x = layers.GlobalAveragePooling2D(name="mean")(pictures)
    model = keras.Model(pictures, layers.Dense(2)(x))
    widget = layers_widget(model, np.zeros((1, 14, 14, 3), "uint8"), plot_layer, DrawingPad)
    widget.controls["pad"].ink = stroke
    assert widget.image.shape == (14, 14, 3) and widget.image.max() == 255
    red, green, blue = widget.outputs["mean"]
    assert red == green == blue > 0


def test_what_is_live_holds_every_control_and_the_figure(widget):
    row, figure = widget.box.children
    sliders, pad = row.children
    assert {*sliders.children, pad, figure} == set(widget.controls.values())


def test_without_a_pad_there_are_two_sliders(model, images):
    widget = layers_widget(model, images, plot_layer)
    assert set(widget.controls) == {"picture", "layer", "figure"}
    assert len(widget.box.children[0].children) == 1


@pytest.mark.slow
def test_no_figure_is_left_open(widget):
    import matplotlib.pyplot as plt

    plt.close("all")
    widget.controls["layer"].value = "conv2"
    widget._repr_mimebundle_()
    assert not plt.get_fignums()


# Where nobody can turn a slider ----------------------------------------------------------------


def test_outside_of_a_notebook_there_is_a_picture_and_no_widget_is_made(model, images, made):
    def make_pad():
        raise AssertionError("nobody can draw here")

    widget = layers_widget(model, images, plot_layer, make_pad)
    bundle = widget._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png"}
    assert bundle["text/plain"].startswith("<picture 0 in layer conv1 of small, answer ")
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert not made


def test_where_somebody_sits_there_are_sliders_too(widget, monkeypatch):
    shell = types.SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": "one"}})
    monkeypatch.setattr(_figures, "get_ipython", lambda: shell)
    bundle = widget._repr_mimebundle_()
    assert bundle[WIDGET_VIEW]["model_id"] == widget.box.model_id
    assert "image/png" in bundle


# Wrong arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((14, 14, 1))}, r"`images` must be .* the model takes .*\(14, 14, 1\)"),
        ({"images": np.zeros((2, 9, 14, 1))}, r"got float64 of shape \(2, 9, 14, 1\)"),
        ({"images": np.zeros((0, 14, 14, 1))}, "at least one"),
        ({"class_names": ["a", "b"]}, "`class_names` must hold 3, one a class; got 2"),
        ({"layer": "conv3"}, "`layer` must be one of: conv1, pool1, .*; got 'conv3'"),
    ],
)
def test_what_cannot_be_shown_is_refused(model, images, change, message):
    with pytest.raises(ValueError, match=message):
        layers_widget(**{"model": model, "images": images, "plot": plot_layer} | change)


def test_a_model_that_returns_no_classes_is_refused(images):
    pictures = keras.Input((14, 14, 1))
    for answer in (layers.Conv2D(2, 3)(pictures), layers.Dense(1)(layers.Flatten()(pictures))):
        with pytest.raises(ValueError, match=r"`model` must return \(batch, classes\), of two"):
            layers_widget(keras.Model(pictures, answer), images, plot_layer)


def test_a_picture_that_is_not_there_is_refused(widget):
    with pytest.raises(ValueError, match="`picture` must be one of: 0, 1, 2, 3, 4; got 5"):
        widget.picture = 5
