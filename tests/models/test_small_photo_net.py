"""build_small_photo_net: its budget, sizes and order of layers, and that it learns."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnbook.models.small_photo_net import build_small_photo_net


@pytest.fixture(scope="module")
def model():
    return build_small_photo_net()


def test_the_parameters_are_within_the_budget_and_as_said(model):
    widths = (3, 32, 32, 32, 48, 48, 64, 64)
    kernels = sum(9 * inputs * outputs for inputs, outputs in pairwise(widths))
    norms = 4 * sum(widths[2:])
    assert model.count_params() == kernels + 32 + norms + 64 * 10 + 10
    assert model.count_params() == 120_202 <= 122_570


@pytest.mark.parametrize(
    ("layer", "side", "filters"),
    [
        *(("stem", 32, 32), ("stage1_conv1", 32, 32), ("stage1_conv2", 16, 32)),
        *(("stage2_conv1", 16, 48), ("stage2_conv2", 8, 48)),
        *(("stage3_conv1", 8, 64), ("stage3_conv2", 4, 64)),
    ],
)
def test_each_stage_halves_the_map_after_its_first_convolution(model, layer, side, filters):
    assert model.get_layer(layer).output.shape == (None, side, side, filters)


def test_the_layers_follow_one_another_as_said(model):
    pooled = ["Conv2D", "MaxPooling2D", "BatchNormalization", "ReLU"]
    stage = [*pooled, "Conv2D", "BatchNormalization", "ReLU"]
    end = ["GlobalAveragePooling2D", "Dropout", "Dense"]
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", "Rescaling", "Conv2D", *3 * stage, *end]


def test_nothing_below_zero_leaves_the_stem_or_a_stage(model):
    names = ["stem", *(f"stage{n}_conv{m}_relu" for n in (1, 2, 3) for m in (1, 2))]
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    photo = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype="uint8")
    for values in parts(photo):
        assert np.min(values) == 0 < np.max(values)


def test_pixels_reach_the_stem_as_minus_one_to_one(model):
    scaled = keras.Model(model.input, model.get_layer("rescaling").output)
    pixels = np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)]).astype("uint8")
    assert np.unique(np.round(scaled(pixels), 5)).tolist() == [-1, 1]


@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 9, 3)])
def test_any_image_of_8_pixels_a_side_gives_one_logit_a_class(shape):
    assert build_small_photo_net(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


@pytest.mark.parametrize("shape", [(7, 32, 3), (32, 7, 3)])
def test_an_image_that_three_poolings_leave_nothing_of(shape):
    with pytest.raises(ValueError, match=r"at least 8 x 8 pixels.* got \(.*Enlarge or pad"):
        build_small_photo_net(shape)


def test_dropout_is_what_was_asked_for():
    assert build_small_photo_net(dropout=0.3).get_layer("dropout").rate == 0.3


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_small_photo_net(dropout=0.2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(model, tmp_path):
    photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(photos), loaded(photos))


@pytest.mark.slow
def test_after_forty_steps_it_predicts_what_it_has_learned():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    colors = random.integers(0, 256, (4, 1, 1, 3))
    labels = np.arange(200) % 4
    photos = (colors[labels] + random.normal(0, 30, (200, 32, 32, 3))).clip(0, 255)
    model = build_small_photo_net(num_classes=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(photos, labels, batch_size=50, epochs=10, verbose=0)
    assert model.evaluate(photos, labels, verbose=0)[1] == 1  # with running means, not the batch's
