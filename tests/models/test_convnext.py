"""The ConvNeXts against the paper's tables and keras.applications, weight for weight."""

import keras
import numpy as np
import pytest

from cnnbook.deploy.costs import layer_costs
from cnnbook.models.convnext import (
    VARIANTS,
    LayerScale,
    build_convnext,
    build_convnext_cifar,
)


def by_hand(blocks, filters, inputs: int = 3, side: int = 4, classes: int = 1000) -> int:
    """Count kernels, biases, two weights a map of each norm and one of each scale."""
    total = side * side * inputs * filters[0] + 3 * filters[0]
    for stage, (count, width) in enumerate(zip(blocks, filters, strict=True)):
        if stage:
            before = filters[stage - 1]
            total += 2 * before + 4 * before * width + width
        depthwise, norm, scale = 49 * width + width, 2 * width, width
        dense = 2 * 4 * width * width + 4 * width + width
        total += count * (depthwise + norm + dense + scale)
    return total + 2 * filters[-1] + filters[-1] * classes + classes


@pytest.fixture(scope="module")
def official():
    """Keras' own net at an odd size, of random weights, large enough that each block counts."""
    model = keras.applications.ConvNeXtTiny(
        weights=None, input_shape=(67, 75, 3), classifier_activation=None
    )
    random = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1:
            low = 0.3 if variable.name in {"gamma", "variable"} else -0.2
            variable.assign(random.uniform(low, low + 0.4, variable.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return build_convnext()


@pytest.fixture(scope="module")
def small():
    return build_convnext_cifar((13, 10, 1), 4, filters=(8, 12), num_blocks=(1, 2))


@pytest.mark.slow
def test_parameters_are_those_of_keras_and_of_a_count_by_hand(model, official):
    assert model.count_params() == official.count_params() == 28_589_128
    assert all(weight.trainable for weight in model.weights)
    for blocks, filters in VARIANTS.values():
        assert f"{by_hand(blocks, filters):,}" in build_convnext.__doc__
    assert by_hand(*VARIANTS["tiny"]) == 28_589_128


@pytest.mark.slow
def test_multiply_adds_are_the_4_5_thousand_million_of_table_9(model):
    assert sum(row.multiply_adds for row in layer_costs(model)) == pytest.approx(4.5e9, rel=0.01)


@pytest.mark.slow
def test_map_sizes_are_those_of_table_9(model):
    assert model.get_layer("stem_norm").output.shape == (None, 56, 56, 96)
    rows = [(3, 56, 96), (3, 28, 192), (9, 14, 384), (3, 7, 768)]
    for stage, (blocks, side, width) in enumerate(rows, start=1):
        for number in range(1, blocks + 1):
            name = f"stage{stage}_block{number}"
            assert model.get_layer(f"{name}_depthwise").output.shape == (None, side, side, width)
            assert model.get_layer(f"{name}_depthwise").kernel_size == (7, 7)
            assert model.get_layer(f"{name}_expand").output.shape == (None, side, side, 4 * width)
            assert model.get_layer(f"{name}_add").output.shape == (None, side, side, width)
        assert f"stage{stage}_block{blocks + 1}_add" not in {x.name for x in model.layers}


@pytest.mark.slow
def test_same_logits_as_keras_from_the_same_weights(official, model, monkeypatch):
    """At an odd size, and at 224 x 224 with the weights that `weights="imagenet"` takes."""
    asked = {}

    def stand_in(**keywords):
        asked.update(keywords)
        return official

    monkeypatch.setattr(keras.applications, "ConvNeXtTiny", stand_in)
    odd = build_convnext(image_shape=(67, 75, 3), weights="imagenet")
    assert asked == {"weights": "imagenet", "classifier_activation": None}
    monkeypatch.undo()
    pairs = zip(official.get_weights(), model.weights, strict=True)
    model.set_weights([values.reshape(own.shape) for values, own in pairs])
    large = keras.applications.ConvNeXtTiny(weights=None, classifier_activation=None)
    large.set_weights(official.get_weights())
    for ours, theirs, count in ((odd, official, 2), (model, large, 2)):
        shape = (count, *ours.input_shape[1:])
        images = np.random.default_rng(1).integers(0, 256, shape).astype("float32")
        images[1] = images[1] // 3
        expected = keras.ops.convert_to_numpy(theirs(images))
        assert 0.1 < np.std(expected) < 100
        assert np.std(expected[0] - expected[1]) > 0.05  # the images make a difference
        found = keras.ops.convert_to_numpy(ours(images))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.std(expected))


@pytest.mark.slow
def test_the_default_for_small_images(small):
    model = build_convnext_cifar()
    assert model.count_params() == by_hand((2, 3, 2), (16, 32, 64), side=2, classes=10) == 120_506
    for stage, side, width in ((1, 16, 16), (2, 8, 32), (3, 4, 64)):
        shape = model.get_layer(f"stage{stage}_block2_add").output.shape
        assert shape == (None, side, side, width)
    assert small.count_params() == by_hand((1, 2), (8, 12), inputs=1, side=2, classes=4)


def test_a_scale_multiplies_each_map_and_starts_small():
    layer = LayerScale()
    maps = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    found = keras.ops.convert_to_numpy(layer(maps))
    np.testing.assert_allclose(found, maps * 1e-6, rtol=1e-5)
    layer.gamma.assign([1, 2, 0, -1])
    found = keras.ops.convert_to_numpy(layer(maps))
    np.testing.assert_allclose(found, maps * [1, 2, 0, -1], rtol=1e-6)
    assert LayerScale.from_config(LayerScale(0.5).get_config()).start == 0.5


@pytest.mark.slow
def test_at_first_each_block_hands_its_input_on(small):
    names = ["stem_norm", "stage1_block1_add"]
    parts = keras.Model(small.input, [small.get_layer(name).output for name in names])
    images = np.random.default_rng(0).integers(0, 256, (1, 13, 10, 1)).astype("float32")
    before, after = (keras.ops.convert_to_numpy(values) for values in parts(images))
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert np.any(before != after)


@pytest.mark.slow
def test_blocks_are_dropped_in_training_the_last_ones_most():
    """All of the last one's where nearly all are dropped; none outside training."""
    model = build_convnext_cifar((8, 8, 3), filters=(4, 4), num_blocks=(2, 1), drop_path_rate=0.999)
    rates = {x.name: x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)}
    assert rates == {"stage1_block2_drop": 0.4995, "stage2_block1_drop": 0.999}
    for layer in model.layers:
        if isinstance(layer, LayerScale):
            layer.gamma.assign(np.ones(4))
    names = ["stage2_down_conv", "stage2_block1_add"]
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype("float32")
    for training in (True, False):
        found = [keras.ops.convert_to_numpy(each) for each in parts(images, training=training)]
        same = np.all(found[0] == found[1], axis=(1, 2, 3))
        assert same.mean() > 0.8 if training else not same.any()


@pytest.mark.slow
def test_training_lowers_the_loss_and_moves_every_weight(small, learns):
    learns(small, rate=2e-2)


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(saved_and_loaded):
    model = build_convnext_cifar((8, 8, 3), filters=(4,), num_blocks=(2,), drop_path_rate=0.2)
    saved_and_loaded(model)


@pytest.mark.parametrize("start", ["1", None, float("nan")])
def test_a_scale_that_starts_with_no_number_is_refused(start):
    with pytest.raises(ValueError, match="`start` must be a finite number"):
        LayerScale(start)


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (build_convnext, {"variant": "nano"}, "`variant` must be 'tiny', .*; got 'nano'"),
        (build_convnext, {"image_shape": (31, 64, 3)}, r"at least 32 x 32.*got \(31, 64, 3\)"),
        (build_convnext, {"image_shape": (64, 64, 1)}, r"must end in 3.*got \(64, 64, 1\)"),
        (build_convnext, {"drop_path_rate": 1.0}, "`drop_path_rate` must be 0 or more.*got 1.0"),
        (build_convnext, {"weights": "coco"}, "`weights` must be None.*got 'coco'"),
        (build_convnext, {"weights": "imagenet", "num_classes": 10}, "with 3 and 10"),
        (build_convnext_cifar, {"filters": (8, 8)}, r"`num_blocks` must have as many.*\(2, 3, 2\)"),
        (build_convnext_cifar, {"filters": (), "num_blocks": ()}, "at least one; got"),
        (build_convnext_cifar, {"filters": (8, 0, 8)}, "`filters` must be 1 or more"),
        (build_convnext_cifar, {"num_blocks": (1, 0, 1)}, "`num_blocks` must be 1 or more"),
        (build_convnext_cifar, {"image_shape": (7, 9, 3)}, "at least 8 x 8 pixels"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(
    build, arguments, message, refused_at_once
):
    refused_at_once(build, arguments, message)
