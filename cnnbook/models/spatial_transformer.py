"""Can a network learn to turn its picture upright before it looks? A spatial transformer.

Source: Jaderberg, Simonyan, Zisserman & Kavukcuoglu (2015), "Spatial Transformer Networks",
https://arxiv.org/abs/1506.02025, figure 2 and section 3: a localisation net says how to move the
picture, an affine sampler moves it, a classifier sees the result.
Differs from the paper: the widths of the localisation net and of the classifier are ours.
"""

from typing import Any

import keras
from keras import layers, ops

from cnnbook._checks import checked
from cnnbook.models._checks import check_arguments, check_side, checked_builder


@checked_builder
def build_spatial_transformer(
    image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10
) -> keras.Model:
    """Build an uncompiled classifier that first moves its picture; untrained, leaves it as it is.

    Args:
        image_shape: (height, width, channels) of one image, at least 16 x 16.
        num_classes: Width of the last layer, 2 or more.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling"; "locate_conv1", "_pool1", "_conv2",
        "_pool2", "_flatten", "_dense", "theta"; "sampler", the moved picture, 0 to 1; "conv1",
        "pool1", "conv2", "pool2", "flatten", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_spatial_transformer()
        >>> model.get_layer("theta").output.shape, model.get_layer("sampler").output.shape
        ((None, 6), (None, 28, 28, 1))
    """
    check_arguments(image_shape, num_classes)
    check_side(image_shape, 16, "two convolutions of 5 x 5, two poolings must leave something")

    images = keras.Input(image_shape, name="images")
    picture = layers.Rescaling(1 / 255, name="rescaling")(images)

    x = layers.Conv2D(20, 5, activation="relu", name="locate_conv1")(picture)
    x = layers.MaxPooling2D(2, name="locate_pool1")(x)
    x = layers.Conv2D(20, 5, activation="relu", name="locate_conv2")(x)
    x = layers.MaxPooling2D(2, name="locate_pool2")(x)
    x = layers.Flatten(name="locate_flatten")(x)
    x = layers.Dense(32, activation="relu", name="locate_dense")(x)
    start = {"kernel_initializer": "zeros", "bias_initializer": _identity_transform}
    # Positions need more digits than 16 bits have.
    theta = layers.Dense(6, dtype="float32", name="theta", **start)(x)
    x = AffineSampler(dtype="float32", name="sampler")(picture, theta)

    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="spatial_transformer")


@keras.saving.register_keras_serializable(package="cnnbook", name="identity_transform")
def _identity_transform(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    """Give the six numbers of theta that leave a picture as it is."""
    return ops.reshape(ops.convert_to_tensor([1, 0, 0, 0, 1, 0], dtype=dtype), shape)


@keras.saving.register_keras_serializable(package="cnnbook")
class AffineSampler(layers.Layer):
    """Take a picture's pixels at other places: move, turn, scale, shear.

    theta = (a, b, c, d, e, f) says where each pixel (x, y) of the result comes from: from
    (a x + b y + c, d x + e y + f) of the picture. Both count from -1, the centre of the first
    column (row), to 1, the centre of the last. Between pixels the value is bilinear, the mean of
    the four around, weighted by nearness; outside the picture all is 0. Called with pictures
    (batch, h, w, c) and theta (batch, 6), it gives pictures of the same or of the given size.

    Args:
        size: (height, width) of the result; None for that of the picture.
        **keywords: What every Keras layer takes, such as name.
    """

    @checked
    def __init__(self, size: tuple[int, int] | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.size = None if size is None else tuple(size)

    def call(self, pictures: keras.KerasTensor, theta: keras.KerasTensor) -> keras.KerasTensor:
        """Sample."""
        height, width, channels = pictures.shape[1:]
        rows, columns = self.size or (height, width)
        x, y = ops.meshgrid(ops.linspace(-1.0, 1.0, columns), ops.linspace(-1.0, 1.0, rows))
        grid = ops.stack([ops.ravel(x), ops.ravel(y), ops.ones(rows * columns)])
        source = ops.matmul(ops.reshape(theta, (-1, 2, 3)), ops.cast(grid, theta.dtype))
        # In pixels, and never so far away that a whole number could not say where.
        x = ops.clip((source[:, 0] + 1) * (width - 1) / 2, -2, width + 1)
        y = ops.clip((source[:, 1] + 1) * (height - 1) / 2, -2, height + 1)
        left, top = ops.floor(x), ops.floor(y)
        right_share, bottom_share = x - left, y - top

        pixels = ops.reshape(pictures, (-1, height * width, channels))
        total = 0
        for column, x_share in ((left, 1 - right_share), (left + 1, right_share)):
            for row, y_share in ((top, 1 - bottom_share), (top + 1, bottom_share)):
                inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
                place = ops.clip(row, 0, height - 1) * width + ops.clip(column, 0, width - 1)
                found = ops.take_along_axis(pixels, ops.cast(place, "int32")[..., None], axis=1)
                share = x_share * y_share * ops.cast(inside, theta.dtype)
                total = total + found * share[..., None]
        return ops.reshape(total, (-1, rows, columns, channels))

    def get_config(self) -> dict[str, Any]:
        """Say how to build this layer again."""
        return super().get_config() | {"size": self.size}
