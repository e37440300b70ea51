"""layer_costs against counts worked by hand and against Keras' own."""

import keras
import pytest
import tensorflow as tf
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


def total(model):
    rows = layer_costs(model)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert all(set(row.inputs) <= set(names[:place]) for place, row in enumerate(rows))
    assert sum(row.parameters for row in rows) == model.count_params()
    return sum(row.multiply_adds for row in rows)


def test_a_layer_that_is_used_twice_works_twice_and_has_its_weights_once():
    left, right = keras.Input((32, 32, 3), name="left"), keras.Input((32, 32, 3), name="right")
    conv = layers.Conv2D(8, 3, name="conv")
    twins = keras.Model([left, right], layers.Add()([conv(left), conv(right)]))
    assert total(twins) == 2 * 30 * 30 * 27 * 8
    assert layer_costs(twins)[2].inputs == ("left", "right")
    same = layers.Conv2D(3, 3, padding="same", name="same")
    chain = keras.Model(left, same(layers.ReLU()(same(left))))
    assert total(chain) == 2 * 32 * 32 * 27 * 3
    assert {row.name: row.receptive_field for row in layer_costs(chain)}["same"] == 5


def test_a_layer_of_another_model_has_the_sizes_of_the_model_that_is_asked_for():
    conv = layers.Conv2D(8, 3, name="conv")
    small, large = keras.Input((32, 32, 3)), keras.Input((64, 64, 3))
    keras.Model(small, conv(small))
    model = keras.Model(large, conv(large))
    assert total(model) == 62 * 62 * 27 * 8
    assert layer_costs(model)[1].output_shape == (62, 62, 8)


def test_a_model_inside_works_at_the_sizes_at_which_it_is_used():
    images = keras.Input((None, None, 3))
    inner = keras.Model(images, layers.Conv2D(4, 3)(layers.MaxPooling2D()(images)), name="inner")
    one, two = keras.Input((20, 20, 3)), keras.Input((30, 30, 3))
    pool = layers.GlobalAveragePooling2D()
    model = keras.Model([one, two], layers.Add()([pool(inner(one)), pool(inner(two))]))
    assert total(model) == (8 * 8 + 13 * 13) * 27 * 4
    rows = {row.name: row for row in layer_costs(keras.Model(one, layers.Conv2D(1, 3)(inner(one))))}
    assert rows["inner"].receptive_field == 2 + 2 * 2
    assert list(rows.values())[-1].receptive_field == 6 + 2 * 2


def test_whole_numbers_stay_whole_and_a_layer_may_return_what_it_gets():
    words = keras.Input((7,), dtype="int32")
    same = keras.Model(words, words, name="same")
    maps = layers.Embedding(50, 8)(keras.ops.mod(same(layers.Identity()(words)), 50))
    assert total(keras.Model(words, layers.Dense(3)(maps))) == 7 * 8 * 3


def test_sequential_models_have_costs_once_they_are_built():
    stack = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)]
    assert total(keras.Sequential([keras.Input((8, 8, 3)), *stack])) == 36 * 27 * 4 + 144 * 2
    with pytest.raises(ValueError, match=r"got Sequential not built\. Put keras\.Input"):
        layer_costs(keras.Sequential([layers.Conv2D(4, 3)]))


@pytest.mark.parametrize(
    ("shape", "layer", "count"),
    [
        ((5, 16, 16, 3), layers.TimeDistributed(layers.Conv2D(4, 3)), 5 * 14 * 14 * 27 * 4),
        (
            (5, 4, 4, 1),
            layers.TimeDistributed(keras.Sequential([layers.Flatten(), layers.Dense(7)])),
            5 * 16 * 7,
        ),
        ((8, 8, 3), layers.SpectralNormalization(layers.Conv2D(4, 3)), 36 * 27 * 4),
        ((5, 6), layers.Bidirectional(layers.LSTM(4)), 2 * 5 * (6 + 4) * 4 * 4),
        ((5, 6), layers.GRU(4), 5 * (6 + 4) * 4 * 3),
        ((8, 8, 3), layers.Dense(6), 64 * 3 * 6),
        ((6, 8, 8, 3), layers.Conv3D(4, (1, 3, 5)), 6 * 6 * 4 * 45 * 4),
        ((20, 3), layers.Conv1D(4, 3, strides=2), 9 * 9 * 4),
        ((20, 4), layers.SeparableConv1D(6, 3), 18 * (3 * 4 + 4 * 6)),
        ((4, 4, 4, 2), layers.Conv3DTranspose(3, 2, strides=2), 64 * 2 * 8 * 3),
        ((3, 8, 8), layers.Conv2D(4, 3, data_format="channels_first"), 36 * 27 * 4),
        ((8, 8, 3), layers.PReLU(), 0),
        ((7,), layers.Embedding(50, 8), 0),
        ((8, 8, 3), layers.Lambda(lambda x: x / 127.5 - 1), 0),
    ],
)
def test_wrapped_and_other_layers_by_hand(shape, layer, count):
    images = keras.Input(shape)
    assert total(keras.Model(images, layer(images))) == count


@pytest.mark.parametrize(
    ("options", "heard"),
    [({}, 5 * 6), ({"attention_axes": 2}, 6), ({"attention_axes": (1, 2)}, 5 * 6)],
)
def test_attention_by_hand(options, heard):
    """30 places ask, in 2 heads of 4 numbers, what `heard` places answer with 3."""
    query, value = keras.Input((5, 6, 7), name="query"), keras.Input((5, 6, 8), name="value")
    key = keras.Input((5, 6, 9), name="key")
    attend = layers.MultiHeadAttention(2, 4, value_dim=3, **options)
    results = attend(key=key, value=value, query=query)
    projections = 30 * (7 * 2 * 4 + 9 * 2 * 4 + 8 * 2 * 3 + 2 * 3 * 7)
    products = 2 * (30 * heard * 4 + 30 * heard * 3)
    assert total(keras.Model([query, value, key], results)) == projections + products


def test_places_that_ask_may_be_others_than_those_that_answer():
    query, value = keras.Input((4, 6), name="query"), keras.Input((9, 6), name="value")
    results = layers.MultiHeadAttention(3, 2)(query, value)
    work = 4 * 2 * 36 + 9 * 2 * 36 + 4 * 9 * 3 * (2 + 2)
    assert total(keras.Model([query, value], results)) == work


class Mixed(layers.Layer):
    """Has a kernel of which nobody knows how often it is used."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 4))

    def call(self, values):
        return keras.ops.matmul(values, self.kernel)


class Gram(layers.Layer):
    """Multiplies maps with maps, and has no weights."""

    def call(self, values):
        return keras.ops.matmul(values, keras.ops.transpose(values, (0, 2, 1)))


@pytest.mark.parametrize(
    "use",
    [
        lambda values: Mixed(name="x")(values),
        lambda values: layers.GroupQueryAttention(4, 4, 2, name="x")(values, values),
        lambda values: layers.Attention(name="x")([values, values]),
        lambda values: layers.EinsumDense("abc,cd->abd", (20, 4), name="x")(values),
        lambda values: layers.Lambda(lambda x: x[:, :3] @ x[:, :3], name="x")(values),
        lambda values: layers.Lambda(lambda x: tf.square(x), name="x")(values),
        lambda values: Gram(name="x")(values),
    ],
)
def test_what_cannot_be_counted_is_refused(use):
    values = keras.Input((20, 3))
    with pytest.raises(ValueError, match=r"layer 'x' \(\w+\), whose multiply-adds cannot be told"):
        layer_costs(keras.Model(values, use(values)))
    product = keras.ops.matmul(values, keras.ops.transpose(values, (0, 2, 1)))
    with pytest.raises(ValueError, match=r"\(Matmul\), whose multiply-adds cannot be told"):
        layer_costs(keras.Model(values, product))


@pytest.mark.parametrize(
    ("ways", "field"),
    [
        ([layers.MaxPooling2D(2), layers.UpSampling2D(2), layers.Conv2D(2, 3)], 4),
        ([layers.Conv2DTranspose(2, 4, strides=2)], 2),
        ([layers.Conv2DTranspose(2, 2, strides=2), layers.Conv2D(2, 3)], 2),
        ([layers.Conv2D(2, (1, 5))], 1),
        ([layers.Conv2D(2, 3), layers.Cropping2D(2), layers.ZeroPadding2D(3)], 3),
        ([layers.GlobalAveragePooling2D(keepdims=True)], None),
        ([layers.Resizing(6, 6)], None),
        ([layers.Permute((2, 1, 3))], None),
        ([layers.GroupNormalization(1)], None),
        ([layers.LayerNormalization(), layers.Conv2D(2, 3)], 3),
    ],
)
def test_the_receptive_field_behind_layers_that_are_no_convolution(ways, field):
    images = maps = keras.Input((24, 24, 3))
    for layer in ways:
        maps = layer(maps)
    assert layer_costs(keras.Model(images, maps))[-1].receptive_field == field


def test_with_channels_first_rows_are_the_second_axis():
    images = keras.Input((3, 24, 24))
    first = {"data_format": "channels_first"}
    maps = layers.Conv2D(4, (3, 1), **first)(images)
    maps = layers.Concatenate(axis=1)([maps, layers.Conv2D(2, (3, 1), **first)(images)])
    maps = layers.Conv2D(2, (3, 1), **first)(maps)
    assert layer_costs(keras.Model(images, maps))[-1].receptive_field == 5


def test_what_has_no_fixed_size_or_no_graph_is_refused():
    images = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match=r"fixed image size; layer .* gives \(None, None, 3\)"):
        layer_costs(keras.Model(images, layers.GlobalMaxPooling2D()(images)))

    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="must be a functional keras.Model.*got Own"):
        layer_costs(Own())
