"""What Keras makes of one epoch on the small digits: the page that trains compares itself.

The page works out every slope by hand, in JavaScript; here Keras does it, by backpropagation.
"""

import base64
import json

import numpy as np

BATCH, RATE = 32, 0.5


def train_checks(
    images: np.ndarray, labels: np.ndarray, unseen: np.ndarray, unseen_labels: np.ndarray
) -> str:
    """Write live/train_checks.js: losses of whole batches in order, the weights, the accuracy.

    Args:
        images: (count, side, side) uint8, the digits that the page learns from.
        labels: (count,) their digits.
        unseen: (tests, side, side) uint8, those that it is tested on.
        unseen_labels: (tests,) their digits.
    """
    import keras

    kernel = keras.layers.Dense(10, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((images[0].size,)), kernel])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss)
    pixels = images.reshape(len(images), -1).astype("float32") / 255
    losses = []
    for start in range(0, len(images) - BATCH + 1, BATCH):
        model.reset_metrics()
        batch = slice(start, start + BATCH)
        losses.append(float(model.train_on_batch(pixels[batch], labels[batch])))
    logits = model.predict_on_batch(unseen.reshape(len(unseen), -1).astype("float32") / 255)
    accuracy = float(np.mean(np.argmax(logits, axis=1) == unseen_labels))
    weights = base64.b64encode(kernel.get_weights()[0].astype("<f4").tobytes()).decode("ascii")
    content = {"batch": BATCH, "rate": RATE, "losses": losses}
    content |= {"accuracy": accuracy, "kernel": weights}
    return f"window.CNN_TRAIN_CHECKS = {json.dumps(content, separators=(',', ':'))};\n"
