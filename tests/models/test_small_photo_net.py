"""build_small_photo_net: its budget, sizes and depth, after the paper's rules."""

import keras
import numpy as np
import pytest

from cnnbook.models.small_photo_net import build_small_photo_net


@pytest.fixture(scope="module")
def model():
    return build_small_photo_net()


def test_the_parameters_are_within_the_budget_and_as_said(model):
    widths = (20, 40, 80)
    convolutions = 9 * 3 * 20 + sum(2 * 9 * width * width for width in widths)
    convolutions += 9 * (20 * 40 + 40 * 80) - 9 * (40 * 40 + 80 * 80)  # a stage's first is narrower
    convolutions += 20 * 40 + 40 * 80  # the shortcuts
    norms = 4 * (20 + 2 * 20 + 3 * 40 + 3 * 80)
    assert model.count_params() == convolutions + norms + 80 * 10 + 10
    assert model.count_params() == 122_230 <= 122_570


@pytest.mark.parametrize(("stage", "size", "filters"), [(1, 32, 20), (2, 16, 40), (3, 8, 80)])
def test_the_map_halves_where_the_filters_double(model, stage, size, filters):
    block = model.get_layer(f"stage{stage}_block1_relu2")
    assert block.output.shape == (None, size, size, filters)


def test_it_is_eight_layers_deep_as_6n_plus_2_says(model):
    weighted = [x for x in model.layers if isinstance(x, (keras.layers.Conv2D, keras.layers.Dense))]
    assert sum("shortcut" not in layer.name for layer in weighted) == 8


def test_a_shortcut_that_keeps_the_shape_has_no_weights(model):
    names = {layer.name for layer in model.layers}
    assert "stage1_block1_shortcut" not in names
    assert {"stage2_block1_shortcut", "stage3_block1_shortcut"} <= names


def test_a_block_whose_convolutions_are_zero_passes_its_input_on():
    model = build_small_photo_net()
    for number in (1, 2):
        conv = model.get_layer(f"stage1_block1_conv{number}")
        conv.set_weights([np.zeros_like(weight) for weight in conv.get_weights()])
    parts = [model.get_layer(name).output for name in ("stem_relu", "stage1_block1_relu2")]
    photo = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype="uint8")
    before, after = keras.Model(model.input, parts)(photo)
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_pixels_reach_the_stem_as_minus_one_to_one(model):
    scaled = keras.Model(model.input, model.get_layer("rescaling").output)
    pixels = np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)]).astype("uint8")
    assert np.unique(np.round(scaled(pixels), 5)).tolist() == [-1, 1]


@pytest.mark.parametrize("shape", [(1, 1, 1), (33, 7, 3)])
def test_any_image_gives_one_logit_a_class(shape):
    assert build_small_photo_net(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_small_photo_net(dropout=0.2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_saved_model_gives_the_same_logits(model, tmp_path):
    photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(photos), loaded(photos))
