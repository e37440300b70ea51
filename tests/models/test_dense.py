"""build_dense_net against published counts and a product of matrices in NumPy."""

import keras
import numpy as np
import pytest

from cnnbook.models.dense import build_dense_net


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), dtype="uint8")


@pytest.mark.parametrize(
    ("hidden_units", "count"),
    [
        ((), 784 * 10 + 10),
        ((512,), 407_050),  # Chollet, "Deep Learning with Python", first net
        ((512, 512), 669_706),  # Keras' example mnist_mlp.py
    ],
)
def test_parameter_count_is_the_published_one(hidden_units, count):
    assert build_dense_net(hidden_units=hidden_units).count_params() == count


def test_defaults_are_those_of_the_keras_example():
    model = build_dense_net()
    assert model.count_params() == 669_706
    assert [model.get_layer(f"dropout{number}").rate for number in (1, 2)] == [0.2, 0.2]


def test_a_perceptron_is_one_product_of_matrices(images):
    model = build_dense_net(hidden_units=())
    kernel, bias = model.get_layer("logits").get_weights()
    by_hand = images.reshape(4, 784) / 255 @ kernel + bias
    np.testing.assert_allclose(model(images), by_hand, atol=1e-5)


def test_a_hidden_layer_cuts_its_negative_values_but_logits_keep_theirs(images):
    model = build_dense_net(hidden_units=(16,), dropout=0)
    (kernel1, bias1), (kernel2, bias2) = (
        model.get_layer(name).get_weights() for name in ("dense1", "logits")
    )
    hidden = np.maximum(images.reshape(4, 784) / 255 @ kernel1 + bias1, 0)
    logits = np.asarray(model(images))
    np.testing.assert_allclose(logits, hidden @ kernel2 + bias2, atol=1e-5)
    assert logits.min() < 0


def test_dropout_works_in_training_only(images):
    model = build_dense_net(hidden_units=(64,), dropout=0.5)
    np.testing.assert_array_equal(model(images), model(images))
    assert not np.array_equal(model(images, training=True), model(images, training=True))


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 5, 3), (32, 31, 2)])
def test_any_image_shape_gives_one_logit_a_class(shape):
    model = build_dense_net(shape, num_classes=3, hidden_units=(4,))
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 3)


def test_the_model_comes_uncompiled():
    assert not build_dense_net(hidden_units=()).compiled


def test_logits_stay_float32_where_layers_compute_in_bfloat16(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_dense_net(hidden_units=(8,))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense1").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(model(images).dtype) == "float32"


def test_saved_model_gives_the_same_logits(tmp_path, images):
    model = build_dense_net(hidden_units=(8, 4))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))


@pytest.mark.parametrize("units", [0, -5])
def test_an_empty_hidden_layer_is_refused(units):
    with pytest.raises(ValueError, match=rf"`hidden_units`.*got \(8, {units}\).*pass `\(\)`"):
        build_dense_net(hidden_units=(8, units))
