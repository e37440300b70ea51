"""Layers and blocks that two families of networks have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from cnnbook._checks import checked

Colors = tuple[float, float, float]
Block = Callable[[keras.KerasTensor, int, int, str], keras.KerasTensor]
# Red, green, blue of the training images of ImageNet, in units of 255: means, deviations.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Blocks in the stages 2 to 5 of the ResNets whose blocks have three convolutions, by depth.
BOTTLENECKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@keras.saving.register_keras_serializable(package="cnnbook")
class LocalResponseNormalization(layers.Layer):
    """Divide each value by the strength of the values beside it, in the neighbouring maps.

    Maps (batch, h, w, c) to maps of the same shape: a / (k + alpha * sum of squares) ** beta, the
    sum over the map itself and two maps on each side. Caffe and PyTorch divide the sum by 5: there
    alpha = 5e-4 does the same.

    Args:
        neighbors: Over how many maps to sum, an odd number.
        k: What is added to the sum.
        alpha: Weight of the sum.
        beta: Power of the divisor.
        **keywords: What every Keras layer takes, such as name.

    Raises:
        ValueError: If `neighbors` is not odd, or an argument of another type.
    """

    @checked
    def __init__(
        self,
        neighbors: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        if neighbors < 1 or neighbors % 2 == 0:
            raise ValueError(
                f"`neighbors` must be odd, as many on each side; got {neighbors}. AlexNet has 5."
            )
        self.neighbors, self.k, self.alpha, self.beta = neighbors, k, alpha, beta

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Normalise."""
        channels, side = maps.shape[-1], self.neighbors // 2
        squares = ops.pad(maps**2, ((0, 0), (0, 0), (0, 0), (side, side)))
        total = sum(squares[..., n : n + channels] for n in range(self.neighbors))
        return maps / (self.k + self.alpha * total) ** self.beta

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say that the shape stays."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Say how to build this layer again."""
        names = ("neighbors", "k", "alpha", "beta")
        return super().get_config() | {name: getattr(self, name) for name in names}


def padded_conv_norm(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    name: str,
    strides: int = 1,
    use_bias: bool = False,
    kernel_initializer: str = "he_uniform",
) -> keras.KerasTensor:
    """Convolve with zeros around the maps, then normalise over the batch.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters). With strides,
    Keras' padding="same" would lay fewer zeros on the left than on the right, and the filters'
    centres would not be the values that the shortcut takes. ("he_uniform" is drawn in a third of
    the time of "he_normal".)
    """
    padding = "same"
    if kernel_size > 1 and strides > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    start = {"use_bias": use_bias, "kernel_initializer": kernel_initializer}
    x = layers.Conv2D(filters, kernel_size, strides, padding, name=name, **start)(x)
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_norm")(x)


def photo_stem(x: keras.KerasTensor, use_bias: bool = False) -> keras.KerasTensor:
    """Begin as ResNet does: 64 filters of 7x7, ReLU and pooling, each side a quarter of before."""
    x = padded_conv_norm(x, 64, 7, "conv1", strides=2, use_bias=use_bias)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1")(x)


def residual_stages(
    x: keras.KerasTensor, blocks: Sequence[int], block: Block, filters: int = 64, first: int = 2
) -> keras.KerasTensor:
    """Put the blocks of each stage in a row: `block(x, filters, strides, name)`.

    From stage to stage there are twice as many filters, and the first block halves the sides. The
    first stage, whose number in the names is `first`, keeps the sides.
    """
    for stage, count in enumerate(blocks):
        for number in range(1, count + 1):
            strides = 2 if number == 1 and stage > 0 else 1
            x = block(x, filters * 2**stage, strides, f"stage{first + stage}_block{number}")
    return x


def halved_and_widened(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Take every second pixel, and as many channels of zeros as there are channels.

    Maps (batch, h, w, c) to (batch, ceil(h / 2), ceil(w / 2), 2c): He and others' option A.
    """
    x = layers.MaxPooling2D(1, strides=2, name=f"{name}_every_second")(x)
    zeros = layers.Rescaling(0.0, name=f"{name}_zeros")(x)
    return layers.Concatenate(name=f"{name}_shortcut")([x, zeros])


def standardized(images: keras.KerasTensor, means: Colors, deviations: Colors) -> keras.KerasTensor:
    """Bring pixels of 0 to 255 to mean 0 and standard deviation 1, each colour by itself."""
    scale = [1 / (255 * deviation) for deviation in deviations]
    offset = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    # Three axes: one it would turn at each call where keras.json says channels_first.
    return layers.Rescaling([[scale]], offset=offset, name="rescaling")(images)


def inverted_residual(
    x: keras.KerasTensor, row: tuple[int, int, int, int], name: str, momentum: float = 0.99
) -> keras.KerasTensor:
    """Widen the maps, filter each alone, narrow them without an activation; add where sizes match.

    Sandler and others (2018), https://arxiv.org/abs/1801.04381, figure 4d. Maps (batch, h, w, c) to
    (batch, ceil(h / strides), ceil(w / strides), filters), where `row` is
    (kernel_size, strides, expansion, filters).
    """
    shortcut, (kernel_size, strides, expansion, filters) = x, row
    if expansion > 1:
        width = expansion * x.shape[-1]
        x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_expand")(x)
        x = norm_relu6(x, f"{name}_expand", momentum)
    own = f"{name}_depthwise"
    x = layers.DepthwiseConv2D(kernel_size, strides, "same", use_bias=False, name=own)(x)
    x = norm_relu6(x, own, momentum)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_project_norm")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x]) if x.shape == shortcut.shape else x


def norm_relu6(x: keras.KerasTensor, name: str, momentum: float = 0.99) -> keras.KerasTensor:
    """Normalise over the batch and cut below 0 and above 6; the shape stays."""
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(x)
    return layers.ReLU(6, name=f"{name}_relu")(x)


def take_official_weights(model: keras.Model, name: str) -> None:
    """Give a model the weights of ImageNet of the network of that name in keras.applications.

    A grouped convolution of one filter a map keeps there in (h, w, 1, c) what a depthwise one
    keeps in (h, w, c, 1): the same numbers in the same order.
    """
    official = getattr(keras.applications, name)(weights="imagenet", classifier_activation=None)
    pairs = zip(official.get_weights(), model.weights, strict=True)
    model.set_weights([values.reshape(own.shape) for values, own in pairs])
