"""build_inception_v3 against keras.applications, weight for weight, and the paper's sizes."""

import keras
import numpy as np
import pytest

from cnnbook.models.inception_v3 import build_inception_v3


def randomize_normalizations(model, seed=0):
    """Give each batch normalisation a past, so that a wrong epsilon or order shows."""
    random = np.random.default_rng(seed)
    draws = {
        "gamma": lambda shape: random.uniform(0.8, 1.2, shape),
        "beta": lambda shape: random.normal(0, 0.1, shape),
        "moving_mean": lambda shape: random.normal(0, 0.1, shape),
        "moving_variance": lambda shape: random.uniform(0.3, 1, shape),
    }
    for weight in model.weights:
        if weight.name in draws:
            weight.assign(draws[weight.name](weight.shape))


@pytest.fixture(scope="module")
def official():
    keras.utils.set_random_seed(0)
    model = keras.applications.InceptionV3(
        weights=None, input_shape=(75, 93, 3), classifier_activation=None
    )
    randomize_normalizations(model)
    return model


@pytest.fixture(scope="module")
def model():
    return build_inception_v3()


@pytest.mark.slow
def test_it_has_the_parameters_of_keras_applications(model, official):
    assert model.count_params() == official.count_params() == 23_851_784


def assert_it_answers_as(official, shape, monkeypatch):
    """Build with the weights of `official` in the place of the official ones, and compare."""
    asked = {}

    def stand_in(**keywords):
        asked.update(keywords)
        return official

    monkeypatch.setattr(keras.applications, "InceptionV3", stand_in)
    model = build_inception_v3(shape, weights="imagenet")
    assert asked["weights"] == "imagenet" and asked["classifier_activation"] is None
    images = np.random.default_rng(1).integers(0, 256, (2, *shape), dtype="uint8")
    prepared = keras.applications.inception_v3.preprocess_input(images.astype("float32"))
    expected = np.asarray(official(prepared))
    assert 0.1 < np.abs(expected).max() < 100 and not np.allclose(expected[0], expected[1])
    np.testing.assert_allclose(model(images), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_with_the_weights_of_keras_applications_it_gives_the_same_logits(official, monkeypatch):
    assert_it_answers_as(official, (75, 93, 3), monkeypatch)


@pytest.mark.slow
def test_the_same_at_the_published_size(monkeypatch):
    official = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    randomize_normalizations(official, seed=2)
    assert_it_answers_as(official, (299, 299, 3), monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("stem_conv1_relu", (149, 149, 32)),
        ("stem_conv2_relu", (147, 147, 32)),
        ("stem_conv3_relu", (147, 147, 64)),
        ("stem_pool1", (73, 73, 64)),
        ("stem_conv4_relu", (73, 73, 80)),
        ("stem_conv5_relu", (71, 71, 192)),
        ("stem_pool2", (35, 35, 192)),
        ("mixed0", (35, 35, 256)),
        ("mixed1", (35, 35, 288)),
        ("mixed2", (35, 35, 288)),
        ("mixed3", (17, 17, 768)),
        ("mixed4", (17, 17, 768)),
        ("mixed7", (17, 17, 768)),
        ("mixed8", (8, 8, 1280)),
        ("mixed9", (8, 8, 2048)),
        ("mixed10", (8, 8, 2048)),
        ("average", (2048,)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("branch", "sizes"),
    [
        ("mixed0_1x1", [(1, 1)]),
        ("mixed2_5x5", [(1, 1), (5, 5)]),
        ("mixed1_3x3_twice", [(1, 1), (3, 3), (3, 3)]),
        ("mixed3_short", [(3, 3)]),
        ("mixed3_long", [(1, 1), (3, 3), (3, 3)]),
        ("mixed4_7x7", [(1, 1), (1, 7), (7, 1)]),
        ("mixed7_7x7_twice", [(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]),
        ("mixed8_long", [(1, 1), (1, 7), (7, 1), (3, 3)]),
        ("mixed9_3x3_twice", [(1, 1), (3, 3)]),
        ("mixed10_pool", [(1, 1)]),
    ],
)
def test_the_filters_of_a_branch_are_named_by_their_places(model, branch, sizes):
    names = [f"{branch}_conv{number}" for number in range(1, len(sizes) + 1)]
    assert [model.get_layer(name).kernel_size for name in names] == sizes
    assert not any(layer.name == f"{branch}_conv{len(sizes) + 1}" for layer in model.layers)


@pytest.mark.slow
def test_it_is_48_layers_deep_and_95_layers_have_weights(model):
    depth, weighted = {}, (keras.layers.Conv2D, keras.layers.Dense)
    for layer in model.layers[1:]:  # each comes after those that feed it
        tensors = keras.tree.flatten(layer.input)
        before = [depth.get(tensor._keras_history.operation.name, 0) for tensor in tensors]
        depth[layer.name] = max(before) + isinstance(layer, weighted)
    assert depth["logits"] == 48
    assert sum(isinstance(layer, weighted) for layer in model.layers) == 94 + 1


@pytest.mark.slow
def test_two_bars_see_as_far_as_a_square_with_14_weights_for_49(model):
    wide, tall = (model.get_layer(f"mixed4_7x7_conv{number}").kernel for number in (2, 3))
    assert wide.shape == (1, 7, 128, 128) and tall.shape == (7, 1, 128, 192)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_images_of_any_channels_give_one_logit_a_class(channels):
    model = build_inception_v3((75, 76, channels), 2)
    images = np.random.default_rng(0).integers(0, 256, (2, 75, 76, channels), dtype="uint8")
    assert model(images).shape == (2, 2)
    assert model.get_layer("mixed10").output.shape == (None, 1, 1, 2048)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_inception_v3((75, 75, 3), 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("mixed5_1x1_conv1").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.slow
def test_one_step_changes_every_kernel():
    keras.utils.set_random_seed(0)
    model = build_inception_v3((75, 75, 3), 2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, run_eagerly=True)
    kernels = [weight for weight in model.trainable_weights if weight.name == "kernel"]
    before = [weight.numpy() for weight in kernels]
    images = np.random.default_rng(0).integers(0, 256, (4, 75, 75, 3), dtype="uint8")
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 0, 1])))
    assert len(kernels) == 95
    assert not any(
        np.array_equal(old, new.numpy()) for old, new in zip(before, kernels, strict=True)
    )


@pytest.fixture
def no_layer_may_be_built(monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError("built something before checking the arguments")

    monkeypatch.setattr(keras, "Input", fail)


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize("shape", [(74, 299, 3), (299, 74, 3)])
def test_images_that_the_strides_leave_nothing_of(shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be at least 75 x 75 .*got \(.*Enlar"):
        build_inception_v3(shape)


@pytest.mark.usefixtures("no_layer_may_be_built")
def test_weights_that_there_are_not():
    with pytest.raises(ValueError, match="`weights` must be None, or \"imagenet\".*got 'cifar'"):
        build_inception_v3(weights="cifar")


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize(("channels", "num_classes"), [(3, 10), (1, 1000)])
def test_official_weights_fit_only_the_official_form(channels, num_classes):
    said = rf"1000 classes; got 'imagenet' with {channels} and {num_classes}.*\"average"
    with pytest.raises(ValueError, match=said):
        build_inception_v3((299, 299, channels), num_classes, weights="imagenet")
