"""layer_costs against counts worked by hand and against Keras' own."""

import keras
import pytest
from keras import layers

from cnnbook.arithmetic import receptive_field
from cnnbook.deploy.costs import layer_costs


@pytest.fixture(scope="module")
def branched():
    """Two branches that meet, one through a strided and dilated way."""
    images = keras.Input((32, 32, 3), name="images")
    x = layers.Conv2D(8, 3, padding="same", name="first")(images)
    left = layers.Conv2D(4, 1, strides=2, name="left")(x)
    right = layers.MaxPooling2D(2, name="pool")(x)
    right = layers.Conv2D(4, 3, dilation_rate=2, padding="same", name="right")(right)
    x = layers.Add(name="add")([left, right])
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.SeparableConv2D(6, 3, name="separable")(x)
    x = layers.Conv2D(6, 3, groups=2, name="grouped")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = keras.ops.relu(x)
    x = layers.Conv2DTranspose(2, 2, strides=2, name="up")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(images, layers.Dense(10, name="dense")(x))


@pytest.fixture(scope="module")
def rows(branched):
    return {row.name: row for row in layer_costs(branched)}


def test_every_layer_comes_after_its_inputs(branched, rows):
    seen = set()
    for row in rows.values():
        assert seen >= set(row.inputs)
        seen.add(row.name)
    assert {layer.name for layer in branched.layers} <= seen
    assert rows["images"].inputs == ()
    assert rows["add"].inputs == ("left", "right")


def test_parameters_and_shapes_are_kerases(branched, rows):
    assert sum(row.parameters for row in rows.values()) == branched.count_params()
    for layer in branched.layers:
        shape = layer.batch_shape if layer.name == "images" else layer.output.shape
        assert rows[layer.name].output_shape == shape[1:]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("images", 0),
        ("first", 32 * 32 * 3 * 3 * 3 * 8),
        ("left", 16 * 16 * 8 * 4),
        ("pool", 0),
        ("right", 16 * 16 * 9 * 8 * 4),
        ("add", 0),
        ("depthwise", 14 * 14 * 9 * 4),
        ("separable", 12 * 12 * (9 * 4 + 4 * 6)),
        ("grouped", 10 * 10 * 2 * 9 * 3 * 3),
        ("norm", 0),
        ("up", 10 * 10 * 6 * 2 * 2 * 2),
        ("flatten", 0),
        ("dense", 20 * 20 * 2 * 10),
    ],
)
def test_multiply_adds_by_hand(rows, name, count):
    assert rows[name].multiply_adds == count


def test_the_receptive_field_is_that_of_the_farther_branch(rows):
    assert rows["images"].receptive_field == 1
    assert rows["left"].receptive_field == 3
    assert rows["right"].receptive_field == receptive_field([(3, 1), (2, 2), (5, 1)]) == 12
    assert rows["add"].receptive_field == 12
    assert rows["grouped"].receptive_field == 12 + 3 * 2 * 2
    assert rows["flatten"].receptive_field is rows["dense"].receptive_field is None


@pytest.mark.slow
def test_published_counts_of_vgg16_and_mobilenet():
    # 15.5 and 0.3 thousand million multiply-adds at 224 x 224, as their papers and tables have it.
    for build, parameters, work in [
        (keras.applications.VGG16, 138_357_544, 15_470_264_320),
        (keras.applications.MobileNetV2, 3_538_984, 300_774_272),
    ]:
        rows = layer_costs(build(weights=None))
        assert sum(row.parameters for row in rows) == parameters
        assert sum(row.multiply_adds for row in rows) == work
        keras.backend.clear_session()


def test_a_model_inside_counts_as_one_layer(branched):
    images = keras.Input((32, 32, 3))
    outer = keras.Model(images, branched(images))
    inner = layer_costs(branched)
    assert len(layer_costs(outer)) == 2
    assert layer_costs(outer)[-1].multiply_adds == sum(row.multiply_adds for row in inner)


def test_what_has_no_fixed_size_or_no_graph_is_refused():
    images = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match=r"fixed image size; layer .* gives \(None, None, 3\)"):
        layer_costs(keras.Model(images, layers.Conv2D(2, 3)(images)))

    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="must be a functional keras.Model.*got Own"):
        layer_costs(Own())
