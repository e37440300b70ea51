"""How are the layers of a block connected? Boxes from top to bottom, arrows where maps go."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import matplotlib.path
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from cnnbook._checks import checked
from cnnbook.plots._draw import CENTERED, plain

BOX_COLORS = {  # the first that is part of the kind's name counts
    "Conv": "#9ecae1",
    "Dense": "#a1d99b",
    "Pool": "#fdd0a2",
    "Add": "#f4a582",
    "Concat": "#f4a582",
    "Multiply": "#f4a582",
}
OTHER = "#eeeeee"
ARROW: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": "#333333"}
Stop = tuple[str, int]  # a layer and its row; or an arrow and a row that it passes
BOX_HEIGHT, ACROSS, DOWN = 0.34, 1.75, 0.62  # inches; boxes stand ACROSS and DOWN apart


class Layer(Protocol):
    """What is drawn; the rows of `cnnbook.deploy.costs.layer_costs` have it."""

    @property
    def name(self) -> str:
        """What others call it by."""

    @property
    def kind(self) -> str:
        """The name of its class."""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the layers before it."""

    @property
    def output_shape(self) -> Sequence[int]:
        """Of one picture."""


@checked
@plain
def plot_layer_graph(layers: Sequence[Layer], *, title: str | None = None) -> Figure:
    r"""Draw the layers of a block or a small network as a graph.

    Args:
        layers: Objects with `name`, `kind`, `inputs` (names of layers in the list) and
            `output_shape`, each after its inputs; at most 40.
        title: What the picture shows.

    Returns:
        The figure. Convolutions are blue, dense layers green, poolings yellow, layers that join
        branches red, others grey. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no layer, more than 40, or one that comes before its input.

    Example:
        >>> from collections import namedtuple
        >>> Layer = namedtuple("Layer", "name kind inputs output_shape")
        >>> images = Layer("images", "InputLayer", (), (8, 8, 3))
        >>> conv = Layer("conv", "Conv2D", ("images",), (6, 6, 4))
        >>> figure = plot_layer_graph([images, conv], title="One convolution")
        >>> [text.get_text() for text in figure.axes[0].texts][1]
        'conv\nConv2D, 6×6×4'
    """
    if not 1 <= len(layers) <= 40:
        raise ValueError(f"`layers` must be 1 to 40 layers; got {len(layers)}. Draw one block.")
    rows = _find_rows(layers)
    ways = _find_ways(layers, rows)
    places = _place(rows, ways)
    columns = [x for x, _ in places.values()]
    left, right = min(columns) - ACROSS / 2, max(columns) + ACROSS / 2
    depth = max(rows.values()) * DOWN + BOX_HEIGHT
    size = (min(9, max(3, right - left)), depth + 0.5)
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    for layer in layers:
        shape = "×".join(map(str, layer.output_shape))
        color = next((c for part, c in BOX_COLORS.items() if part in str(layer.kind)), OTHER)
        box = {"boxstyle": "round", "facecolor": color, "edgecolor": "#555555"}
        place, text = places[layer.name, rows[layer.name]], f"{layer.name}\n{layer.kind}, {shape}"
        axes.text(*place, text, **CENTERED, fontsize=7, bbox=box)
    for way in ways:
        (x, y), *passed, (to_x, to_y) = [places[stop] for stop in way]
        path = matplotlib.path.Path(
            [(x, y - BOX_HEIGHT / 2), *passed, (to_x, to_y + BOX_HEIGHT / 2)]
        )
        axes.add_patch(FancyArrowPatch(path=path, **ARROW))
    axes.set(xlim=(left, right), ylim=(BOX_HEIGHT / 2 - depth, BOX_HEIGHT / 2))
    axes.axis("off")
    axes.set_title(title or "", fontsize=10)
    return figure


def _find_rows(layers: Sequence[Layer]) -> dict[str, int]:
    """Put each layer one row below the lowest of its inputs."""
    rows: dict[str, int] = {}
    if len({layer.name for layer in layers}) < len(layers):
        raise ValueError("`layers` must have a name each; got one twice. Number them.")
    for layer in layers:
        for name in layer.inputs:
            if name not in rows:
                words = f"`layers`: {layer.name!r} has the input {name!r}, which does not come"
                raise ValueError(f"{words} before it. Known there: {', '.join(rows) or 'none'}.")
        rows[layer.name] = 1 + max((rows[name] for name in layer.inputs), default=-1)
    return rows


def _find_ways(layers: Sequence[Layer], rows: dict[str, int]) -> list[list[Stop]]:
    """List the stops of each arrow: an arrow over several rows needs a place in each."""
    ways = []
    for name, end in ((name, layer.name) for layer in layers for name in layer.inputs):
        passed = [(f"{name} to {end}", row) for row in range(rows[name] + 1, rows[end])]
        ways.append([(name, rows[name]), *passed, (end, rows[end])])
    return ways


def _place(rows: dict[str, int], ways: list[list[Stop]]) -> dict[Stop, tuple[float, float]]:
    """Give each stop the middle of those before it, as far as its neighbours leave room."""
    before: dict[Stop, list[Stop]] = {stop: [] for stop in rows.items()}
    for way in ways:
        for stop, following in pairwise(way):
            before.setdefault(following, []).append(stop)
    columns: dict[Stop, float] = {}
    widths = {stop: ACROSS if stop[0] in rows else 0.3 for stop in before}
    for row in range(max(rows.values()) + 1):
        here = [stop for stop in before if stop[1] == row]
        wanted = {s: sum(columns[b] for b in before[s]) / max(1, len(before[s])) for s in here}
        here.sort(key=wanted.__getitem__)  # stable: brothers keep their order
        for place, stop in enumerate(here):
            columns[stop] = wanted[stop]
            for last in here[:place][-1:]:
                room = (widths[last] + widths[stop]) / 2
                columns[stop] = max(wanted[stop], columns[last] + room)
        aside = sum(columns[stop] - wanted[stop] for stop in here) / len(here)
        columns |= {stop: columns[stop] - aside for stop in here}
    return {stop: (column, -stop[1] * DOWN) for stop, column in columns.items()}
