"""Heads, freezing and unfreezing, seen from what a training step changes; and the 2x2 guide."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.training.transfer import (
    FEW_IMAGES,
    Advice,
    attach_head,
    build_head,
    transfer_advice,
    unfreeze_from,
)


def build_base(name="base"):
    """Two convolutions with batch norm, as networks of the book are: layers have names."""
    images = keras.Input((8, 8, 3), name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    for stage in (1, 2):
        x = layers.Conv2D(4, 3, name=f"stage{stage}_conv")(x)
        x = layers.BatchNormalization(name=f"stage{stage}_norm")(x)
        x = layers.ReLU(name=f"stage{stage}_relu")(x)
    return keras.Model(images, layers.GlobalAveragePooling2D(name="average")(x), name=name)


def build_nested(base):
    images = keras.Input((8, 8, 3))
    return keras.Model(images, layers.Dense(3, name="logits")(base(images)))


def changed_by_training(model):
    """Names of the layers of which two steps of training change a weight, or statistics."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (16, 8, 8, 3)), np.arange(16) % 3
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    before = [np.array(weight) for weight in model.weights]
    model.fit(images.astype("float32"), labels, batch_size=8, verbose=0)
    pairs = zip(model.weights, before, strict=True)
    changed = {weight.path for weight, old in pairs if not np.array_equal(weight, old)}
    return {path.split("/")[-2] for path in changed}


# Heads ----------------------------------------------------------------------------------------


def test_the_head_of_the_source_is_dense_1024_with_dropout_and_one_logit_a_class():
    head = build_head(512, 2)
    assert [layer.name for layer in head.layers] == ["features", "hidden", "dropout", "logits"]
    assert head.count_params() == 512 * 1024 + 1024 + 1024 * 2 + 2
    assert head.get_layer("dropout").rate == 0.3
    assert head.get_layer("hidden").activation is keras.activations.relu


def test_a_head_without_hidden_units_is_linear_and_returns_logits():
    head = build_head(5, 3, hidden_units=0)
    features = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    kernel, bias = head.get_weights()
    np.testing.assert_allclose(head(features), features @ kernel + bias, atol=1e-6)


def test_logits_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert build_head(5, 3).output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 2), r"`num_features` must be 1 or more.*got 0, 1024 and 0.3"),
        ((5, 2, -1), r"`hidden_units` 0 or more.*got 5, -1"),
        ((5, 2, 8, 1.0), r"`dropout` at least 0 and less than 1; got 5, 8 and 1.0"),
        ((5, 1), r"`num_classes` must be 2 or more; got 1. .*softmax is always 1"),
    ],
)
def test_impossible_heads_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        build_head(*arguments)


# Attaching ------------------------------------------------------------------------------------


def test_a_head_on_a_base_gives_what_both_give_one_after_the_other():
    base, head = build_base(), build_head(4, 3, hidden_units=6)
    model = attach_head(base, head)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(model(images), head(base(images)), atol=1e-6)
    assert model.output_shape == (None, 3)
    assert model.get_layer("stage1_conv") is base.get_layer("stage1_conv")
    assert model.count_params() == base.count_params() + head.count_params()


@pytest.mark.slow
def test_training_then_changes_the_head_alone_and_no_moving_statistics():
    base, head = build_base(), build_head(4, 3)
    base.trainable = True
    head.trainable = True
    changed = changed_by_training(attach_head(base, head))
    assert changed == {"hidden", "logits"}


def test_a_base_that_ends_in_maps_is_refused_with_the_way_out():
    images = keras.Input((8, 8, 3))
    base = keras.Model(images, layers.Conv2D(4, 3)(images))
    words = r"`head` takes \(None, 4\), `base` gives \(None, 6, 6, 4\); .*GlobalAveragePooling2D"
    with pytest.raises(ValueError, match=words):
        attach_head(base, build_head(4, 3))


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"takes \(None, 5\), `base` gives \(None, 4\); build the"):
        attach_head(build_base(), build_head(5, 3))
    with pytest.raises(ValueError, match=r"functional models; got Sequential and Functional"):
        attach_head(keras.Sequential([layers.Dense(3)]), build_head(3, 2))
    head = build_head(4, 3)
    head.name = "average"
    with pytest.raises(ValueError, match=r"`base` has a layer 'average' already"):
        attach_head(build_base(), head)


def test_a_sequential_base_will_do_once_it_is_built():
    base = keras.Sequential([keras.Input((8, 8, 3)), layers.GlobalMaxPooling2D()])
    assert attach_head(base, build_head(3, 2)).output_shape == (None, 2)


def test_the_whole_can_be_saved_and_loaded(tmp_path):
    model = attach_head(build_base(), build_head(4, 3))
    unfreeze_from(model, "stage2_conv")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)
    assert len(loaded.trainable_weights) == len(model.trainable_weights) == 2 + 4


# Unfreezing -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_named_layer_and_all_behind_it_learn_but_batch_norm_does_not():
    model = attach_head(build_base(), build_head(4, 3))
    learning = unfreeze_from(model, "stage2_conv")
    assert learning == ["stage2_conv", "new_head/hidden", "new_head/logits"]
    changed = changed_by_training(model)
    assert changed == {"stage2_conv", "hidden", "logits"}


def test_batch_norm_is_in_inference_mode_in_training_too():
    """Its moving statistics are far from those of the batch, and it goes by them."""
    model = attach_head(build_base(), build_head(4, 3, hidden_units=0))
    unfreeze_from(model, "images")
    norm = model.get_layer("stage1_norm")
    norm.moving_mean.assign([5, -5, 5, -5])
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(model(images, training=True), model(images, training=False))
    norm.trainable = True
    assert np.abs(model(images, training=True) - model(images, training=False)).max() > 1e-3


def test_what_lies_before_is_frozen_again():
    model = attach_head(build_base(), build_head(4, 3))
    everything = unfreeze_from(model, "rescaling")
    assert everything == ["stage1_conv", "stage2_conv", "new_head/hidden", "new_head/logits"]
    assert unfreeze_from(model, "average") == ["new_head/hidden", "new_head/logits"]
    assert unfreeze_from(model, "logits") == ["new_head/logits"]
    assert [weight.path.split("/")[-2] for weight in model.trainable_weights] == ["logits"] * 2


def test_layers_of_a_model_in_a_model_are_found():
    model = build_nested(build_base())
    model.trainable = False
    assert unfreeze_from(model, "stage2_conv") == ["base/stage2_conv", "logits"]
    assert changed_by_training(model) == {"stage2_conv", "logits"}
    deeper = keras.Model(inner := keras.Input((8, 8, 3)), model(inner))
    assert len(unfreeze_from(deeper, "stage1_norm")) == 2
    assert unfreeze_from(deeper, "base/stage2_conv")[0].endswith("/base/stage2_conv")


def test_the_name_of_a_model_stands_for_its_first_layer():
    model = build_nested(build_base())
    assert unfreeze_from(model, "base") == ["base/stage1_conv", "base/stage2_conv", "logits"]


def test_a_name_that_two_models_use_has_to_be_told_apart():
    images = keras.Input((8, 8, 3))
    both = [build_base(name)(images) for name in ("left", "right")]
    model = keras.Model(images, layers.Dense(3, name="logits")(layers.Concatenate()(both)))
    words = r"2 are named 'stage1_conv'. These have it, .*: left/stage1_conv, right/stage1_conv"
    with pytest.raises(ValueError, match=words):
        unfreeze_from(model, "stage1_conv")
    assert unfreeze_from(model, "right/stage2_conv") == ["right/stage2_conv", "logits"]


def test_an_unknown_name_is_answered_with_close_ones_and_nothing_changes():
    model = attach_head(build_base(), build_head(4, 3))
    with pytest.raises(ValueError, match=r"0 are named 'stage2_con'. Close names: stage2_conv, "):
        unfreeze_from(model, "stage2_con")
    with pytest.raises(ValueError, match=r"Close names: .*new_head.*"):
        unfreeze_from(model, "zzz")
    names = [weight.path.split("/")[-2] for weight in model.trainable_weights]
    assert names == ["hidden", "hidden", "logits", "logits"]


@pytest.mark.slow
def test_models_of_keras_applications_can_be_unfrozen_by_name():
    base = keras.applications.MobileNetV2(
        (96, 96, 3), 0.35, include_top=False, pooling="avg", weights=None
    )
    model = attach_head(base, build_head(1280, 5, hidden_units=0))
    learning = unfreeze_from(model, "block_16_expand")
    assert learning == [
        *("block_16_expand", "block_16_depthwise", "block_16_project", "Conv_1"),
        "new_head/logits",
    ]
    images = keras.Input((96, 96, 3))
    nested = keras.Model(images, base(keras.applications.mobilenet_v2.preprocess_input(images)))
    nested = attach_head(nested, build_head(1280, 5, hidden_units=0))
    assert unfreeze_from(nested, "block_16_expand")[0] == f"{base.name}/block_16_expand"
    with pytest.raises(ValueError, match=r"Close names: .*/block_16_expand"):
        unfreeze_from(nested, "block16_expand")


# Layers in layers -----------------------------------------------------------------------------


def convolution(name):
    return layers.Conv2D(3, 3, padding="same", name=name)


class Norm(layers.BatchNormalization):
    """As people derive their own."""


class Block(layers.Layer):
    """Layers in a layer, and a weight of its own."""

    def __init__(self, name="block"):
        super().__init__(name=name)
        self.first, self.norm = convolution("first"), Norm(name="norm")
        self.last = convolution("last")

    def build(self, shape):
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")
        for layer in (self.first, self.norm, self.last):
            layer.build(shape)

    def call(self, x, training=None):
        return self.last(self.norm(self.first(x), training=training)) * self.scale


class SharesKernel(layers.Layer):
    def __init__(self, other):
        super().__init__(name="shares")
        self.other = other

    def call(self, x):
        return keras.ops.conv(x, self.other.kernel, padding="same")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block("block1"), Block("block2")]
        self.average, self.logits = layers.GlobalAveragePooling2D(), layers.Dense(2, name="logits")

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x, training=training)
        return self.logits(self.average(x))


def with_logits(body, shape=(8, 8, 3)):
    images = keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(layers.Reshape((8, -1, 3))(body(images)))
    return keras.Model(images, layers.Dense(2, name="logits")(x))


def model_of(name, *steps):
    images = x = keras.Input((8, 8, 3))
    for step in steps:
        x = step(x)
    return keras.Model(images, x, name=name)


def in_time():
    base = model_of("base", convolution("c1"), Norm(name="norm"), convolution("c2"))
    return with_logits(layers.TimeDistributed(base, name="frames"), (4, 8, 8, 3))


def twice_nested():
    inner = model_of("inner", convolution("c1"), Norm(name="norm"), convolution("c2"))
    return with_logits(model_of("outer", convolution("before"), inner, convolution("behind")))


def shared():
    both = convolution("both")
    left = model_of("left", convolution("c1"), both)
    right = model_of("right", convolution("c2"), both)
    return with_logits(lambda x: right(left(x)))


def sharing_a_kernel():
    def body(images):
        x = (first := convolution("c1"))(images)
        return SharesKernel(first)(convolution("c2")(x))

    return with_logits(body)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 8, 8, 3)))
    return model


def in_block():
    return with_logits(lambda x: convolution("c2")(Block()(convolution("c1")(x))))


def moved_in(model, shape):
    """Paths of the layers of which training moves a weight of their own."""
    random = np.random.default_rng(0)
    before = {id(weight): np.asarray(weight.value) for weight in model.weights}
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(random.normal(5, 3, (8, *shape)), np.ones((8, 2)), batch_size=4, verbose=0)
    moved, found, seen = {}, [], set()
    for weight in model.weights:
        moved[id(weight)] = not np.array_equal(weight.value, before[id(weight)])

    def look(layer, path):
        for part in layer._flatten_layers(include_self=False, recursive=False):
            inner = {id(w) for each in part._flatten_layers(False) for w in each.weights}
            own = [id(w) for w in part.weights if id(w) not in inner | seen]
            if any(moved[each] for each in own):
                found.append(f"{path}{part.name}")
            seen.update(own)
            look(part, f"{path}{part.name}/")

    look(model, "")
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "name", "learning"),
    [
        (in_time, "frames", "frames/base/c1 frames/base/c2 logits"),
        (in_time, "frames/base/c2", "frames/base/c2 logits"),
        (in_block, "block", "block block/first block/last c2 logits"),
        (in_block, "block/last", "block/last c2 logits"),
        (in_block, "c2", "c2 logits"),
        (twice_nested, "inner", "logits outer/behind outer/inner/c1 outer/inner/c2"),
        (twice_nested, "norm", "logits outer/behind outer/inner/c2"),
        (shared, "right", "logits right/c2"),
        (sharing_a_kernel, "c2", "c2 logits"),
        (subclassed, "block1/norm", "block1/last block2 block2/first block2/last logits"),
    ],
)
def test_what_is_named_moves_and_nothing_else_does(build, name, learning):
    model = build()
    shape = (4, 8, 8, 3) if build is in_time else (8, 8, 3)
    assert sorted(unfreeze_from(model, name)) == learning.split()
    assert moved_in(model, shape) == learning.split()


@pytest.mark.slow
@pytest.mark.parametrize("build", [in_time, in_block, twice_nested, shared, sharing_a_kernel])
def test_nothing_in_a_base_moves_wherever_it_lies(build):
    model = attach_head(build(), build_head(2, 2, hidden_units=0))
    shape = (4, 8, 8, 3) if build is in_time else (8, 8, 3)
    assert moved_in(model, shape) == ["new_head/logits"]


def test_what_cannot_be_frozen_is_refused_before_anything_changes():
    """Spectral normalisation divides its kernel in training whatever `trainable` says."""
    wrapper = layers.SpectralNormalization(convolution("inner"), name="wrapper")
    model = with_logits(lambda x: convolution("c2")(wrapper(x)))
    for name in ("c2", "inner"):
        with pytest.raises(ValueError, match="`model` must have layers that can stay .*'wrapper'"):
            unfreeze_from(model, name)
    with pytest.raises(ValueError, match="`base` must have layers that can stay .*'wrapper'"):
        attach_head(model, build_head(2, 2))
    assert all(weight.trainable for weight in model.trainable_weights) and model.trainable
    assert unfreeze_from(model, "wrapper") == ["wrapper/inner", "c2", "logits"]


def test_a_model_without_weights_yet_cannot_be_unfrozen():
    model = keras.Sequential([layers.Dense(3, name="logits")])
    with pytest.raises(ValueError, match="call the model once on a batch"):
        unfreeze_from(model, "logits")


# Advice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "similar", "strategy"),
    [
        (1, True, "head"),
        (FEW_IMAGES, True, "head"),
        (FEW_IMAGES, False, "early head"),
        (FEW_IMAGES + 1, True, "fine-tune"),
        (10**6, False, "fine-tune"),
    ],
)
def test_the_guide_has_four_cases(count, similar, strategy):
    advice = transfer_advice(count, similar)
    assert isinstance(advice, Advice)
    assert advice.strategy == strategy
    assert str(advice) == f"{strategy}: {advice.what} {advice.why}"
    assert advice.what.endswith(".") and advice.why.endswith(".")


def test_no_image_gets_no_advice():
    with pytest.raises(ValueError, match=r"`num_images` must be 1 or more; got 0"):
        transfer_advice(0, similar=True)


def test_a_head_takes_numbers_of_numpy():
    head = build_head(np.int16(4), np.uint8(3), np.int64(8), np.float32(0.5))
    assert head.count_params() == 4 * 8 + 8 + 8 * 3 + 3
