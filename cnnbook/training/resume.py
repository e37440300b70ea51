"""How does a training go on after it was killed, as if nothing had happened?

What comes out is the same, bit for bit, on one machine with CPUs: weights, History, and the best
weights of EarlyStopping. Keras' `BackupAndRestore` keeps weights and optimizer, but neither the
order of the pictures, nor the seeds of dropout, nor what other callbacks have counted.

Source: Keras 3, `callbacks/backup_and_restore.py`, for how a callback tells `fit` where to begin.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnbook._arrays import check_arrays
from cnnbook._checks import checked
from cnnbook._keeping import Keeping
from cnnbook.training._epochs import Epochs


class ExactResume(Keeping):
    """Keep the whole state of a training after each epoch, and go on from there.

    Give `batches` to `fit`, and this among its callbacks. The same program, run again, goes on with
    the epoch in which it was killed, or returns at once when all are done or a callback has ended
    the training. A disk that is full ends it with an error, and the last state stays.

    Network, `compile`, images and the settings below must be those of before; `epochs`, callbacks
    and the folder's place may change. Not looked at are `class_weight`, validation data, and code
    of your own in layers and losses. A layer that draws with `tf.random` does not repeat itself.

    Args:
        folder: Made if it is missing; holds the file `training.state`.
        images: (count, ...) finite, of any type; held in memory.
        labels: (count,) or (count, ...), finite; whole numbers, one an image, are 0 or more.
        batch_size: Images a batch, 1 or more; the last batch may be smaller.
        augment: A Keras layer or a function from a batch of images to one, as in `make_pipeline`,
            also with `labels`. One that draws with TensorFlow has a parameter `seed`, without
            default: two whole numbers for `tf.random.stateless_*`, others for each batch.
        seed: 0 or more. With the number of the epoch it alone says how batches are shuffled and
            changed.

    Attributes:
        batches: For `fit`, with `shuffle=False`, a `tf.data.Dataset` of (images, labels).

    Raises:
        ValueError: If an argument is not as said above, `augment` draws what nobody can repeat, or
            the folder holds a training of something else; the message lists the differences.
        OSError: If the folder cannot be used, its file is damaged, another training uses it, or the
            disk is full.

    Example:
        >>> def train(epochs):
        ...     images = keras.Input((6,))
        ...     outputs = keras.layers.Dense(1)(keras.layers.Dropout(0.5)(images))
        ...     model = keras.Model(images, outputs)
        ...     model.compile("adam", "mse")
        ...     resume = ExactResume("runs/first", np.eye(6), np.arange(6), batch_size=4)
        ...     words = {"callbacks": [resume], "shuffle": False, "verbose": 0}
        ...     return model.fit(resume.batches, epochs=epochs, **words).history["loss"]
        >>> first = train(epochs=2)
        >>> both = train(epochs=3)
        >>> len(both), both[:2] == first
        (3, True)
    """

    @checked
    def __init__(
        self,
        folder: str | Path,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int = 128,
        *,
        augment: Callable | None = None,
        seed: int = 0,
    ):
        check_arrays(images, labels, batch_size)
        if seed < 0:
            raise ValueError(f"`seed` must be 0 or more; got {seed}.")
        arrays = np.asarray(images), np.asarray(labels)
        epochs = Epochs(*arrays, int(batch_size), augment, int(seed))
        super().__init__(Path(folder), epochs)
        self.batches = epochs.dataset
