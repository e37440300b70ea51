"""build_resnet against the paper's tables, published counts, and keras.applications.ResNet50."""

import keras
import numpy as np
import pytest

from cnnbook.models._parts import padded_conv_norm
from cnnbook.models.resnet import build_resnet

DEPTHS = (18, 34, 50, 101, 152)


@pytest.fixture(scope="module", params=DEPTHS)
def model(request):
    yield build_resnet(request.param)
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def official():
    """Keras' own ResNet50 at an odd size, every weight random, the running statistics too."""
    model = keras.applications.ResNet50(
        weights=None, input_shape=(75, 93, 3), classifier_activation=None
    )
    random = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1:
            low = 0.5 if variable.name in {"gamma", "moving_variance"} else -0.2
            variable.assign(random.uniform(low, low + 0.4, variable.shape))
    return model


def multiply_adds(layer) -> int:
    *window, outputs = layer.kernel.shape
    return int(np.prod(layer.output.shape[1:-1])) * int(np.prod(window)) * outputs


def weighted(model) -> list:
    return [x for x in model.layers if isinstance(x, (keras.layers.Conv2D, keras.layers.Dense))]


@pytest.mark.slow
def test_on_the_way_through_the_blocks_lie_as_many_layers_as_the_depth_says(model):
    way = [layer.name for layer in weighted(model) if not layer.name.endswith("shortcut")]
    assert model.name == f"resnet{len(way)}"


@pytest.mark.slow
def test_parameters_are_those_of_keras_and_without_biases_those_of_torchvision(model):
    depth = int(model.name.removeprefix("resnet"))
    in_keras = {50: 25_636_712, 101: 44_707_176, 152: 60_419_944}
    published = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}
    assert model.count_params() == in_keras.get(depth, model.count_params())
    convolutions = weighted(model)[:-1]
    biases = sum(layer.filters for layer in convolutions if layer.use_bias)
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable - biases == published[depth]
    assert (biases > 0) == (depth >= 50)
    assert {18: 11_699_112, 34: 21_814_696}.get(depth) in {None, model.count_params()}


@pytest.mark.slow
def test_multiply_adds_are_those_of_table_1(model):
    paper = {18: 1.8e9, 34: 3.6e9, 50: 3.8e9, 101: 7.6e9, 152: 11.3e9}
    total = sum(multiply_adds(layer) for layer in weighted(model))
    assert total == pytest.approx(paper[int(model.name.removeprefix("resnet"))], rel=0.02)


@pytest.mark.slow
def test_map_sizes_are_those_of_table_1(model):
    wide = 1 if model.name in {"resnet18", "resnet34"} else 4
    blocks = {"resnet18": (2, 2, 2, 2), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}
    sizes = {"conv1": (112, 112, 64), "pool1": (56, 56, 64), "average": (512 * wide,)}
    for stage, (side, filters) in enumerate([(56, 64), (28, 128), (14, 256), (7, 512)], start=2):
        last = blocks.get(model.name, (3, 4, 6, 3))[stage - 2]
        for number in range(1, last + 1):
            name = f"stage{stage}_block{number}"
            sizes[f"{name}_relu"] = (side, side, filters * wide)
            sizes[f"{name}_conv2"] = (side, side, filters)
            sizes[f"{name}_conv1"] = (side, side, filters)
    for name, shape in sizes.items():
        assert model.get_layer(name).output.shape == (None, *shape), name


@pytest.mark.slow
def test_a_relu_follows_every_layer_of_the_way_but_the_last(model):
    relus = [x for x in model.layers if isinstance(x, keras.layers.ReLU)]
    assert len(relus) == int(model.name.removeprefix("resnet")) - 1
    for layer in model.layers:
        if layer.name.endswith("_add"):
            assert layer.name.replace("_add", "_relu") in {relu.name for relu in relus}


@pytest.mark.slow
def test_only_where_the_maps_change_is_there_a_convolution_on_the_shortcut(model):
    found = [x.name for x in model.layers if x.name.endswith("shortcut")]
    first = (3, 4, 5) if model.name in {"resnet18", "resnet34"} else (2, 3, 4, 5)
    assert found == [f"stage{stage}_block1_shortcut" for stage in first]


@pytest.mark.slow
def test_same_logits_as_keras_from_the_same_weights_at_an_odd_size(official):
    model = build_resnet(50, image_shape=(75, 93, 3))
    model.set_weights(official.get_weights())
    images = np.random.default_rng(1).integers(0, 256, (2, 75, 93, 3)).astype("float32")
    prepared = keras.applications.resnet.preprocess_input(images.copy())
    expected = keras.ops.convert_to_numpy(official(prepared))
    assert np.std(expected[0] - expected[1]) > 0.01  # the images make a difference
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [50, 101])
def test_imagenet_takes_the_weights_of_the_keras_model_of_that_depth(depth, official, monkeypatch):
    asked = {}

    def build_official(**keywords):
        asked.update(keywords)
        if depth == 50:
            return official
        return keras.applications.resnet.ResNet101(weights=None)

    monkeypatch.setattr(keras.applications, f"ResNet{depth}", build_official)
    model = build_resnet(depth, image_shape=(32, 32, 3), weights="imagenet")
    assert asked == {"weights": "imagenet", "classifier_activation": None}
    if depth == 50:
        for found, expected in zip(model.get_weights(), official.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_filter_with_strides_sees_the_same_pixels_as_the_shortcut():
    images = keras.Input((9, 8, 1))
    model = keras.Model(images, padded_conv_norm(images, 1, 3, "conv", strides=2))
    centre = np.zeros((3, 3, 1, 1))
    centre[1, 1] = np.sqrt(1 + 1.001e-5)
    model.get_layer("conv").kernel.assign(centre)
    pixels = np.arange(72.0).reshape(1, 9, 8, 1)
    found = keras.ops.convert_to_numpy(model(pixels))
    np.testing.assert_allclose(found, pixels[:, ::2, ::2], rtol=1e-5)


@pytest.fixture(scope="module")
def small():
    return build_resnet(18, image_shape=(45, 38, 3), num_classes=4)


@pytest.mark.slow
def test_pixels_reach_the_first_convolution_as_bgr_less_the_mean(small):
    scaled = keras.Model(small.input, small.get_layer("mean").output)
    red = np.broadcast_to([255, 20, 0], (1, 45, 38, 3)).astype("uint8")
    found = keras.ops.convert_to_numpy(scaled(red))[0, 3, 5]
    np.testing.assert_allclose(found, [-103.939, 20 - 116.779, 255 - 123.68], rtol=1e-5)


@pytest.mark.slow
def test_a_block_whose_filters_are_silent_hands_its_input_on(small):
    gamma = small.get_layer("stage2_block2_conv2_norm").gamma
    kept = keras.ops.convert_to_numpy(gamma)
    gamma.assign(np.zeros(64))
    names = ["stage2_block1_relu", "stage2_block2_relu"]
    parts = keras.Model(small.input, [small.get_layer(name).output for name in names])
    before, after = parts(np.random.default_rng(0).integers(0, 256, (1, 45, 38, 3)))
    gamma.assign(kept)
    assert np.max(keras.ops.convert_to_numpy(before)) > 0
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(before), keras.ops.convert_to_numpy(after)
    )


@pytest.mark.slow
def test_one_training_step_changes_every_kernel_and_gives_a_finite_loss(small):
    model = keras.models.clone_model(small)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss, run_eagerly=True)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    images = np.random.default_rng(0).integers(0, 256, (3, 45, 38, 3))
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 3])))
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(variable)), variable.path


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    saved_and_loaded(small)


@pytest.mark.slow
def test_any_size_will_do_even_one_pixel():
    model = build_resnet(34, image_shape=(1, 1, 3), num_classes=2)
    assert model(np.zeros((1, 1, 1, 3), "uint8")).shape == (1, 2)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_resnet(18, image_shape=(32, 32, 3), num_classes=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage2_block1_conv1").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (224, 224)}, r"`image_shape` must be \(height.*images\.shape\[1:\]"),
        ({"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        ({"depth": 20}, "`depth` must be 18, 34, 50, 101, 152; got 20.*build_resnet_cifar"),
        ({"depth": "50"}, "`depth` must be 18, .*; got 50"),
        ({"image_shape": (64, 64, 1)}, r"must end in 3.*got \(64, 64, 1\); .*np\.repeat"),
        ({"image_shape": (64, 64, 4)}, r"must end in 3.*got \(64, 64, 4\)"),
        ({"weights": "coco"}, "`weights` must be None, or \"imagenet\" .*50.*got 'coco' with 50"),
        ({"weights": "imagenet", "depth": 34}, "a depth of 50, 101 or 152; got 'imagenet' with 34"),
        ({"weights": "imagenet", "num_classes": 10}, '1000 with .* got 10.*new head.*"average"'),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(arguments, message, refused_at_once):
    refused_at_once(build_resnet, arguments, message)
