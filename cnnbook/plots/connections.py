"""Which inputs does an output look at? Layers as graphs of connections.

A dense layer connects every input with every output. A convolution connects an output only with
the inputs below its filter: far fewer connections, and every output uses the same few weights.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

try:
    import networkx as nx
except ModuleNotFoundError:
    raise ModuleNotFoundError("connections need networkx: pip install networkx") from None

from cnnbook._checks import checked
from cnnbook.plots._draw import make_panels, plain

MOST_NODES = 300  # of one layer
Shape = Sequence[int] | int  # a number is no shape: `_checked_shape` says best what is


@checked
def connect_dense(input_shape: Shape, output_shape: Shape) -> nx.DiGraph:
    """Connect every input with every output.

    Args:
        input_shape: (length,) for a row of inputs, (rows, columns) for a grid.
        output_shape: Likewise for the outputs.

    Returns:
        A graph with nodes ("input", index) and ("output", index), where an index is a tuple such
        as (3,) or (2, 5), and one edge a connection.

    Raises:
        ValueError: If a shape is not one or two whole numbers from 1 on, or more than 300 in all.

    Example:
        >>> connect_dense((8,), (8,)).number_of_edges()
        64
    """
    inputs = _checked_shape("input_shape", input_shape)
    return _connect(inputs, _checked_shape("output_shape", output_shape))


@checked
def connect_window(shape: Shape, kernel_size: int = 3) -> nx.DiGraph:
    """Connect each output with the inputs below a filter that is centred on it.

    There are as many outputs as inputs. At a border the filter hangs over the edge (over the
    zeros of "same" padding), so that the outputs there have fewer connections.

    Args:
        shape: (length,) for a row, (rows, columns) for a grid.
        kernel_size: Length, or height and width, of the filter: odd, so that it has a middle.

    Returns:
        A graph as `connect_dense` gives.

    Raises:
        ValueError: If `shape` is not as `connect_dense` takes it, or `kernel_size` not odd.

    Example:
        >>> connect_window((8,)).number_of_edges()
        22
        >>> connect_window((6, 6)).number_of_edges()
        256
    """
    sides = _checked_shape("shape", shape)
    if kernel_size < 1 or kernel_size % 2 != 1:
        raise ValueError(f"`kernel_size` must be odd: 1, 3, 5, ...; got {kernel_size}.")
    return _connect(sides, sides, reach=kernel_size // 2)


@checked
@plain
def plot_connections(
    graphs: Mapping[Any, nx.DiGraph],
    highlight: tuple[int, ...] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw layers side by side, the inputs below and the outputs above.

    Args:
        graphs: Graphs of `connect_dense` or `connect_window`, by the heading of their panels.
        highlight: Index of one output, such as (3,) or (2, 3). Its connections and its inputs are
            drawn in orange, the others in pale grey. Default: all connections alike.
        title: What the whole picture shows.

    Returns:
        The figure, one panel a graph. Nothing is shown or saved here.

    Raises:
        ValueError: If there is no graph, or a graph has no output `highlight`.

    Example:
        >>> dense, window = connect_dense((5,), (5,)), connect_window((5,))
        >>> figure = plot_connections({"dense": dense, "window of 3": window}, highlight=(2,))
        >>> [axes.get_title() for axes in figure.axes]
        ['dense', 'window of 3']
    """
    if not graphs:
        raise ValueError("`graphs` must hold at least one graph; got none.")
    for heading, graph in graphs.items():
        if {node[0] for node in graph if isinstance(node, tuple)} != {"input", "output"}:
            words = "`graphs` must be of connect_dense or connect_window;"
            raise ValueError(f"{words} {heading!r} has other nodes, or none.")
        if highlight is not None and ("output", highlight) not in graph:
            outputs = [index for layer, index in graph if layer == "output"]
            words = f"`highlight` must be an output of graph {heading!r}, {outputs[0]} to"
            raise ValueError(f"{words} {outputs[-1]}; got {highlight!r}.")
    width = min(9, 3.3 * len(graphs))
    figure, panels = make_panels(1, len(graphs), (width, 2.4), title, 11)
    for axes, (heading, graph) in zip(panels[0], graphs.items(), strict=True):
        _draw(axes, graph, highlight)
        axes.set_title(heading, fontsize=9)
        axes.axis("off")
    return figure


def _draw(axes: Axes, graph: nx.DiGraph, highlight: tuple[int, ...] | None) -> None:
    """Draw pale connections first, so that the highlighted ones lie on top."""
    positions = {node: _position(*node) for node in graph}
    chosen = [] if highlight is None else list(graph.in_edges([("output", highlight)]))
    lit = {node for edge in chosen for node in edge}
    size, pale_width, width = (30, 0.2, 1.0) if len(graph) > 30 else (120, 0.6, 1.8)
    pale = "#555555" if highlight is None else "#bbbbbb"
    look: dict[str, Any] = {"ax": axes, "node_size": size}
    nx.draw_networkx_edges(graph, positions, graph.edges, pale_width, pale, arrows=False, **look)
    nx.draw_networkx_edges(graph, positions, chosen, width, "#D55E00", arrows=False, **look)
    look |= {"edgecolors": "black", "linewidths": 0.6}
    for layer, color, shape in (("input", "#56B4E9", "o"), ("output", "#009E73", "s")):
        nodes = [node for node in graph if node[0] == layer]
        colors = ["#D55E00" if node in lit else color for node in nodes]
        nx.draw_networkx_nodes(graph, positions, nodes, node_color=colors, node_shape=shape, **look)
        left = min(positions[node][0] for node in nodes)
        height = sum(positions[node][1] for node in nodes) / len(nodes)
        axes.text(left - 0.6, height, layer + "s", ha="right", va="center", fontsize=9)


def _position(layer: str, index: tuple[int, ...]) -> tuple[float, float]:
    """Put a row on a line; a grid on a plane seen from the side, its first row at the back."""
    base = 4.0 if layer == "output" else 0.0
    if len(index) == 1:
        return float(index[0]), base / 2
    row, column = index
    return column - 0.62 * row, 1.6 * base - 0.7 * row


def _connect(
    input_shape: tuple[int, ...], output_shape: tuple[int, ...], reach: int | None = None
) -> nx.DiGraph:
    """Make two layers and an edge for each pair that lies no further apart than `reach`."""
    graph = nx.DiGraph()
    graph.add_nodes_from(("input", index) for index in np.ndindex(*input_shape))
    graph.add_nodes_from(("output", index) for index in np.ndindex(*output_shape))
    for source, target in itertools.product(np.ndindex(*input_shape), np.ndindex(*output_shape)):
        if reach is None or np.abs(np.subtract(source, target)).max() <= reach:
            graph.add_edge(("input", source), ("output", target))
    return graph


def _checked_shape(name: str, shape: Any) -> tuple[int, ...]:
    """Return the lengths of a row's one side or a grid's two, or refuse what is neither."""
    is_shape = np.ndim(shape) == 1 and len(shape) in (1, 2) and min(shape) >= 1
    if not is_shape or math.prod(map(int, shape)) > MOST_NODES:
        words = f"`{name}` must be (length,) or (rows, columns), each at least 1, in all at most"
        raise ValueError(f"{words} {MOST_NODES}; got {shape!r}.")
    return tuple(shape)
