"""build_alexnet against the counts and map sizes of the paper, and its two special layers."""

import keras
import numpy as np
import pytest

from cnnbook.models._parts import LocalResponseNormalization
from cnnbook.models.alexnet import _convolution, build_alexnet

GROUPED = {
    "conv1": (55, 55, 96),
    "norm1": (55, 55, 96),
    "pool1": (27, 27, 96),
    "conv2_gpu1": (27, 27, 128),
    "conv2_gpu2": (27, 27, 128),
    "conv2": (27, 27, 256),
    "norm2": (27, 27, 256),
    "pool2": (13, 13, 256),
    "conv3": (13, 13, 384),
    "conv4_gpu2": (13, 13, 192),
    "conv4": (13, 13, 384),
    "conv5_gpu1": (13, 13, 128),
    "conv5": (13, 13, 256),
    "pool5": (6, 6, 256),
    "flatten": (9216,),
    "fc6": (4096,),
    "fc7": (4096,),
    "logits": (1000,),
}
UNGROUPED = {name: shape for name, shape in GROUPED.items() if "gpu" not in name}
SINGLE_TOWER = {
    "conv1": (55, 55, 64),
    "pool1": (27, 27, 64),
    "conv2": (27, 27, 192),
    "pool2": (13, 13, 192),
    "conv3": (13, 13, 384),
    "conv4": (13, 13, 256),
    "conv5": (13, 13, 256),
    "pool5": (6, 6, 256),
    "flatten": (9216,),
    "fc7": (4096,),
    "logits": (1000,),
}


def photos(count=1, shape=(67, 67, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype="uint8")


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return build_alexnet(image_shape=(67, 67, 3), num_classes=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "side", "count", "maps"),
    [
        ("grouped", 227, 60_965_224, GROUPED),
        ("ungrouped", 227, 62_378_344, UNGROUPED),
        ("single_tower", 224, 61_100_840, SINGLE_TOWER),
        ("single_tower", 227, 61_100_840, SINGLE_TOWER | {"conv1": (56, 56, 64)}),
    ],
)
def test_parameters_map_sizes_and_depth_as_published(variant, side, count, maps):
    model = build_alexnet(variant, (side, side, 3))
    assert model.count_params() == count
    assert {name: model.get_layer(name).output.shape[1:] for name in maps} == maps
    layers = {layer.name.split("_gpu")[0] for layer in model.layers if layer.count_params()}
    assert layers == {*(f"conv{n}" for n in range(1, 6)), "fc6", "fc7", "logits"}  # eight deep


@pytest.mark.slow
def test_default_is_the_grouped_net_for_227_pixels():
    defaults = build_alexnet.__wrapped__.__defaults__
    assert defaults == ("grouped", (227, 227, 3), 1000, 0.5)


@pytest.mark.slow
def test_order_of_the_layers(small):
    assert [layer.name for layer in small.layers] == [
        *("images", "mean", "conv1", "norm1", "pool1", "conv2_gpu1", "conv2_gpu2", "conv2"),
        *("norm2", "pool2", "conv3", "conv4_gpu1", "conv4_gpu2", "conv4"),
        *("conv5_gpu1", "conv5_gpu2", "conv5", "pool5", "flatten"),
        *("fc6", "dropout6", "fc7", "dropout7", "logits"),
    ]


@pytest.mark.slow
def test_every_weighted_layer_but_the_last_has_a_relu(small):
    weighted = [layer for layer in small.layers if layer.count_params()]
    activations = [layer.activation.__name__ for layer in weighted]
    assert activations == ["relu"] * 10 + ["linear"]


@pytest.mark.slow
def test_two_values_of_each_dropout_are_as_asked_for(small):
    assert [small.get_layer(f"dropout{n}").rate for n in (6, 7)] == [0.5, 0.5]
    other = build_alexnet("single_tower", (63, 63, 3), 2, dropout=0.1)
    assert [other.get_layer(f"dropout{n}").rate for n in (6, 7)] == [0.1, 0.1]


@pytest.mark.slow
def test_the_mean_colour_of_imagenet_is_taken_off_in_the_order_red_green_blue(small):
    centred = keras.Model(small.input, small.get_layer("mean").output)
    image = np.broadcast_to([124, 117, 104], (1, 67, 67, 3))
    expected = np.broadcast_to([0.32, 0.221, 0.061], image.shape)
    np.testing.assert_allclose(centred(image), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv2", "conv4", "conv5"])
def test_each_gpu_sees_only_its_own_maps(small, name):
    before = {"conv2": "pool1", "conv4": "conv3", "conv5": "conv4"}[name]
    maps = small.get_layer(before).output
    halves = keras.Model(maps, [small.get_layer(f"{name}_gpu{n}").output for n in (1, 2)])
    random = np.random.default_rng(0)
    values = random.normal(size=(1, *maps.shape[1:])).astype("float32")
    first, second = (np.asarray(x) for x in halves(values))
    values[..., maps.shape[-1] // 2 :] += 1
    first_after, second_after = (np.asarray(x) for x in halves(values))
    np.testing.assert_array_equal(first, first_after)
    assert np.abs(second - second_after).max() > 0.01


@pytest.mark.slow
def test_the_third_convolution_sees_the_maps_of_both_gpus(small):
    kernel = small.get_layer("conv3").get_weights()[0]
    assert kernel.shape == (3, 3, 256, 384)


def test_a_grouped_convolution_is_a_convolution_with_zeros_between_the_groups():
    images = keras.Input((5, 6, 4))
    grouped = keras.Model(images, _convolution(images, 6, 3, 2, "conv"))
    whole = keras.Model(images, _convolution(images, 6, 3, 1, "conv"))
    kernel, bias = np.zeros((3, 3, 4, 6), "float32"), np.arange(6, dtype="float32") / 9
    for gpu in (0, 1):
        inputs, outputs = slice(2 * gpu, 2 * gpu + 2), slice(3 * gpu, 3 * gpu + 3)
        layer = grouped.get_layer(f"conv_gpu{gpu + 1}")
        kernel[:, :, inputs, outputs] = layer.get_weights()[0]
        layer.set_weights([layer.get_weights()[0], bias[outputs]])
    whole.set_weights([kernel, bias])
    values = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype("float32")
    np.testing.assert_allclose(grouped(values), whole(values), atol=1e-5)


@pytest.mark.parametrize(("channels", "neighbors"), [(1, 5), (3, 5), (12, 5), (7, 3)])
def test_local_response_normalization_is_the_formula_of_section_3_3(channels, neighbors):
    maps = np.random.default_rng(0).normal(0, 100, (2, 3, 2, channels)).astype("float32")
    expected = np.empty(maps.shape)
    for place in np.ndindex(maps.shape):
        *pixel, i = place
        low, high = max(0, i - neighbors // 2), min(channels - 1, i + neighbors // 2)
        squares = sum(float(maps[(*pixel, j)]) ** 2 for j in range(low, high + 1))
        expected[place] = maps[place] / (2 + 1e-4 * squares) ** 0.75
    assert np.abs(expected - maps / 2**0.75).max() > 10
    layer = LocalResponseNormalization(neighbors)
    np.testing.assert_allclose(layer(maps), expected, rtol=1e-4)


def test_normalization_and_groups_survive_saving(tmp_path):
    images = keras.Input((4, 4, 6))
    x = LocalResponseNormalization(3, k=1.0, alpha=0.5, beta=0.5)(images)
    model = keras.Model(images, _convolution(x, 4, 3, 2, "conv"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    values = np.random.default_rng(0).normal(size=(2, 4, 4, 6)).astype("float32")
    np.testing.assert_array_equal(model(values), loaded(values))


@pytest.mark.slow
def test_a_training_step_changes_all_weights(small):
    before = small.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    small.compile(keras.optimizers.SGD(0.01), loss)
    assert np.isfinite(small.train_on_batch(photos(3), np.arange(3)))
    changed = [np.any(o != n) for o, n in zip(before, small.get_weights(), strict=True)]
    assert all(changed)
    small.set_weights(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "shape"), [("grouped", (67, 93, 3)), ("single_tower", (75, 63, 3))]
)
def test_any_large_enough_image_gives_one_logit_a_class(variant, shape):
    assert build_alexnet(variant, shape, 2)(photos(2, shape)).shape == (2, 2)


@pytest.mark.parametrize(
    ("variant", "shape", "side"),
    [
        ("grouped", (66, 227, 3), 67),
        ("ungrouped", (227, 66, 3), 67),
        ("single_tower", (62, 99, 3), 63),
    ],
)
def test_too_small_images_are_refused(variant, shape, side):
    with pytest.raises(ValueError, match=rf"at least {side} x {side} pixels.* got \(.*Enlarge"):
        build_alexnet(variant, shape)


@pytest.mark.parametrize("channels", [1, 4])
def test_images_must_have_three_channels(channels):
    with pytest.raises(ValueError, match=r"`image_shape` must end in 3 .*np\.repeat\(images, 3"):
        build_alexnet(image_shape=(227, 227, channels))


@pytest.mark.parametrize("variant", ["caffenet", "", 2, None])
def test_unknown_variants_are_refused(variant):
    with pytest.raises(ValueError, match=r"`variant` must be one of 'grouped', 'ungrouped', 'si"):
        build_alexnet(variant)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_alexnet(image_shape=(67, 67, 3), num_classes=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("norm1").compute_dtype == "bfloat16"
    logits = model(photos())
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.all(np.isfinite(logits))
