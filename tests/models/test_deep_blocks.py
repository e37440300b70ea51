"""build_deep_blocks against counts and sizes worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.models.deep_blocks import build_deep_blocks


@pytest.fixture(scope="module")
def model():
    return build_deep_blocks()


def test_it_has_the_3_1_million_parameters_of_the_source(model):
    convolutions = sum(
        9 * inputs * outputs + outputs
        for inputs, outputs in [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
    )
    dense = (3 * 3 * 256 + 1) * 768 + (768 + 1) * 256 + (256 + 1) * 10
    assert (convolutions, dense) == (1_144_256, 1_969_674)
    assert model.count_params() == convolutions + dense == 3_113_930
    assert round(model.count_params() / 1e6, 1) == 3.1


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("block1_conv2", (28, 28, 64)),
        ("block1_pool", (14, 14, 64)),
        ("block2_conv1", (14, 14, 128)),
        ("block2_pool", (7, 7, 128)),
        ("block3_conv2", (7, 7, 256)),
        ("block3_pool", (3, 3, 256)),
        ("flatten", (2304,)),
        ("dense1", (768,)),
        ("dense2", (256,)),
        ("logits", (10,)),
    ],
)
def test_map_sizes(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


def test_layers_come_conv_conv_pool(model):
    blocks = [f"block{b}_{part}" for b in (1, 2, 3) for part in ("conv1", "conv2", "pool")]
    dense = ["flatten", "dense1", "dropout1", "dense2", "dropout2", "logits"]
    assert [layer.name for layer in model.layers] == ["images", "rescaling", *blocks, *dense]


def test_every_weighted_layer_but_the_last_has_a_relu(model):
    weighted = [layer for layer in model.layers if hasattr(layer, "activation")]
    assert [layer.activation.__name__ for layer in weighted] == ["relu"] * 8 + ["linear"]


@pytest.mark.parametrize(
    ("shape", "filters", "dense_units"),
    [((8, 8, 1), (2, 3, 4), (5,)), ((13, 9, 3), (2,), ()), ((32, 33, 3), (2, 2, 2, 2, 2), (3, 3))],
)
def test_other_forms_give_one_logit_a_class(shape, filters, dense_units):
    model = build_deep_blocks(shape, 4, filters, dense_units, dropout=0.3)
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 4)
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in model.layers) == len(
        dense_units
    )


def test_white_reaches_the_first_convolution_as_one():
    small = build_deep_blocks(filters=(1,), dense_units=())
    scaled = keras.Model(small.input, small.get_layer("rescaling").output)
    np.testing.assert_allclose(scaled(np.full((1, 28, 28, 1), 255, "uint8")), 1, rtol=1e-6)


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_deep_blocks(filters=(2,), dense_units=(2,))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 28, 28, 1), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "side"), [((7, 28, 1), 8), ((28, 1, 1), 8)])
def test_too_small_images_are_refused(shape, side):
    with pytest.raises(ValueError, match=rf"at least {side} x {side} .*3 blocks.*got \({shape[0]}"):
        build_deep_blocks(shape)
