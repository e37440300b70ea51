"""build_resnet_cifar against the paper's section 4.2 and table 6, and cases worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.models.resnet_cifar import build_resnet_cifar


def trainable(model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def by_hand(depth: int) -> int:
    """Kernels, two weights a map of each normalisation, and the last layer."""
    total = 9 * 3 * 16 + 2 * 16
    for inputs, filters in ((16, 16), (16, 32), (32, 64)):
        total += 9 * inputs * filters + 2 * filters
        total += (depth // 6 * 2 - 1) * (9 * filters * filters + 2 * filters)
    return total + 64 * 10 + 10


@pytest.fixture(scope="module")
def model():
    return build_resnet_cifar(20)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "millions", "decimals"),
    [
        *((20, 0.27, 2), (32, 0.46, 2), (44, 0.66, 2)),
        (56, 0.85, 2),
        (110, 1.7, 1),
    ],
)
def test_parameters_are_those_of_table_6_with_shortcuts_or_without(depth, millions, decimals):
    for residual in (True, False):
        model = build_resnet_cifar(depth, residual=residual)
        assert trainable(model) == by_hand(depth)
        assert round(trainable(model) / 1e6, decimals) == millions
        layers = [x for x in model.layers if hasattr(x, "kernel")]
        assert len(layers) == depth
        assert model.name == f"{'resnet' if residual else 'plain'}{depth}"
    keras.backend.clear_session()


@pytest.mark.slow
def test_the_counts_of_the_docstring_are_right():
    counts = [by_hand(depth) for depth in (20, 32, 44, 56, 110)]
    assert counts == [269_722, 464_154, 658_586, 853_018, 1_727_962]
    for count in counts:
        assert f"{count:,}" in build_resnet_cifar.__doc__


@pytest.mark.slow
@pytest.mark.parametrize("residual", [True, False])
def test_map_sizes_are_those_of_section_4_2(residual):
    model = build_resnet_cifar(14, residual=residual)
    assert model.get_layer("conv1_relu").output.shape == (None, 32, 32, 16)
    for stage, (side, filters) in enumerate([(32, 16), (16, 32), (8, 64)], start=1):
        for block in (1, 2):
            for part in ("conv1", "conv1_relu", "conv2", "conv2_norm", "relu"):
                layer = model.get_layer(f"stage{stage}_block{block}_{part}")
                assert layer.output.shape == (None, side, side, filters)
    assert model.get_layer("average").output.shape == (None, 64)


@pytest.mark.slow
def test_the_plain_net_is_the_residual_one_without_the_sums(model):
    plain = build_resnet_cifar(20, residual=False)
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert not kinds & {"Add", "Concatenate", "MaxPooling2D"}
    shapes = [variable.shape for variable in plain.weights]
    assert shapes == [variable.shape for variable in model.weights]
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 9


@pytest.mark.slow
def test_the_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros(model):
    names = ["stage1_block3_relu", "stage2_block1_shortcut"]
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    photo = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3))
    before, after = (keras.ops.convert_to_numpy(values) for values in parts(photo))
    assert before.max() > 0
    np.testing.assert_array_equal(after[..., :16], before[:, ::2, ::2])
    assert after.shape == (1, 16, 16, 32) and not after[..., 16:].any()


@pytest.mark.slow
def test_with_silent_blocks_the_first_maps_arrive_at_the_end_untouched():
    model = build_resnet_cifar(8, image_shape=(13, 10, 3))
    for stage in (1, 2, 3):
        model.get_layer(f"stage{stage}_block1_conv2_norm").gamma.assign(np.zeros(8 * 2**stage))
    names = ["conv1_relu", "stage3_block1_relu"]
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    photo = np.random.default_rng(0).integers(0, 256, (1, 13, 10, 3))
    first, last = (keras.ops.convert_to_numpy(values) for values in parts(photo))
    assert last.shape == (1, 4, 3, 64)
    np.testing.assert_array_equal(last[..., :16], first[:, ::4, ::4])
    assert not last[..., 16:].any()


@pytest.mark.slow
def test_a_filter_with_strides_sees_the_same_pixels_as_the_shortcut(model):
    part = keras.Model(
        model.get_layer("stage1_block3_relu").output, model.get_layer("stage2_block1_conv1").output
    )
    kernel = part.get_layer("stage2_block1_conv1").kernel
    kept = keras.ops.convert_to_numpy(kernel)
    centre = np.zeros((3, 3, 16, 32))
    centre[1, 1, 0, 0] = 1
    kernel.assign(centre)
    maps = np.random.default_rng(0).random((1, 32, 32, 16)).astype("float32")
    found = keras.ops.convert_to_numpy(part(maps))
    kernel.assign(kept)
    np.testing.assert_allclose(found[..., 0], maps[:, ::2, ::2, 0], rtol=1e-5)


@pytest.mark.slow
def test_pixels_reach_the_first_convolution_as_minus_one_to_one(model):
    scaled = keras.Model(model.input, model.get_layer("rescaling").output)
    pixels = np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)])
    found = keras.ops.convert_to_numpy(scaled(pixels))
    assert np.unique(np.round(found, 5)).tolist() == [-1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1, 1), (75, 93, 3), (28, 28, 1)])
def test_any_size_gives_one_logit_a_class(shape):
    model = build_resnet_cifar(8, shape, num_classes=3)
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("residual", [True, False])
def test_one_training_step_changes_every_weight_and_gives_a_finite_loss(residual):
    model = build_resnet_cifar(8, residual=residual)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3))
    assert np.isfinite(model.train_on_batch(images, np.arange(8)))
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(variable)), variable.path


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_resnet_cifar(8)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage1_block1_conv1").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(model, saved_and_loaded):
    saved_and_loaded(model)


@pytest.mark.slow
def test_narrower_it_has_the_same_layers_with_fewer_filters():
    narrow, paper = build_resnet_cifar(14, filters=13), build_resnet_cifar(14)
    assert trainable(narrow) == 114_189
    assert [layer.name for layer in narrow.layers] == [layer.name for layer in paper.layers]
    for stage, filters in enumerate((13, 26, 52), start=1):
        for conv in ("block1_conv1", "block2_conv2"):
            assert narrow.get_layer(f"stage{stage}_{conv}").filters == filters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "`filters` must be 1 or more; got 0"),
        ({"image_shape": (32, 32)}, r"`image_shape` must be \(height.*images\.shape\[1:\]"),
        ({"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        *(({"depth": n}, rf"`depth` must be 6n \+ 2: 20, 32.*got {n}\.") for n in (2, 18, 51, -4)),
        ({"depth": (32, 32, 3)}, r"`depth` must be 6n \+ 2.*got \(32, 32, 3\)"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(arguments, message, refused_at_once):
    refused_at_once(build_resnet_cifar, arguments, message)
