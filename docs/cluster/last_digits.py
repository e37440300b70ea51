"""By how much do two processes differ from one in float64, and through what?

    python docs/cluster/last_digits.py

Trains each network in one process and in two, and prints the largest difference of any weight. Sums
over a batch have another order in two processes: in float64 that is 1e-16. Keras casts what comes
into batch normalisation by `result_type(dtype, "float32")`, which on JAX is float32 for float64
too: so its means and variances differ by 1e-7. The last row lifts that rule, in Keras' own table.
"""

import sys
import tempfile
from pathlib import Path

NETWORKS = {
    "plain": (False, False),
    "with batch normalisation": (True, False),
    "with batch normalisation, all of it in float64": (True, True),
}


def train(folder):
    """Train each network, and let rank 0 keep its weights."""
    import jax
    import keras
    import numpy as np
    from keras import layers
    from keras.src.backend.common import dtypes  # what is looked at is Keras' own

    from cnnbook.deploy.cluster import Shard, join

    world = join()
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    chance = np.random.default_rng(1)
    images, labels = chance.random((256, 12, 12, 1)), chance.integers(0, 2, 256)
    for name, (norm, whole) in NETWORKS.items():
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64" if whole else "float32"
        keras.utils.set_random_seed(0)
        pixels = keras.Input((12, 12, 1))
        x = layers.Conv2D(8, 3, activation="relu")(pixels)
        x = layers.Flatten()(layers.BatchNormalization()(x) if norm else x)
        model = keras.Model(pixels, layers.Dense(2)(layers.Dropout(0.3)(x)))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05), loss)
        model.fit(Shard(images, labels, 64, world), epochs=4, shuffle=False, verbose=0)
        if world.rank == 0:
            weights = [np.ravel(np.asarray(weight)) for weight in model.weights]
            np.save(f"{folder}/{name}-{world.size}.npy", np.concatenate(weights))


def compare():
    """Train in one process and in two, and print how far apart the weights are."""
    import numpy as np

    from cnnbook.deploy.launch import launch

    with tempfile.TemporaryDirectory() as folder:
        for size in (1, 2):
            if launch([sys.executable, __file__, folder], size):
                sys.exit("The training failed.")
        for name in NETWORKS:
            one, two = (np.load(Path(folder, f"{name}-{size}.npy")) for size in (1, 2))
            print(f"{np.abs(one - two).max():.1e}  {name}")


if __name__ == "__main__":
    train(sys.argv[1]) if sys.argv[1:] else compare()
