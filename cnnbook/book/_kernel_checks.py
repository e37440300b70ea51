"""What Keras answers for one picture and many kernels: the page of kernels compares itself.

The page slides its kernels with its own sums, in JavaScript; here `keras.ops.conv` does the same.
"""

import base64
import itertools
import json
from typing import Any

import numpy as np

from cnnbook.arithmetic import pool
from cnnbook.datasets.photos import load_photo

SHRINK, SIDE = 16, 25  # the camera's 512 pixels become 32; a corner of an odd size is kept
STRIDES, PADDINGS, DILATIONS = (1, 2, 3, 4), (0, 1, 2, 3, "same"), (1, 2, 3)
NUM_CASES = 16


def kernel_checks() -> str:
    """Write live/kernel_checks.js: one picture, kernels with their settings, and their maps."""
    picture = _picture()
    cases = [_case(picture, **settings) for settings in _settings()]
    content = {"side": SIDE, "picture": _text(picture), "cases": cases}
    return f"window.CNN_KERNEL_CHECKS = {json.dumps(content, separators=(',', ':'))};\n"


def _picture() -> np.ndarray:
    """The head of the man with the camera, (side, side) uint8."""
    small = pool(load_photo("camera")[None], SHRINK, mode="average")[0, ..., 0]
    return small.round().astype("uint8")[:SIDE, :SIDE]


def _settings() -> list[dict[str, Any]]:
    """Settings that Keras takes, which are all but strides together with dilation."""
    every = itertools.product((3, 5), STRIDES, PADDINGS, DILATIONS)
    fits = [each for each in every if each[1] == 1 or each[3] == 1]
    random = np.random.default_rng(0)
    chosen = random.choice(len(fits), NUM_CASES, replace=False)
    names = ("size", "stride", "padding", "dilation")
    settings = [dict(zip(names, fits[index], strict=True)) for index in sorted(chosen)]
    for each in settings:
        weights = random.integers(-400, 401, each.pop("size") ** 2) / 100
        each["kernel"] = weights.tolist()
    return settings


def _case(
    picture: np.ndarray, kernel: list[float], stride: int, padding: int | str, dilation: int
) -> dict[str, Any]:
    """One kernel with what Keras makes of it."""
    import keras

    side = int(len(kernel) ** 0.5)
    zeros, mode = (padding, "valid") if isinstance(padding, int) else (0, padding)
    images = np.pad(picture, zeros).astype("float32")[None, :, :, None]
    weights = np.array(kernel, "float32").reshape(side, side, 1, 1)
    options = {"strides": stride, "padding": mode, "dilation_rate": dilation}
    answers = keras.ops.conv(images, weights, data_format="channels_last", **options)
    array = keras.ops.convert_to_numpy(answers)[0, :, :, 0]
    case = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return case | {"map": len(array), "answers": _text(array.astype("<f4"))}


def _text(array: np.ndarray) -> str:
    """An array as base64."""
    return base64.b64encode(array.tobytes()).decode("ascii")
