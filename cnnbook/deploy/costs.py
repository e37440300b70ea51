"""What does a network cost, layer by layer? Parameters, multiplications, map sizes, what it sees.

A multiply-add (MAC) is one multiplication of a weight with a value, and adding the product up.
"""

import inspect
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import keras

from cnnbook._checks import checked
from cnnbook.deploy._work import graph_of, is_channels_first, multiply_adds, reach


class LayerCost(NamedTuple):
    """One layer of a network."""

    name: str
    kind: str
    """Its class, such as "Conv2D"."""
    inputs: tuple[str, ...]
    """Names of the layers before it whose outputs go in; empty for the images."""
    output_shape: tuple[int, ...]
    """Of one image's output, such as (height, width, channels), where the layer is used first."""
    parameters: int
    """That no layer before it has, too."""
    multiply_adds: int
    """For one image, of all uses. Convolutions, dense and recurrent layers, also in wrappers;
    layers that only move, compare, add or scale single values count as 0."""
    receptive_field: int | None
    """Rows of the input that one output value depends on, as if there were no border, at the last
    use. None where that is the whole image or cannot be told, such as where there are no rows."""


@checked
def layer_costs(model: keras.Model) -> list[LayerCost]:
    """Say what each layer of a functional model costs.

    Args:
        model: Functional, or Sequential and built, of fixed image size. A model inside of it counts
            as one layer, with the work of its own layers.

    Returns:
        One row a layer, however often it is used, in an order in which every layer comes after its
        inputs.

    Raises:
        ValueError: If the model is not functional, if the size of its images is open, or if it
            has a layer whose work cannot be told, such as a product of maps with maps.

    Example:
        >>> images = keras.Input((28, 28, 1))
        >>> maps = keras.layers.Conv2D(8, 3, strides=2, name="conv")(images)
        >>> row = layer_costs(keras.Model(images, maps))[-1]
        >>> row.output_shape, row.parameters, row.multiply_adds, row.receptive_field
        ((13, 13, 8), 80, 12168, 3)
    """
    graph = graph_of(model)
    if graph is None:
        kind = type(model).__name__
        advice = "" if kind != "Sequential" else " not built. Put keras.Input(image_shape) first"
        raise ValueError(
            f"`model` must be a functional keras.Model(inputs, outputs); got {kind}{advice}."
        )
    known = {}
    for tensor in graph.inputs:
        known[id(tensor)] = _Maps(tensor, tensor._keras_history.operation, 1, 1)
    walk = _Walk(known, any(is_channels_first(layer) for layer in graph.operations))
    for maps in known.copy().values():
        _check_is_fixed(maps.layer, tuple(maps.tensor.shape[1:]))
        walk.note(maps.layer, [], [maps.tensor], 0, [(1, 1)])
    walk.run(graph, list(graph.inputs))
    return list(walk.rows.values())


def _total(graph: Any, shapes: Sequence[tuple[int, ...]]) -> int:
    """Return the work of a model inside a wrapper, for one of its steps."""
    walk = _Walk({}, False)
    walk.run(graph, [keras.KerasTensor((None, *shape)) for shape in shapes])
    return sum(row.multiply_adds for row in walk.rows.values())


class _Maps(NamedTuple):
    """What is known of an output: whose it is, the rows it sees, and those from value to value."""

    tensor: keras.KerasTensor
    layer: keras.Operation
    field: Fraction | int | None
    step: Fraction | int


class _Walk:
    """A pass over the graph of a model for images of one size, from use to use of its layers."""

    def __init__(self, known: dict[int, _Maps], channels_first: bool) -> None:
        self.known, self.channels_first = known, channels_first
        self.rows: dict[int, LayerCost] = {}
        self.counted: set[int] = set()

    def run(self, graph: Any, inputs: list[keras.KerasTensor]) -> Any:
        """Use each layer; Keras has no public way to ask what goes in and out."""
        return graph._run_through_graph(inputs, lambda layer: partial(self.use, layer))

    def use(self, layer: keras.Operation, *arguments: Any, **keywords: Any) -> Any:
        """Work out one use of a layer; return its outputs."""
        values = keras.tree.flatten((arguments, _by_place(layer, keywords)))
        given = [each for each in values if _is_maps(each)]
        if graph := graph_of(layer):
            inner = _Walk(self.known, self.channels_first)
            results = inner.run(graph, given)
            work = sum(row.multiply_adds for row in inner.rows.values())
        else:
            results = layer.compute_output_spec(*arguments, **keywords)
        fresh = keras.tree.map_structure(_anew, results)
        returned = [each for each in keras.tree.flatten(fresh) if _is_maps(each)]
        shapes = [[tuple(each.shape[1:]) for each in ends] for ends in (given, returned)]
        for shape in shapes[1]:
            _check_is_fixed(layer, shape)
        if graph:
            inside = [self.known[id(old)] for old in keras.tree.flatten(results) if _is_maps(old)]
            sights = [(maps.field, maps.step) for maps in inside]
        else:
            work = multiply_adds(layer, shapes[0], shapes[1], _total)
            before = [self.known[id(each)] for each in given if id(each) in self.known]
            seen = [(maps.field, maps.step) for maps in before]
            sights = [reach(layer, seen, shapes[0], shapes[1], self.channels_first)]
            sights *= len(returned)
        self.note(layer, given, returned, work, sights)
        return fresh

    def note(
        self,
        layer: keras.Operation,
        given: list[keras.KerasTensor],
        returned: list[keras.KerasTensor],
        work: int,
        sights: Sequence[tuple[Any, Any]],
    ) -> None:
        """Write the row of a layer, or add another use to it."""
        for tensor, sight in zip(returned, sights, strict=True):
            self.known[id(tensor)] = _Maps(tensor, layer, *sight)
        before = [self.known[id(each)].layer for each in given if id(each) in self.known]
        order = list(self.rows)
        order = order[: order.index(id(layer))] if id(layer) in self.rows else order
        names = [each.name for each in before if id(each) in order]
        field = sights[0][0] if sights else None
        weights = {id(w): w for w in getattr(layer, "weights", []) if id(w) not in self.counted}
        self.counted |= set(weights)
        row = self.rows.get(id(layer)) or LayerCost(
            layer.name,
            type(layer).__name__,
            (),
            tuple(returned[0].shape[1:]),
            sum(math.prod(weight.shape) for weight in weights.values()),
            0,
            None,
        )
        self.rows[id(layer)] = row._replace(
            inputs=tuple(dict.fromkeys([*row.inputs, *names])),
            multiply_adds=row.multiply_adds + work,
            receptive_field=None if field is None else math.ceil(field),
        )


def _by_place(layer: keras.Operation, keywords: dict[str, Any]) -> list[Any]:
    """Return arguments that were given by name in the order that the layer has them in."""
    names = [*inspect.signature(layer.call).parameters]
    return [keywords[name] for name in sorted(keywords, key=[*names, *keywords].index)]


def _check_is_fixed(layer: keras.Operation, shape: tuple[int | None, ...]) -> None:
    if None in shape:
        words = f"`model` must have a fixed image size; layer {layer.name!r} gives {shape}."
        raise ValueError(f"{words} Build it with numbers in the place of None.")


def _anew(value: Any) -> Any:
    """Return a tensor of the same kind: some layers return what they get."""
    return keras.KerasTensor(value.shape, value.dtype) if _is_maps(value) else value


def _is_maps(value: object) -> bool:
    return isinstance(value, keras.KerasTensor)
