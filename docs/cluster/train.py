"""One network, trained by as many processes as there are.

    cnnbook train docs/cluster/train.py -n 2 --restarts 3

Each process runs this file. Started again, it goes on after the last epoch that was complete.
"""

import os

import keras
from keras import layers

from cnnbook.datasets.mnist import load_mnist
from cnnbook.deploy.cluster import ClusterResume, Shard, join

world = join()
digits = load_mnist()
keras.utils.set_random_seed(1)

images = keras.Input((28, 28, 1))
x = layers.Conv2D(16, 3, activation="relu")(layers.Rescaling(1 / 255)(images))
x = layers.Conv2D(16, 3, strides=2, activation="relu")(x)
x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D(2)(x)))
model = keras.Model(images, layers.Dense(10)(x))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])

batches = Shard(digits.train_images, digits.train_labels, batch_size=64, world=world, seed=1)
resume = ClusterResume("runs/first", batches)
epochs = 2 if "CNNBOOK_QUICK" in os.environ else 4
verbose = 2 if world.rank == 0 else 0
model.fit(batches, epochs=epochs, shuffle=False, callbacks=[resume], verbose=verbose)

# Computing is for all together, and writing for one.
_, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
if world.rank == 0:
    print(f"Test accuracy: {accuracy:.4f}")
    model.save("runs/first/model.keras")
