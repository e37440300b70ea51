"""What does a kernel do to a picture? The picture, the kernel with its numbers, the result.

Values with a sign: white is zero, red is positive, blue is negative, alike on both sides.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook._colors import color_scale
from cnnbook.plots._arguments import in_range
from cnnbook.plots._draw import CENTERED, draw_picture, make_panels, plain


@checked
@plain
def plot_kernel(
    image: np.ndarray, kernel: np.ndarray, result: np.ndarray, title: str | None = None
) -> Figure:
    """Draw picture, kernel and result side by side.

    Args:
        image: (height, width), (height, width, 1) or (height, width, 3). Integers in [0, 255] or
            floats in [0, 1] or [0, 255].
        kernel: (kernel_height, kernel_width). Up to 7 columns, its numbers are written into it.
        result: (out_height, out_width), the kernel's answer at each place, on any scale. A map
            with negative values is drawn signed, one without in grey from 0 to its maximum.
        title: What the whole picture shows.

    Returns:
        The figure: picture, kernel, result and its colour bar. Nothing is shown or saved here.

    Raises:
        ValueError: If an array has another rank or is empty.

    Example:
        >>> image = np.eye(6)
        >>> kernel = np.array([[-1, 1]])
        >>> figure = plot_kernel(image, kernel, image[:, 1:] - image[:, :-1])
        >>> [text.get_text() for text in figure.axes[1].texts]
        ['-1', '1']
    """
    image, kernel, result = np.asarray(image), np.asarray(kernel), np.asarray(result)
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)):
        words = "`image` must have shape (height, width), optionally with 1 or 3 channels last; got"
        raise ValueError(f"{words} shape {image.shape}. Pass one image, without a batch axis.")
    for name, array in (("kernel", kernel), ("result", result)):
        if array.ndim != 2 or not np.isfinite(array).all():
            words = f"`{name}` must be finite, (height, width); got shape {array.shape}."
            raise ValueError(f"{words} Choose one channel and one filter.")
    if 0 in (image.size, kernel.size, result.size):
        words = "`image`, `kernel` and `result` must hold values; got"
        raise ValueError(f"{words} shapes {image.shape}, {kernel.shape} and {result.shape}.")
    image = in_range("image", image)
    height = 0.7 + 3.1 * min(image.shape[0] / image.shape[1], 1)
    figure, panels = make_panels(1, 3, (9, height), title, 11, width_ratios=(4, 2.6, 4))
    left, middle, right = panels.flat
    draw_picture(left, image)
    middle.imshow(kernel, **color_scale(kernel, "gray"))
    if kernel.shape[1] <= 7:
        _write_numbers(middle, kernel)
    figure.colorbar(right.imshow(result, **color_scale(result, "gray")), ax=right, shrink=0.8)
    arrays = {"picture": image, "kernel": kernel, "result": result}
    for axes, (name, array) in zip(panels.flat, arrays.items(), strict=True):
        if array.shape[1] <= 250:  # there is room to show every pixel as a square
            axes.images[0].set_interpolation("nearest")
        axes.set_title(f"{name}, {array.shape[0]}×{array.shape[1]}", fontsize=9)
        axes.set(xticks=[], yticks=[])
    return figure


def _write_numbers(axes: Axes, kernel: np.ndarray) -> None:
    """Write every value into a square of its own, black on light and white on dark."""
    picture, size = axes.images[0], 11 if kernel.shape[1] <= 3 else 8
    axes.set_yticks(np.arange(0.5, kernel.shape[0] - 1), minor=True)
    axes.set_xticks(np.arange(0.5, kernel.shape[1] - 1), minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="#999999", linewidth=0.6)
    for (row, column), value in np.ndenumerate(kernel):
        red, green, blue, _ = picture.cmap(picture.norm(value))
        is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        color = "black" if is_light else "white"
        axes.text(column, row, f"{value:.3g}", **CENTERED, fontsize=size, color=color)
