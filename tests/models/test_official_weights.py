"""load_weights_from: what it copies, and what it refuses to."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.models.official_weights import load_weights_from

pytestmark = pytest.mark.slow


def build(prefix, widths=(3, 4), inner=False, classes=2):
    """Build a small net of convolutions and batch normalisations."""
    images = keras.Input((8, 8, 3))
    x = images
    for number, width in enumerate(widths, start=1):
        x = layers.Conv2D(width, 3, name=f"{prefix}_conv{number}")(x)
        x = layers.BatchNormalization(name=f"{prefix}_norm{number}")(x)
        x = layers.ReLU()(x)
    if inner:
        x = keras.Model(images, x)(images)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(images, layers.Dense(classes, name=f"{prefix}_head")(x))


def random_weights(model, seed=0):
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


IMAGES = np.random.default_rng(1).uniform(0, 1, (2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("inner", [(False, False), (True, False), (False, True)])
def test_after_copying_both_give_the_same_output_whatever_their_layers_are_called(inner):
    ours = random_weights(build("ours", inner=inner[0]), 1)
    theirs = random_weights(build("theirs", inner=inner[1]), 2)
    assert np.abs(np.asarray(ours(IMAGES)) - np.asarray(theirs(IMAGES))).max() > 0.1
    load_weights_from(ours, theirs)
    np.testing.assert_allclose(ours(IMAGES), theirs(IMAGES), atol=1e-6)


def test_moving_statistics_are_copied_too():
    ours, theirs = build("ours"), random_weights(build("theirs"))
    load_weights_from(ours, theirs)
    mine, other = ours.get_layer("ours_norm2"), theirs.get_layer("theirs_norm2")
    np.testing.assert_array_equal(mine.moving_variance, other.moving_variance)


def test_the_giver_keeps_its_weights():
    ours, theirs = build("ours"), random_weights(build("theirs"))
    before = theirs.get_weights()
    load_weights_from(ours, theirs)
    random_weights(ours, 3)
    for old, new in zip(before, theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("widths", "classes", "message"),
    [
        ((3, 5), 2, r'number 3, "theirs_conv2" with .*3, 5\).*`model` has "ours_conv2" with'),
        ((3, 4), 7, r'number 5, "theirs_head" with .*`model` has "ours_head" with \[\(4, 2\)'),
        ((3, 4, 4), 2, r'number 5, "theirs_conv3" with .*`model` has "ours_head"'),
        ((3,), 2, r'number 3, "theirs_head" with .*`model` has "ours_conv2"'),
    ],
)
def test_another_architecture_is_refused_and_nothing_is_changed(widths, classes, message):
    ours = random_weights(build("ours"))
    before = ours.get_weights()
    theirs = random_weights(build("theirs", widths=widths, classes=classes), 2)
    with pytest.raises(ValueError, match=rf"`official` must have .*{message}.*Nothing was copied"):
        load_weights_from(ours, theirs)
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_model_that_ends_early_is_refused(swapped):
    images = keras.Input((4,))
    x = layers.Dense(3, name="first")(images)
    pair = [keras.Model(images, x), keras.Model(images, layers.Dense(3, name="second")(x))]
    message = '"second" with .* `model` has none' if swapped else 'number 2, none, .*has "second"'
    with pytest.raises(ValueError, match=message):
        load_weights_from(*(pair if swapped else reversed(pair)))


@pytest.mark.parametrize("wrong", ["imagenet", keras.Sequential([layers.Dense(3)])])
def test_what_has_no_weights_is_refused(wrong):
    model = build("ours")
    with pytest.raises(ValueError, match=r"`official` must be a keras\.Model that has weights"):
        load_weights_from(model, wrong)
    with pytest.raises(ValueError, match=r"`model` must be a keras\.Model that has weights"):
        load_weights_from(wrong, model)


def test_a_network_of_keras_gives_its_weights_to_one_with_other_names():
    official = random_weights(
        keras.applications.MobileNet((32, 32, 3), 0.25, weights=None, classes=5)
    )

    def renamed(layer):
        return type(layer).from_config(layer.get_config() | {"name": f"our_{layer.name}"})

    ours = keras.models.clone_model(official, clone_function=renamed)
    load_weights_from(ours, official)
    images = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(ours(images), official(images), atol=1e-6)
