"""One network, built in every way that Keras knows: the same numbers, or one clear sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from cnnbook.explain.embedding import embed
from cnnbook.explain.feature_maps import dead_filters, feature_maps, filter_images
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.maximize import maximize_filter
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (2, 8, 8, 3)).astype("float32")
WEIGHTS = {
    "conv": [RANDOM.normal(0, 0.3, (3, 3, 3, 4)), RANDOM.normal(0, 0.1, 4)],
    "logits": [RANDOM.normal(0, 1, (4, 3)), np.array([0.1, 0, -0.1])],
}


def conv():
    return layers.Conv2D(4, 3, activation="relu", name="conv")


def dense(activation=None):
    return layers.Dense(3, activation=activation, name="logits")


def body(x):
    return layers.GlobalAveragePooling2D()(conv()(layers.Rescaling(1 / 30)(x)))


def filled(model):
    for layer in model._flatten_layers():
        if layer.name in WEIGHTS:
            layer.set_weights(WEIGHTS[layer.name])
    return model


def ends_in(end=lambda x: x, activation=None):
    images = keras.Input((8, 8, 3))
    return filled(keras.Model(images, end(dense(activation)(body(images)))))


def within(inner, shape=(8, 8, 3)):
    images = keras.Input(shape)
    return keras.Model(images, inner(images))


def nested_at_the_end():
    images, features = keras.Input((8, 8, 3)), keras.Input((4,))
    head = keras.Model(features, ops.softmax(dense()(features)), name="head")
    return filled(keras.Model(images, head(body(images))))


def sequential(first=(), call=True):
    last = [layers.GlobalAveragePooling2D(), dense("softmax")]
    model = keras.Sequential([*first, layers.Rescaling(1 / 30), conv(), *last])
    if call:
        model(IMAGES)
        filled(model)
    return model


class Subclassed(keras.Model):
    """Its head is defined first, and used last."""

    def __init__(self, activation="softmax", end=lambda x: x):
        super().__init__()
        self.head, self.conv, self.end = dense(activation), conv(), end
        self.rescale, self.pool = layers.Rescaling(1 / 30), layers.GlobalAveragePooling2D()

    def call(self, images):
        return self.end(self.head(self.pool(self.conv(self.rescale(images)))))


class Compiled(Subclassed):
    call = tf.function(Subclassed.call)


class ByName(Subclassed):
    def call(self, inputs):
        return super().call(inputs["image"])


def called_by_name():
    model = ByName()
    model({"image": IMAGES})
    return filled(model)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.conv = conv()

    def call(self, images):
        return self.conv(images)


def called(model):
    model(IMAGES)
    return filled(model)


def with_conv(wrap):
    images = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(wrap(layers.Rescaling(1 / 30)(images)))
    return filled(keras.Model(images, dense("softmax")(x)))


def shared_with_another_that_came_first():
    used = conv()
    within(used, (3, 3, 3))  # there, its maps have one pixel
    return with_conv(used)


def with_inputs(form, **more):
    images = keras.Input((8, 8, 3), name="image")
    return filled(keras.Model(form(images), dense("softmax")(body(images)), **more))


def with_outputs(form):
    images = keras.Input((8, 8, 3))
    x = body(images)
    return filled(keras.Model(images, form(dense("softmax")(x), layers.Dense(2)(x), images)))


def of_type(name, build):
    keras.config.set_dtype_policy(name)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy("float32")


def compiled_and_used(**how):
    model = ends_in(activation="softmax")
    model.compile("sgd", "mse", **how)
    model.predict(IMAGES, verbose=0)
    return model


def own_softmax_twice():
    softmax, images = layers.Softmax(), keras.Input((8, 8, 3))
    maps = conv()(layers.Rescaling(1 / 30)(images))
    x = layers.GlobalAveragePooling2D()(layers.Multiply()([maps, softmax(maps)]))
    return filled(keras.Model(images, softmax(dense()(x))))


EQUAL = {
    "ops.softmax": lambda: ends_in(ops.softmax),
    "ops.log_softmax": lambda: ends_in(ops.log_softmax),
    "ops.sigmoid": lambda: ends_in(ops.sigmoid),
    "Activation": lambda: ends_in(layers.Activation("softmax")),
    "Softmax and Reshape": lambda: ends_in(
        lambda x: layers.Reshape((3,))(layers.Softmax()(layers.Reshape((1, 3))(x)))
    ),
    "Lambda": lambda: ends_in(layers.Lambda(lambda x: tf.nn.softmax(x))),
    "a function as activation": lambda: ends_in(activation=lambda x: ops.softmax(x)),
    "log_softmax as activation": lambda: ends_in(activation="log_softmax"),
    "sigmoid units side by side": lambda: ends_in(
        lambda x: layers.Concatenate()([ops.sigmoid(x[:, :1]), ops.sigmoid(x[:, 1:])])
    ),
    "nested": lambda: within(within(ends_in(activation="softmax"))),
    "nested at the end": nested_at_the_end,
    "nested sequential": lambda: within(sequential()),
    "sequential": sequential,
    "sequential with input": lambda: sequential([keras.Input((8, 8, 3))]),
    "subclassed": lambda: called(Subclassed()),
    "a layer of one's own": lambda: with_conv(Block()),
    "wrapped": lambda: with_conv(layers.SpectralNormalization(conv())),
    "shared": shared_with_another_that_came_first,
    "input in a list": lambda: with_inputs(lambda images: [images]),
    "input in a dictionary": lambda: with_inputs(lambda images: {"image": images}),
    "first of two outputs": lambda: with_outputs(lambda scores, others, _: [scores, others]),
    "output in a dictionary": lambda: with_outputs(lambda scores, *_: {"scores": scores}),
    "float64": lambda: of_type("float64", lambda: ends_in(activation="softmax")),
    "compiled": compiled_and_used,
    "compiled by XLA": lambda: compiled_and_used(jit_compile=True),
    "dropout": lambda: ends_in(
        lambda x: layers.Dropout(0.5)(ops.softmax(layers.Dropout(0.5)(x, training=True)))
    ),
}
NEARLY = {
    "mixed": lambda: of_type("mixed_float16", lambda: ends_in(activation="softmax")),
    "mixed, then float32": lambda: of_type(
        "mixed_float16",
        lambda: ends_in(lambda x: layers.Activation("linear", dtype="float32")(ops.softmax(x))),
    ),
}
REFUSED = {
    "half": (lambda: ends_in(lambda x: ops.softmax(x) / 2), "cannot be taken back"),
    "mean": (
        lambda: ends_in(lambda x: layers.Average()([ops.softmax(x), ops.softmax(2 * x)])),
        "cannot be taken back",
    ),
    "softmax of softmax": (lambda: ends_in(layers.Softmax(), "softmax"), "cannot be taken back"),
    "logarithm": (lambda: ends_in(lambda x: ops.log(ops.softmax(x))), "cannot be taken back"),
    "temperature": (
        lambda: ends_in(layers.Lambda(lambda x: ops.softmax(x / 2))),
        "cannot be taken back",
    ),
    "operations out of sight": (
        lambda: called(Subclassed(None, ops.softmax)),
        "cannot be taken back",
    ),
    "compiled by itself": (lambda: called(Compiled()), "cannot be taken back"),
    "one softmax in two places": (own_softmax_twice, "cannot be taken back"),
    "two inputs": (
        lambda: with_inputs(lambda images: [images, keras.Input((2,), name="more")]),
        "it takes 2: image, more",
    ),
    "an input by name": (called_by_name, "must run on images alone, .*stopped with TypeError"),
    "outputs by name": (
        lambda: with_outputs(lambda scores, others, _: {"z": scores, "a": others}),
        "dictionary of z, a",
    ),
    "maps first": (
        lambda: with_outputs(lambda scores, _, images: [layers.ReLU()(images), scores]),
        r"scores \(count, classes\); got .*\(1, 8, 8, 3\)",
    ),
}
NEVER_CALLED = {"sequential": lambda: sequential(call=False), "subclassed": Subclassed}
ABOUT_SCORES = {
    "grad_cam": lambda model: grad_cam(model, IMAGES, [0, 2]),
    "saliency": lambda model: saliency(model, IMAGES, [0, 2]),
    "saliency of the preferred class": lambda model: saliency(model, IMAGES),
    "occlusion_map": lambda model: occlusion_map(model, IMAGES, [0, 2], window=4),
    "integrated_gradients": lambda model: integrated_gradients(model, IMAGES, [0, 2], steps=8),
}
ABOUT_LAYERS = {
    "embed": lambda model: embed(model, IMAGES),
    "feature_maps": lambda model: feature_maps(model, IMAGES, "conv")["conv"],
    "dead_filters": lambda model: dead_filters(model, IMAGES, "conv"),
    "filter_images": filter_images,
    "maximize_filter": lambda model: maximize_filter(
        model, "conv", [0, 1], steps=2, image_shape=(8, 8, 3)
    ).astype("float32"),
}


@pytest.fixture(scope="module")
def of_the_flat_one():
    return {name: ask(ends_in()) for name, ask in {**ABOUT_SCORES, **ABOUT_LAYERS}.items()}


def state_of(model):
    """Which layers have a function of their own, and which learn."""
    every = [*model._flatten_layers(), *getattr(model, "operations", ())]
    own = [name for part in every for name in vars(part) if name in ("call", "activation")]
    return own, [weight.trainable for weight in model.weights]


def answer_of(model):
    is_packed = hasattr(model, "operations")
    given = keras.tree.pack_sequence_as(model.input, [IMAGES]) if is_packed else IMAGES
    return keras.tree.flatten(model.predict(given, verbose=0))[0]


def check(build, expected, allowed):
    model = build()
    state, answer, weights = state_of(model), answer_of(model), model.get_weights()
    for name, ask in {**ABOUT_SCORES, **ABOUT_LAYERS}.items():
        error = np.abs(ask(model) - expected[name]).max() / np.abs(expected[name]).max()
        assert error <= allowed, f"{name} is off by {error}"
    assert state_of(model) == state
    np.testing.assert_array_equal(answer_of(model), answer)
    for now, was in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, was)


@pytest.mark.parametrize("name", EQUAL)
def test_every_way_to_build_a_network_gives_the_numbers_of_the_flat_one(name, of_the_flat_one):
    check(EQUAL[name], of_the_flat_one, 1e-4)


@pytest.mark.parametrize("name", NEARLY)
def test_in_16_bits_the_numbers_are_nearly_those_of_32(name, of_the_flat_one):
    check(NEARLY[name], of_the_flat_one, 0.03)


@pytest.mark.parametrize("ask", ABOUT_SCORES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_explained_is_refused_in_one_line_and_left_as_it_was(name, ask):
    build, words = REFUSED[name]
    model = build()
    state = state_of(model)
    with pytest.raises(ValueError, match=words) as caught:
        ABOUT_SCORES[ask](model)
    assert "\n" not in str(caught.value)
    assert state_of(model) == state


@pytest.mark.parametrize("kind", NEVER_CALLED)
def test_a_model_that_was_never_called_is_refused_or_called(kind):
    for name in ABOUT_SCORES.keys() | ABOUT_LAYERS.keys():
        if "saliency" not in name:
            with pytest.raises(ValueError, match="call the model once on a batch"):
                {**ABOUT_SCORES, **ABOUT_LAYERS}[name](NEVER_CALLED[kind]())
    keras.utils.set_random_seed(1)
    fresh = saliency(NEVER_CALLED[kind](), IMAGES)
    keras.utils.set_random_seed(1)
    model = NEVER_CALLED[kind]()
    model(IMAGES)
    np.testing.assert_allclose(saliency(model, IMAGES), fresh, rtol=1e-5)


# One score for two classes --------------------------------------------------------------------


def one_unit(activation=None, end=lambda x: x):
    images = keras.Input((1, 2, 1))
    last = layers.Dense(1, activation=activation, use_bias=False)
    model = keras.Model(images, end(last(layers.Flatten()(images))))
    last.set_weights([np.array([[1.0], [-2.0]])])
    return model


ONE_UNIT = {
    "logit": one_unit,
    "sigmoid": lambda: one_unit("sigmoid"),
    "ops.sigmoid": lambda: one_unit(end=ops.sigmoid),
}


@pytest.mark.parametrize("kind", ONE_UNIT)
def test_of_one_unit_class_0_is_the_negative_and_the_default_the_preferred_one(kind):
    model = ONE_UNIT[kind]()
    images = np.array([[3, 1], [1, 3]], "float32").reshape(2, 1, 2, 1)  # scores 1 and -5
    for explain in (
        lambda c: occlusion_map(model, images, c, window=1, fill=0)[..., None],
        lambda c: integrated_gradients(model, images, c),
    ):
        found = explain(1).reshape(2, 2)
        np.testing.assert_allclose(found, [[3, -2], [1, -6]], rtol=1e-4)
        np.testing.assert_array_equal(explain(0).reshape(2, 2), -found)
        np.testing.assert_array_equal(explain(None).reshape(2, 2), found * [[1], [-1]])
    with pytest.raises(ValueError, match="got class 2 and scores .*One score is of two classes"):
        saliency(model, images, 2)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: 1 - ops.sigmoid(x),
        lambda x: layers.Concatenate()([1 - ops.sigmoid(x), ops.sigmoid(x)]),
        layers.Lambda(lambda x: ops.sigmoid(x / 2)),
        layers.Activation("hard_sigmoid"),
    ],
)
def test_of_one_unit_what_is_no_sigmoid_but_a_probability_is_refused(end):
    with pytest.raises(ValueError, match="cannot be taken back"):
        saliency(one_unit(end=end), np.ones((1, 1, 2, 1)), 1)


# What a layer is, and where -------------------------------------------------------------------


def used_twice(join):
    images = keras.Input((8, 8, 3))
    layer = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    x = join(layer, images)
    return keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def test_grad_cam_refuses_a_layer_that_is_used_side_by_side():
    model = used_twice(lambda layer, x: layers.Add()([layer(x), layer(ops.flip(x, 2))]))
    with pytest.raises(ValueError, match="'twice' is used side by side"):
        grad_cam(model, IMAGES, 0, "twice")
    one_behind_the_other = used_twice(lambda layer, x: layer(layer(x)))
    assert grad_cam(one_behind_the_other, IMAGES, 0, "twice").shape == (2, 8, 8)


def test_only_the_last_use_of_a_layer_loses_its_activation_when_it_is_maximized():
    keras.utils.set_random_seed(0)
    model = used_twice(lambda layer, x: layer(layer(x)))
    apart = used_twice(
        lambda layer, x: layer(layers.Conv2D.from_config({**layer.get_config(), "name": "once"})(x))
    )
    apart.get_layer("once").set_weights(model.get_layer("twice").get_weights())
    apart.get_layer("twice").set_weights(model.get_layer("twice").get_weights())
    found = maximize_filter(model, "twice", 0, steps=5)
    np.testing.assert_array_equal(found, maximize_filter(apart, "twice", 0, steps=5))


def test_layers_in_wrappers_and_in_layers_of_ones_own_have_paths():
    model = with_conv(Block())
    [path] = [layer.name for layer in model.layers if isinstance(layer, Block)]
    maps = feature_maps(model, IMAGES, [f"{path}/conv", path])
    np.testing.assert_array_equal(maps[f"{path}/conv"], maps[path])


class UsedAgain(keras.Model):
    """Its head makes the answer, and before or behind it another."""

    def __init__(self, is_first):
        super().__init__()
        self.pool, self.head, self.is_first = layers.GlobalAveragePooling2D(), dense(), is_first

    def call(self, images):
        x = self.pool(images)
        if self.is_first:
            return [self.head(x), self.head(2 * x)]
        return [self.head(2 * x), self.head(x)][::-1]


def test_a_last_layer_that_is_used_again_for_something_else_is_refused():
    model, other = UsedAgain(False), UsedAgain(True)
    model(IMAGES), other(IMAGES)
    np.testing.assert_allclose(embed(model, IMAGES), IMAGES.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(ValueError, match="or one that it uses again"):
        embed(other, IMAGES)


def test_kernels_that_lie_otherwise_are_turned():
    images = keras.Input((8, 8, 3))
    x = layers.Conv2DTranspose(5, 3, name="up")(images)
    narrow = layers.DepthwiseConv2D(3, depth_multiplier=2, name="each")
    model = keras.Model(images, layers.SpectralNormalization(narrow, name="wrapper")(x))
    assert filter_images(model, "up").shape == (5, 3, 3, 3)
    assert filter_images(model, "each").shape == (10, 3, 3, 1)
    with pytest.raises(ValueError, match="got 'wrapper'. Such are: up, wrapper/each"):
        filter_images(model, "wrapper")


def test_a_layer_that_does_not_run_is_named():
    model = called(Compiled(None))  # its layers run in a graph that cannot be looked into
    for ask in (ABOUT_LAYERS["feature_maps"], ABOUT_LAYERS["dead_filters"]):
        with pytest.raises(ValueError, match="`model` must run 'conv' on one tensor"):
            ask(model)
    with pytest.raises(ValueError, match="that the model runs, on one tensor; got 'conv'"):
        ABOUT_LAYERS["maximize_filter"](model)
    with pytest.raises(ValueError, match="Name the layer that counts"):
        embed(model, IMAGES)


# What goes in ---------------------------------------------------------------------------------


def test_images_of_0_to_1_for_a_network_of_0_to_255_are_told():
    images = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 127.5, -1)(images))
    model = keras.Model(images, layers.Dense(2)(x))
    with pytest.warns(UserWarning, match=r"`images` are 0 to 1, .*Pass images \* 255"):
        saliency(model, IMAGES / 255)
    with pytest.warns(UserWarning, match="`images` are 0 to 1"):
        embed(within(model), IMAGES / 255)
    for harmless in (IMAGES, 0 * IMAGES, 0 * IMAGES + 1, (IMAGES > 99).astype("uint8")):
        saliency(model, harmless)
    plain = keras.Model(images, layers.Dense(2)(layers.Flatten()(images)))
    saliency(plain, IMAGES / 255)


@pytest.mark.parametrize(
    "scale",
    [
        lambda x: x / 255,
        lambda x: keras.applications.mobilenet_v2.preprocess_input(x),
        lambda x: x - 120.0,
        layers.Normalization(mean=120.0, variance=3600.0),
        layers.Lambda(lambda x: x / 127.5 - 1, (8, 8, 3)),
    ],
)
def test_whatever_scales_them_first(scale):
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(scale(images))))
    with pytest.warns(UserWarning, match="`images` are 0 to 1"):
        embed(model, IMAGES / 255)


def test_what_averages_or_scales_0_to_1_is_not_taken_for_it(recwarn):
    images = keras.Input((8, 8, 3))
    for scale in (lambda x: (x - 0.5) / 0.2, layers.AveragePooling2D(8)):
        model = keras.Model(images, layers.Dense(2)(layers.Flatten()(scale(images))))
        saliency(model, IMAGES / 255)
    assert not [each for each in recwarn if "0 to 1" in str(each.message)]


def test_where_nobody_can_look_images_of_0_to_1_pass():
    class Compiled(layers.Layer):
        def build(self, shape):
            self.dense = layers.Dense(3)
            self.dense.build(shape)
            self.compiled = tf.function(lambda x: self.dense(x))

        def call(self, x):
            return self.compiled(x)

    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.GlobalAveragePooling2D()(Compiled()(images)))
    assert saliency(model, IMAGES / 255).shape == (2, 8, 8)


def test_images_smaller_than_a_kernel_are_refused():
    images = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="`model` must run on images alone.*InvalidArgument"):
        saliency(keras.Model(images, dense()(body(images))), IMAGES[:, :1, :1])


def test_a_model_that_answers_nan_is_refused():
    model = ends_in()
    model.get_layer("logits").set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    with pytest.raises(ValueError, match="`model` must return finite scores"):
        saliency(model, IMAGES)


@pytest.mark.parametrize("class_index", [True, 1.0, np.float32(1), -1, 3, [0, 3], 2**70])
def test_a_class_that_is_none_is_refused_before_the_work(class_index, monkeypatch):
    monkeypatch.setattr(keras.Model, "predict_on_batch", lambda *_: pytest.fail("it worked"))
    with pytest.raises(ValueError, match="`class_index` must be"):
        occlusion_map(ends_in(), IMAGES, class_index, window=4)


def test_after_ctrl_c_the_model_is_as_it_was(monkeypatch):
    model = ends_in(activation="softmax")
    state, answer = state_of(model), model.predict(IMAGES, verbose=0)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "predict_on_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        occlusion_map(model, IMAGES, 0)
    assert state_of(model) == state
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), answer)
