"""How does a trained network describe pictures, computed once and never again?

A network without its last layer turns a picture into a few hundred numbers, its bottleneck
features. They are kept on disk: each under the SHA-256 of its picture, in a folder named by the
SHA-256 of all that computes them: weights, layers, preprocessing and image size.
"""

import contextlib
import hashlib
import io
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnbook._checks import checked, shown
from cnnbook._identity import network_key, told_apart
from cnnbook._layers import check_model_images
from cnnbook._machine import sweep
from cnnbook.labelled_files import LabelledFiles

KEEP_EVERY = 512  # pictures; what a killed process loses at most
READ_AHEAD = 4  # batches that threads read while the network computes
ImageReader = Callable[[str | Path, tuple[int, int]], np.ndarray]


@checked
def bottleneck_features(
    model: keras.Model,
    data: np.ndarray | LabelledFiles | Sequence[str | Path],
    read_image: ImageReader | Any = None,  # any: what is wrong, we say better ourselves
    *,
    cache_folder: str | Path | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute what a network says about pictures, or take it from the cache.

    Nothing is computed twice: neither equal pictures, nor what was done before an interruption, nor
    a file that has only moved. If a picture changes, it alone is computed again; if the network
    does, everything is.

    Args:
        model: From images of one size to features, with its preprocessing inside. Of a model of
            this book take `keras.Model(model.input, model.get_layer("average").output)`; of
            keras.applications `keras.Model(images, base(preprocess_input(images)))`.
        data: Images (count, height, width, channels) as the model takes them, `LabelledFiles` of
            pictures, or their paths alone.
        read_image: From a path and (height, width) to an image of 3 channels, such as
            `read_center_crop`; for files only. The cache knows it by its code and what it holds.
        cache_folder: Made if it is missing; None keeps nothing. Delete it to make room.
        batch_size: Pictures that are computed at once.

    Returns:
        (count, features) float32 in the order of `data`, or maps if the model ends in maps.

    Raises:
        ValueError: If an argument is outside what is said above, or the cache cannot tell the
            reader or a layer from others.
        OSError: If a picture cannot be read; what was computed before it is kept.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
        >>> bottleneck_features(model, np.full((2, 8, 8, 3), 7, "uint8"), cache_folder="cache")
        array([[7., 7., 7.],
               [7., 7., 7.]], dtype=float32)
    """
    items: Any = getattr(data, "paths", data)
    items = np.asarray(items) if hasattr(items, "dtype") else list(items)
    items = list(items) if isinstance(items, np.ndarray) and items.dtype.kind == "U" else items
    image_size, feature_shape = _check_features_arguments(model, items, read_image, batch_size)
    if isinstance(items, np.ndarray) and items.size:
        check_model_images(model, items)
    kept = cache_folder is not None
    reader = told_apart("read_image", read_image) if kept and isinstance(items, list) else ""
    digests = [_picture_key(item, reader) for item in items]
    folder = None if cache_folder is None else Path(cache_folder) / network_key(model)
    features = _read_kept(folder) if folder else {}
    first = {digest: index for index, digest in reversed([*enumerate(digests)])}
    missing = sorted(index for digest, index in first.items() if digest not in features)

    def read(indices: list[int]) -> np.ndarray:
        if isinstance(items, np.ndarray):
            return items[indices]
        images = [np.asarray(read_image(items[index], image_size)) for index in indices]
        for index, image in zip(indices, images, strict=True):
            is_numbers = image.dtype.kind in "buif" and np.isfinite(image).all()
            if image.shape != (*image_size, 3) or not is_numbers:
                words = f"`read_image` must return finite numbers {(*image_size, 3)}; of"
                got = f"{image.dtype} of shape {image.shape}"
                raise ValueError(f"{words} {shown(items[index])} it made {got}. Mend it.")
        return np.stack(images)

    fresh: list[bytes] = []
    try:
        for indices, rows in _compute(model, read, missing, batch_size, isinstance(items, list)):
            new = [digests[index] for index in indices]
            features.update(zip(new, rows, strict=True))
            fresh += new
            if folder and len(fresh) >= KEEP_EVERY:
                _keep(folder, fresh, features)
                fresh = []
    finally:  # also when a picture is broken, or the reader has pressed Ctrl-C
        if folder and fresh:
            _keep(folder, fresh, features)
    return np.array([features[digest] for digest in digests], "float32").reshape(-1, *feature_shape)


def _compute(
    model: keras.Model, read: Callable, missing: list[int], batch_size: int, are_new: bool
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield indices and their features, batch by batch; threads read ahead.

    Images that `are_new`, read from files, are looked at as those of an array were before.
    """
    groups = [missing[at : at + batch_size] for at in range(0, len(missing), batch_size)]
    # Few sizes of batches, since the backend compiles the network anew for each.
    size = min(batch_size, 1 << (len(missing) - 1).bit_length())
    with ThreadPoolExecutor(2) as pool:
        ahead = deque(pool.submit(read, group) for group in groups[:READ_AHEAD])
        for number, group in enumerate(groups):
            images = ahead.popleft().result()
            if are_new:  # not in the threads that read, for it may listen to the model
                check_model_images(model, images)
            if number + READ_AHEAD < len(groups):
                ahead.append(pool.submit(read, groups[number + READ_AHEAD]))
            filled = np.resize(images, (size, *images.shape[1:]))  # repeats some
            yield group, model.predict_on_batch(filled)[: len(group)]


def _picture_key(item: np.ndarray | str | Path, reader: str) -> bytes:
    """Return the SHA-256 of one image, or of its reader and the content of one file."""
    if isinstance(item, np.ndarray):
        return hashlib.sha256(f"{item.dtype} {item.shape}".encode() + item.tobytes()).digest()
    return hashlib.sha256(reader.encode() + Path(item).read_bytes()).digest()


def _read_kept(folder: Path) -> dict[bytes, np.ndarray]:
    """Return kept features by the SHA-256 of their pictures; remove a damaged file."""
    features: dict[bytes, np.ndarray] = {}
    sweep(folder.glob("*.part"))
    for path in sorted(folder.glob("*.npy")):
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() == path.stem:
            table = np.load(io.BytesIO(content), allow_pickle=False)
            features.update(zip(map(bytes, table["digest"]), table["features"], strict=True))
        else:
            with contextlib.suppress(OSError):  # the folder may be for reading only
                path.unlink()
            warnings.warn(f"{path} was damaged: its features are computed again.", stacklevel=3)
    return features


def _keep(folder: Path, digests: list[bytes], features: dict[bytes, np.ndarray]) -> None:
    """Write features into a file named by its SHA-256, whole or not at all; else warn."""
    shape = features[digests[0]].shape
    table = np.empty(len(digests), [("digest", "u1", 32), ("features", "<f4", shape)])
    table["digest"] = [list(digest) for digest in digests]
    table["features"] = [features[digest] for digest in digests]
    np.save(file := io.BytesIO(), table)
    name = hashlib.sha256(file.getvalue()).hexdigest()
    part = folder / f"{name}.part"  # whoever else writes it writes the same
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(file.getvalue())
        part.replace(folder / f"{name}.npy")
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        words = f"{folder} cannot keep features ({error.strerror}). Name another `cache_folder`."
        warnings.warn(words, stacklevel=3)


def _check_features_arguments(
    model: keras.Model, data: np.ndarray | list[Any], read_image: Any, batch_size: int
) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Return the size of an image and the shape of its features, or refuse what cannot be used."""
    ends = [tensor for end in ("inputs", "outputs") for tensor in getattr(model, end, None) or []]
    shapes = [tensor.shape[1:] for tensor in ends]
    if len(shapes) != 2 or len(shapes[0]) != 3 or None in (*shapes[0], *shapes[1]):
        raise ValueError(
            f"`model` must map images of one known size to one array of features; got {shapes}."
            " Wrap it: images = keras.Input((224, 224, 3)); keras.Model(images, model(images))."
        )
    found: object = data.shape[1:] if isinstance(data, np.ndarray) else (*shapes[0][:2], 3)
    if isinstance(data, list) and not all(isinstance(path, (str, Path)) for path in data):
        found = f"a list of {type(data[0]).__name__}"
    if found != shapes[0]:
        raise ValueError(
            f"`data` must be one array of images {shapes[0]}, as `model` takes them, or a list of"
            f" paths of pictures, which have 3 channels; got {found}. Resize the images."
        )
    if isinstance(data, list) and data and not callable(read_image):
        words = f"`read_image` must be a function that reads the paths of `data`; got {read_image}."
        raise ValueError(f"{words} Give it `read_center_crop` of image_folder.py.")
    if isinstance(data, np.ndarray) and data.dtype.kind == "f" and not np.isfinite(data).all():
        raise ValueError("`data` must be finite; got nan or inf. Look for what made them.")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more; got {batch_size}. 32 is fast enough.")
    return shapes[0][:2], shapes[1]
