"""What does ONNX lack that GELU needs? The complement of the error function."""

from typing import Any

import numpy as np


def teach_erfc() -> None:
    """Let tf2onnx write TensorFlow's Erfc as 1 - Erf, which ONNX has from its version 9 on."""
    from tf2onnx.handler import tf_op

    tf_op("Erfc").register_compat_handler(_write_erfc, 9)


def _write_erfc(graph: Any, node: Any, **_: Any) -> None:
    """Put two operations of ONNX, and a constant, in the place of one of TensorFlow."""
    from tf2onnx import utils

    kinds = {"shapes": node.output_shapes, "dtypes": node.output_dtypes}
    dtype = utils.map_onnx_to_numpy_type(node.output_dtypes[0])
    one = graph.make_const(utils.make_name("one"), np.ones((), dtype)).output[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [node.input[0]], **kinds).output[0]
    graph.make_node("Sub", [one, erf], name=node.name, outputs=node.output, **kinds)
