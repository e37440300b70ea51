"""The sums of a convolutional network: how large, how many, and which numbers come out?

In plain NumPy, to be read and checked by hand; as `keras.layers.Conv2D`, `MaxPooling2D` and
`AveragePooling2D`.

Source: Dumoulin & Visin (2016), "A guide to convolution arithmetic for deep learning",
https://arxiv.org/abs/1603.07285, for the sizes. Araujo, Norris & Sim (2019), "Computing Receptive
Fields of Convolutional Neural Networks", https://doi.org/10.23915/distill.00021, equation 2.
"""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnbook._checks import checked


@checked
def output_size(input_size: int, kernel_size: int, padding: int = 0, strides: int = 1) -> int:
    """Count the places at which a filter stops along one axis: (W - F + 2P) / S + 1.

    Args:
        input_size: W, pixels along the axis, at least 1.
        kernel_size: F, pixels the filter covers, at least 1; not the number of filters.
        padding: P, zeros put at each of the two ends, at least 0.
        strides: S, pixels from one stop to the next, at least 1.

    Returns:
        Outputs along the axis, at least 1.

    Raises:
        ValueError: If the filter is larger than the padded input, or leaves some pixels uncovered,
            which Keras leaves out (see `convolve`); names the nearest choices that fit.

    Example:
        >>> output_size(input_size=28, kernel_size=5)
        24
        >>> output_size(input_size=227, kernel_size=11, strides=4)
        55
    """
    input_size, kernel_size, strides = _whole(
        1, input_size=input_size, kernel_size=kernel_size, strides=strides
    )
    (padding,) = _whole(0, padding=padding)
    span = input_size - kernel_size + 2 * padding
    if span < 0:
        needed = math.ceil((kernel_size - input_size) / 2)
        raise ValueError(
            f"`kernel_size` must be at most `input_size` + 2 * `padding` = {span + kernel_size};"
            f" got {kernel_size}. Use a smaller filter or padding {needed}."
        )
    if span % strides:
        choices = _choices_that_fit(input_size, kernel_size, padding, strides)
        raise ValueError(
            f"`strides` must divide `input_size` - `kernel_size` + 2 * `padding` = {span}; got "
            f"{strides}, an output of {span / strides + 1:.4g}. Nearest valid choices: {choices}."
        )
    return span // strides + 1


@checked
def convolve(
    images: np.ndarray,
    kernels: np.ndarray,
    strides: int = 1,
    padding: Literal["valid", "same"] = "valid",
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """Slide every kernel over every image, as `keras.layers.Conv2D` does.

    Each output is the sum of products of a kernel with the patch below it, over all channels.
    The kernel is not flipped: mathematicians call this a cross-correlation.

    Args:
        images: (batch, height, width, channels), any number type; integers do not overflow.
        kernels: (kernel_height, kernel_width, channels, filters).
        strides: Pixels from one stop to the next; what no full step reaches is left out.
        padding: "valid" for none. "same" puts zeros around until the output has
            ceil(size / strides) rows and columns; an odd zero goes to the bottom or the right.
        bias: (filters,), added to every output of its filter. Default: none.

    Returns:
        (batch, out_height, out_width, filters), float32 or, if an input needs it, float64.

    Raises:
        ValueError: If shapes do not fit one another, or an argument is not legal.

    Example:
        >>> image = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]).reshape(1, 3, 3, 1)
        >>> kernel = np.array([[1, 0], [0, -1]]).reshape(2, 2, 1, 1)
        >>> convolve(image, kernel)[0, :, :, 0]
        array([[-4., -4.],
               [-4., -4.]])
    """
    images, kernels = _checked_images(images), np.asarray(kernels)
    (strides,) = _whole(1, strides=strides)
    if kernels.ndim != 4 or kernels.shape[2] != images.shape[3] or 0 in kernels.shape[:2]:
        raise ValueError(
            "`kernels` must be (kernel_height, kernel_width, channels, filters) with the "
            f"{images.shape[3]} channels of `images`; got shape {kernels.shape}."
        )
    if padding not in ("valid", "same"):
        raise ValueError(f"`padding` must be 'valid' or 'same'; got {padding!r}.")
    if bias is not None and np.shape(bias) != kernels.shape[3:]:
        words = f"`bias` must have one value a filter, {kernels.shape[3:]}; got"
        raise ValueError(f"{words} shape {np.shape(bias)}.")
    dtype = np.result_type(images, kernels, np.float32)
    if padding == "same":
        around = [_same_padding(images.shape[1 + i], kernels.shape[i], strides) for i in (0, 1)]
        images = np.pad(images, ((0, 0), *around, (0, 0)))
    windows = _windows(images, kernels.shape[:2], strides).astype(dtype)
    # (batch, rows, columns, channels, kernel_height, kernel_width): sum over the last three
    outputs = np.tensordot(windows, kernels.astype(dtype), axes=([4, 5, 3], [0, 1, 2]))
    return outputs if bias is None else outputs + np.asarray(bias, dtype)


@checked
def pool(
    images: np.ndarray,
    pool_size: int = 2,
    strides: int | None = None,
    mode: Literal["max", "average"] = "max",
) -> np.ndarray:
    """Replace each square window by its largest value or its mean, channel by channel.

    Args:
        images: (batch, height, width, channels), any number type.
        pool_size: Height and width of the window in pixels.
        strides: Pixels from one window to the next; what no full step reaches is left out.
            Default: `pool_size`, so that windows touch and do not overlap.
        mode: "max" or "average".

    Returns:
        (batch, out_height, out_width, channels); "average" of integers is float64.

    Raises:
        ValueError: If the window does not fit in the images, or an argument is not legal.

    Example:
        >>> image = np.array([[1, 2, 5, 6], [3, 4, 7, 8]]).reshape(1, 2, 4, 1)
        >>> pool(image)[0, :, :, 0]
        array([[4, 8]])
        >>> pool(image, mode="average")[0, :, :, 0]
        array([[2.5, 6.5]])
    """
    strides = pool_size if strides is None else strides
    pool_size, strides = _whole(1, pool_size=pool_size, strides=strides)
    if mode not in ("max", "average"):
        raise ValueError(f"`mode` must be 'max' or 'average'; got {mode!r}.")
    windows = _windows(_checked_images(images), (pool_size, pool_size), strides)
    return windows.max(axis=(4, 5)) if mode == "max" else windows.mean(axis=(4, 5))


@checked
def receptive_field(layers: Iterable[tuple[int, int] | Any]) -> int:
    """Measure how far, along one axis, one output of a stack of layers looks back at the input.

    Args:
        layers: (kernel_size, strides) of each convolution or pooling layer, first layer first.

    Returns:
        Pixels from the first it depends on to the last, with all between; 1 for no layers.

    Raises:
        ValueError: If a layer is not a pair of whole numbers of at least 1.

    Example:
        >>> receptive_field([(3, 1), (3, 1), (3, 1)])
        7
        >>> receptive_field([(3, 1), (2, 2), (3, 1)])  # a pooling layer in between
        8
    """
    field, step = 1, 1  # step: input pixels between two neighbours of the layer reached so far
    for index, layer in enumerate(layers):
        try:
            kernel_size, strides = layer
        except (TypeError, ValueError):
            words = f"`layers` must hold (kernel_size, strides) pairs; got {layer!r}."
            raise ValueError(words) from None
        kernel_size, strides = _whole(
            1, f"layers[{index}] ", kernel_size=kernel_size, strides=strides
        )
        field += (kernel_size - 1) * step
        step *= strides
    return field


@checked
def count_parameters(
    inputs: int, outputs: int, kernel_size: int | Sequence[int] = 1, bias: bool = True
) -> int:
    """Count the trainable numbers of a convolution, or of a dense layer, by formula.

    Args:
        inputs: Channels that come in; for a dense layer, values that come in.
        outputs: Filters; for a dense layer, neurons.
        kernel_size: Pixels along each side of a square filter, or of each of its sides, of any
            number; 1 for a dense layer.
        bias: Whether each filter or neuron adds a number of its own.

    Returns:
        Weights plus biases.

    Raises:
        ValueError: If a size is not a whole number of at least 1.

    Example:
        >>> count_parameters(inputs=3, outputs=1, kernel_size=5)  # 75 weights and a bias
        76
        >>> count_parameters(inputs=32 * 32 * 3, outputs=1, bias=False)  # one dense neuron
        3072
    """
    inputs, outputs = _whole(1, inputs=inputs, outputs=outputs)
    given: Any = (kernel_size, kernel_size) if np.ndim(kernel_size) == 0 else kernel_size
    sides = [side for each in given for side in _whole(1, kernel_size=each)]
    return math.prod(sides) * inputs * outputs + bool(bias) * outputs


def _windows(images: np.ndarray, window: tuple[int, int], strides: int) -> np.ndarray:
    """All windows as a view: (batch, rows, columns, channels, window_height, window_width)."""
    if images.shape[1] < window[0] or images.shape[2] < window[1]:
        raise ValueError(
            f"`images` must be at least as large as the {window[0]}x{window[1]} window; got "
            f"{images.shape[1]}x{images.shape[2]} pixels. Use a smaller window or pad the images."
        )
    return sliding_window_view(images, window, axis=(1, 2))[:, ::strides, ::strides]


def _same_padding(size: int, kernel_size: int, strides: int) -> tuple[int, int]:
    """Zeros before and after one axis, so that the output has ceil(size / strides) values."""
    total = max((math.ceil(size / strides) - 1) * strides + kernel_size - size, 0)
    return total // 2, total - total // 2


def _choices_that_fit(input_size: int, kernel_size: int, padding: int, strides: int) -> str:
    """For each argument, the next value below and above that alone makes the others fit."""

    def fits(input_size: int, padding: int, strides: int) -> bool:
        span = input_size - kernel_size + 2 * padding
        return min(input_size, strides) > 0 and span >= 0 and span % strides == 0

    given = {"input_size": input_size, "padding": padding, "strides": strides}
    choices = []
    for name, value in given.items():
        candidates = range(input_size + 2 * padding + strides + 1)
        valid = [choice for choice in candidates if fits(**given | {name: choice})]
        below = [choice for choice in valid if choice < value][-1:]
        above = [choice for choice in valid if choice > value][:1]
        if below or above:
            choices.append(f"{name} " + " or ".join(map(str, below + above)))
    return ", or ".join(choices)


def _checked_images(images: np.ndarray) -> np.ndarray:
    """Return an array of images."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            f"`images` must have 4 axes (batch, height, width, channels); got shape {images.shape}."
            " Add the missing ones: image[None, :, :, None] for one grey image."
        )
    return images


def _whole(lowest: int, place: str = "", **values: int) -> list[int]:
    """Return counts as Python's integers, which do not overflow; refuse what is none by name."""
    for name, value in values.items():
        if not isinstance(value, Integral) or value < lowest:
            words = f"`{place}{name}` must be a whole number, at least {lowest}; got {value!r}."
            raise ValueError(words)
    return [int(value) for value in values.values()]
