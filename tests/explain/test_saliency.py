"""saliency against gradients that are known."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain import _listen
from cnnbook.explain.saliency import saliency


def test_a_net_that_reads_one_pixel_hangs_on_that_pixel(one_pixel_net):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 1)).astype("uint8")
    expected = np.zeros((3, 4, 5))
    expected[:, 2, 3] = 7
    maps = saliency(one_pixel_net, images, 1)
    np.testing.assert_array_equal(maps, expected)
    assert maps.dtype == "float32"


def test_a_class_that_reads_nothing_gives_zeros_not_nan(one_pixel_net):
    np.testing.assert_array_equal(saliency(one_pixel_net, np.ones((1, 4, 5, 1)), 0), 0)


def test_the_sign_does_not_count_and_of_the_channels_the_largest_does(make_linear_net):
    weights = np.array([[1, -5, 2], [0, 0, -1]]).reshape(6, 1)
    maps = saliency(make_linear_net(weights, (1, 2, 3)), np.zeros((1, 1, 2, 3)), 0)
    np.testing.assert_array_equal(maps, [[[5, 1]]])


def test_the_default_is_the_preferred_class_of_each_image(make_linear_net):
    model = make_linear_net([[2, 0], [0, 3]], (1, 2, 1))
    images = np.array([[[[9], [1]]], [[[1], [9]]]])
    np.testing.assert_array_equal(saliency(model, images), [[[2, 0]], [[0, 3]]])
    np.testing.assert_array_equal(saliency(model, images, [1, 0]), [[[0, 3]], [[2, 0]]])


def test_a_relu_that_is_off_lets_nothing_through():
    images = keras.Input((1, 2, 1))
    hidden = layers.Dense(1, activation="relu", kernel_initializer="ones")(layers.Flatten()(images))
    model = keras.Model(images, layers.Dense(2, kernel_initializer="ones")(hidden))
    pixels = np.array([[[[1], [1]]], [[[-1], [-1]]]])
    np.testing.assert_array_equal(saliency(model, pixels, 0)[:, 0], [[1, 1], [0, 0]])


def test_a_net_that_is_sure_by_softmax_still_has_a_map(make_linear_net):
    model = make_linear_net([[2, 0], [0, 3]], (1, 2, 1), activation="softmax")
    images = np.full((1, 1, 2, 1), 255)
    np.testing.assert_array_equal(saliency(model, images), [[[0, 3]]])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nested", "sequential"])
def test_a_model_in_a_model_gives_the_map_of_the_flat_one(make_model, sixteen, kind):
    flat = saliency(make_model("flat"), sixteen, 2)
    assert flat.shape == (3, 16, 16) and flat.any()
    np.testing.assert_allclose(saliency(make_model(kind), sixteen, 2), flat, rtol=1e-4, atol=1e-8)


@pytest.mark.slow
def test_it_agrees_with_small_changes_of_the_pixels(make_model, sixteen):
    model = make_model("flat")
    image = sixteen[:1].astype("float64")
    expected = np.zeros((16, 16))
    for row, column in [(3, 4), (8, 8), (12, 5)]:
        slopes = []
        for channel in range(3):
            up, down = image.copy(), image.copy()
            up[0, row, column, channel] += 0.5
            down[0, row, column, channel] -= 0.5
            slopes.append(float(model(up)[0, 1] - model(down)[0, 1]))
        expected = np.abs(slopes).max()
        found = saliency(model, image, 1)[0, row, column]
        assert found == pytest.approx(expected, rel=0.05, abs=1e-6)


@pytest.mark.slow
def test_batches_make_no_difference(make_model, sixteen, monkeypatch):
    at_once = saliency(make_model("flat"), sixteen)
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 1)
    np.testing.assert_allclose(saliency(make_model("flat"), sixteen), at_once, rtol=1e-4, atol=1e-8)


def test_a_model_of_whole_numbers_has_no_gradient(make_linear_net):
    images = keras.Input((1, 2, 1), dtype="uint8")
    model = keras.Model(images, make_linear_net([[2, 0], [0, 3]], (1, 2, 1))(images))
    with pytest.raises(ValueError, match=r"no gradient gets through.*whole numbers"):
        saliency(model, np.zeros((1, 1, 2, 1), "uint8"))


def test_images_and_classes_that_do_not_fit_are_refused(one_pixel_net):
    with pytest.raises(ValueError, match=r"takes images \(4, 5, 1\), got .*image\[None\]"):
        saliency(one_pixel_net, np.zeros((4, 5, 1)))
    with pytest.raises(ValueError, match="`class_index` must be one whole number"):
        saliency(one_pixel_net, np.zeros((1, 4, 5, 1)), [0, 1])
    with pytest.raises(ValueError, match=r"prefers; got \[\[0 1\] \[1 0\]\]\.$"):
        saliency(one_pixel_net, np.zeros((2, 4, 5, 1)), np.array([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="got class 2 and scores"):
        saliency(one_pixel_net, np.zeros((1, 4, 5, 1)), 2)
