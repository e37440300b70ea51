"""How do the maps shrink and multiply from layer to layer? A network as a row of blocks."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Protocol

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from cnnbook._checks import checked
from cnnbook.plots._draw import plain

TALLEST, WIDEST = 1.5, 7.2  # inches: the largest map, and the whole figure
ASLANT = 0.35  # of its length is a map's width drawn, to the right and upwards
DEPTH, BAR = 0.055, 0.11  # inches: a block of one map; a step of a bar
SLOT, GAP = 0.72, 0.12  # inches: the least room for a block, for the text below; between blocks
FRONT, SIDE, TOP = "#9ecae1", "#6baed6", "#c6dbef"
NUMBERS = "#a1d99b"  # of what is no map any more


class SizedLayer(Protocol):
    """What is drawn; the rows of `cnnbook.deploy.costs.layer_costs` have it."""

    @property
    def name(self) -> str:
        """What stands below its block."""

    @property
    def output_shape(self) -> Sequence[int]:
        """Of one picture."""


@checked
@plain
def plot_map_sizes(layers: Sequence[SizedLayer], *, title: str | None = None) -> Figure:
    r"""Draw a network, or a part of it, as blocks of the size of the maps that each layer gives.

    Heights and widths are to scale; the depth is that of the square root of the number of maps, for
    three and a thousand must both be seen. What is no map any more, such as the answers of a dense
    layer, is a bar, a step higher each time their number doubles. A layer that gives the same shape
    as the one before it has no block of its own.

    Args:
        layers: Objects with `name` and `output_shape`, in their order: (height, width, maps), or
            (numbers,). At most 12 blocks fit: of a deep network, pass a choice of its layers.
        title: What the picture shows.

    Returns:
        The figure. Nothing is shown or saved here.

    Raises:
        ValueError: If there are no layers, one has another shape, or they make over 12 blocks.

    Example:
        >>> from collections import namedtuple
        >>> Layer = namedtuple("Layer", "name output_shape")
        >>> figure = plot_map_sizes([Layer("images", (28, 28, 1)), Layer("conv", (24, 24, 8))])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['images\n28×28×1', 'conv\n24×24×8']
    """
    shown = _blocks(layers)
    largest = max((max(shape[:2]) for _, shape in shown if len(shape) == 3), default=1)
    boxes = [_box(shape, TALLEST / largest) for _, shape in shown]
    widths = [max(SLOT, depth + aside) + GAP for depth, aside, _ in boxes]
    squeeze = min(1, WIDEST / sum(widths))
    height = max(up + aside for _, aside, up in boxes) * squeeze
    size = (max(3, sum(widths) * squeeze), height + 0.75 + (0.3 if title else 0))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    left = 0.0
    for (name, shape), box, width in zip(shown, boxes, widths, strict=True):
        depth, aside, up = (squeeze * inches for inches in box)
        room = squeeze * width
        start = left + (room - depth - aside) / 2
        _draw_box(axes, start, (depth, aside, up), len(shape) == 3)
        text = f"{str(name).replace('_', chr(10))}\n{'×'.join(map(str, shape))}"
        font = 9 if squeeze == 1 else 7
        axes.text(left + room / 2, -0.06, text, ha="center", va="top", fontsize=font)
        left += room
    axes.set(xlim=(0, left), ylim=(-0.6, height + 0.05), aspect="equal")
    axes.axis("off")
    axes.set_title(title or "", wrap=True)
    return figure


def _blocks(layers: Sequence[SizedLayer]) -> list[tuple[str, tuple[int, ...]]]:
    """Return name and shape of each layer that changes the shape, or refuse what has no picture."""
    shown: list[tuple[str, tuple[int, ...]]] = []
    for layer in layers:
        shape = tuple(layer.output_shape)
        if len(shape) not in (1, 3) or not all(isinstance(n, Integral) and n > 0 for n in shape):
            raise ValueError(
                "`layers` must each give (height, width, maps) or (numbers,), whole numbers above"
                f" 0; {layer.name!r} gives {shape}. Build the model for a fixed image size."
            )
        if not shown or shape != shown[-1][1]:
            shown.append((layer.name, shape))
    if not 1 <= len(shown) <= 12:
        words = f"`layers` must make 1 to 12 blocks; got {len(shown)}. Pass a choice of the layers."
        raise ValueError(words)
    return shown


def _box(shape: tuple[int, ...], scale: float) -> tuple[float, float, float]:
    """Return depth, the slant of the width, and height, in inches."""
    if len(shape) == 1:
        return 0.1, 0.0, BAR * (1 + math.log2(shape[0]))
    height, width, maps = shape
    return DEPTH * math.sqrt(maps), ASLANT * scale * width, scale * height


def _draw_box(axes: Axes, left: float, size: tuple[float, float, float], is_maps: bool) -> None:
    """Draw the front, the side that shows the maps, and the top, each behind what hides it."""
    depth, aside, up = size
    corners = [(left, 0), (left + depth, 0), (left + depth, up), (left, up)]
    line: dict[str, Any] = {"edgecolor": "#333333", "linewidth": 0.7, "closed": True}
    axes.add_patch(Polygon(corners, facecolor=SIDE if is_maps else NUMBERS, **line))
    if is_maps:
        _, near, upper, far = corners
        below, above, behind = ((x + aside, y + aside) for x, y in (near, upper, far))
        axes.add_patch(Polygon([near, below, above, upper], facecolor=FRONT, **line))
        axes.add_patch(Polygon([far, upper, above, behind], facecolor=TOP, **line))
