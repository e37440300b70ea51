"""What do kernel, stride and padding do to a picture? Sliders, and the answer beside them.

Every answer is drawn where its window lies: without padding a rim is missing, with a stride the
squares are larger.

Source: Dumoulin & Visin (2016), "A guide to convolution arithmetic for deep learning",
https://arxiv.org/abs/1603.07285, for the sizes.
"""

import functools
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import sliding_window_view

try:
    import ipywidgets
    import traitlets
except ModuleNotFoundError:
    raise ModuleNotFoundError("widgets need ipywidgets: pip install ipywidgets") from None

from cnnbook._checks import as_array_of_any
from cnnbook._colors import COLORS, color_scale
from cnnbook.widgets._figures import AS_LARGE_AS_IT_IS, as_mimebundle, as_png

NAMES = ("picture", "kernel", "strides", "padding")
Arrays = Mapping[str, np.ndarray]
STRIDES, PADDINGS = (1, 2, 3, 4), (0, 1, 2, 3)
KERNELS = {
    "vertical edges": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "blur 3×3": np.full((3, 3), 1 / 9),
    "blur 5×5": np.full((5, 5), 1 / 25),
    "blur 7×7": np.full((7, 7), 1 / 49),
    "copy": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
}


class ConvolutionWidget(traitlets.HasTraits):
    """A picture, a kernel and its answers; `convolution_widget` makes it.

    `picture` and `kernel` (names), `strides` and `padding` may be set: sliders and figure follow.
    """

    picture, kernel, strides, padding = (traitlets.Any() for _ in range(4))

    def __init__(self, pictures: Arrays, kernels: Arrays, strides: int, padding: int) -> None:
        self.pictures, self.kernels = pictures, kernels
        choices = [*pictures], [*kernels], STRIDES, PADDINGS
        self.choices = dict(zip(NAMES, choices, strict=True))
        picture, kernel = choices[0][0], choices[1][0]
        super().__init__(picture=picture, kernel=kernel, strides=strides, padding=padding)

    @traitlets.validate(*NAMES)
    def _check(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        choices = {str(choice): choice for choice in self.choices[name]}
        if str(value) not in choices:
            raise ValueError(f"`{name}` must be one of: {', '.join(choices)}; got {value!r}.")
        return choices[str(value)]

    @property
    def output(self) -> np.ndarray:
        """The answers, (height, width). What the last full step does not reach is left out.

        The kernel is not turned: mathematicians call this a cross-correlation.
        """
        kernel = self.kernels[self.kernel]
        padded = np.pad(self.pictures[self.picture], self.padding)
        windows = sliding_window_view(padded, kernel.shape)[:: self.strides, :: self.strides]
        return np.asarray(np.einsum("rcij,ij->rc", windows, kernel))

    def draw(self) -> Figure:
        """Draw picture, kernel and output side by side, their sizes in the titles."""
        picture = np.pad(self.pictures[self.picture], self.padding)
        kernel, output = self.kernels[self.kernel], self.output
        tall = min(picture.shape[0] / picture.shape[1], 1.2)
        look: dict[str, Any] = {"figsize": (9, 1.1 + 3.2 * tall), "layout": "constrained"}
        figure, (left, middle, right) = plt.subplots(1, 3, width_ratios=(4, 2.2, 4), **look)
        left.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if self.padding:
            corner, sides = self.padding - 0.5, np.array(picture.shape[::-1]) - 2 * self.padding
            left.add_patch(Rectangle((corner, corner), *sides, fill=False, edgecolor=COLORS[4]))
        middle.imshow(kernel, **color_scale(kernel, "gray"))
        for (row, column), value in np.ndenumerate(kernel):
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0}
            text = middle.text(column, row, f"{value:.2g}", ha="center", va="center", bbox=box)
            text.set_fontsize(max(6, 14 - 1.5 * len(kernel)))
        answers = right.imshow(output, **color_scale(output, "gray"))
        top, start = ((size - 1 - self.strides) / 2 for size in kernel.shape)
        bottom, end = np.add((top, start), self.strides * np.array(output.shape))
        answers.set(extent=(start, end, bottom, top), interpolation="nearest")
        right.set(xlim=left.get_xlim(), ylim=left.get_ylim(), facecolor="#DDDDDD")
        figure.colorbar(answers, ax=right, shrink=0.8).ax.tick_params(labelsize=8)
        name = "picture and zeros" if self.padding else "picture"
        shown = (left, name, picture), (middle, "kernel", kernel), (right, "output", output)
        for axes, name, array in shown:
            axes.set_title(f"{name}, {array.shape[0]}×{array.shape[1]}", fontsize=9)
            axes.set(xticks=[], yticks=[])
        settings = f"{self.kernel}, stride {self.strides}, padding {self.padding}"
        figure.suptitle(f"{settings}\nrows {self._sum(0)}; columns {self._sum(1)}", fontsize=10)
        return figure

    def _sum(self, axis: int) -> str:
        """Write out how many answers there are along one axis, and why."""
        sizes = (self.pictures[self.picture].shape[axis], self.kernels[self.kernel].shape[axis])
        exact = (sizes[0] - sizes[1] + 2 * self.padding) / self.strides + 1
        so = "" if exact == int(exact) else f", so {int(exact)}"
        return f"({sizes[0]} - {sizes[1]} + 2·{self.padding}) / {self.strides} + 1 = {exact:g}{so}"

    @functools.cached_property
    def controls(self) -> dict[str, ipywidgets.Widget]:
        """The lists and sliders by name, and the live picture as "figure"; made when first used."""
        controls = {
            "picture": ipywidgets.Dropdown(options=self.choices["picture"]),
            "kernel": ipywidgets.Dropdown(options=self.choices["kernel"]),
            "strides": ipywidgets.IntSlider(min=STRIDES[0], max=STRIDES[-1]),
            "padding": ipywidgets.IntSlider(min=PADDINGS[0], max=PADDINGS[-1]),
        }
        for name, control in controls.items():
            control.description = name
            traitlets.link((self, name), (control, "value"))
        figure = ipywidgets.Image(value=as_png(self.draw()), layout=AS_LARGE_AS_IT_IS)
        self.observe(lambda change: figure.set_trait("value", as_png(self.draw())), NAMES)
        return controls | {"figure": figure}

    @functools.cached_property
    def box(self) -> ipywidgets.VBox:
        """What a live notebook shows: the controls in two columns, the picture below."""
        *inputs, figure = self.controls.values()
        columns = ipywidgets.VBox(inputs[:2]), ipywidgets.VBox(inputs[2:])
        return ipywidgets.VBox([ipywidgets.HBox(columns), figure])

    def __repr__(self) -> str:
        sizes = ["×".join(map(str, a.shape)) for a in (self.pictures[self.picture], self.output)]
        settings = f"stride {self.strides}, padding {self.padding}"
        return f"<{self.kernel} on {self.picture}, {settings}: {sizes[0]} to {sizes[1]}>"

    _repr_mimebundle_ = as_mimebundle


# Not `checked`: each argument is refused below, in better words.
def convolution_widget(
    pictures: Arrays, kernels: Arrays = KERNELS, *, strides: int = 1, padding: int = 0
) -> ConvolutionWidget:
    """Show what kernels do to pictures, with a choice of picture, kernel, stride and padding.

    Args:
        pictures: By name, (height, width), or with 1 or 3 channels last, which are averaged.
            Integers in [0, 255] or floats in [0, 1]. Those of 60 to 200 pixels a side show best.
        kernels: By name, (kernel_height, kernel_width). Default: edges, blurs and others.
        strides: Pixels from one stop to the next at the start, 1 to 4.
        padding: Zeros put on each side at the start, 0 to 3.

    Returns:
        A widget, to be the last line of a cell. Its `output` are the answers, (out_height,
        out_width), at first for the first picture and kernel.

    Raises:
        ValueError: If there is no picture or kernel, or an argument is not what is said above.

    Example:
        >>> widget = convolution_widget({"stairs": np.eye(9)}, strides=2)
        >>> widget
        <vertical edges on stairs, stride 2, padding 0: 9×9 to 4×4>
        >>> widget.padding = 1
        >>> widget.output.shape
        (5, 5)
    """
    for name, arrays in (("pictures", pictures), ("kernels", kernels)):
        if not isinstance(arrays, Mapping) or not arrays:
            words = f"`{name}` must map one or more names to arrays; got {arrays!r:.40}."
            raise ValueError(f'{words} Pass {{"my own": array}}.')
    kernels = {name: _checked_matrix("kernels", name, kernel) for name, kernel in kernels.items()}
    gray, largest = {}, np.max([kernel.shape for kernel in kernels.values()], axis=0)
    for name, picture in pictures.items():
        array = as_array_of_any(picture)
        white = 255 if np.issubdtype(array.dtype, np.integer) else 1
        if array.ndim == 3 and array.shape[2] in (1, 3) and array.dtype.kind in "buif":
            array = array.mean(axis=-1)
        gray[name] = (_checked_matrix("pictures", name, array) / white).clip(0, 1)
        if (gray[name].shape < largest).any():
            raise ValueError(
                f"`pictures` must be at least as large as every kernel, {largest[0]}×{largest[1]};"
                f" {name!r} has {array.shape[0]}×{array.shape[1]}. Pass a larger picture."
            )
    return ConvolutionWidget(gray, kernels, strides, padding)


def _checked_matrix(argument: str, name: str, values: object) -> np.ndarray:
    """Return the values as floats, or refuse what is not a matrix of finite numbers."""
    array = as_array_of_any(values)
    is_matrix = array.ndim == 2 and array.size and array.dtype.kind in "buif"
    if not is_matrix or not np.isfinite(array).all():
        channels = ", or (height, width, 1 or 3)" if argument == "pictures" else ""
        raise ValueError(
            f"`{argument}` must hold finite numbers, (height, width){channels}; {name!r} is"
            f" {array.dtype} of shape {array.shape}. Pass one without a batch axis."
        )
    return array.astype(float)
