"""What does a network cost, layer by layer? Parameters, multiplications, map sizes, what it sees.

A multiply-add (MAC) is one multiplication of a weight with a value, and adding the product up.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import keras
from keras import layers

from cnnbook._checks import checked


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
            has a layer whose work cannot be told, such as attention.

    Example:
        >>> images = keras.Input((28, 28, 1))
        >>> maps = keras.layers.Conv2D(8, 3, strides=2, name="conv")(images)
        >>> row = layer_costs(keras.Model(images, maps))[-1]
        >>> row.output_shape, row.parameters, row.multiply_adds, row.receptive_field
        ((13, 13, 8), 80, 12168, 3)
    """
    graph = _graph(model)
    if graph is None:
        kind = type(model).__name__
        advice = "" if kind != "Sequential" else " not built. Put keras.Input(image_shape) first"
        raise ValueError(
            f"`model` must be a functional keras.Model(inputs, outputs); got {kind}{advice}."
        )
    known = {}
    for tensor in graph.inputs:
        known[id(tensor)] = _Maps(tensor, tensor._keras_history.operation, 1, 1)
    walk = _Walk(known, any(_is_channels_first(layer) for layer in graph.operations))
    for maps in known.copy().values():
        _check_is_fixed(maps.layer, tuple(maps.tensor.shape[1:]))
        walk.note(maps.layer, [], [maps.tensor], 0, [(1, 1)])
    walk.run(graph, list(graph.inputs))
    return list(walk.rows.values())


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
        given = [each for each in keras.tree.flatten((arguments, keywords)) if _is_maps(each)]
        if graph := _graph(layer):
            inner = _Walk(self.known, self.channels_first)
            results = inner.run(graph, given)
            work = sum(row.multiply_adds for row in inner.rows.values())
        else:
            results = layer.compute_output_spec(*arguments, **keywords)
        # Anew, since some layers return what they get.
        fresh = keras.tree.map_structure(lambda old: keras.KerasTensor(old.shape), results)
        returned = keras.tree.flatten(fresh)
        shapes = [[tuple(each.shape[1:]) for each in ends] for ends in (given, returned)]
        for shape in shapes[1]:
            _check_is_fixed(layer, shape)
        if graph:
            inside = [self.known[id(old)] for old in keras.tree.flatten(results)]
            sights = [(maps.field, maps.step) for maps in inside]
        else:
            work = _multiply_adds(layer, *shapes)
            before = [self.known[id(each)] for each in given if id(each) in self.known]
            seen = [(maps.field, maps.step) for maps in before]
            sights = [_reach(layer, seen, shapes[0], shapes[1], self.channels_first)]
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


def _graph(layer: Any) -> Any:
    """Return the functional graph of a model, None of what has none."""
    inner = layer._functional if isinstance(layer, keras.Sequential) else layer
    return inner if hasattr(inner, "_run_through_graph") else None


def _check_is_fixed(layer: keras.Operation, shape: tuple[int | None, ...]) -> None:
    if None in shape:
        words = f"`model` must have a fixed image size; layer {layer.name!r} gives {shape}."
        raise ValueError(f"{words} Build it with numbers in the place of None.")


def _is_maps(value: object) -> bool:
    return isinstance(value, keras.KerasTensor)


def _is_channels_first(layer: Any) -> bool:
    return getattr(layer, "data_format", None) == "channels_first"


Shapes = list[tuple[int, ...]]
ONE_KERNEL = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
IN_DEPTH = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
IN_TWO = (layers.SeparableConv1D, layers.SeparableConv2D)
RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN)
PRODUCTS = "Matmul Einsum Dot Tensordot Vdot Inner Outer Attention AdditiveAttention Conv"
PRODUCTS += " DepthwiseConv SeparableConv ConvTranspose DotProductAttention"  # of maps with maps


def _multiply_adds(layer: Any, given: Shapes, returned: Shapes) -> int:
    """Each number of a kernel is used once at each place of the map."""
    if isinstance(layer, layers.TimeDistributed):
        inner = [[shape[1:] for shape in ends] for ends in (given, returned)]
        return given[0][0] * _multiply_adds(layer.layer, inner[0], inner[1])
    if isinstance(layer, layers.Bidirectional):
        both = layer.forward_layer, layer.backward_layer
        return sum(_multiply_adds(each, given, returned) for each in both)
    if isinstance(layer, layers.SpectralNormalization):
        return _multiply_adds(layer.layer, given, returned)
    if graph := _graph(layer):  # inside a wrapper
        walk = _Walk({}, False)
        walk.run(graph, [keras.KerasTensor((None, *shape)) for shape in given])
        return sum(row.multiply_adds for row in walk.rows.values())
    if isinstance(layer, RECURRENT):
        kernels = layer.cell.kernel, layer.cell.recurrent_kernel
        return given[0][0] * sum(math.prod(kernel.shape) for kernel in kernels)
    if isinstance(layer, (*ONE_KERNEL, *TRANSPOSED, *IN_DEPTH, *IN_TWO)):
        shape = given[0] if isinstance(layer, TRANSPOSED) else returned[0]
        places = math.prod(shape[1:] if _is_channels_first(layer) else shape[:-1])
        names = (
            ("depthwise_kernel", "pointwise_kernel") if isinstance(layer, IN_TWO) else ("kernel",)
        )
        return sum(places * math.prod(getattr(layer, name).shape) for name in names)
    own = [w for w in getattr(layer, "weights", []) if not _scales(w.shape, given + returned)]
    if type(layer).__name__ in PRODUCTS.split() or (
        own and not isinstance(layer, layers.Embedding)
    ):
        raise ValueError(
            f"`model` has layer {layer.name!r} ({type(layer).__name__}), whose multiply-adds cannot"
            " be told. Take the parts before and after it, as models of their own."
        )
    return 0


def _scales(weight: tuple[int, ...], shapes: Shapes) -> bool:
    """Tell a weight for each value or channel from a kernel."""
    return len(weight) < 2 or any(
        len(weight) <= len(shape)
        and all(size in (1, side) for size, side in zip(weight[::-1], shape[::-1], strict=False))
        for shape in shapes
    )


def _reach(
    layer: Any, before: list[Any], given: Shapes, returned: Shapes, channels_first: bool
) -> tuple[Fraction | int | None, Fraction | int]:
    """Rows seen by one output value, and rows of the input from one value to the next."""
    layer = getattr(layer, "layer", layer) if isinstance(layer, layers.Wrapper) else layer
    rank, kind = min(map(len, returned), default=0), type(layer).__name__
    if not before or rank < 3 or any(field is None for field, _ in before) or _graph(layer):
        return None, 1
    field, step = max(before)
    sizes = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if isinstance(sizes, tuple) and len(sizes) > 1:
        row = len(sizes) - 2  # of a volume the second
        stride = layer.strides if isinstance(layer.strides, int) else layer.strides[row]
        window = (sizes[row] - 1) * getattr(layer, "dilation_rate", (1,) * len(sizes))[row]
        if isinstance(layer, TRANSPOSED):  # of so many in a row one in `stride` is no zero
            return field + window // stride * step, Fraction(step) / stride
        return field + window * step, step * stride
    if sizes:
        return None, 1
    if (
        kind in ("UpSampling2D", "UpSampling3D")
        and getattr(layer, "interpolation", "nearest") == "nearest"
    ):
        return field, Fraction(step) / layer.size[-2]
    axis = -2 if channels_first else -3
    same_rows = all(shape[axis] == returned[0][axis] for shape in given if len(shape) >= 3)
    is_cut = kind.startswith(("Cropping", "ZeroPadding"))
    over_rows = kind.startswith(("Global", "Group", "Permute", "Transpose")) or (
        kind == "LayerNormalization" and not isinstance(layer.axis, int) and len(layer.axis) > 1
    )
    return (field, step) if (same_rows or is_cut) and not over_rows else (None, 1)
