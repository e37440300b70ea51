"""Small nets whose answers can be worked out by hand, in the shapes that models come in."""

import keras
import numpy as np
import pytest
from keras import layers


@pytest.fixture(autouse=True, scope="module")
def _forget_networks():
    yield
    keras.utils.clear_session()


def linear_net(weights, shape, **keywords):
    """Score each class by a weighted sum of the pixels: weights (pixels, classes)."""
    images = keras.Input(shape, name="images")
    dense = layers.Dense(np.shape(weights)[1], use_bias=False, name="logits", **keywords)
    model = keras.Model(images, dense(layers.Flatten(name="flatten")(images)))
    dense.set_weights([np.asarray(weights, "float32")])
    return model


@pytest.fixture
def one_pixel_net():
    """Class 1 reads the pixel in row 2, column 3 of a 4 x 5 image, times 7; class 0 nothing."""
    weights = np.zeros((4, 5, 2))
    weights[2, 3, 1] = 7
    return linear_net(weights.reshape(20, 2), (4, 5, 1))


@pytest.fixture
def mean_net():
    """Class 0 scores the mean pixel of a 6 x 6 image, class 1 its negative."""
    images = keras.Input((6, 6, 1), name="images")
    x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="copy")(images)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(images, layers.Dense(2, use_bias=False, name="logits")(x))
    model.get_layer("logits").set_weights([np.array([[1.0, -1.0]])])
    return model


def base_layers(x):
    """Two convolutions with pooling and batch norm between."""
    x = layers.Rescaling(1 / 255, name="rescaling")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = layers.Conv2D(6, 3, name="conv2")(x)
    x = layers.BatchNormalization(name="norm2")(x)
    x = layers.ReLU(name="relu2")(x)
    return layers.MaxPooling2D(name="pool2")(x)


def model_of_kind(kind, softmax=False):
    """Build the same net as "flat", "nested" (a model in a model) or "sequential"."""
    keras.utils.set_random_seed(3)
    images = keras.Input((16, 16, 3), name="images")
    if kind == "flat":
        x = base_layers(images)
    elif kind == "nested":
        inner = keras.Input((16, 16, 3))
        x = keras.Model(inner, base_layers(inner), name="base")(images)
    else:
        inner = keras.Input((16, 16, 3))
        stack = keras.Model(inner, base_layers(inner)).layers
        x = keras.Sequential(stack, name="stack")(images)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(5, name="logits", activation="softmax" if softmax else None)(x)
    return keras.Model(images, x)


@pytest.fixture
def sixteen():
    """Three uint8 images for `model_of_kind`."""
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype("uint8")


@pytest.fixture
def make_linear_net():
    return linear_net


@pytest.fixture
def make_model():
    return model_of_kind
