"""Feature maps, dead filters and kernels against models of the same layers and known weights."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook._layers import nodes
from cnnbook.explain import _listen
from cnnbook.explain.feature_maps import dead_filters, feature_maps, filter_images
from cnnbook.models.neocognitron import build_neocognitron


def conv_net(kernel, **keywords):
    """One convolution with these weights, (height, width, channels, filters)."""
    images = keras.Input((8, 8, kernel.shape[2]))
    conv = layers.Conv2D(kernel.shape[3], kernel.shape[:2], name="conv", **keywords)
    model = keras.Model(images, conv(images))
    conv.set_weights([kernel, np.zeros(kernel.shape[3])][: len(conv.weights)])
    return model


# Feature maps ---------------------------------------------------------------------------------


def test_maps_are_what_a_model_that_ends_in_the_layer_returns(make_model, sixteen):
    model = make_model("flat")
    maps = feature_maps(model, sixteen, ["relu2", "conv1", "average"])
    assert list(maps) == ["relu2", "conv1", "average"]
    for name, values in maps.items():
        ending = keras.Model(model.input, model.get_layer(name).output)
        np.testing.assert_allclose(values, ending(sixteen.astype("float32")), atol=1e-6)
        assert values.dtype == "float32"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "path"), [("nested", "base/conv2"), ("sequential", "stack/conv2"), ("nested", "conv2")]
)
def test_layers_of_models_in_models_are_heard(make_model, sixteen, kind, path):
    flat = feature_maps(make_model("flat"), sixteen, "conv2")["conv2"]
    np.testing.assert_allclose(feature_maps(make_model(kind), sixteen, path)[path], flat, atol=1e-6)


def test_a_model_that_is_a_layer_can_be_named_itself(make_model, sixteen):
    maps = feature_maps(make_model("nested"), sixteen, ["base", "pool2"])
    np.testing.assert_array_equal(maps["base"], maps["pool2"])


def test_a_sequential_model_will_do(sixteen):
    model = keras.Sequential([layers.Conv2D(2, 3, name="conv"), layers.Flatten()])
    model(sixteen.astype("float32"))
    assert feature_maps(model, sixteen, "conv")["conv"].shape == (3, 14, 14, 2)


def test_uint8_and_float_pixels_give_the_same(make_model, sixteen):
    model = make_model("flat")
    first, second = (feature_maps(model, x, "relu2")["relu2"] for x in (sixteen, sixteen / 1.0))
    np.testing.assert_array_equal(first, second)


def test_batches_make_no_difference(make_model, sixteen, monkeypatch):
    model = make_model("flat")
    at_once = feature_maps(model, sixteen, "relu2")["relu2"]
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 2 * 16 * 16)
    np.testing.assert_allclose(feature_maps(model, sixteen, "relu2")["relu2"], at_once, atol=1e-6)


def test_dropout_and_batch_norm_are_in_inference_mode(sixteen):
    images = keras.Input((16, 16, 3))
    x = layers.Dropout(0.9, name="dropout")(layers.BatchNormalization(name="norm")(images))
    maps = feature_maps(keras.Model(images, x), sixteen, "dropout")["dropout"]
    np.testing.assert_allclose(maps, sixteen / np.sqrt(1.001), rtol=1e-5)


def test_maps_of_a_net_in_bfloat16_are_float32(make_model, sixteen):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        maps = feature_maps(make_model("flat"), sixteen, "conv1")["conv1"]
    finally:
        keras.config.set_dtype_policy("float32")
    assert maps.dtype == "float32"


def test_the_model_is_left_as_it_was(make_model, sixteen):
    model = make_model("nested")
    before = {path: dict(vars(layer)) for path, layer in nodes(model)}
    answers = model(sixteen.astype("float32"))
    feature_maps(model, sixteen, ["conv1", "conv2"])
    for path, layer in nodes(model):
        assert set(vars(layer)) == set(before[path])
        assert "call" not in vars(layer)
        assert len(layer._inbound_nodes) == len(before[path]["_inbound_nodes"])
    np.testing.assert_array_equal(model(sixteen.astype("float32")), answers)


def test_a_wrong_name_is_answered_with_close_ones(make_model, sixteen):
    with pytest.raises(
        ValueError, match=r"0 are named 'con1'. Close names: base/conv1, base/conv2"
    ):
        feature_maps(make_model("nested"), sixteen, "con1")
    with pytest.raises(ValueError, match=r"0 are named 7. Close names: conv1, pool1, .*logits"):
        feature_maps(make_model("flat"), sixteen, [7])


def test_a_name_that_two_models_use_has_to_be_told_apart(sixteen):
    images = keras.Input((16, 16, 3))
    parts = []
    for name in ("left", "right"):
        inner = keras.Input((16, 16, 3))
        parts.append(keras.Model(inner, layers.Conv2D(2, 3, name="conv")(inner), name=name)(images))
    model = keras.Model(images, layers.Add(name="sum")(parts))
    with pytest.raises(ValueError, match=r"2 are named 'conv'. .* one of them: left/conv, right/c"):
        feature_maps(model, sixteen, "conv")
    maps = feature_maps(model, sixteen, ["left/conv", "right/conv", "sum"])
    np.testing.assert_allclose(maps["left/conv"] + maps["right/conv"], maps["sum"], atol=1e-4)


@pytest.mark.parametrize("shape", [(16, 16, 3), (2, 16, 16, 1), (2, 15, 16, 3), (0, 16, 16, 3)])
def test_images_that_do_not_fit_are_refused(make_model, shape):
    with pytest.raises(ValueError, match=r"takes images \(16, 16, 3\), got .*image\[None\]"):
        feature_maps(make_model("flat"), np.zeros(shape), "conv1")


def test_images_that_are_no_numbers_are_refused(make_model, sixteen):
    with pytest.raises(ValueError, match="got <U"):
        feature_maps(make_model("flat"), sixteen.astype(str), "conv1")
    with pytest.raises(ValueError, match="must be finite; got nan or inf"):
        feature_maps(make_model("flat"), np.full((1, 16, 16, 3), np.nan), "conv1")


# Dead filters ---------------------------------------------------------------------------------


def test_a_filter_is_dead_on_the_share_of_images_where_it_fires_nowhere():
    kernel = np.array([1.0, -1.0, 0.0]).reshape(1, 1, 1, 3)
    images = np.zeros((4, 8, 8, 1))
    images[0, 7, 7] = 5  # the first filter fires here
    images[1:3, 0, 0] = -5  # and the second here
    images[3, 2, 2], images[3, 5, 5] = 5, -5  # both
    for activation in ("relu", None):
        model = conv_net(kernel, activation=activation)
        np.testing.assert_array_equal(dead_filters(model, images, "conv"), [0.5, 0.25, 1.0])


def test_dead_filters_are_counted_over_all_batches(monkeypatch):
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 1)
    images = np.zeros((5, 8, 8, 1))
    images[4] = 1
    assert dead_filters(conv_net(np.ones((1, 1, 1, 1))), images, "conv") == pytest.approx(0.8)


def test_units_of_a_dense_layer_can_be_dead(make_linear_net):
    model = make_linear_net([[1, -1], [1, -1]], (1, 2, 1))
    images = np.array([[[[1], [1]]], [[[3], [-1]]]])
    np.testing.assert_array_equal(dead_filters(model, images, "logits"), [0, 1])


# Filters --------------------------------------------------------------------------------------


def test_a_weight_of_zero_is_grey_the_largest_is_white_or_black():
    kernel = np.zeros((2, 2, 3, 2))
    kernel[0, 1, 2, 0] = 4
    kernel[1, 0, 0, 1] = -2
    pictures = filter_images(conv_net(kernel))
    assert pictures.shape == (2, 2, 2, 3)
    assert pictures.dtype == "float32"
    assert pictures[0, 0, 1, 2] == 1.0
    assert pictures[1, 1, 0, 0] == 0.25
    assert (pictures == 0.5).sum() == 2 * 12 - 2


def test_each_filter_can_have_a_scale_of_its_own():
    kernel = np.array([4.0, -2.0, 0.0]).reshape(1, 1, 1, 3)
    model = conv_net(kernel)
    np.testing.assert_array_equal(filter_images(model).ravel(), [1, 0.25, 0.5])
    np.testing.assert_array_equal(filter_images(model, same_scale=False).ravel(), [1, 0, 0.5])


def test_the_first_layer_with_kernels_is_the_default(make_model):
    for kind, path in (("flat", "conv1"), ("nested", "base/conv1")):
        model = make_model(kind)
        np.testing.assert_array_equal(filter_images(model), filter_images(model, path))
        assert filter_images(model, "conv2").shape == (6, 3, 3, 4)


def test_a_depthwise_convolution_has_a_filter_a_channel():
    images = keras.Input((8, 8, 3))
    for kind in (layers.DepthwiseConv2D(3), layers.SeparableConv2D(7, 3)):
        pictures = filter_images(keras.Model(images, kind(images)), same_scale=False)
        assert pictures.shape == (3, 3, 3, 1)
        kernel = np.array(kind.weights[0])[..., 2, 0]
        np.testing.assert_allclose(
            pictures[2, ..., 0], 0.5 + kernel / np.abs(kernel).max() / 2, atol=1e-6
        )


def test_patterns_of_s_cells_are_kernels():
    assert filter_images(build_neocognitron()).shape == (12, 3, 3, 1)


def test_a_layer_without_kernels_is_refused_with_those_that_have_some(make_model, make_linear_net):
    with pytest.raises(ValueError, match=r"got 'pool1'. Such are: base/conv1, base/conv2\."):
        filter_images(make_model("nested"), "pool1")
    with pytest.raises(ValueError, match="got None. Such are: none in this model"):
        filter_images(make_linear_net([[1, 2]], (1, 1, 1)))
