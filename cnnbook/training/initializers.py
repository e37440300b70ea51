"""How can a unit start with few connections? Sparse initial weights.

Each unit is connected with K of its inputs, drawn anew; its other weights begin at 0. So what it
receives depends on K alone, not on how wide the layer before is, and units begin more different
from one another. Training may fill the zeros later.

Source: Martens (2010), "Deep learning via Hessian-free optimization",
https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf, section 5.
Differs from the paper: by default the weights have a standard deviation of sqrt(2 / K), which keeps
the spread of the activations from layer to layer under ReLU; pass `stddev=1` for the paper's.
"""

import math
import random

import keras
from keras import ops

from cnnbook._checks import checked


@keras.saving.register_keras_serializable(package="cnnbook")
class SparseConnections(keras.initializers.Initializer):
    """Start with `connections` random weights a unit and zeros elsewhere.

    Works on any kernel whose last axis counts the units or filters: (inputs, units) or
    (height, width, channels, filters). A unit with fewer inputs is connected with all of them.

    Args:
        connections: K, inputs that each unit is connected with. 10 to 15 is usual.
        stddev: Standard deviation of the weights that are not 0. Default: sqrt(2 / K).
        seed: A whole number for the same weights in every call. Default: one is drawn.

    Raises:
        ValueError: If `connections` is less than 1, or `stddev` is not above 0.

    Example:
        >>> layer = keras.layers.Dense(4, kernel_initializer=SparseConnections(3, seed=0))
        >>> layer.build((None, 100))
        >>> ops.count_nonzero(layer.kernel, axis=0).__array__().tolist()
        [3, 3, 3, 3]
    """

    @checked
    def __init__(self, connections: int = 15, stddev: float | None = None, seed: int | None = None):
        if connections < 1:
            raise ValueError(f"`connections` must be 1 or more; got {connections}. Try 15.")
        if stddev is not None and stddev <= 0:
            raise ValueError(f"`stddev` must be above 0; got {stddev}. None chooses sqrt(2 / K).")
        self.connections, self.stddev = connections, stddev
        self.seed = None if seed is None else int(seed)  # NumPy's Keras does not take
        self._drawn_seed = random.randint(0, 2**30) if self.seed is None else self.seed

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
        """Draw the weights of one kernel."""
        inputs, units = math.prod(shape[:-1]), shape[-1]
        connections = min(self.connections, inputs)
        stddev = self.stddev or math.sqrt(2 / max(connections, 1))
        seed, table = self._drawn_seed, (inputs, units)
        weights = keras.random.normal(table, stddev=stddev, dtype=dtype, seed=seed)
        lots = keras.random.uniform(table, seed=seed + 1)
        rank = ops.argsort(ops.argsort(lots, axis=0), axis=0)  # each rank once in every column
        return ops.reshape(ops.where(rank < connections, weights, 0), shape)

    def get_config(self) -> dict:
        """Describe the initializer so that it can be made again."""
        return {"connections": self.connections, "stddev": self.stddev, "seed": self.seed}
