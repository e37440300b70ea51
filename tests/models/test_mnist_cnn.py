"""build_mnist_cnn against published counts and the sizes worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.models.mnist_cnn import build_mnist_cnn


def test_defaults_have_the_published_parameter_count():
    assert build_mnist_cnn().count_params() == 1_199_882  # Keras' example mnist_cnn.py


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("conv1", 3 * 3 * 1 * 64 + 64),
        ("conv2", 3 * 3 * 64 * 128 + 128),
        ("dense", 12 * 12 * 128 * 1024 + 1024),
        ("logits", 1024 * 10 + 10),
    ],
)
def test_the_wide_form_has_the_counts_worked_by_hand(name, count):
    model = build_mnist_cnn(filters=(64, 128), dense_units=1024, dropout=(0.3, 0.3))
    assert model.get_layer(name).count_params() == count


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (26, 26, 32)),  # 28 - 3 + 1
        ("conv2", (24, 24, 64)),
        ("pool", (12, 12, 64)),
        ("flatten", (9216,)),
        ("dense", (128,)),
        ("logits", (10,)),
    ],
)
def test_map_sizes(name, shape):
    assert build_mnist_cnn().get_layer(name).output.shape == (None, *shape)


def test_a_photo_makes_the_dense_layer_grow_beyond_use():
    """One unit alone sees 73 x 73 x 128 values of a picture of 150 x 150."""
    model = build_mnist_cnn((150, 150, 3), 2, filters=(64, 128), dense_units=1)
    assert model.get_layer("dense").count_params() == 682_112 + 1


def test_layers_come_in_the_order_of_the_name():
    assert [layer.name for layer in build_mnist_cnn(dense_units=8).layers] == [
        *("images", "rescaling", "conv1", "conv2", "pool", "dropout1", "flatten"),
        *("dense", "dropout2", "logits"),
    ]


def test_activations_are_relu_and_the_logits_are_linear():
    model = build_mnist_cnn(dense_units=8)
    names = ("conv1", "conv2", "dense", "logits")
    activations = [model.get_layer(name).activation.__name__ for name in names]
    assert activations == ["relu", "relu", "relu", "linear"]


def test_pooling_keeps_the_largest_of_four():
    model = build_mnist_cnn(dense_units=8)
    outputs = [model.get_layer(name).output for name in ("conv2", "pool")]
    images = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1), dtype="uint8")
    maps, pooled = (np.asarray(output) for output in keras.Model(model.input, outputs)(images))
    by_hand = maps.reshape(1, 12, 2, 12, 2, 64).max(axis=(2, 4))
    np.testing.assert_array_equal(pooled, by_hand)


def test_dropout_rates_are_in_their_places():
    model = build_mnist_cnn(dense_units=8, dropout=(0.1, 0.6))
    assert [model.get_layer(name).rate for name in ("dropout1", "dropout2")] == [0.1, 0.6]


def test_one_dropout_rate_is_that_of_both_places():
    model = build_mnist_cnn(dense_units=8, dropout=0.3)
    assert [model.get_layer(name).rate for name in ("dropout1", "dropout2")] == [0.3, 0.3]


@pytest.mark.parametrize("dropout", [(0.5,), (0.1, 0.2, 0.3), "0.5", None, (0.5, "0.5")])
def test_other_than_one_or_two_dropout_rates_are_refused(dropout):
    with pytest.raises(
        ValueError,
        match=r"`dropout` must be a finite number or \(a finite number, a finite number\).*after",
    ):
        build_mnist_cnn(dropout=dropout)


def test_pixels_reach_the_first_convolution_as_zero_to_one():
    model = build_mnist_cnn(dense_units=8)
    rescaled = keras.Model(model.input, model.get_layer("rescaling").output)
    white = np.full((1, 28, 28, 1), 255, "uint8")
    np.testing.assert_allclose(rescaled(white), 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6, 6, 1), (6, 31, 3), (29, 7, 2)])
def test_any_large_enough_image_gives_one_logit_a_class(shape):
    model = build_mnist_cnn(shape, num_classes=2, dense_units=4)
    assert model(np.zeros((3, *shape), "uint8")).shape == (3, 2)


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_mnist_cnn(dense_units=8)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv2").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 28, 28, 1), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_saved_model_gives_the_same_logits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), dtype="uint8")
    model = build_mnist_cnn(filters=(4, 8), dense_units=8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(5, 28, 1), (28, 5, 1), (1, 1, 3)])
def test_too_small_images_are_refused_before_a_layer_is_built(shape):
    with pytest.raises(ValueError, match=rf"at least 6 x 6 .*got \({shape[0]}, {shape[1]}"):
        build_mnist_cnn(shape)
