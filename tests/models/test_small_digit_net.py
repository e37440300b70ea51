"""build_small_digit_net: its budget, sizes and depth, worked by hand; and that it learns."""

import keras
import numpy as np
import pytest

from cnnbook.models.small_digit_net import build_small_digit_net, build_trained_digit_net


@pytest.fixture(scope="module")
def model():
    return build_small_digit_net()


def test_the_parameters_are_within_the_budget_and_as_said(model):
    convolutions = (25 * 1 + 1) * 32 + 9 * 32 * 64 + 9 * 64 * 128
    logits = (3 * 3 * 128 + 1) * 10
    assert model.count_params() == convolutions + 4 * (64 + 128) + logits
    assert model.count_params() == 105_290 <= 122_570
    plain = build_small_digit_net(normalize=False)
    assert plain.count_params() == convolutions + 64 + 128 + logits == 104_714


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (12, 12, 32)),
        ("conv2", (10, 10, 64)),
        ("pool", (5, 5, 64)),
        ("conv3", (3, 3, 128)),
        ("flatten", (1152,)),
        ("logits", (10,)),
    ],
)
def test_map_sizes(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


def test_the_layers_come_in_this_order(model):
    names = ["images", "rescaling", "conv1", "conv2", "pool", "norm2", "relu2"]
    names += ["conv3", "norm3", "relu3", "flatten", "dropout", "logits"]
    assert [layer.name for layer in model.layers] == names
    plain = build_small_digit_net(normalize=False)
    assert [layer.name for layer in plain.layers] == [n for n in names if "norm" not in n]


def test_only_the_first_convolution_brings_its_relu_and_no_bias_stands_before_a_norm(model):
    weighted = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert [layer.activation.__name__ for layer in weighted] == ["relu"] + ["linear"] * 3
    assert [layer.use_bias for layer in weighted] == [True, False, False, True]


def test_the_pooling_takes_the_largest_of_four(model):
    pool = model.get_layer("pool")
    assert isinstance(pool, keras.layers.MaxPooling2D) and pool.pool_size == pool.strides == (2, 2)


@pytest.mark.parametrize(("name", "fan_in"), [("conv2", 9 * 32), ("conv3", 9 * 64)])
def test_first_weights_are_scaled_for_relu(model, name, fan_in):
    kernel = model.get_layer(name).kernel.numpy()
    assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.05)


def test_white_reaches_the_first_convolution_as_one():
    small = build_small_digit_net(filters=(1, 1, 1))
    scaled = keras.Model(small.input, small.get_layer("rescaling").output)
    np.testing.assert_allclose(scaled(np.full((1, 28, 28, 1), 255, "uint8")), 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(19, 19, 1), (28, 29, 3), (64, 37, 1)])
def test_other_forms_give_one_logit_a_class(shape):
    model = build_small_digit_net(shape, 3, filters=(2, 3, 4), dropout=0.5)
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 3)
    assert [model.get_layer(f"conv{n}").filters for n in (1, 2, 3)] == [2, 3, 4]
    assert model.get_layer("dropout").rate == 0.5


@pytest.mark.parametrize("shape", [(18, 28, 1), (28, 18, 1)])
def test_too_small_images_are_refused(shape):
    with pytest.raises(ValueError, match=rf"at least 19 x 19 .*got \({shape[0]}, {shape[1]}, 1\)"):
        build_small_digit_net(shape)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_small_digit_net()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv3").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 28, 28, 1), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_it_learns_the_embedded_digits_in_three_epochs(monkeypatch):
    from cnnbook.datasets.mnist import load_mnist

    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setenv("CNNBOOK_OFFLINE", "1")
    keras.utils.set_random_seed(0)
    digits = load_mnist()
    training = digits.train_images[:7_500], digits.train_labels[:7_500]
    model = build_small_digit_net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.002), loss=loss, metrics=["accuracy"])
    model.fit(*training, batch_size=64, epochs=3, verbose=0)
    _, accuracy = model.evaluate(digits.validation_images, digits.validation_labels, verbose=0)
    assert accuracy > 0.95


def test_the_trained_one_is_the_same_net_and_reads_digits_that_it_has_not_seen(
    model, monkeypatch, tmp_path
):
    from cnnbook.datasets.mnist import load_mnist

    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CNNBOOK_OFFLINE", "1")
    digits, trained = load_mnist(), build_trained_digit_net()
    logits = trained.predict(digits.test_images, batch_size=500, verbose=0)
    assert np.mean(logits.argmax(axis=1) == digits.test_labels) >= 0.99
    for layer, fresh in zip(trained.layers, model.layers, strict=True):
        assert layer.name == fresh.name
        for variable, start in zip(layer.weights, fresh.weights, strict=True):
            if "seed" not in variable.name:
                assert not np.array_equal(variable, start), variable.path
