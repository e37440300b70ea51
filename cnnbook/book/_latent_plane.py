"""What does the page "A plane full of digits" need? A decoder, test digits, what Keras draws.

The network is that of `data/train_latent_net.py`; of its encoder only the codes are left.
"""

import io
import json
from collections.abc import Mapping

import keras
import numpy as np
from PIL import Image

from cnnbook.book._export_web import as_text, model_script
from cnnbook.book._live_cache import data_file

A_CLASS, ACROSS, LEVELS = 30, 20, 8  # digits of each class, in a row of their picture, greys
NEAR = 0.95  # share of the other test digits that have one of those so near
CHECKED = 4  # drawings of digits that the page compares, beside two of corners


def latent_weights() -> dict[str, np.ndarray]:
    """Return "codes" of the 1,500 test digits, and what the decoder has, such as "hidden/bias"."""
    with np.load(io.BytesIO(data_file("latent_net/weights.npz").read_bytes())) as arrays:
        return dict(arrays)


def build_decoder(weights: dict[str, np.ndarray]) -> keras.Model:
    """Build the decoder with its weights: two numbers to 784 pixels of 0 to 1."""
    code = keras.Input((2,), name="code")
    x = keras.layers.Dense(128, activation="relu", name="hidden")(code)
    x = keras.layers.Dense(784, activation="sigmoid", name="drawing")(x)
    decoder = keras.Model(code, x, name="decoder")
    kernel = weights["drawing/kernel"] * weights["drawing/scale"]
    decoder.get_layer("hidden").set_weights([weights["hidden/kernel"], weights["hidden/bias"]])
    decoder.get_layer("drawing").set_weights([kernel, weights["drawing/bias"]])
    return decoder


def plane_scripts(images: np.ndarray, labels: np.ndarray) -> dict[str, str]:
    """Return the scripts of the page.

    Args:
        images: (1500, 28, 28) uint8, the embedded test digits.
        labels: (1500,) which digits they are.
    """
    weights = latent_weights()
    decoder, codes = build_decoder(weights), weights["codes"]
    places = [np.flatnonzero(labels == digit)[:A_CLASS] for digit in range(10)]
    shown = np.sort(np.concatenate(places))
    digits = {
        "codes": as_text(codes[shown].astype("<f4").tobytes()),
        "labels": as_text(labels[shown].astype("uint8").tobytes()),
        "picture": sheet(images[shown]),
        "across": ACROSS,
        "near": near_is(codes, shown),
    }
    return {
        "latent_model.js": model_script("latent", decoder, {}, "int8"),
        "latent_digits.js": f"cnnbook.latent_digits = {_json(digits)};\n",
        "latent_checks.js": f"window.CNN_LATENT_CHECKS = {_json(checks(decoder, codes[shown]))};\n",
    }


def sheet(images: np.ndarray) -> str:
    """Write digits side by side as one PNG of few greys, row by row."""
    greys = np.round(np.round(images / 255 * (LEVELS - 1)) * (255 / (LEVELS - 1)))
    rows = greys.astype("uint8").reshape(-1, ACROSS, *images.shape[1:])
    pixels = rows.transpose(0, 2, 1, 3).reshape(-1, ACROSS * images.shape[2])
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG", optimize=True)
    return f"data:image/png;base64,{as_text(file.getvalue())}"


def near_is(codes: np.ndarray, shown: np.ndarray) -> float:
    """Return within which distance most digits that are not shown have one that is."""
    others = np.delete(codes, shown, axis=0)
    apart = np.linalg.norm(others[:, None] - codes[shown], axis=-1)
    return round(float(np.quantile(apart.min(axis=1), NEAR)), 1)


def checks(decoder: keras.Model, codes: np.ndarray) -> dict[str, str | int]:
    """Return what Keras draws of some digits and of two corners, in 65,536 shades."""
    corners = [[codes[:, 0].max(), codes[:, 1].min()], codes.min(axis=0)]
    chosen = np.concatenate([codes[:: len(codes) // CHECKED][:CHECKED], corners])
    drawn = decoder.predict(chosen.astype("<f4"), verbose=0)
    shades = np.round(drawn * 65_535).astype("<u2")
    texts = {"codes": as_text(chosen.astype("<f4").tobytes()), "drawn": as_text(shades.tobytes())}
    return {**texts, "count": len(chosen)}


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, separators=(",", ":"))
