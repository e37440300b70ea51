"""grad_cam against cases whose answer is known by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain import _listen
from cnnbook.explain import grad_cam as module
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.models.cifar_tutorial import build_cifar_tutorial_net
from cnnbook.models.neocognitron import build_neocognitron
from cnnbook.models.small_digit_net import build_small_digit_net


@pytest.fixture
def bright_corner():
    images = np.zeros((2, 6, 6, 1), "float32")
    images[:, 0, 0] = 1
    return images


def test_the_map_is_the_pixel_that_matters(mean_net, bright_corner):
    heatmaps = grad_cam(mean_net, bright_corner)
    np.testing.assert_allclose(heatmaps, bright_corner[..., 0], atol=1e-6)
    assert heatmaps.dtype == "float32"


def test_evidence_against_a_class_gives_zeros_not_nan(mean_net, bright_corner):
    np.testing.assert_array_equal(grad_cam(mean_net, bright_corner, 1), np.zeros((2, 6, 6)))


def test_what_speaks_for_and_against_is_weighed_by_hand():
    """Two maps a and b with weights 2 and -3: the map is relu(2 a - 3 b) over its maximum, 3."""
    images = keras.Input((1, 4, 2))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1, use_bias=False, name="copy")(images))
    model = keras.Model(images, layers.Dense(2, use_bias=False)(x))
    model.set_weights([np.eye(2).reshape(1, 1, 2, 2), np.array([[2.0, 0.0], [-3.0, 0.0]])])
    a_and_b = np.array([[[[1, 0], [1, 1], [0, -1], [2, 1]]]])
    heatmap = grad_cam(model, a_and_b, class_index=0)
    np.testing.assert_allclose(heatmap, [[[2 / 3, 0, 1, 1 / 3]]], atol=1e-6)


@pytest.mark.slow
def test_the_weight_of_a_map_is_its_mean_gradient():
    """Of map a the gradients are 4 and -2, mean 1, of map b -1 and -1: the map is relu(a - b)."""
    images = keras.Input((1, 2, 2))
    x = layers.Flatten()(layers.Conv2D(2, 1, use_bias=False, name="copy")(images))
    model = keras.Model(images, layers.Dense(1, use_bias=False)(x))
    model.set_weights([np.eye(2).reshape(1, 1, 2, 2), np.array([[4.0], [-1], [-2], [-1]])])
    a_and_b = np.array([[[[3, 1], [1, 0]]]])
    np.testing.assert_allclose(grad_cam(model, a_and_b, 1), [[[1, 0.5]]], atol=1e-6)


@pytest.mark.slow
def test_images_are_explained_independently(mean_net, bright_corner):
    mixed = grad_cam(mean_net, bright_corner, np.array([0, 1]))
    assert mixed[0].any() and not mixed[1].any()
    alone = grad_cam(mean_net, bright_corner[:1] * 1000)
    np.testing.assert_allclose(alone[0], mixed[0], atol=1e-6)


@pytest.mark.slow
def test_the_default_is_the_class_with_the_highest_score(mean_net, bright_corner):
    bright_corner[1] *= -1  # now class 1 wins there
    expected = grad_cam(mean_net, bright_corner, [0, 1])
    np.testing.assert_array_equal(grad_cam(mean_net, bright_corner), expected)
    assert expected[1, 0, 0] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nested", "sequential"])
def test_a_model_in_a_model_gives_the_map_of_the_flat_one(make_model, sixteen, kind):
    flat = grad_cam(make_model("flat"), sixteen, 2)
    assert flat.shape == (3, 5, 5)
    np.testing.assert_allclose(grad_cam(make_model(kind), sixteen, 2), flat, atol=1e-5)


@pytest.mark.slow
def test_softmax_is_left_out_and_comes_back(make_model, sixteen):
    logits, softmax = make_model("flat"), make_model("flat", softmax=True)
    for model in (logits, softmax):  # so sure that softmax has no gradient left
        weights, bias = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([weights * 1e4, bias])
    expected = grad_cam(logits, sixteen)
    assert expected.any(axis=(1, 2)).all()
    np.testing.assert_allclose(grad_cam(softmax, sixteen), expected, atol=1e-5)
    np.testing.assert_allclose(np.sum(softmax(sixteen.astype("float32")), axis=1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("last", [layers.Softmax(), layers.Activation("softmax")])
def test_softmax_as_a_layer_of_its_own_is_left_out(mean_net, bright_corner, last):
    wrapped = keras.Model(mean_net.input, last(mean_net.output * 1e6))
    heatmap = grad_cam(wrapped, bright_corner)
    np.testing.assert_allclose(heatmap, bright_corner[..., 0], atol=1e-6)
    assert np.max(wrapped(bright_corner)) <= 1


@pytest.mark.slow
def test_frozen_layers_are_explained_too(make_model, sixteen):
    model = make_model("nested")
    expected = grad_cam(model, sixteen)
    model.trainable = False
    np.testing.assert_array_equal(grad_cam(model, sixteen), expected)


@pytest.mark.slow
def test_a_layer_before_all_weights_can_be_named(mean_net, bright_corner):
    images = keras.Input((6, 6, 1))
    model = keras.Model(images, mean_net(layers.Rescaling(2.0, name="twice")(images)))
    heatmap = grad_cam(model, bright_corner, 0, "twice")
    np.testing.assert_allclose(heatmap, bright_corner[..., 0], atol=1e-6)


@pytest.mark.slow
def test_batches_and_number_types_make_no_difference(make_model, sixteen, monkeypatch):
    model = make_model("flat")
    at_once = grad_cam(model, sixteen, [0, 1, 2])
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 1)
    np.testing.assert_allclose(grad_cam(model, sixteen / 1.0, [0, 1, 2]), at_once, atol=1e-5)


@pytest.mark.slow
def test_a_net_in_bfloat16_gives_nearly_the_same_map(make_model, sixteen):
    exact = grad_cam(make_model("flat"), sixteen, 0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        heatmaps = grad_cam(make_model("flat"), sixteen, 0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert heatmaps.dtype == "float32"
    np.testing.assert_allclose(heatmaps, exact, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "name"),
    [
        (build_cifar_tutorial_net, "conv3"),
        (build_small_digit_net, "relu3"),
        (build_neocognitron, "s4"),  # the maps of c4 have one pixel
    ],
)
def test_the_default_layer_is_the_last_with_maps_that_is_no_pooling(build, name):
    model = build()
    image = np.zeros((1, *model.input_shape[1:]), "uint8")
    assert module._last_maps(model, image) == name


@pytest.mark.slow
def test_the_default_layer_is_found_in_models_in_models(make_model, sixteen):
    assert module._last_maps(make_model("nested"), sixteen[:1]) == "base/relu2"


@pytest.mark.slow
def test_of_several_outputs_the_first_counts(mean_net, bright_corner):
    against = layers.Dense(3)(mean_net.get_layer("mean").output)
    several = keras.Model(mean_net.input, [mean_net.output, against])
    expected = grad_cam(mean_net, bright_corner, 0)
    np.testing.assert_array_equal(grad_cam(several, bright_corner, 0), expected)


@pytest.mark.slow
def test_a_shared_layer_counts_where_it_is_used_last(bright_corner):
    images = keras.Input((6, 6, 1))
    conv = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="conv")
    x = layers.GlobalAveragePooling2D()(conv(conv(images) * 2.0))
    model = keras.Model(images, layers.Dense(2, kernel_initializer="ones")(x))
    heatmap = grad_cam(model, bright_corner, 0, "conv")
    np.testing.assert_allclose(heatmap, bright_corner[..., 0], atol=1e-6)


# What is refused ------------------------------------------------------------------------------


def test_a_wrong_layer_is_answered_with_usable_ones(mean_net, bright_corner):
    with pytest.raises(ValueError, match="0 are named 'coppy'. Close names: copy"):
        grad_cam(mean_net, bright_corner, layer_name="coppy")
    with pytest.raises(ValueError, match=r"such as copy; 'mean' returns \(2, 1\)"):
        grad_cam(mean_net, bright_corner, layer_name="mean")


@pytest.mark.slow
def test_a_net_without_convolution_is_sent_elsewhere(one_pixel_net):
    with pytest.raises(
        ValueError, match=r"`model` must have a convolution .*saliency or occlusion"
    ):
        grad_cam(one_pixel_net, np.zeros((1, 4, 5, 1)))


@pytest.mark.parametrize("class_index", [-1, 1.0, [0], [0, 1, 1], [0, -1], "cat"])
def test_a_class_that_is_none_is_refused(mean_net, bright_corner, class_index):
    with pytest.raises(ValueError, match=r"`class_index` must be one whole number .* 2 images"):
        grad_cam(mean_net, bright_corner, class_index)


@pytest.mark.slow
def test_a_class_beyond_the_last_is_refused(mean_net, bright_corner):
    with pytest.raises(ValueError, match=r"class 2 and scores of shape \(1, 2\)"):
        grad_cam(mean_net, bright_corner, [0, 2])


@pytest.mark.slow
def test_a_model_that_ends_in_maps_is_refused_and_left_as_it_was(mean_net, bright_corner):
    maps = keras.Model(mean_net.input, mean_net.get_layer("copy").output)
    with pytest.raises(ValueError, match=r"scores \(count, classes\); got class .*\(1, 6, 6, 1\)"):
        grad_cam(maps, bright_corner)
    assert "call" not in vars(mean_net.get_layer("copy"))


@pytest.mark.slow
def test_a_layer_in_a_side_branch_has_no_gradient(mean_net, bright_corner):
    branch = layers.Conv2D(2, 3, name="branch")(mean_net.input)
    both = keras.Model(mean_net.input, [mean_net.output, branch])
    with pytest.raises(ValueError, match=r"no gradient gets through.*tensorflow.*side branch"):
        grad_cam(both, bright_corner, layer_name="branch")
