"""Train the network of the page "A plane full of digits", and keep it in data/latent_net/.

    python data/train_latent_net.py

It is the autoencoder of chapter 19 whose code has two numbers, trained on the embedded digits with
the chapter's recipe and seed. Of the encoder nothing is kept but the codes of the 1,500 test
digits, of the decoder all. The kernel of its last layer, which is nearly all of it, is rounded to 8
bits, with one scale for each pixel, before anything is measured: what is stated is what the file
gives.
"""

import json
import os
import time
from pathlib import Path

os.environ.update(CNNBOOK_OFFLINE="1", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.pop("CNNBOOK_DATA", None)

import keras
import numpy as np
from keras import layers

from cnnbook.book._export_web import in_eight_bits
from cnnbook.datasets.mnist import load_mnist

HERE = Path(__file__).parent / "latent_net"
SEED, EPOCHS, BATCH, RATE = 1, 30, 64, 0.002


def build_autoencoder() -> tuple[keras.Model, keras.Model]:
    """Build the encoder, 784 pixels to 2 numbers, and the decoder, 2 numbers to 784 pixels."""
    pixels_in = keras.Input((784,), name="pixels")
    x = layers.Dense(128, activation="relu")(pixels_in)
    encoder = keras.Model(pixels_in, layers.Dense(2)(x), name="encoder")
    code = keras.Input((2,), name="code")
    x = layers.Dense(128, activation="relu", name="hidden")(code)
    x = layers.Dense(784, activation="sigmoid", name="drawing")(x)
    return encoder, keras.Model(code, x, name="decoder")


def train(pixels: np.ndarray) -> tuple[keras.Model, keras.Model]:
    """Train both together: what goes in shall come out."""
    keras.utils.set_random_seed(SEED)
    encoder, decoder = build_autoencoder()
    whole = keras.Model(encoder.input, decoder(encoder.output))
    steps = EPOCHS * -(-len(pixels) // BATCH)
    plan = keras.optimizers.schedules.CosineDecay(RATE, steps)
    whole.compile(keras.optimizers.Adam(plan), "mse")
    whole.fit(pixels, pixels, BATCH, EPOCHS, verbose=0)
    return encoder, decoder


def keep(decoder: keras.Model, codes: np.ndarray) -> None:
    """Round the large kernel of the decoder, and write all that is kept."""
    arrays = {"codes": codes.astype("float32")}
    for layer in decoder.layers[1:]:
        arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"] = layer.get_weights()
    whole, scale = in_eight_bits(arrays["drawing/kernel"])
    decoder.get_layer("drawing").set_weights([whole * scale, arrays["drawing/bias"]])
    arrays |= {"drawing/kernel": whole.astype("int8"), "drawing/scale": scale}
    HERE.mkdir(exist_ok=True)
    np.savez(HERE / "weights.npz", **arrays)


def main() -> None:
    """Train, round, write, and say how good it is."""
    start, digits = time.perf_counter(), load_mnist()
    learned, seen = (
        images.reshape(-1, 784) / np.float32(255)
        for images in (digits.train_images, digits.test_images)
    )
    encoder, decoder = train(learned)
    codes = encoder.predict(seen, 500, verbose=0)
    before = decoder.predict(codes, 500, verbose=0)
    keep(decoder, codes)
    after = decoder.predict(codes, 500, verbose=0)
    apart = ((codes[:, None] - codes[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    agree = digits.test_labels[apart.argmin(1)] == digits.test_labels
    record = {
        "trained_on": len(learned),
        "epochs": EPOCHS,
        "seed": SEED,
        "test_images": len(seen),
        "squared_error": round(float(np.mean((after - seen) ** 2)), 5),
        "squared_error_before_rounding": round(float(np.mean((before - seen) ** 2)), 5),
        "most_that_rounding_changed": round(float(np.abs(after - before).max()), 4),
        "nearest_has_same_label": round(float(agree.mean()), 4),
        "keras": keras.__version__,
    }
    (HERE / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1), f"{time.perf_counter() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
