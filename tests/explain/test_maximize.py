"""maximize_filter on filters whose favourite picture is known."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain.feature_maps import feature_maps
from cnnbook.explain.maximize import maximize_filter


def conv_net(kernel, shape=(12, 12, 3), bias=0.0, activation=None):
    """One convolution of these weights, (height, width, channels, filters)."""
    kernel = np.asarray(kernel, "float32")
    images = keras.Input(shape)
    conv = layers.Conv2D(kernel.shape[3], kernel.shape[:2], activation=activation, name="conv")
    model = keras.Model(images, conv(images))
    conv.set_weights([kernel, np.full(kernel.shape[3], bias)])
    return model


COLORS = np.array([[1.0, -1, -1], [-1, 1, 1], [1, 1, 1]]).T.reshape(1, 1, 3, 3)


def test_filters_of_colours_like_their_colours_best():
    pictures = maximize_filter(conv_net(COLORS), "conv", [0, 1, 2])
    assert pictures.shape == (3, 12, 12, 3)
    assert pictures.dtype == "uint8"
    for picture, colour in zip(
        pictures, [(255, 0, 0), (0, 255, 255), (255, 255, 255)], strict=True
    ):
        assert np.abs(picture - np.array(colour, float)).max() <= 3


@pytest.mark.slow
def test_one_filter_gives_one_picture_and_the_same_each_time():
    model = conv_net(COLORS)
    picture = maximize_filter(model, "conv", 1, steps=5)
    assert picture.shape == (12, 12, 3)
    np.testing.assert_array_equal(maximize_filter(model, "conv", 1, steps=5), picture)
    assert (maximize_filter(model, "conv", 1, steps=5, seed=1) != picture).any()


@pytest.mark.slow
def test_a_filter_of_stripes_draws_stripes():
    stripes = np.array([1.0, 1, -1, -1]).reshape(1, 4, 1, 1).repeat(4, axis=0)
    model = conv_net(
        np.concatenate([stripes, stripes.swapaxes(0, 1)], axis=3), (24, 24, 1), 0, "relu"
    )
    upright, lying = maximize_filter(model, "conv", [0, 1], jitter=0)[..., 0].astype(float)
    assert upright.std(axis=1).mean() > 5 * upright.std(axis=0).mean()
    assert lying.std(axis=0).mean() > 5 * lying.std(axis=1).mean()


@pytest.mark.slow
def test_the_picture_excites_its_filter_more_than_noise_and_than_the_other_pictures(make_model):
    model = make_model("flat")
    pictures = maximize_filter(model, "relu2", list(range(6)), steps=40)
    noise = np.random.default_rng(1).integers(0, 256, (50, 16, 16, 3))
    answers = feature_maps(model, np.concatenate([pictures, noise]), "norm2")["norm2"]
    answers = answers.mean(axis=(1, 2))
    assert (answers[:6].diagonal() > answers[6:].max(axis=0)).all()
    assert (answers[:6].argmax(axis=0) == np.arange(6)).all()


@pytest.mark.slow
def test_a_filter_that_relu_keeps_silent_is_found_all_the_same():
    for activation in ("relu", None):
        picture = maximize_filter(conv_net(COLORS, bias=-1e6, activation=activation), "conv", 0)
        assert picture[..., 0].min() > 250 and picture[..., 1:].max() < 5


@pytest.mark.slow
def test_a_relu_of_its_own_is_looked_behind():
    silent = conv_net(COLORS, bias=-1e6)
    model = keras.Model(silent.input, layers.ReLU(name="relu")(silent.output))
    picture = maximize_filter(model, "relu", 0)
    assert picture[..., 0].min() > 250 and picture[..., 1:].max() < 5


@pytest.mark.slow
def test_where_nothing_changes_the_answer_chance_may():
    """Behind a ReLU that opens at 200; the noise at the start is far from that."""
    first = conv_net(np.ones((1, 1, 1, 1)), (8, 8, 1), bias=-200, activation="relu")
    last = layers.Conv2D(1, 1, kernel_initializer="ones", name="last")
    model = keras.Model(first.input, last(first.output))
    assert maximize_filter(model, "last", 0, blur=0, decay=0).max() > 200


@pytest.mark.slow
def test_the_picture_is_moved_back_after_each_step(make_linear_net):
    """Only the middle pixel counts: moved by one at most, it is drawn one beside it at most."""
    weights = np.zeros((9, 9))
    weights[4, 4] = 1
    model = make_linear_net(weights.reshape(81, 1), (9, 9, 1))
    picture = maximize_filter(model, "logits", 0, jitter=1, blur=0)[..., 0]
    bright = np.argwhere(picture > 200)
    assert len(bright) > 1
    assert np.abs(bright - 4).max() == 1


@pytest.mark.slow
def test_a_class_has_a_picture_too_and_softmax_is_left_out(one_pixel_net, make_linear_net):
    picture = maximize_filter(one_pixel_net, "logits", 1, jitter=0, blur=0)
    assert picture[2, 3, 0] == 255
    assert np.delete(picture.ravel(), 13).max() < 200
    sure = make_linear_net([[9, 0], [0, 9]], (1, 2, 1), activation="softmax")
    picture = maximize_filter(sure, "logits", 1, jitter=0, blur=0)
    assert picture[0, 1, 0] == 255


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nested", "sequential"])
def test_layers_of_models_in_models_have_the_same_picture(make_model, kind):
    flat = maximize_filter(make_model("flat"), "conv2", 3, steps=4).astype(float)
    nested = maximize_filter(make_model(kind), "conv2", 3, steps=4)
    assert np.abs(flat - nested).max() <= 2


@pytest.mark.slow
def test_blur_takes_the_glitter_away(make_model):
    def roughness(blur):
        picture = maximize_filter(make_model("flat"), "conv2", 3, blur=blur, jitter=0).astype(float)
        return np.abs(np.diff(picture, axis=0)).mean()

    assert roughness(0.8) < 0.7 * roughness(0)


@pytest.mark.slow
def test_decay_draws_towards_grey(make_model):
    def contrast(decay):
        return maximize_filter(make_model("flat"), "conv2", 3, steps=40, decay=decay).std()

    assert contrast(0.3) < 0.8 * contrast(0)


@pytest.mark.slow
def test_images_of_any_size_need_one():
    model = conv_net(COLORS, (None, None, 3))
    with pytest.raises(ValueError, match=r"`image_shape` must be .*got \(None, None, 3\)"):
        maximize_filter(model, "conv", 0)
    assert maximize_filter(model, "conv", 0, steps=2, image_shape=(6, 9, 3)).shape == (6, 9, 3)


def test_what_leads_nowhere_is_refused():
    model = conv_net(COLORS)
    with pytest.raises(ValueError, match="0 are named 'conf'. Close names: conv"):
        maximize_filter(model, "conf", 0)
    for wrong in (3, -1, [0, 3]):
        with pytest.raises(
            ValueError, match="`filter_index` must be 0 to 2, the filters of 'conv'"
        ):
            maximize_filter(model, "conv", wrong)
    for wrong in (0.5, [], [[0]]):
        with pytest.raises(ValueError, match="`filter_index` must be a whole number or a list"):
            maximize_filter(model, "conv", wrong)
    with pytest.raises(ValueError, match=r"`steps` must be 1 or more, .*got 0, 0.3 and 0.01"):
        maximize_filter(model, "conv", 0, steps=0)
    with pytest.raises(ValueError, match=r"`blur` and `decay` from 0 to 1; got 100, 2 and 0.01"):
        maximize_filter(model, "conv", 0, blur=2)
    with pytest.raises(ValueError, match="`jitter` and `seed` must be 0 or more; got None and -1"):
        maximize_filter(model, "conv", 0, seed=-1)
    with pytest.raises(ValueError, match="`jitter` and `seed` must be 0 or more; got -2 and 0"):
        maximize_filter(model, "conv", 0, jitter=-2)


def test_numbers_of_numpy_will_do():
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.Conv2D(3, 3, name="conv")(images))
    shape = np.array([8, 8, 3], "uint8")
    found = maximize_filter(
        model, "conv", np.uint8(1), steps=2, jitter=np.uint8(1), image_shape=shape
    )
    assert found.tolist() == maximize_filter(model, "conv", 1, steps=2, jitter=1).tolist()
