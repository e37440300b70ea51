"""How does a trained network leave Keras, to run on a telephone or a server?

As one file, with its preprocessing inside. LiteRT (once TensorFlow Lite) is for small devices, in
floating point, or in integers of eight bits, which takes a quarter of the space. ONNX is for
servers, and for programs in other languages.

Source: Jacob et al. (2017), "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", https://arxiv.org/abs/1712.05877.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook._machine import sweep
from cnnbook.deploy._erfc import teach_erfc
from cnnbook.deploy._quiet import check_given_images, first_line, quiet


@checked
def export_litert(
    model: keras.Model,
    path: str | Path,
    *,
    int8_images: np.ndarray | None = None,
    weights: Literal["float32", "float16", "int8"] = "float32",
) -> Path:
    """Write a model as a LiteRT file, in floating point or in integers.

    Into the float file go float32 images, pixels 0 to 255, and out come float32 logits. Into the
    integer file go uint8 images, and out come int8 numbers, which stand for logits by a scale and a
    zero point that the file holds; `load_litert` turns them back. Weights and maps are integers,
    too. Which range each map needs is measured on `int8_images`, so these should be like the
    pictures to come: 100 to 200 training pictures of all classes.

    Args:
        model: Functional, from images of one known size to one array, as every builder of this book
            makes it. It is not changed; one of other numbers is rebuilt in float32.
        path: Ends in ".tflite". A file that is there is replaced once the new one is whole.
        int8_images: (count, height, width, channels), pixels 0 to 255. None: floating point.
        weights: What a float file stores its weights as. "float16" takes half the space. "int8"
            takes a quarter of it: LiteRT measures the range of each map at each call, and
            multiplies integers; arrays of fewer than 1,024 weights stay as they are. An integer
            file has bytes in any case.

    Returns:
        The path, for example for its size: `export_litert(...).stat().st_size`.

    Raises:
        ValueError: If an argument is outside what is said above, or a layer has no counterpart.
        OSError: If the file cannot be written; nothing is left behind.

    Example:
        >>> images = keras.Input((8, 8, 1))
        >>> model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
        >>> export_litert(model, "mean.tflite").stat().st_size < 5_000
        True
    """
    if int8_images is not None and weights == "float16":
        words = '`weights` must be "float32" or "int8" in a file of integers; got "float16"'
        raise ValueError(f"{words}. Leave `int8_images` out for float16.")
    model = _in_float32(model)
    if int8_images is not None:
        images = _calibration_images(int8_images, model.input_shape[1:])

    def write(part: Path) -> None:  # Keras has it as format="litert" from 3.13 on
        saved = str(part.with_name("saved"))
        model.export(saved, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        if int8_images is not None or weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if int8_images is not None:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: ([image[None]] for image in images)
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.int8
        part.write_bytes(converter.convert())

    return _export(path, ".tflite", write)


@checked
def export_onnx(model: keras.Model, path: str | Path) -> Path:
    """Write a model as an ONNX file: float32 images in, pixels 0 to 255, float32 logits out.

    tf2onnx copies the weights many times: a network of 20 million parameters took 12 GB of memory.

    Args:
        model: As for `export_litert`.
        path: Ends in ".onnx". A file that is there is replaced once the new one is whole.

    Returns:
        The path.

    Raises:
        ImportError: If tf2onnx is missing.
        ValueError: If an argument is outside what is said above, or a layer has no counterpart.
        OSError: If the file cannot be written; nothing is left behind.
    """
    try:
        with quiet():
            import onnx
            import tf2onnx  # noqa: F401  Keras calls it
    except ImportError as error:
        raise ImportError("export_onnx needs tf2onnx: pip install tf2onnx.") from error
    model = _in_float32(model)
    model(np.zeros((1, *model.input_shape[1:]), "float32"))  # Keras asks that it has run once

    def write(part: Path) -> None:
        teach_erfc()
        with _plain_constants(model):
            model.export(str(part), format="onnx", verbose=False)
        # What tf2onnx cannot translate it copies under its old name; the check finds that.
        onnx.checker.check_model(str(part))

    return _export(path, ".onnx", write)


def _export(path: str | Path, ending: str, write: Callable[[Path], None]) -> Path:
    """Write beside the path, then rename; say in one line why that cannot be."""
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"`path` must end in {ending!r}; got {path.name!r}.")
    if not path.parent.is_dir() or path.is_dir():
        raise OSError(f"{path} cannot be written: it is a folder, or lies in none. Make one.")
    sweep(path.parent.glob(".export-*"))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        part = Path(folder, f"part{ending}")
        try:
            with quiet():
                write(part)
        except (OSError, MemoryError, ImportError):
            raise
        except (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError) as error:
            raise OSError(f"{path} cannot be written ({first_line(error)}).") from error
        except Exception as error:  # the converters raise many kinds, over many lines
            lacking = sorted(set(re.findall(r"(?:'tf\.|registered for )(\w+)", str(error))))
            reason = f"no counterpart of {', '.join(lacking)}" if lacking else first_line(error)
            words = f"`model` cannot become a {ending} file ({reason}). Replace that layer, or"
            raise ValueError(f"{words} export to the other format.") from error
        part.replace(path)
    return path


def _in_float32(model: keras.Model) -> keras.Model:
    """Return the same function without compilation; rebuilt, if a layer computes in 16 bits."""
    ends = [tensor for end in ("inputs", "outputs") for tensor in getattr(model, end, None) or []]
    if len(ends) != 2 or None in ends[0].shape[1:] or len(ends[0].shape) != 4:
        advice = "Choose one output, for example: keras.Model(model.input, model.outputs[0])."
        if not ends:
            advice = "Build it: a Sequential begins with keras.Input(image_shape)."
        raise ValueError(
            "`model` must be functional, from images of one known size to one array; got"
            f" {[tuple(tensor.shape) for tensor in ends]}. {advice}"
        )
    bare = keras.Model(*ends)
    is_short = "float16" in bare.to_json()
    if not is_short and ends[0].dtype == "float32":
        return bare

    def rebuild(layer: keras.Operation) -> keras.Operation:
        if not is_short:
            return layer
        dtype = {"dtype": "float32"} if isinstance(layer, keras.Layer) else {}
        return type(layer).from_config(layer.get_config() | dtype)

    options = {"input_tensors": keras.Input(ends[0].shape[1:]), "clone_function": rebuild}
    try:
        copy = keras.models.clone_model(bare, recursive=is_short, **options)
    except Exception as error:  # of a Lambda, over many lines
        words = f"`model` cannot be rebuilt in float32 ({first_line(error)})"
        raise ValueError(f"{words}. Build it without 16 bits.") from error
    if is_short:
        copy.set_weights(bare.get_weights())
    return copy


@contextlib.contextmanager
def _plain_constants(model: keras.Model) -> Iterator[None]:
    """Make constants of layers NumPy's for a while: tf2onnx takes TensorFlow's for inputs."""
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            for name, value in list(vars(layer).items()):
                if isinstance(value, tf.Tensor):
                    stack.callback(setattr, layer, name, value)
                    setattr(layer, name, value.numpy())
        yield


def _calibration_images(images: np.ndarray, image_shape: tuple[int, ...]) -> np.ndarray:
    """Return float32 images, among them a 0 and a 255: so a byte goes in as it is."""
    images = np.array(check_given_images(images, image_shape, "int8_images"), "float32")
    if not (images.min() >= 0 and 1 < images.max() <= 255):
        raise ValueError(
            f"`int8_images` must have pixels from 0 to 255; got {images.min():g} to"
            f" {images.max():g}. Give them as they are on disk: the model scales them itself."
        )
    images[0].flat[:2] = 0, 255
    return images
