"""What did a CNN look like before backpropagation? Fukushima's neocognitron.

Source: the idea and the two kinds of cells: Fukushima (1980), "Neocognitron: A Self-organizing
Neural Network Model for a Mechanism of Pattern Recognition Unaffected by Shift in Position",
Biological Cybernetics 36, pages 193-202, https://doi.org/10.1007/BF00344251. The sizes: Fukushima
(1988), "Neocognitron: A Hierarchical Neural Network Capable of Visual Pattern Recognition", Neural
Networks 1, pages 119-130, https://doi.org/10.1016/0893-6080(88)90014-7, which reads digits.
Differs from the papers: it learns by backpropagation, where Fukushima let the strongest cell of a
place learn what it saw; so the first layer is given its patterns, those above start from random
ones and with a lower selectivity, and a cell's inhibition follows from its pattern. Ours are the
windows above the first layer, the C-cells' weights, which planes they join, the dense layer.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from cnnbook._checks import checked
from cnnbook.models._checks import check_arguments, check_side, checked_builder

# Lines of eight directions. A slope between two of the first four takes two patterns to draw.
LINES = (
    *("000 111 000", "001 010 100", "010 010 010", "100 010 001"),
    *("001 110 000", "000 011 100", "001 010 010", "010 010 100"),
    *("100 010 010", "010 010 001", "100 011 000", "000 110 001"),
)


@checked_builder
def build_neocognitron(
    image_shape: tuple[int, int, int] = (19, 19, 1),
    num_classes: int = 10,
    selectivity: Sequence[float] = (1.7, 0.3, 0.3, 0.3),
) -> keras.Model:
    """Build an uncompiled neocognitron of four stages, 30,768 parameters for digits.

    Args:
        image_shape: (height, width, channels) of one image, at least 19 x 19. Strokes should be 1
            to 3 pixels wide, bright on black.
        num_classes: Width of the last layer, 2 or more.
        selectivity: r of the S-cells of each of the four stages, above 0. A cell answers where what
            it sees is like its pattern, by a cosine above r / (1 + r).

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "s1", "c1" to "s4", "c4", "flatten",
        "logits". All values between them are 0 or more.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_neocognitron()
        >>> [model.get_layer(name).output.shape[1:] for name in ("s1", "c1", "s4")]
        [(19, 19, 12), (21, 21, 8), (3, 3, 11)]
    """
    check_arguments(image_shape, num_classes)
    check_side(image_shape, 19, "two halvings must leave 5 x 5 cells, and these 3 x 3")
    if len(selectivity) != 4 or not all(r > 0 for r in selectivity):
        raise ValueError(
            "`selectivity` must be four numbers above 0, one for each layer of S-cells; got "
            f"{selectivity}. Higher: a cell answers to fewer patterns."
        )
    r1, r2, r3, r4 = selectivity

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    x = SCells(12, 3, selectivity=r1, initializer=_line_patterns, name="s1")(x)
    x = CCells(8, 3, padding=2, name="c1")(x)
    x = SCells(38, 5, selectivity=r2, name="s2")(x)
    x = CCells(19, 5, padding=4, strides=2, name="c2")(x)
    x = SCells(35, 5, selectivity=r3, name="s3")(x)
    x = CCells(23, 5, padding=2, strides=2, name="c3")(x)
    x = SCells(11, 5, padding="valid", selectivity=r4, name="s4")(x)
    x = CCells(10, 3, name="c4")(x)
    x = layers.Flatten(name="flatten")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="neocognitron")


@keras.saving.register_keras_serializable(package="cnnbook")
class SCells(layers.Layer):
    """Planes of S-cells: the cells of one plane look for one pattern, each at its own place.

    A cell weighs what it sees by its pattern (excitation) and compares that with how much there is
    to see at all (inhibition): it answers where they agree in shape, however bright. Maps
    (batch, h, w, c) to (batch, h, w, planes); with padding "valid", kernel_size - 1 less a side.
    The weights "patterns" are (kernel_size, kernel_size, c, planes), 0 or more.

    Args:
        planes: How many patterns to look for.
        kernel_size: Side of the square that a cell sees, in pixels.
        padding: "same" or "valid", as for a convolution.
        selectivity: Above 0; what to ignore, r of the paper.
        initializer: What the patterns are at the start; None for random ones.
        **keywords: What every Keras layer takes, such as name.
    """

    @checked
    def __init__(
        self,
        planes: int,
        kernel_size: int,
        padding: Literal["same", "valid"] = "same",
        selectivity: float = 1.0,
        initializer: Callable | dict | str | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.planes, self.kernel_size = planes, kernel_size
        self.padding, self.selectivity = padding, selectivity
        try:
            self.initializer = keras.initializers.get(initializer or _random_patterns)
        except ValueError as error:
            raise ValueError(
                f"`initializer` must be a function or what Keras has one for; got {initializer!r}."
            ) from error

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make one pattern a plane."""
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.planes)
        self.patterns = self.add_weight(
            shape, self.initializer, constraint="non_neg", name="patterns"
        )

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Give the answers of all cells: 0 or more, about 1 for a bright perfect match."""
        r, gain = self.selectivity, 100.0
        options = {"padding": self.padding, "data_format": "channels_last"}
        mean = ops.ones_like(self.patterns[..., :1]) / math.prod(self.patterns.shape[:3])
        excitation = gain * ops.conv(maps, self.patterns * mean, **options)
        # The roots of the mean squares of what a cell sees, and of its pattern.
        seen = ops.sqrt(ops.conv(maps**2, mean, **options) + 1e-6)
        sought = ops.sqrt(ops.mean(self.patterns**2, axis=(0, 1, 2)) + 1e-6)
        inhibition = r / (1 + r) * gain * sought * seen
        return r * ops.relu((1 + excitation) / (1 + inhibition) - 1)

    def get_config(self) -> dict[str, Any]:
        """Say how to build this layer again."""
        names = ("planes", "kernel_size", "padding", "selectivity")
        config = {"initializer": keras.initializers.serialize(self.initializer)}
        return super().get_config() | config | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package="cnnbook")
class CCells(layers.Layer):
    """Planes of C-cells: each blurs one plane of S-cells, or two alike, and thins it out.

    So a pattern may move a little and the same C-cell still answers; nothing is trained. The first
    planes look at one plane each, the others at two neighbours. Maps (batch, h, w, c) of values 0
    or more to (batch, h', w', planes) of values from 0 to below 1, where h' =
    (h + 2 padding - pool_size) // strides + 1.

    Args:
        planes: How many planes; c / 2 at least, c at most.
        pool_size: Side of the square that a cell sees.
        padding: Rim of zeros around the planes.
        strides: 2 leaves out every other cell of a row and of a column.
        **keywords: What every Keras layer takes, such as name.
    """

    @checked
    def __init__(
        self, planes: int, pool_size: int, padding: int = 0, strides: int = 1, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.planes, self.pool_size = planes, pool_size
        self.padding, self.strides = padding, strides

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Work out the fixed connections."""
        channels = input_shape[-1]
        singles = 2 * self.planes - channels
        plane_of = [k if k < singles else (k + singles) // 2 for k in range(channels)]
        distance = np.arange(self.pool_size) - (self.pool_size - 1) / 2
        bell = np.exp(-((2 * distance / self.pool_size) ** 2))
        blur = bell[:, None] * bell
        self.connections = blur[:, :, None, None] * np.eye(self.planes)[plane_of]

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Give the answers of all cells."""
        rim = (self.padding, self.padding)
        maps = ops.pad(maps, ((0, 0), rim, rim, (0, 0)))
        kernel = ops.convert_to_tensor(self.connections, dtype=maps.dtype)
        total = ops.conv(maps, kernel, strides=self.strides, data_format="channels_last")
        return total / (1 + total)

    def get_config(self) -> dict[str, Any]:
        """Say how to build this layer again."""
        names = ("planes", "pool_size", "padding", "strides")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package="cnnbook", name="random_patterns")
def _random_patterns(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    """Give patterns from 0 to 1, half of them 0, so that no two are much alike."""
    return ops.relu(keras.random.uniform(shape, -1, 1, dtype=dtype))


@keras.saving.register_keras_serializable(package="cnnbook", name="line_patterns")
def _line_patterns(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    """Give the 12 patterns of LINES as weights (3, 3, channels, 12), the same in every channel."""
    patterns = np.array([[int(pixel) for pixel in line.replace(" ", "")] for line in LINES])
    patterns = patterns.T.reshape(3, 3, 1, len(LINES))
    return ops.convert_to_tensor(np.broadcast_to(patterns, shape), dtype=dtype)
