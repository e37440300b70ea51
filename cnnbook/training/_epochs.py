"""In which order do pictures come, and how are they changed? Seed and number of the epoch say it.

How many epochs this process has run plays no part, as it does in `fit(shuffle=True)` and in
`tf.data.Dataset.shuffle`.
"""

import math
import os
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnbook._arrays import told_array
from cnnbook._batches import as_they_come, change_batch
from cnnbook._identity import identity

# Operations of TensorFlow with a state that nobody can save, or with Python behind.
UNREPEATABLE = re.compile(
    "Random|Rng|Truncated|Parameterized|Multinomial|SampleDistorted|Assign|StatefulR|(Eager)?PyFunc"
)


class Epochs:
    """Batches of images and labels, whose order and changes `begin` sets for one epoch.

    Args:
        images: (count, ...), as are labels; the caller has checked both.
        batch_size: At least 1.
        augment: As in `change_batch`, offered a `seed` of two whole numbers too; None changes none.
        seed: 0 or more.

    Attributes:
        dataset: Yields each image once, in `steps` batches.
        described: What the batches depend on, for JSON.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        augment: Callable[..., Any] | None,
        seed: int,
    ) -> None:
        batch_size = min(batch_size, len(images))
        self.steps, self._seed = math.ceil(len(images) / batch_size), seed
        with tf.device("CPU"):
            arrays = tf.constant(images), tf.constant(labels)
            self._order = tf.Variable(np.arange(len(images)))
            self._seeds = tf.Variable(np.zeros((self.steps, 2), "int64"))
            self._drawn = tf.Variable(0)
        self.begin(0)

        def pick(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
            self._drawn.assign_add(1)
            rows = self._order[step * batch_size : (step + 1) * batch_size]
            return *(tf.gather(array, rows) for array in arrays), self._seeds[step]

        dataset = tf.data.Dataset.range(self.steps).map(pick)
        change = _repeatable(augment, *arrays) if augment else lambda *batch: batch[:2]
        dataset = dataset.map(change, num_parallel_calls=os.cpu_count(), deterministic=True)
        self.dataset = as_they_come(dataset.prefetch(2))
        self.described = {
            "`images`": told_array(images),
            "`labels`": told_array(labels),
            "`batch_size`": batch_size,
            "`augment`": None if augment is None else _told_change(augment),
            "`seed`": seed,
        }

    def begin(self, epoch: int) -> None:
        """Set the order of an epoch, and a seed for the changes of each batch."""
        chance = np.random.default_rng([self._seed, epoch])
        self._order.assign(chance.permutation(self._order.shape[0]))
        self._seeds.assign(chance.integers(2**31, size=(self.steps, 2)))
        self._drawn.assign(0)

    def is_drawn(self) -> bool:
        """Tell whether the epoch has had all its batches."""
        return int(self._drawn) == self.steps


def _repeatable(augment: Callable[..., Any], images: tf.Tensor, labels: tf.Tensor) -> Callable:
    """Return a graph that changes a batch by its seed alone, whatever was drawn before.

    All that draws with Keras (layers, `keras.random`) has its state in variables of Keras. In a
    scope without state these are read from what is given, here the seed, and never written.
    """
    # Builds layers.
    change_batch(augment, images[:2], labels[:2], seed=tf.constant([0, 0], "int64"))

    def change(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple:
        with keras.StatelessScope() as first:  # which states does it draw from?
            change_batch(augment, images, labels, seed=seed)
        with keras.StatelessScope() as second:
            for number, (state, value) in enumerate(first.state_mapping.items()):
                if value.dtype == seed.dtype and value.shape == seed.shape:
                    second.state_mapping[state] = tf.add(seed, [number, 0])
            return change_batch(augment, images, labels, seed=seed)

    kinds = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in (images, labels)]
    graph = tf.function(change).get_concrete_function(*kinds, tf.TensorSpec([2], "int64"))
    definition = graph.graph.as_graph_def()
    inner = [node for function in definition.library.function for node in function.node_def]
    found = {node.op for node in [*definition.node, *inner] if UNREPEATABLE.match(node.op)}
    if found:
        words = "`augment` must draw only what can be drawn again after a restart; it uses"
        advice = "Give it a parameter `seed` and draw with tf.random.stateless_*, or take a layer"
        raise ValueError(f"{words} {', '.join(sorted(found))}. {advice} of Keras.")
    return graph


def _told_change(augment: Callable[..., Any]) -> Any:
    """Describe a layer by its settings, a function by its code; None if it cannot be told."""
    if isinstance(augment, keras.Layer):
        return keras.saving.serialize_keras_object(augment)
    try:
        return identity(augment)
    except TypeError:
        return None
