"""build_squeezenet against table 1 of the paper and the authors' two files."""

import keras
import numpy as np
import pytest

from cnnbook.models.squeezenet import (
    _overhanging_pool,
    build_squeezenet,
    build_squeezenet_cifar,
)


@pytest.fixture(scope="module", params=["1.0", "1.1"])
def model(request):
    return build_squeezenet(request.param)


@pytest.fixture(scope="module")
def models():
    return {variant: build_squeezenet(variant) for variant in ("1.0", "1.1")}


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "count"), [("1.0", 1_248_424), ("1.1", 1_235_496)])
def test_it_has_the_published_parameters(models, variant, count):
    assert models[variant].count_params() == count


@pytest.mark.slow
def test_the_paper_is_version_1_0():
    assert build_squeezenet(num_classes=2).get_layer("conv1").kernel.shape == (7, 7, 3, 96)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (111, 111, 96)),
        ("pool1", (55, 55, 96)),
        ("fire2", (55, 55, 128)),
        ("fire3", (55, 55, 128)),
        ("fire4", (55, 55, 256)),
        ("pool4", (27, 27, 256)),
        ("fire5", (27, 27, 256)),
        ("fire6", (27, 27, 384)),
        ("fire7", (27, 27, 384)),
        ("fire8", (27, 27, 512)),
        ("pool8", (13, 13, 512)),
        ("fire9", (13, 13, 512)),
        ("conv10", (13, 13, 1000)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes_of_table_1(models, name, shape):
    assert models["1.0"].get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (113, 113, 64)),
        ("pool1", (56, 56, 64)),
        ("fire3", (56, 56, 128)),
        ("pool3", (28, 28, 128)),
        ("fire5", (28, 28, 256)),
        ("pool5", (14, 14, 256)),
        ("fire9", (14, 14, 512)),
        ("conv10", (14, 14, 1000)),
    ],
)
def test_map_sizes_of_version_1_1(models, name, shape):
    assert models["1.1"].get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),  # by hand: squeeze, expand 1x1, expand 3x3
    [
        ("fire2", (96 * 16 + 16) + (16 * 64 + 64) + (9 * 16 * 64 + 64)),
        ("fire3", (128 * 16 + 16) + (16 * 64 + 64) + (9 * 16 * 64 + 64)),
        ("fire6", (256 * 48 + 48) + (48 * 192 + 192) + (9 * 48 * 192 + 192)),
        ("fire9", (512 * 64 + 64) + (64 * 256 + 256) + (9 * 64 * 256 + 256)),
        ("conv10", 512 * 1000 + 1000),
    ],
)
def test_parameters_of_a_part(models, name, count):
    parts = [layer for layer in models["1.0"].layers if layer.name.startswith(name)]
    assert sum(layer.count_params() for layer in parts) == count


@pytest.mark.slow
def test_a_fire_module_joins_1x1_then_3x3_of_the_few_maps(model):
    small = build_squeezenet("1.1", (33, 35, 3), 2)
    names = ("pool1", "fire2_squeeze", "fire2_expand1x1", "fire2_expand3x3", "fire2")
    part = keras.Model(small.input, [small.get_layer(name).output for name in names])
    images = np.random.default_rng(0).integers(0, 256, (1, 33, 35, 3), dtype="uint8")
    came, few, one, three, joined = (np.asarray(maps) for maps in part(images))
    np.testing.assert_array_equal(joined, np.concatenate([one, three], axis=-1))
    for source, result, layer in [(came, few, "fire2_squeeze"), (few, one, "fire2_expand1x1")]:
        kernel, bias = small.get_layer(layer).get_weights()
        by_hand = np.maximum(source @ kernel[0, 0] + bias, 0)
        np.testing.assert_allclose(result, by_hand, rtol=1e-4, atol=1e-3)
    assert small.get_layer("fire2_expand3x3").input is small.get_layer("fire2_squeeze").output


@pytest.mark.slow
def test_it_is_18_layers_deep_and_none_is_dense(model):
    squeezes = [layer for layer in model.layers if "squeeze" in layer.name]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(squeezes) == 8
    assert len(convolutions) == 1 + 3 * 8 + 1  # of the two that expand, one is on a path
    assert not any(isinstance(layer, keras.layers.Dense) for layer in model.layers)
    assert all(layer.activation.__name__ == "relu" for layer in convolutions)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "millions"), [(227, {"1.0": 833, "1.1": 388}), (224, {"1.0": 819, "1.1": 349})]
)
def test_version_1_1_has_less_to_multiply(side, millions):
    """The authors say 2.4 times less: it is 2.35 times less at 224, 2.15 at 227."""
    for variant, expected in millions.items():
        model = build_squeezenet(variant, (side, side, 3))
        convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        count = sum(
            np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3]) for layer in convolutions
        )
        assert round(count / 1e6) == expected


@pytest.mark.slow
def test_each_colour_loses_its_mean(models):
    shifted = keras.Model(models["1.0"].input, models["1.0"].get_layer("mean").output)
    pixels = np.zeros((1, 227, 227, 3), "uint8")
    pixels[0, 1, 1] = (255, 117, 105)
    values = np.asarray(shifted(pixels))
    assert values[0, 0, 0].tolist() == [-123, -117, -104]
    assert values[0, 1, 1].tolist() == [132, 0, 1]


@pytest.mark.slow
def test_a_logit_is_the_mean_of_a_rectified_map():
    small = build_squeezenet("1.0", (64, 80, 3), 5)
    part = keras.Model(small.input, [small.get_layer("conv10").output, small.output])
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 80, 3), dtype="uint8")
    maps, logits = (np.asarray(values) for values in part(images))
    assert maps.shape[1:3] == (3, 4) and maps.min() == 0 < maps.max()
    np.testing.assert_allclose(logits, maps.mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(7, 8), (8, 7), (2, 3)])
def test_a_window_of_the_pooling_may_hang_over_the_far_side(shape):
    maps = np.random.default_rng(0).random((1, *shape, 2)).astype("float32")
    given = keras.Input((*shape, 2))
    pooled = np.asarray(keras.Model(given, _overhanging_pool(given, "pool"))(maps))
    assert pooled.shape == (1, shape[0] // 2, shape[1] // 2, 2)
    for _, row, column, channel in np.ndindex(pooled.shape):
        window = maps[0, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3, channel]
        assert pooled[0, row, column, channel] == window.max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "shape"), [("1.0", (21, 21, 3)), ("1.0", (75, 93, 3)), ("1.1", (17, 17, 3))]
)
def test_other_images_and_class_counts(variant, shape):
    model = build_squeezenet(variant, shape, 3)
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 3)
    assert min(model.get_layer("conv10").output.shape[1:3]) >= 1


@pytest.mark.slow
def test_one_step_changes_every_kernel():
    keras.utils.set_random_seed(0)
    model = build_squeezenet("1.1", (40, 41, 3), 2, dropout=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, run_eagerly=True)
    kernels = [weight for weight in model.trainable_weights if weight.name == "kernel"]
    before = [weight.numpy() for weight in kernels]
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 41, 3), dtype="uint8")
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 0, 1])))
    assert not any(
        np.array_equal(old, new.numpy()) for old, new in zip(before, kernels, strict=True)
    )


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_squeezenet("1.1", (33, 33, 3), 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv10").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 33, 33, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 33, 34, 3), dtype="uint8")
    model = build_squeezenet("1.0", (33, 34, 3), 4, dropout=0.2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))
    assert loaded.get_layer("dropout").rate == 0.2


@pytest.fixture
def no_layer_may_be_built(monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError("built something before checking the arguments")

    monkeypatch.setattr(keras, "Input", fail)


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize("variant", [1.0, "1.2", None])
def test_variants_that_there_are_not(variant):
    with pytest.raises(ValueError, match=r'`variant` must be "1.0" or "1.1", a string; got .*\.'):
        build_squeezenet(variant)


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize(
    ("variant", "shape", "side"),
    [("1.0", (20, 227, 3), 21), ("1.0", (227, 20, 3), 21), ("1.1", (16, 17, 3), 17)],
)
def test_images_that_the_strides_leave_nothing_of(variant, shape, side):
    with pytest.raises(ValueError, match=rf"at least {side} x {side} pixels.*version {variant}"):
        build_squeezenet(variant, shape)


@pytest.mark.usefixtures("no_layer_may_be_built")
def test_images_of_one_channel():
    with pytest.raises(ValueError, match=r"must end in 3 .*got \(227, 227, 1\); repeat a grey"):
        build_squeezenet(image_shape=(227, 227, 1))


@pytest.mark.slow
def test_the_net_for_small_images_has_the_fire_modules_of_the_paper_narrower():
    model = build_squeezenet_cifar()
    by_hand, inputs = 27 * 56 + 56, 56
    for number in range(2, 10):
        few, many = 6 * (number // 2), 28 * (number // 2)
        by_hand += inputs * few + few + few * many + many + 9 * few * many + many
        inputs = 2 * many
        side = 32 if number < 4 else 16 if number < 6 else 8
        assert model.get_layer(f"fire{number}").output.shape == (None, side, side, inputs)
    assert model.count_params() == by_hand + inputs * 10 + 10 == 122_994
    paper = build_squeezenet("1.1", (32, 32, 3))
    wide = build_squeezenet_cifar(squeeze=16, expand=64)
    for layer in paper.layers:
        if layer.name.startswith("fire") and layer.weights and layer.name != "fire2_squeeze":
            assert wide.get_layer(layer.name).kernel.shape == layer.kernel.shape


@pytest.mark.slow
def test_logits_of_the_net_for_small_images_may_be_below_zero():
    keras.utils.set_random_seed(0)
    model = build_squeezenet_cifar((9, 8, 1))
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 8, 1))
    assert keras.ops.convert_to_numpy(model(images)).min() < 0


@pytest.mark.usefixtures("no_layer_may_be_built")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"squeeze": 0}, "`squeeze` must be 1 or more; got 0"),
        ({"expand": -3}, "`expand` must be 1 or more; got -3"),
        ({"image_shape": (3, 8, 3)}, "at least 4 x 4 pixels"),
    ],
)
def test_small_nets_that_cannot_be_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_squeezenet_cifar(**arguments)
