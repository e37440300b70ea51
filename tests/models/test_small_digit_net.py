"""build_small_digit_net: its budget, sizes and depth, worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.models.small_digit_net import build_small_digit_net


def test_the_parameters_are_within_the_budget_and_as_said():
    convolutions = 25 * 32 + 9 * (32 * 32 + 32 * 64 + 64 * 64 + 64 * 80)
    norms = 4 * (32 + 32 + 64 + 64 + 80)
    assert build_small_digit_net().count_params() == convolutions + norms + 80 * 10 + 10
    assert build_small_digit_net().count_params() == 113_290 <= 122_570


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1_relu", (14, 14, 32)),
        ("conv2_relu", (14, 14, 32)),
        ("conv3_relu", (7, 7, 64)),
        ("conv4_relu", (7, 7, 64)),
        ("conv5_relu", (7, 7, 80)),
        ("pool", (80,)),
    ],
)
def test_map_sizes(name, shape):
    assert build_small_digit_net().get_layer(name).output.shape == (None, *shape)


def test_every_convolution_is_followed_by_its_norm_and_a_relu():
    names = [layer.name for layer in build_small_digit_net().layers]
    stages = [f"conv{n}{part}" for n in range(1, 6) for part in ("", "_norm", "_relu")]
    assert names == ["images", "rescaling", *stages, "pool", "dropout", "logits"]


def test_convolutions_leave_the_bias_to_the_norm():
    model = build_small_digit_net()
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 5 and not any(layer.use_bias for layer in convolutions)


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 29, 3), (64, 64, 1)])
def test_any_image_gives_one_logit_a_class(shape):
    assert build_small_digit_net(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


def test_dropout_stands_before_the_logits():
    assert build_small_digit_net(dropout=0.3).get_layer("dropout").rate == 0.3


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_small_digit_net()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv5").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 28, 28, 1), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_it_learns_digits():
    from cnnbook.datasets.mnist import load_mnist

    keras.utils.set_random_seed(0)
    digits = load_mnist()
    model = build_small_digit_net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    model.fit(digits.train_images, digits.train_labels, batch_size=64, epochs=1, verbose=0)
    _, accuracy = model.evaluate(digits.validation_images, digits.validation_labels, verbose=0)
    assert accuracy > 0.8
