"""What does one use of a layer cost, and how many rows does it see? By the shapes at its ends."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import keras
from keras import layers

Shapes = list[tuple[int, ...]]
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
OF_KERNELS = (
    *(layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D, *TRANSPOSED),
    *(layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D),
)
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN)
PRODUCTS = "Matmul Einsum Dot Tensordot Vdot Inner Outer Attention AdditiveAttention Conv"
PRODUCTS += " DepthwiseConv SeparableConv ConvTranspose DotProductAttention"  # of maps with maps


def graph_of(layer: Any) -> Any:
    """Return the functional graph of a model, None of what has none."""
    inner = layer._functional if isinstance(layer, keras.Sequential) else layer
    return inner if hasattr(inner, "_run_through_graph") else None


def is_channels_first(layer: Any) -> bool:
    """Tell whether a layer has its maps before their rows."""
    return getattr(layer, "data_format", None) == "channels_first"


def multiply_adds(layer: Any, given: Shapes, returned: Shapes, of_graph: Callable) -> int:
    """Count each number of a kernel once at each place of the map.

    `of_graph` counts a model inside a wrapper, from its graph and the shapes that go in.
    """
    if isinstance(layer, layers.TimeDistributed):
        inner = [[shape[1:] for shape in ends] for ends in (given, returned)]
        return given[0][0] * multiply_adds(layer.layer, inner[0], inner[1], of_graph)
    if isinstance(layer, layers.Bidirectional):
        both = layer.forward_layer, layer.backward_layer
        return sum(multiply_adds(each, given, returned, of_graph) for each in both)
    if isinstance(layer, layers.SpectralNormalization):
        return multiply_adds(layer.layer, given, returned, of_graph)
    if graph := graph_of(layer):  # inside a wrapper
        return of_graph(graph, given)
    if isinstance(layer, RECURRENT):
        kernels = layer.cell.kernel, layer.cell.recurrent_kernel
        return given[0][0] * sum(math.prod(kernel.shape) for kernel in kernels)
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention(layer, *given[:2])
    if isinstance(layer, OF_KERNELS):
        shape = given[0] if isinstance(layer, TRANSPOSED) else returned[0]
        places = math.prod(shape[1:] if is_channels_first(layer) else shape[:-1])
        used = [getattr(layer, name) for name in KERNELS if hasattr(layer, name)]
        return sum(places * math.prod(kernel.shape) for kernel in used)
    own = [w for w in getattr(layer, "weights", []) if not _scales(w.shape, given + returned)]
    if _kinds(layer, given) & {*PRODUCTS.split()} or (
        own and not isinstance(layer, layers.Embedding)
    ):
        raise ValueError(
            f"`model` has layer {layer.name!r} ({type(layer).__name__}), whose multiply-adds cannot"
            " be told. Take the parts before and after it, as models of their own."
        )
    return 0


def _attention(layer: Any, query: tuple[int, ...], value: tuple[int, ...]) -> int:
    """Count three projections, queries times keys, weights times values, and the one at the end."""
    asking, answering = math.prod(query[:-1]), math.prod(value[:-1])
    heard = math.prod(value[axis - 1] for axis in layer.attention_axes)  # by one that asks
    ends, inner = (layer.query_dense, layer.output_dense), (layer.key_dense, layer.value_dense)
    work = asking * sum(math.prod(dense.kernel.shape) for dense in ends)
    work += answering * sum(math.prod(dense.kernel.shape) for dense in inner)
    return work + asking * heard * layer.num_heads * (layer.key_dim + layer.value_dim)


def _kinds(layer: Any, given: Shapes) -> set[str]:
    """Return the kinds of operations of a layer, also of one that is a function of the user's."""
    is_function = isinstance(layer, layers.Lambda)
    if type(layer).__module__.startswith("keras.") and not is_function:
        return {type(layer).__name__}
    tensors = [keras.KerasTensor((None, *shape)) for shape in given]
    compute = layer.function if is_function else layer.call
    try:
        graph = keras.Function(tensors, compute(tensors[0] if len(tensors) == 1 else tensors))
    except Exception:  # it calls what is not Keras', or needs more than maps
        return {"Einsum"} if is_function else set()
    return {type(operation).__name__ for operation in graph.operations}


def _scales(weight: tuple[int, ...], shapes: Shapes) -> bool:
    """Tell a weight for each value or channel from a kernel."""
    return len(weight) < 2 or any(
        len(weight) <= len(shape)
        and all(size in (1, side) for size, side in zip(weight[::-1], shape[::-1], strict=False))
        for shape in shapes
    )


def reach(
    layer: Any, before: list[Any], given: Shapes, returned: Shapes, channels_first: bool
) -> tuple[Fraction | int | None, Fraction | int]:
    """Rows seen by one output value, and rows of the input from one value to the next."""
    layer = getattr(layer, "layer", layer) if isinstance(layer, layers.Wrapper) else layer
    rank, kind = min(map(len, returned), default=0), type(layer).__name__
    if not before or rank < 3 or any(field is None for field, _ in before) or graph_of(layer):
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
