"""build_googlenet against table 1 and figures 2 and 3 of the paper."""

import keras
import numpy as np
import pytest

from cnnbook.models._parts import LocalResponseNormalization
from cnnbook.models.googlenet import (
    MODULES,
    _inception_module,
    build_googlenet,
    naive_inception_module,
)


@pytest.fixture(scope="module")
def model():
    return build_googlenet()


@pytest.fixture(scope="module")
def three_headed():
    return build_googlenet(auxiliary_heads=True)


def feeds(model, name):
    """The names of the layers whose outputs go into the layer `name`."""
    tensors = keras.tree.flatten(model.get_layer(name).input)
    return [tensor._keras_history.operation.name for tensor in tensors]


@pytest.mark.slow
def test_it_has_the_published_parameters(model):
    assert model.count_params() == 6_998_552


@pytest.mark.slow
def test_with_auxiliary_heads_it_has_the_published_parameters(three_headed):
    assert three_headed.count_params() == 13_378_280


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (112, 112, 64)),
        ("pool1", (56, 56, 64)),
        ("norm1", (56, 56, 64)),
        ("conv2_reduce", (56, 56, 64)),
        ("conv2", (56, 56, 192)),
        ("pool2", (28, 28, 192)),
        ("inception3a", (28, 28, 256)),
        ("inception3b", (28, 28, 480)),
        ("pool3", (14, 14, 480)),
        ("inception4a", (14, 14, 512)),
        ("inception4b", (14, 14, 512)),
        ("inception4c", (14, 14, 512)),
        ("inception4d", (14, 14, 528)),
        ("inception4e", (14, 14, 832)),
        ("pool4", (7, 7, 832)),
        ("inception5a", (7, 7, 832)),
        ("inception5b", (7, 7, 1024)),
        ("average", (1024,)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes_of_table_1(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "inputs", "thousands"),
    [
        *(("3a", 192, 159), ("3b", 256, 380), ("4a", 480, 364), ("4b", 512, 437)),
        *(("4c", 512, 463), ("4d", 512, 580), ("4e", 528, 840), ("5a", 832, 1072)),
        ("5b", 832, 1388),
    ],
)
def test_each_module_has_its_parameters(model, place, inputs, thousands):
    """By its widths exactly; table 1's column "params" is up to a tenth off them."""
    one, reduce3, three, reduce5, five, projection = MODULES[place]
    by_hand = (inputs + 1) * (one + reduce3 + reduce5 + projection)
    by_hand += (9 * reduce3 + 1) * three + (25 * reduce5 + 1) * five
    found = sum(layer.count_params() for layer in model.layers if f"inception{place}" in layer.name)
    assert found == by_hand
    assert by_hand / 1024 == pytest.approx(thousands, rel=0.1)


@pytest.mark.slow
def test_it_is_22_layers_deep(model):
    depth = {}
    for layer in model.layers[1:]:  # each comes after those that feed it
        weighted = isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))
        before = [depth.get(name, 0) for name in feeds(model, layer.name)]
        depth[layer.name] = max(before) + weighted
    assert depth["logits"] == 22


@pytest.mark.slow
def test_the_branches_of_a_module_hang_together_as_in_figure_2b(model):
    name = "inception4b"
    branches = ("1x1", "3x3", "5x5", "pool_projection")
    assert feeds(model, name) == [f"{name}_{branch}" for branch in branches]
    for branch, before in [("3x3", "3x3_reduce"), ("5x5", "5x5_reduce")]:
        assert feeds(model, f"{name}_{branch}") == [f"{name}_{before}"]
    assert feeds(model, f"{name}_pool_projection") == [f"{name}_pool"]
    for first in ("1x1", "3x3_reduce", "5x5_reduce", "pool"):
        assert feeds(model, f"{name}_{first}") == ["inception4a"]
    sizes = [model.get_layer(f"{name}_{branch}").kernel_size[0] for branch in branches]
    assert sizes == [1, 3, 5, 1]
    assert model.get_layer(f"{name}_pool").pool_size == (3, 3)


@pytest.mark.slow
def test_normalisations_are_where_figure_3_has_them(model):
    assert feeds(model, "norm1") == ["pool1"] and feeds(model, "conv2_reduce") == ["norm1"]
    assert feeds(model, "norm2") == ["conv2"] and feeds(model, "pool2") == ["norm2"]


@pytest.mark.slow
def test_every_convolution_has_a_relu_and_a_bias(model):
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 3 + 9 * 6
    assert {layer.activation.__name__ for layer in convolutions} == {"relu"}
    assert all(layer.use_bias for layer in convolutions)
    assert model.get_layer("logits").activation.__name__ == "linear"


@pytest.mark.slow
def test_each_colour_loses_its_mean(model):
    shifted = keras.Model(model.input, model.get_layer("mean").output)
    pixels = np.zeros((1, 224, 224, 3), "uint8")
    pixels[0, 1, 1] = (255, 117, 105)
    values = np.asarray(shifted(pixels))
    assert values[0, 0, 0].tolist() == [-123, -117, -104]
    assert values[0, 1, 1].tolist() == [132, 0, 1]


# The auxiliary heads


@pytest.mark.slow
@pytest.mark.parametrize(("place", "channels"), [("4a", 512), ("4d", 528)])
def test_a_head_is_as_in_section_5(three_headed, place, channels):
    name = f"auxiliary{place}"
    assert feeds(three_headed, f"{name}_pool") == [f"inception{place}"]
    shapes = {"pool": (4, 4, channels), "conv": (4, 4, 128), "dense": (1024,), "logits": (1000,)}
    for part, shape in shapes.items():
        assert three_headed.get_layer(f"{name}_{part}").output.shape == (None, *shape)
    assert three_headed.get_layer(f"{name}_dense").activation.__name__ == "relu"
    assert three_headed.get_layer(f"{name}_dropout").rate == 0.7
    assert isinstance(three_headed.get_layer(f"{name}_pool"), keras.layers.AveragePooling2D)


@pytest.mark.slow
def test_outputs_are_the_logits_then_those_of_the_early_and_the_late_head(three_headed):
    names = [output._keras_history.operation.name for output in three_headed.outputs]
    assert names == ["logits", "auxiliary4a_logits", "auxiliary4d_logits"]


@pytest.mark.slow
def test_the_heads_can_be_left_out_afterwards(three_headed):
    assert keras.Model(three_headed.input, three_headed.outputs[0]).count_params() == 6_998_552


# The naive module


def test_the_naive_module_keeps_all_maps_that_come_in():
    maps = keras.Input((9, 8, 192))
    naive = keras.Model(maps, naive_inception_module(maps, MODULES["3a"], "naive"))
    reduced = keras.Model(maps, _inception_module(maps, MODULES["3a"], "reduced"))
    assert naive.output.shape == (None, 9, 8, 64 + 128 + 32 + 192)
    assert reduced.output.shape == (None, 9, 8, 64 + 128 + 32 + 32)
    assert naive.count_params() == 192 * (64 + 9 * 128 + 25 * 32) + 64 + 128 + 32 == 387_296
    assert reduced.count_params() == 163_696
    assert feeds(naive, "naive") == ["naive_1x1", "naive_3x3", "naive_5x5", "naive_pool"]


@pytest.mark.slow
def test_without_reductions_the_net_grows_fourteenfold():
    model = build_googlenet((32, 32, 3), reductions=False)
    channels = [model.get_layer(f"inception{place}").output.shape[-1] for place in MODULES]
    assert channels == [416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]
    assert model.count_params() == 97_526_008


# The normalisation


@pytest.mark.parametrize(
    ("channels", "constants"),
    [
        (7, {}),
        (7, {"neighbors": 3, "k": 1.0, "alpha": 0.5, "beta": 0.5}),
        (2, {"neighbors": 5, "alpha": 0.1}),
    ],
)
def test_normalisation_equals_the_formula_value_by_value(channels, constants):
    maps = np.random.default_rng(0).normal(0, 30, (2, 3, 2, channels)).astype("float32")
    size, k, alpha, beta = {
        "neighbors": 5,
        "k": 2,
        "alpha": 1e-4,
        "beta": 0.75,
        **constants,
    }.values()
    expected = np.empty_like(maps)
    for place in np.ndindex(maps.shape):
        first = place[-1] - size // 2
        beside = maps[place[:-1]][max(first, 0) : first + size]
        expected[place] = maps[place] / (k + alpha * sum(a * a for a in beside)) ** beta
    layer = LocalResponseNormalization(**constants)
    np.testing.assert_allclose(layer(maps), expected, rtol=1e-5)
    assert layer.compute_output_shape(maps.shape) == maps.shape
    assert layer.count_params() == 0


@pytest.mark.slow
def test_the_net_normalises_with_caffes_constants(model):
    for name in ("norm1", "norm2"):
        layer = model.get_layer(name)
        assert (layer.neighbors, layer.k, layer.alpha, layer.beta) == (5, 1, 1e-4 / 5, 0.75)


# Use


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(17, 17, 3), (75, 93, 3)])
def test_other_images_and_class_counts(shape):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype="uint8")
    logits = np.asarray(build_googlenet(shape, 3)(images))
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all() and not np.allclose(logits[0], logits[1])


@pytest.mark.slow
def test_one_step_with_all_three_losses_changes_every_kernel():
    keras.utils.set_random_seed(0)
    model = build_googlenet((65, 66, 3), 2, auxiliary_heads=True, dropout=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), [loss] * 3, loss_weights=[1, 0.3, 0.3], run_eagerly=True)
    kernels = [weight for weight in model.trainable_weights if weight.name == "kernel"]
    before = [weight.numpy() for weight in kernels]
    images = np.random.default_rng(0).integers(0, 256, (4, 65, 66, 3), dtype="uint8")
    labels = np.array([0, 1, 0, 1])
    assert np.isfinite(model.train_on_batch(images, [labels] * 3)).all()
    assert len(kernels) == 57 + 1 + 2 * 3
    assert not any(
        np.array_equal(old, new.numpy()) for old, new in zip(before, kernels, strict=True)
    )


@pytest.mark.slow
def test_all_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_googlenet((65, 65, 3), 2, auxiliary_heads=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv1").compute_dtype == "bfloat16"
    assert model.get_layer("norm1").compute_dtype == "bfloat16"
    outputs = model(np.full((1, 65, 65, 3), 200, "uint8"))
    assert [keras.backend.standardize_dtype(each.dtype) for each in outputs] == ["float32"] * 3
    assert all(np.isfinite(each).all() for each in outputs)


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    model = build_googlenet((32, 32, 3), 2, dropout=0.1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))
    assert loaded.get_layer("norm2").k == 1
    assert loaded.get_layer("dropout").rate == 0.1


# Refusals


@pytest.fixture
def no_layer_may_be_built(monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError("built something before checking the arguments")

    monkeypatch.setattr(keras, "Input", fail)


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize("shape", [(16, 224, 3), (224, 16, 3)])
def test_images_that_the_strides_leave_nothing_of(shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be at least 17 x 17 .*got \(.*Enl"):
        build_googlenet(shape)


@pytest.mark.usefixtures("no_layer_may_be_built")
def test_images_too_small_for_the_heads():
    with pytest.raises(ValueError, match=r"at least 65 x 65 .*`auxiliary_heads`.*got \(64, 65, 3"):
        build_googlenet((64, 65, 3), auxiliary_heads=True)


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_than_three_channels(channels):
    with pytest.raises(ValueError, match=rf"must end in 3 .*224, {channels}\); repeat a grey .*np"):
        build_googlenet((224, 224, channels))
