"""The DenseNets against keras.applications, weight for weight, and the paper's tables 1 and 2."""

import keras
import numpy as np
import pytest

from cnnbook.models.densenet import build_densenet, build_densenet_cifar

WEIGHTED = (keras.layers.Conv2D, keras.layers.Dense)


def official_model(depth, shape):
    """Build the model of keras.applications and give each batch normalisation a past."""
    keras.utils.set_random_seed(depth)
    random = np.random.default_rng(depth)
    draws = {
        "gamma": lambda shape: random.uniform(0.8, 1.2, shape),
        "beta": lambda shape: random.normal(0, 0.1, shape),
        "moving_mean": lambda shape: random.normal(0, 0.1, shape),
        "moving_variance": lambda shape: random.uniform(0.3, 1, shape),
    }
    build = getattr(keras.applications, f"DenseNet{depth}")
    model = build(weights=None, input_shape=shape, classifier_activation=None)
    for weight in model.weights:
        if weight.name in draws:
            weight.assign(draws[weight.name](weight.shape))
    return model


def weights_that_are_trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture(scope="module")
def model():
    return build_densenet()


@pytest.fixture(scope="module")
def cifar_model():
    return build_densenet_cifar()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "shape", "count"),
    [
        (121, (61, 75, 3), 8_062_504),
        (169, (224, 224, 3), 14_307_880),
        (201, (75, 93, 3), 20_242_984),
    ],
)
def test_with_the_weights_of_keras_applications_it_gives_the_same_logits(
    depth, shape, count, monkeypatch
):
    official, asked = official_model(depth, shape), {}

    def stand_in(**keywords):
        asked.update(keywords)
        return official

    monkeypatch.setattr(keras.applications, f"DenseNet{depth}", stand_in)
    model = build_densenet(depth, shape, weights="imagenet")
    assert asked == {"weights": "imagenet", "classifier_activation": None}
    assert model.count_params() == official.count_params() == count
    images = np.random.default_rng(1).integers(0, 256, (2, *shape), dtype="uint8")
    prepared = keras.applications.densenet.preprocess_input(images.astype("float32"))
    expected = np.asarray(official(prepared))
    assert 0.1 < np.abs(expected).max() < 100 and not np.allclose(expected[0], expected[1])
    np.testing.assert_allclose(model(images), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (112, 112, 64)),
        ("pool1", (56, 56, 64)),
        ("dense_block1_layer1_conv1", (56, 56, 128)),
        ("dense_block1_layer1_conv2", (56, 56, 32)),
        ("dense_block1_layer1", (56, 56, 96)),
        ("dense_block1_layer6", (56, 56, 256)),
        ("transition1_conv", (56, 56, 128)),
        ("transition1_pool", (28, 28, 128)),
        ("dense_block2_layer12", (28, 28, 512)),
        ("transition2_pool", (14, 14, 256)),
        ("dense_block3_layer24", (14, 14, 1024)),
        ("transition3_pool", (7, 7, 512)),
        ("dense_block4_layer16", (7, 7, 1024)),
        ("average", (1024,)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes_of_table_1(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "last_layers"),
    [
        (121, {1: (6, 256), 2: (12, 512), 3: (24, 1024), 4: (16, 1024)}),
        (169, {1: (6, 256), 2: (12, 512), 3: (32, 1280), 4: (32, 1664)}),
        (201, {1: (6, 256), 2: (12, 512), 3: (48, 1792), 4: (32, 1920)}),
    ],
)
def test_the_depth_is_the_number_of_weighted_layers_and_blocks_end_as_in_table_1(
    depth, last_layers, model
):
    if depth != 121:
        model = build_densenet(depth, (32, 32, 3), 2)
    assert sum(isinstance(layer, WEIGHTED) for layer in model.layers) == depth
    for block, (last, channels) in last_layers.items():
        assert model.get_layer(f"dense_block{block}_layer{last}").output.shape[-1] == channels
        names = [layer.name for layer in model.layers]
        assert f"dense_block{block}_layer{last + 1}" not in names


@pytest.mark.slow
def test_a_layer_is_norm_relu_1x1_norm_relu_3x3_join(model):
    names = [layer.name for layer in model.layers]
    start = names.index("dense_block2_layer3_norm1")
    parts = ("_norm1", "_relu1", "_conv1", "_norm2", "_relu2", "_conv2", "")
    assert names[start : start + 7] == [f"dense_block2_layer3{part}" for part in parts]
    assert model.get_layer("dense_block2_layer3_conv1").kernel_size == (1, 1)
    assert model.get_layer("dense_block2_layer3_conv2").kernel_size == (3, 3)
    assert not any(layer.use_bias for layer in model.layers if type(layer).__name__ == "Conv2D")


# The nets for CIFAR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "growth_rate", "bottleneck", "weights", "millions"),
    [
        (40, 12, False, 1_019_722, 1.0),
        (100, 12, True, 769_162, 0.8),
        (100, 12, False, 6_979_642, 7.0),
        (100, 24, False, 27_249_082, 27.2),
    ],
)
def test_parameters_of_table_2(depth, growth_rate, bottleneck, weights, millions):
    model = build_densenet_cifar(depth, growth_rate=growth_rate, bottleneck=bottleneck)
    assert weights_that_are_trained(model) == weights
    assert round(weights / 1e6, 1) == millions
    assert sum(isinstance(layer, WEIGHTED) for layer in model.layers) == depth


@pytest.mark.slow
def test_the_running_means_and_variances_are_as_many_as_said(cifar_model):
    assert cifar_model.count_params() == 1_019_722 + 18_096


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1", (32, 32, 16)),
        ("dense_block1_layer1_conv1", (32, 32, 12)),
        ("dense_block1_layer12", (32, 32, 160)),
        ("transition1_conv", (32, 32, 160)),
        ("transition1_pool", (16, 16, 160)),
        ("dense_block2_layer12", (16, 16, 304)),
        ("transition2_pool", (8, 8, 304)),
        ("dense_block3_layer12", (8, 8, 448)),
        ("average", (448,)),
        ("logits", (10,)),
    ],
)
def test_map_sizes_for_cifar(cifar_model, name, shape):
    assert cifar_model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
def test_the_bottleneck_form_is_narrower_between_blocks():
    model = build_densenet_cifar(22, bottleneck=True)
    assert model.get_layer("conv1").filters == 24
    assert model.get_layer("dense_block1_layer1_conv1").filters == 48
    assert model.get_layer("dense_block1_layer3").output.shape == (None, 32, 32, 60)
    assert model.get_layer("transition1_pool").output.shape == (None, 16, 16, 30)


def test_every_layer_keeps_the_maps_of_all_layers_before_it():
    model = build_densenet_cifar(13, growth_rate=4)
    names = ["conv1", *(f"dense_block1_layer{n}_conv1" for n in (1, 2, 3)), "dense_block1_layer3"]
    part = keras.Model(model.input, [model.get_layer(name).output for name in names])
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype="uint8")
    *each, joined = (np.asarray(maps) for maps in part(images))
    np.testing.assert_array_equal(joined, np.concatenate(each, axis=-1))


@pytest.mark.slow
def test_photos_of_cifar_reach_the_first_layer_with_mean_0_and_deviation_1(cifar_model):
    scaled = keras.Model(cifar_model.input, cifar_model.get_layer("rescaling").output)
    means, deviations = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    pixels = np.stack([means, means + deviations])[:, None, None] * np.ones((2, 32, 32, 1))
    values = np.asarray(scaled(pixels))
    np.testing.assert_allclose(values[0], 0, atol=2e-3)
    np.testing.assert_allclose(values[1], 1, atol=2e-3)


# Use


@pytest.mark.slow
def test_the_smallest_images_for_each_form():
    assert build_densenet(121, (29, 31, 3), 2)(np.zeros((1, 29, 31, 3), "uint8")).shape == (1, 2)
    small = build_densenet_cifar(7, (4, 5, 3), 3, growth_rate=2)
    assert small(np.zeros((2, 4, 5, 3), "uint8")).shape == (2, 3)
    assert small.get_layer("relu").output.shape[1:3] == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "build",
    [
        lambda: build_densenet_cifar(10, (9, 11, 3), growth_rate=4, bottleneck=True),
        lambda: build_densenet(121, (32, 32, 3), 2),
    ],
    ids=["cifar", "121"],
)
def test_one_step_changes_every_kernel(build):
    keras.utils.set_random_seed(0)
    model = build()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, run_eagerly=True)
    kernels = [weight for weight in model.trainable_weights if weight.name == "kernel"]
    before = [weight.numpy() for weight in kernels]
    images = np.random.default_rng(0).integers(0, 256, (4, *model.input.shape[1:]), dtype="uint8")
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 0, 1])))
    assert not any(
        np.array_equal(old, new.numpy()) for old, new in zip(before, kernels, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "build",
    [lambda: build_densenet_cifar(7, growth_rate=2), lambda: build_densenet(121, (32, 32, 3), 2)],
    ids=["cifar", "121"],
)
def test_logits_stay_float32_where_layers_compute_in_bfloat16(build):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense_block3_layer1_conv1").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    model = build_densenet_cifar(10, growth_rate=4, bottleneck=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))


# Refusals


@pytest.fixture
def no_layer_may_be_built(monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError("built something before checking the arguments")

    monkeypatch.setattr(keras, "Input", fail)


before_any_layer = pytest.mark.usefixtures("no_layer_may_be_built")


@before_any_layer
@pytest.mark.parametrize("depth", [120, 161, "121", 0])
def test_depths_that_there_are_not(depth):
    with pytest.raises(ValueError, match=f"`depth` must be 121, 169 or 201; got {depth}"):
        build_densenet(depth)


@before_any_layer
@pytest.mark.parametrize(
    ("depth", "bottleneck", "said"),
    [
        (41, False, "multiple of 3.*got 41. The nearest are 40 and 43"),
        (4, False, "multiple of 3.*got 4. The nearest are 7 and 10"),
        (40, True, None),
        (39, True, "multiple of 6.*got 39. The nearest are 34 and 40"),
        (-2, True, "multiple of 6.*got -2. The nearest are 10 and 16"),
    ],
)
def test_depths_that_give_no_three_equal_blocks(depth, bottleneck, said):
    if said is None:  # the next check is reached: the depth is a right one
        with pytest.raises(ValueError, match="`growth_rate` must be 1 or more; got 0"):
            build_densenet_cifar(depth, growth_rate=0, bottleneck=bottleneck)
        return
    with pytest.raises(ValueError, match=rf"`depth` must be 4 more than a {said}"):
        build_densenet_cifar(depth, bottleneck=bottleneck)


@before_any_layer
@pytest.mark.parametrize(
    ("build", "shape", "side"),
    [
        (build_densenet, (28, 224, 3), 29),
        (build_densenet, (224, 28, 3), 29),
        (build_densenet_cifar, (3, 32, 3), 4),
    ],
)
def test_images_that_the_strides_leave_nothing_of(build, shape, side):
    with pytest.raises(ValueError, match=rf"at least {side} x {side} pixels.* got \({shape[0]}"):
        build(image_shape=shape)


@before_any_layer
@pytest.mark.parametrize("build", [build_densenet, build_densenet_cifar])
def test_images_of_one_channel(build):
    with pytest.raises(ValueError, match=r"must end in 3 .*got \(32, 32, 1\); repeat a grey"):
        build(image_shape=(32, 32, 1))


@before_any_layer
def test_weights_that_there_are_not():
    with pytest.raises(ValueError, match='`weights` must be None, or "imagenet".*got True'):
        build_densenet(weights=True)


@before_any_layer
def test_official_weights_fit_only_the_official_form():
    with pytest.raises(ValueError, match=r"1000 classes; got .* with 3 and 10\..*\"average\""):
        build_densenet(num_classes=10, weights="imagenet")


@before_any_layer
@pytest.mark.parametrize("shape", [(28, 28), (0, 28, 3), (None, None, 3)])
def test_the_cifar_form_refuses_impossible_shapes_and_class_counts_too(shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be \(height, width, channels\)"):
        build_densenet_cifar(image_shape=shape)
    with pytest.raises(ValueError, match="`num_classes` must be 2 or more; got 1"):
        build_densenet_cifar(num_classes=1)
