"""The ResNeXts against the paper's tables and published counts; groups against a NumPy loop."""

import keras
import numpy as np
import pytest

from cnnbook.arithmetic import convolve
from cnnbook.deploy.costs import layer_costs
from cnnbook.models._parts import BOTTLENECKS
from cnnbook.models.resnext import GroupedConv2D, build_resnext, build_resnext_cifar


def trainable(model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def by_hand(blocks, first: int, start: int, inner: int, groups: int) -> tuple[int, int]:
    """Weights of all stages with two a map of each normalisation; and means and variances."""
    weights, maps, inputs = start, first, first
    for stage, count in enumerate(blocks):
        between, outputs = inner * 2**stage, 4 * first * 2**stage
        for block in range(count):
            if block == 0:
                weights, maps = weights + inputs * outputs, maps + outputs
            weights += inputs * between + 9 * between // groups * between + between * outputs
            maps, inputs = maps + 2 * between + outputs, outputs
    return weights + 2 * maps, 2 * maps


@pytest.fixture(scope="module")
def model():
    return build_resnext()


@pytest.fixture(scope="module")
def small():
    return build_resnext_cifar((13, 10, 1), num_classes=4, cardinality=2, width=3, filters=4)


@pytest.mark.slow
def test_parameters_are_the_published_ones_and_those_of_a_count_by_hand(model):
    last = 2048 * 1000 + 1000
    for depth, published in ((50, 25_028_904), (101, 44_177_704)):
        weights, statistics = by_hand(BOTTLENECKS[depth], 64, 49 * 3 * 64, 128, 32)
        assert weights + last == published
        assert f"{published:,}" in build_resnext.__doc__
        if depth == 50:
            assert trainable(model) == published
            assert model.count_params() == published + statistics == 25_097_128


@pytest.mark.slow
def test_multiply_adds_are_the_4_2_thousand_million_of_table_1(model):
    assert sum(row.multiply_adds for row in layer_costs(model)) == pytest.approx(4.2e9, rel=0.02)


@pytest.mark.slow
def test_map_sizes_and_groups_are_those_of_table_1(model):
    assert model.get_layer("conv1").output.shape == (None, 112, 112, 64)
    assert model.get_layer("pool1").output.shape == (None, 56, 56, 64)
    rows = [(3, 56, 128), (4, 28, 256), (6, 14, 512), (3, 7, 1024)]
    for stage, (blocks, side, between) in enumerate(rows, start=2):
        for number in range(1, blocks + 1):
            name = f"stage{stage}_block{number}"
            # The 3x3 convolution has the strides, not the one before it.
            wide = 2 * side if number == 1 and stage > 2 else side
            assert model.get_layer(f"{name}_conv1").output.shape == (None, wide, wide, between)
            conv = model.get_layer(f"{name}_conv2")
            assert conv.output.shape == (None, side, side, between)
            assert (conv.groups, conv.kernel.shape) == (32, (3, 3, between // 32, between))
            assert model.get_layer(f"{name}_relu").output.shape == (None, side, side, 2 * between)
        assert f"stage{stage}_block{blocks + 1}_add" not in {x.name for x in model.layers}


@pytest.mark.slow
def test_50_layers_lie_on_the_way(model):
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    way = [x.name for x in model.layers if isinstance(x, kinds)]
    assert len([name for name in way if not name.endswith("_shortcut")]) == 50
    assert [name for name in way if name.endswith("_shortcut")] == [
        f"stage{stage}_block1_shortcut" for stage in (2, 3, 4, 5)
    ]


@pytest.mark.slow
def test_the_net_for_small_images_has_29_layers_and_the_parameters_of_table_7(small):
    """34.4 million: counted by hand, and the same count holds for a narrow one that is built."""
    weights, _ = by_hand((3, 3, 3), 64, 27 * 64, 512, 8)
    assert weights + 1024 * 10 + 10 == 34_426_698
    assert round(34_426_698 / 1e6, 1) == 34.4
    assert "34,426,698" in build_resnext_cifar.__doc__
    model = build_resnext_cifar(cardinality=4, width=4, filters=9)
    weights, statistics = by_hand((3, 3, 3), 9, 27 * 9, 16, 4)
    assert trainable(model) == weights + 144 * 10 + 10
    assert model.count_params() == trainable(model) + statistics
    way = [x for x in model.layers if hasattr(x, "kernel") and "shortcut" not in x.name]
    assert len(way) == 29
    for stage, side in ((1, 32), (2, 16), (3, 8)):
        shape = model.get_layer(f"stage{stage}_block3_relu").output.shape
        assert shape == (None, side, side, 36 * 2 ** (stage - 1))


@pytest.mark.parametrize(("strides", "padding"), [(1, "same"), (2, "valid")])
def test_groups_are_convolutions_of_their_own_maps(strides, padding):
    """Against the package's NumPy loops, group by group."""
    random = np.random.default_rng(0)
    maps = random.normal(size=(2, 7, 6, 6)).astype("float32")
    layer = GroupedConv2D(9, 3, strides, padding, groups=3)
    found = keras.ops.convert_to_numpy(layer(maps))
    assert layer.kernel.shape == (3, 3, 2, 9)
    bias = random.normal(size=9)
    layer.bias.assign(bias)
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    for group in range(3):
        own = maps[..., 2 * group : 2 * group + 2], kernel[..., 3 * group : 3 * group + 3]
        expected = convolve(*own, strides=strides, padding=padding)
        np.testing.assert_allclose(
            found[..., 3 * group : 3 * group + 3], expected, rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(maps)), found + bias, rtol=1e-4)


def test_one_group_is_a_convolution_and_channels_may_come_first():
    maps = np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")
    one, plain = GroupedConv2D(6, 3), keras.layers.Conv2D(6, 3)
    expected = keras.ops.convert_to_numpy(plain(maps))
    one.build(maps.shape)
    one.set_weights(plain.get_weights())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(one(maps)), expected, atol=1e-6)
    first = keras.Input((4, 5, 5))
    layer = GroupedConv2D(6, 3, groups=2, data_format="channels_first")
    assert layer(first).shape == (None, 6, 3, 3)


def test_groups_that_do_not_divide_the_maps_are_refused_by_keras():
    with pytest.raises(ValueError, match="divisible by the number of groups"):
        GroupedConv2D(6, 3, groups=2)(keras.Input((5, 5, 3)))


@pytest.mark.slow
def test_one_group_of_64_has_the_kernels_of_resnet():
    """Xie and others, section 4: ResNet-50 is the case of one group of 64 maps."""
    shapes = [
        tuple(x.kernel.shape)
        for x in build_resnext_cifar(cardinality=1, width=8, filters=8).layers
        if isinstance(x, GroupedConv2D)
    ]
    assert shapes == [(3, 3, n, n) for n in (8, 8, 8, 16, 16, 16, 32, 32, 32)]


@pytest.mark.slow
def test_training_lowers_the_loss_and_moves_every_weight(small, learns):
    learns(small, rate=1e-2)


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    loaded = saved_and_loaded(small)
    assert type(loaded.get_layer("stage1_block1_conv2")) is GroupedConv2D


@pytest.mark.slow
def test_any_size_will_do_even_one_pixel():
    model = build_resnext_cifar((1, 1, 3), num_classes=2, cardinality=2, width=1, filters=2)
    assert model(np.zeros((1, 1, 1, 3), "uint8")).shape == (1, 2)


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (build_resnext, {"depth": 34}, "`depth` must be 50, 101 or 152; got 34"),
        (build_resnext, {"image_shape": (64, 64, 1)}, r"must end in 3.*got \(64, 64, 1\)"),
        (build_resnext, {"cardinality": 0}, "`cardinality` must be 1 or more; got 0"),
        (build_resnext, {"width": 0}, "`width` must be 1 or more; got 0"),
        (build_resnext_cifar, {"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        (build_resnext_cifar, {"filters": 0}, "`filters` must be 1 or more; got 0"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(
    build, arguments, message, refused_at_once
):
    refused_at_once(build, arguments, message)
