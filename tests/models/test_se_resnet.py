"""The SE-ResNets against the paper's tables, published counts, and a gate worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.deploy.costs import layer_costs
from cnnbook.models._parts import BOTTLENECKS
from cnnbook.models.resnet_cifar import build_resnet_cifar
from cnnbook.models.se_resnet import _squeeze_and_excite, build_se_resnet, build_se_resnet_cifar


def trainable(model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def by_hand(depth: int) -> tuple[int, int]:
    """Weights, with two a map of each normalisation; and its two means and variances a map."""
    weights, maps, inputs = 49 * 3 * 64, 64, 64
    for filters, blocks in zip((64, 128, 256, 512), BOTTLENECKS[depth], strict=True):
        for block in range(blocks):
            if block == 0:
                weights, maps = weights + inputs * 4 * filters, maps + 4 * filters
            weights += inputs * filters + 9 * filters * filters + filters * 4 * filters
            maps, inputs = maps + 6 * filters, 4 * filters
            weights += 2 * inputs * inputs // 16 + inputs // 16 + inputs  # two dense layers
    return weights + 2 * maps + 2048 * 1000 + 1000, 2 * maps


@pytest.fixture(scope="module")
def model():
    return build_se_resnet()


@pytest.fixture(scope="module")
def small():
    return build_se_resnet_cifar(8, (13, 10, 1), num_classes=4, reduction=4)


@pytest.mark.slow
def test_parameters_are_the_published_ones_and_those_of_a_count_by_hand(model):
    published = {50: 28_088_024, 101: 49_326_872, 152: 66_821_848}
    assert trainable(model) == by_hand(50)[0] == 28_088_024
    assert model.count_params() == sum(by_hand(50))
    for depth, count in published.items():
        assert by_hand(depth)[0] == count
        assert f"{count:,}" in build_se_resnet.__doc__
        assert f"{sum(by_hand(depth)):,}" in build_se_resnet.__doc__


@pytest.mark.slow
def test_multiply_adds_are_those_of_table_2(model):
    """3.87 thousand million, of which the gates are a thousandth, as section 4 says."""
    costs = layer_costs(model)
    assert sum(row.multiply_adds for row in costs) == pytest.approx(3.87e9, rel=0.005)
    gates = sum(row.multiply_adds for row in costs if row.name.endswith(("reduce", "excite")))
    assert gates == 2 * sum(
        blocks * (256 * 2**stage) ** 2 // 16 for stage, blocks in enumerate((3, 4, 6, 3))
    )


@pytest.mark.slow
def test_map_sizes_and_hidden_units_are_those_of_table_1(model):
    assert model.get_layer("conv1").output.shape == (None, 112, 112, 64)
    assert model.get_layer("pool1").output.shape == (None, 56, 56, 64)
    rows = [(3, 56, 64, 16), (4, 28, 128, 32), (6, 14, 256, 64), (3, 7, 512, 128)]
    for stage, (blocks, side, filters, few) in enumerate(rows, start=2):
        for number in range(1, blocks + 1):
            name = f"stage{stage}_block{number}"
            assert model.get_layer(f"{name}_conv1").output.shape == (None, side, side, filters)
            assert model.get_layer(f"{name}_conv2").output.shape == (None, side, side, filters)
            assert model.get_layer(f"{name}_relu").output.shape == (None, side, side, 4 * filters)
            assert model.get_layer(f"{name}_reduce").units == few
        assert f"stage{stage}_block{blocks + 1}_add" not in {x.name for x in model.layers}


@pytest.mark.slow
def test_50_layers_lie_on_the_way_and_each_of_16_blocks_has_a_gate(model):
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    gates = [x.name for x in model.layers if x.name.endswith(("_reduce", "_excite"))]
    way = [x.name for x in model.layers if isinstance(x, kinds) and x.name not in gates]
    assert len([name for name in way if not name.endswith("_shortcut")]) == 50
    assert len(gates) == 2 * 16


@pytest.mark.slow
def test_the_gate_weighs_what_comes_before_the_sum(model):
    """Figure 3."""
    order = [x.name for x in model.layers if x.name.startswith("stage3_block2_")]
    last = ["conv3", "conv3_norm", "squeeze", "reduce", "excite", "scale", "add", "relu"]
    assert order[-8:] == [f"stage3_block2_{part}" for part in last]


def test_a_gate_of_two_maps_by_hand():
    images = keras.Input((1, 2, 2))
    model = keras.Model(images, _squeeze_and_excite(images, 2, "gate"))
    model.get_layer("gate_reduce").set_weights([np.array([[1.0], [-0.5]]), np.array([0.5])])
    model.get_layer("gate_excite").set_weights([np.array([[2.0, -2.0]]), np.array([0.0, 1.0])])
    maps = np.array([[[[1.0, 4.0], [3.0, 0.0]]]])  # means 2 and 2: the unit has 2 - 1 + 0.5
    gates = 1 / (1 + np.exp([-3.0, 2.0]))
    found = keras.ops.convert_to_numpy(model(maps))
    np.testing.assert_allclose(found, maps * gates, rtol=1e-6)


def test_one_hidden_unit_stays_however_few_maps_there_are():
    images = keras.Input((1, 1, 3))
    model = keras.Model(images, _squeeze_and_excite(images, 16, "gate"))
    assert model.get_layer("gate_reduce").units == 1


@pytest.mark.slow
def test_for_small_images_it_is_resnet_with_gates(small):
    """He and others' net of the same depth, and two dense layers a block."""
    model, plain = build_se_resnet_cifar(14), build_resnet_cifar(14)
    extra = sum(2 * (2 * n * few + n + few) for n, few in ((16, 1), (32, 2), (64, 4)))
    assert model.count_params() == plain.count_params() + extra
    names = {x.name for x in plain.layers} - {x.name for x in model.layers}
    assert not names
    for layer in plain.layers[1:]:
        assert model.get_layer(layer.name).output.shape == layer.output.shape
    assert small.get_layer("stage3_block1_relu").output.shape == (None, 4, 3, 64)


@pytest.mark.slow
def test_gates_wide_open_give_what_resnet_gives():
    plain, model = (build((9, 9, 3)) for build in (_plain_of_8, _gated_of_8))
    for layer in plain.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    for stage, maps in ((1, 16), (2, 32), (3, 64)):
        gate = model.get_layer(f"stage{stage}_block1_excite")
        gate.set_weights([np.zeros(gate.kernel.shape), np.full(maps, 50.0)])
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)).astype("float32")
    found, expected = (keras.ops.convert_to_numpy(net(images)) for net in (model, plain))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def _plain_of_8(shape):
    return build_resnet_cifar(8, shape)


def _gated_of_8(shape):
    return build_se_resnet_cifar(8, shape)


@pytest.mark.slow
def test_training_lowers_the_loss_and_moves_every_weight(small, learns):
    learns(small, rate=1e-2)


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    saved_and_loaded(small)


@pytest.mark.slow
def test_any_size_will_do_even_one_pixel():
    model = build_se_resnet_cifar(8, (1, 1, 3), num_classes=2)
    assert model(np.zeros((1, 1, 1, 3), "uint8")).shape == (1, 2)


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (build_se_resnet, {"depth": 34}, "`depth` must be 50, 101 or 152; got 34"),
        (build_se_resnet, {"image_shape": (64, 64, 1)}, r"must end in 3.*got \(64, 64, 1\)"),
        (build_se_resnet, {"reduction": 0}, "`reduction` must be 1 or more; got 0"),
        (build_se_resnet, {"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        (build_se_resnet_cifar, {"depth": 21}, r"`depth` must be 6n \+ 2: .*; got 21"),
        (build_se_resnet_cifar, {"filters": 0}, "`filters` must be 1 or more; got 0"),
        (build_se_resnet_cifar, {"reduction": -1}, "`reduction` must be 1 or more; got -1"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(
    build, arguments, message, refused_at_once
):
    refused_at_once(build, arguments, message)
