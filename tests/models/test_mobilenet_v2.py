"""build_mobilenet_v2 against the paper's table 2 and keras.applications.MobileNetV2."""

import keras
import numpy as np
import pytest

from cnnbook.models.mobilenet_v2 import build_mobilenet_v2, build_mobilenet_v2_cifar


@pytest.fixture(scope="module")
def model():
    return build_mobilenet_v2()


@pytest.fixture(scope="module")
def official():
    """Keras' own net at an odd size, every weight random, the running statistics too."""
    model = keras.applications.MobileNetV2(
        weights=None, input_shape=(75, 93, 3), classifier_activation=None
    )
    random = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1:
            low = 0.8 if variable.name in {"gamma", "moving_variance"} else -0.2
            variable.assign(random.uniform(low, low + 0.4, variable.shape))
        elif variable.name == "kernel":  # large enough that the image is not lost on the way
            maps = 1 if "depthwise" in variable.path else variable.shape[-2]
            inputs = np.prod(variable.shape[:-2]) * maps
            variable.assign(random.normal(0, (2 / inputs) ** 0.5, variable.shape))
    return model


@pytest.mark.slow
def test_parameters_are_those_of_keras_and_of_the_paper(model):
    assert model.count_params() == 3_538_984
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == 3_504_872
    assert 3.4e6 < trainable < 3.6e6  # the paper says 3.4M


@pytest.mark.slow
def test_multiply_adds_are_the_300_millions_of_the_paper(model):
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            total += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
    assert total == pytest.approx(300e6, rel=0.01)


@pytest.mark.slow
def test_there_are_17_blocks_and_53_layers_with_weights(model):
    assert sum(layer.name.endswith("_project") for layer in model.layers) == 17
    assert sum(hasattr(layer, "kernel") for layer in model.layers) == 53


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("stem_relu", (112, 112, 32)),
        ("stage1_block1_depthwise_relu", (112, 112, 32)),
        ("stage1_block1_project_norm", (112, 112, 16)),
        ("stage2_block1_expand_relu", (112, 112, 96)),
        ("stage2_block1_depthwise_relu", (56, 56, 96)),
        ("stage2_block2_add", (56, 56, 24)),
        ("stage3_block3_add", (28, 28, 32)),
        ("stage4_block4_add", (14, 14, 64)),
        ("stage5_block3_add", (14, 14, 96)),
        ("stage6_block3_add", (7, 7, 160)),
        ("stage7_block1_expand_relu", (7, 7, 960)),
        ("stage7_block1_project_norm", (7, 7, 320)),
        ("head_relu", (7, 7, 1280)),
        ("average", (1280,)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes_are_those_of_table_2(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
def test_only_blocks_that_keep_size_and_width_add_their_input(model):
    blocks = {2: (2,), 3: (2, 3), 4: (2, 3, 4), 5: (2, 3), 6: (2, 3)}
    expected = [f"stage{s}_block{n}_add" for s, numbers in blocks.items() for n in numbers]
    assert [x.name for x in model.layers if isinstance(x, keras.layers.Add)] == expected


@pytest.mark.slow
def test_same_logits_as_keras_from_the_same_weights_at_an_odd_size(official):
    model = build_mobilenet_v2((75, 93, 3))
    model.set_weights(official.get_weights())
    images = np.random.default_rng(1).integers(0, 256, (2, 75, 93, 3)).astype("float32")
    images[1] = images[1] // 3
    prepared = keras.applications.mobilenet_v2.preprocess_input(images.copy())
    expected = keras.ops.convert_to_numpy(official(prepared))
    assert np.std(expected[0] - expected[1]) > 0.05  # the images make a difference
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_imagenet_takes_the_weights_of_keras(official, monkeypatch):
    asked = {}

    def build_official(**keywords):
        asked.update(keywords)
        return official

    monkeypatch.setattr(keras.applications, "MobileNetV2", build_official)
    model = build_mobilenet_v2((32, 32, 3), weights="imagenet")
    assert asked == {"weights": "imagenet", "classifier_activation": None}
    for found, expected in zip(model.get_weights(), official.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_what_leaves_a_relu_lies_between_0_and_6_and_blocks_end_without_one(official):
    model = build_mobilenet_v2((64, 64, 3))
    model.set_weights([4 * weight for weight in official.get_weights()])
    names = ["stem_relu", "stage2_block1_depthwise_relu", "head_relu", "stage2_block1_project_norm"]
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    *cut, linear = parts(np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)))
    for values in cut:
        values = keras.ops.convert_to_numpy(values)
        assert values.min() == 0 and values.max() == 6
    assert keras.ops.convert_to_numpy(linear).min() < 0


@pytest.fixture(scope="module")
def small():
    return build_mobilenet_v2((45, 38, 1), num_classes=4)


@pytest.mark.slow
def test_pixels_reach_the_stem_as_minus_one_to_one(small):
    scaled = keras.Model(small.input, small.get_layer("rescaling").output)
    pixels = np.stack([np.zeros((45, 38, 1)), np.full((45, 38, 1), 255)])
    found = keras.ops.convert_to_numpy(scaled(pixels))
    assert np.unique(np.round(found, 5)).tolist() == [-1, 1]


@pytest.mark.slow
def test_one_training_step_changes_the_weights_and_gives_a_finite_loss(small):
    model = keras.models.clone_model(small)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    images = np.random.default_rng(0).integers(0, 256, (4, 45, 38, 1))
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 2, 3])))
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(variable)), variable.path


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    saved_and_loaded(small)


@pytest.mark.slow
def test_any_size_will_do_even_one_pixel():
    model = build_mobilenet_v2((1, 1, 3), num_classes=2)
    assert model(np.zeros((1, 1, 1, 3), "uint8")).shape == (1, 2)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_mobilenet_v2((32, 32, 3), num_classes=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage2_block1_expand").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (224, 224)}, r"`image_shape` must be \(height.*images\.shape\[1:\]"),
        ({"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        (
            {"weights": "coco"},
            "`weights` must be None, or \"imagenet\".*got 'coco' with 3 and 1000",
        ),
        ({"weights": "imagenet", "num_classes": 10}, 'with 3 and 10. .*new head .*"average"'),
        ({"weights": "imagenet", "image_shape": (96, 96, 1)}, r"with 1 and 1000.*np\.repeat"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(arguments, message, refused_at_once):
    refused_at_once(build_mobilenet_v2, arguments, message)


@pytest.mark.slow
def test_the_net_for_small_images_halves_them_twice():
    model = build_mobilenet_v2_cifar()
    assert model.count_params() == 125_746
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 119_602
    sizes = {"stem_relu": (32, 12), "stage1_block1_project_norm": (32, 12)}
    sizes |= {"stage2_block2_add": (32, 18), "stage3_block3_add": (16, 24)}
    sizes |= {"stage4_block3_add": (8, 48), "head_relu": (8, 192)}
    for name, (side, maps) in sizes.items():
        assert model.get_layer(name).output.shape == (None, side, side, maps)
    assert sum(layer.name.endswith("_project") for layer in model.layers) == 9
    tiny = build_mobilenet_v2_cifar((1, 1, 1), num_classes=2, filters=1)
    assert tiny(np.zeros((1, 1, 1, 1), "uint8")).shape == (1, 2)


def test_a_net_for_small_images_without_a_filter_is_refused(refused_at_once):
    message = "`filters` must be 1 or more; got 0"
    refused_at_once(build_mobilenet_v2_cifar, {"filters": 0}, message)
