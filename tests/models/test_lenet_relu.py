"""build_lenet_relu against counts and sizes worked by hand, for three known nets."""

import keras
import numpy as np
import pytest

from cnnbook.models.lenet_relu import build_lenet_relu

WIDE = {}
SAME_PADDED = {"blocks": ((32, 5, "same", 2), (64, 5, "same", 2)), "dropout": 0.5}
SMALL = {
    "image_shape": (28, 28, 3),
    "blocks": ((8, 5, "same", 2), (16, 5, "same", 3)),
    "dense_units": 0,
}


@pytest.mark.parametrize(
    ("recipe", "count"),
    [
        (WIDE, (9 * 64 + 64) + (9 * 64 * 128 + 128) + (5 * 5 * 128 * 1024 + 1024) + 10_250),
        (SAME_PADDED, 3_274_634),  # TensorFlow's former tutorial "Deep MNIST for experts"
        (SMALL, (25 * 3 * 8 + 8) + (25 * 8 * 16 + 16) + (4 * 4 * 16 * 10 + 10)),
    ],
    ids=["wide", "same_padded", "small"],
)
def test_parameter_count(recipe, count):
    assert build_lenet_relu(**recipe).count_params() == count


@pytest.mark.parametrize(
    ("recipe", "sides"),
    [(WIDE, (26, 13, 11, 5)), (SAME_PADDED, (28, 14, 14, 7)), (SMALL, (28, 14, 14, 4))],
    ids=["wide", "same_padded", "small"],
)
def test_map_sizes(recipe, sides):
    model = build_lenet_relu(**recipe)
    maps = [model.get_layer(name).output for name in ("conv1", "pool1", "conv2", "pool2")]
    assert tuple(each.shape[1] for each in maps) == sides
    assert tuple(each.shape[2] for each in maps) == sides


def test_layers_come_in_the_order_of_the_name():
    assert [layer.name for layer in build_lenet_relu(dense_units=8).layers] == [
        *("images", "rescaling", "conv1", "pool1", "conv2", "pool2", "flatten"),
        *("dense", "dropout", "logits"),
    ]


def test_without_dense_units_the_last_map_meets_the_logits():
    names = [layer.name for layer in build_lenet_relu(**SMALL).layers]
    assert names[-2:] == ["flatten", "logits"]


def test_activations_are_relu_and_the_logits_are_linear():
    model = build_lenet_relu(dense_units=8)
    names = ("conv1", "conv2", "dense", "logits")
    activations = [model.get_layer(name).activation.__name__ for name in names]
    assert activations == ["relu", "relu", "relu", "linear"]


def test_the_second_pooling_keeps_the_largest_of_nine():
    model = build_lenet_relu(**SMALL)
    outputs = [model.get_layer(name).output for name in ("conv2", "pool2")]
    images = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 3), dtype="uint8")
    maps, pooled = (np.asarray(output) for output in keras.Model(model.input, outputs)(images))
    by_hand = maps[:, :12, :12].reshape(1, 4, 3, 4, 3, 16).max(axis=(2, 4))
    np.testing.assert_array_equal(pooled, by_hand)


def test_dropout_is_the_one_asked_for():
    assert build_lenet_relu(**SAME_PADDED).get_layer("dropout").rate == 0.5


def test_pixels_reach_the_first_convolution_as_zero_to_one():
    model = build_lenet_relu(dense_units=8)
    rescaled = keras.Model(model.input, model.get_layer("rescaling").output)
    white = np.full((1, 28, 28, 1), 255, "uint8")
    np.testing.assert_allclose(rescaled(white), 1, rtol=1e-6)


def test_smallest_image_is_accepted_and_one_pixel_less_is_refused():
    """By hand, from the end: 1, pool 2, valid 4, pool 8, valid 10."""
    model = build_lenet_relu((10, 11, 1), 2, dense_units=4)
    assert model.get_layer("pool2").output.shape == (None, 1, 1, 128)
    with pytest.raises(ValueError, match=r"at least 10 x 10 pixels.*got \(11, 9, 1\)"):
        build_lenet_relu((11, 9, 1))


def test_same_padding_and_odd_pools_have_their_own_smallest_image():
    assert build_lenet_relu(**SMALL | {"image_shape": (6, 6, 1)}).count_params()
    with pytest.raises(ValueError, match="at least 6 x 6"):
        build_lenet_relu(**SMALL | {"image_shape": (5, 6, 1)})


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_lenet_relu(dense_units=8)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv2").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 28, 28, 1), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_saved_model_gives_the_same_logits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 3), dtype="uint8")
    model = build_lenet_relu(**SMALL)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))


@pytest.mark.parametrize("block", [(8, 5, "full", 2), (8, 5, 2, "same"), (8, 5, 2), (8, 5)])
def test_a_misspelt_block_is_shown_beside_a_right_one(block):
    with pytest.raises(ValueError, match=r"`blocks` must each be .*got \(8, 5.*\(6, 5, 'valid'"):
        build_lenet_relu(blocks=((4, 3, "same", 2), block))
