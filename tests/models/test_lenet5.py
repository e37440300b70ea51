"""build_lenet5 against the figures of the paper and of the usual modern form."""

import keras
import numpy as np
import pytest

from cnnbook.models.lenet5 import build_lenet5


@pytest.fixture(scope="module")
def model():
    return build_lenet5()


def digits(count=2, shape=(28, 28, 1)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype="uint8")


def test_it_has_the_61706_parameters_of_the_modern_form(model):
    assert model.count_params() == 61_706


def test_what_is_left_out_of_the_paper_makes_the_difference_to_its_60000(model):
    paper = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert sum(paper.values()) == 60_000
    ours = {name: model.get_layer(name).count_params() for name in paper}
    differs = {name: ours[name] - paper[name] for name in paper if ours[name] != paper[name]}
    assert differs == {"s2": -12, "c3": 900, "s4": -32}
    assert model.get_layer("logits").count_params() == 850
    assert 60_000 + sum(differs.values()) + 850 == model.count_params()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("rim", (32, 32, 1)),
        ("c1", (28, 28, 6)),
        ("s2", (14, 14, 6)),
        ("c3", (10, 10, 16)),
        ("s4", (5, 5, 16)),
        ("c5", (1, 1, 120)),
        ("f6", (84,)),
        ("logits", (10,)),
    ],
)
def test_map_sizes_are_those_of_figure_2(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


def test_order_activations_and_depth(model):
    names = ["images", "rim", "rescaling", "c1", "s2", "c3", "s4", "c5", "flatten", "f6", "logits"]
    assert [layer.name for layer in model.layers] == names
    weighted = [layer for layer in model.layers if layer.count_params()]
    assert [layer.activation.__name__ for layer in weighted] == ["tanh"] * 4 + ["linear"]


def test_subsampling_is_the_mean_of_four(model):
    maps = np.random.default_rng(0).normal(size=(1, 28, 28, 6)).astype("float32")
    means = maps.reshape(1, 14, 2, 14, 2, 6).mean(axis=(2, 4))
    np.testing.assert_allclose(model.get_layer("s2")(maps), means, atol=1e-6)


def test_a_digit_lies_in_the_middle_of_a_black_rim_scaled_as_in_the_paper(model):
    scaled = keras.Model(model.input, model.get_layer("rescaling").output)
    expected = np.full((1, 32, 32, 1), -0.1)
    expected[:, 2:30, 2:30] = 1.175
    white = np.full((1, 28, 28, 1), 255, "uint8")
    np.testing.assert_allclose(scaled(white), expected, atol=1e-6)


def test_colour_images_of_32_pixels_need_no_rim():
    model = build_lenet5((32, 32, 3))
    assert model.get_layer("rim").output.shape == (None, 32, 32, 3)
    assert model.count_params() == 61_706 + 2 * 25 * 6


@pytest.mark.parametrize("shape", [(1, 1, 1), (20, 13, 3), (45, 31, 1)])
def test_images_of_any_size_give_one_logit_a_class(shape):
    assert build_lenet5(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


def test_an_odd_side_gets_the_rim_on_both_ends():
    scaled = build_lenet5((27, 32, 1), 2)
    scaled = keras.Model(scaled.input, scaled.get_layer("rim").output)
    rows = np.asarray(scaled(np.ones((1, 27, 32, 1))))[0, :, 0, 0]
    assert rows.tolist() == [0] * 2 + [1] * 27 + [0] * 3


def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_lenet5()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("c1").compute_dtype == "bfloat16"
    logits = model(digits())
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_a_training_step_changes_all_weights():
    model = build_lenet5()
    before = model.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    assert np.isfinite(model.train_on_batch(digits(8), np.arange(8)))
    assert all(np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(digits()), loaded(digits()))
