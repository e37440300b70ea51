"""The connection graphs by their counts, the drawing by what it drew."""

import networkx as nx
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import same_color

from cnnbook.plots.connections import connect_dense, connect_window, plot_connections

HIGHLIGHT = "#D55E00"


def inputs_of(graph, *output):
    return sorted(index for (_, index), _ in graph.in_edges([("output", output)]))


@pytest.mark.parametrize(
    ("inputs", "outputs", "edges"), [((8,), (8,), 64), ((3,), (5,), 15), ((6, 6), (6, 6), 36 * 36)]
)
def test_a_dense_layer_connects_everything(inputs, outputs, edges):
    graph = connect_dense(inputs, outputs)
    assert graph.number_of_edges() == edges
    assert len(graph) == np.prod(inputs) + np.prod(outputs)


def test_a_window_of_three_sees_itself_and_both_neighbours():
    graph = connect_window((8,))
    assert inputs_of(graph, 3) == [(2,), (3,), (4,)]
    assert inputs_of(graph, 0) == [(0,), (1,)]
    assert inputs_of(graph, 7) == [(6,), (7,)]


def test_a_patch_of_a_grid_is_three_by_three():
    graph = connect_window((6, 6))
    patch = [(row, column) for row in (1, 2, 3) for column in (2, 3, 4)]
    assert inputs_of(graph, 2, 3) == patch
    assert inputs_of(graph, 0, 0) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("shape", "kernel_size", "edges"),
    [((8,), 3, 22), ((8,), 1, 8), ((6, 6), 3, 256), ((4, 7), 5, 14 * 29), ((3,), 7, 9)],
)
def test_the_number_of_connections(shape, kernel_size, edges):
    """Along an axis of n with a filter of 2r + 1, n(2r + 1) less r(r + 1) at the borders."""
    assert connect_window(shape, kernel_size).number_of_edges() == edges


def test_edges_go_from_inputs_to_outputs():
    for (source, _), (target, _) in connect_window((6, 6)).edges:
        assert (source, target) == ("input", "output")


def drawn_edges(axes, colour):
    """Return the connections of one colour: (count, two ends, x and y)."""
    edges = [drawn for drawn in axes.collections if isinstance(drawn, LineCollection)]
    [chosen] = [drawn for drawn in edges if same_color(drawn.get_color()[0], colour)]
    return np.array(chosen.get_segments())


def drawn_nodes(axes):
    """Return the marks of the inputs and those of the outputs."""
    return [drawn for drawn in axes.collections if isinstance(drawn, PathCollection)]


def test_every_connection_is_drawn_and_those_of_the_highlight_in_their_colour():
    figure = plot_connections({"dense": connect_dense((5,), (5,)), "w": connect_window((5,))}, (2,))
    dense, window = figure.axes
    assert len(drawn_edges(dense, "#bbbbbb")) == 25
    assert len(drawn_edges(dense, HIGHLIGHT)) == 5
    assert len(drawn_edges(window, "#bbbbbb")) == 13
    assert sorted(drawn_edges(window, HIGHLIGHT)[:, 0, 0]) == [1, 2, 3]


def test_the_highlighted_nodes_are_the_output_and_what_it_sees():
    axes = plot_connections({"grid": connect_window((6, 6))}, (2, 3)).axes[0]
    inputs, outputs = drawn_nodes(axes)
    for nodes, count in ((inputs, 9), (outputs, 1)):
        assert len(nodes.get_offsets()) == 36
        assert sum(same_color(colour, HIGHLIGHT) for colour in nodes.get_facecolors()) == count


def test_no_two_nodes_lie_on_each_other_and_outputs_are_above():
    axes = plot_connections({"grid": connect_dense((6, 6), (6, 6))}).axes[0]
    places = [nodes.get_offsets() for nodes in drawn_nodes(axes)]
    assert len(np.unique(np.concatenate(places).round(6), axis=0)) == 72
    assert places[1][:, 1].min() > places[0][:, 1].max()


def test_headings_and_layers_are_named():
    figure = plot_connections({"one": connect_window((4,))}, title="A window")
    assert figure.get_suptitle() == "A window"
    assert figure.axes[0].get_title() == "one"
    assert {text.get_text() for text in figure.axes[0].texts} == {"inputs", "outputs"}


def test_a_figure_fits_the_page():
    graphs = {str(number): connect_window((3,)) for number in range(4)}
    assert plot_connections(graphs).get_size_inches()[0] <= 9


@pytest.mark.parametrize("shape", [(), (2, 2, 2), (0,), (3, -1), 5, (301,), (10**5, 10**5)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"`shape` must be \(length,\) or \(rows, columns\).*got"):
        connect_window(shape)
    with pytest.raises(ValueError, match="`output_shape` must be"):
        connect_dense((3,), shape)


@pytest.mark.parametrize("kernel_size", [0, 2, -3])
def test_a_filter_without_a_middle_is_refused(kernel_size):
    with pytest.raises(ValueError, match=f"`kernel_size` must be odd.*got {kernel_size}"):
        connect_window((5,), kernel_size)


def test_an_output_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError, match=r"`highlight` .* 'w', \(0,\) to \(4,\); got \(9,\)"):
        plot_connections({"w": connect_window((5,))}, (9,))


def test_no_graphs_are_refused():
    with pytest.raises(ValueError, match="`graphs` must hold at least one"):
        plot_connections({})


@pytest.mark.parametrize("graph", [nx.DiGraph(), nx.path_graph(3, create_using=nx.DiGraph)])
def test_other_graphs_are_refused(graph):
    with pytest.raises(ValueError, match="`graphs` must be of connect_dense .*'a' has other nodes"):
        plot_connections({"a": graph})
