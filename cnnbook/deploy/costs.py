"""What does a network cost, layer by layer? Parameters, multiplications, map sizes, what it sees.

A multiply-add (MAC) is one multiplication of a weight with a value, and adding the product up.
"""

import math
from typing import NamedTuple

import keras

from cnnbook._checks import checked


class LayerCost(NamedTuple):
    """One layer of a network."""

    name: str
    kind: str
    """Its class, such as "Conv2D"."""
    inputs: tuple[str, ...]
    """Names of the layers whose outputs go in; empty for the images."""
    output_shape: tuple[int, ...]
    """Of one image's output, such as (height, width, channels)."""
    parameters: int
    multiply_adds: int
    """For one image. Convolutions and dense layers; everything else counts as 0."""
    receptive_field: int | None
    """Rows of the input that one output value depends on, as if there were no border. None where
    there are no rows any more, since then it is the whole image."""


@checked
def layer_costs(model: keras.Model) -> list[LayerCost]:
    """Say what each layer of a functional model costs.

    Args:
        model: A functional model of fixed image size, channels last. A model inside of it counts
            as one layer.

    Returns:
        One row a layer, in an order in which every layer comes after its inputs.

    Raises:
        ValueError: If the model is not functional, or if the size of its images is open.

    Example:
        >>> images = keras.Input((28, 28, 1))
        >>> maps = keras.layers.Conv2D(8, 3, strides=2, name="conv")(images)
        >>> row = layer_costs(keras.Model(images, maps))[-1]
        >>> row.output_shape, row.parameters, row.multiply_adds, row.receptive_field
        ((13, 13, 8), 80, 12168, 3)
    """
    if not hasattr(model, "operations"):
        kind = type(model).__name__
        raise ValueError(f"`model` must be a functional keras.Model(inputs, outputs); got {kind}.")
    rows: dict[str, LayerCost] = {}
    reach: dict[str, tuple[int | None, int]] = {}
    for layer in model.operations:
        node = layer._inbound_nodes[0]  # Keras has no public way to ask what goes in
        inputs = tuple(tensor._keras_history.operation.name for tensor in node.input_tensors)
        shape = tuple(node.output_tensors[0].shape[1:])
        if None in shape:
            words = f"`model` must have a fixed image size; layer {layer.name!r} gives {shape}."
            raise ValueError(f"{words} Build it with numbers in the place of None.")
        reach[layer.name] = _reach(layer, [reach[name] for name in inputs], len(shape))
        rows[layer.name] = LayerCost(
            layer.name,
            type(layer).__name__,
            inputs,
            shape,
            layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
            _multiply_adds(layer, shape),
            reach[layer.name][0],
        )
    return list(rows.values())


def _multiply_adds(layer: keras.Operation, output_shape: tuple[int, ...]) -> int:
    """Each number of a kernel is used once at each place of the map."""
    if isinstance(layer, keras.Model):
        return sum(row.multiply_adds for row in layer_costs(layer))
    transposed = isinstance(layer, (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose))
    places = math.prod(layer.input.shape[1:-1] if transposed else output_shape[:-1])
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    kernels = [getattr(layer, name) for name in names if hasattr(layer, name)]
    return sum(places * math.prod(kernel.shape) for kernel in kernels)


def _reach(
    layer: keras.Operation, before: list[tuple[int | None, int]], rank: int
) -> tuple[int | None, int]:
    """Rows seen by one output value, and rows of the input from one value to the next."""
    if not before:
        return 1, 1
    if rank < 3 or any(field is None for field, _ in before):
        return None, 1
    field, step = max(before)
    sizes = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if not sizes:
        return field, step
    window = (sizes[0] - 1) * getattr(layer, "dilation_rate", (1,))[0]
    strides = layer.strides
    return field + window * step, step * (strides if isinstance(strides, int) else strides[0])
