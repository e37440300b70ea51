"""What does an exported network answer, and how long does one wait for it?"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from cnnbook._checks import checked
from cnnbook._machine import usable_cores
from cnnbook.deploy._quiet import check_given_images, first_line, quiet

Predict = Callable[[np.ndarray], np.ndarray]


class Latency(NamedTuple):
    """Milliseconds that one call took, for all images that were given to it."""

    median_ms: float
    fastest_ms: float
    slowest_ms: float

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.median_ms:.3g} ms ({self.fastest_ms:.3g} to {self.slowest_ms:.3g})"


@checked
def measure_latency(
    predict: Callable, images: np.ndarray, *, repeats: int = 20, warm_up: int = 3
) -> Latency:
    """Measure how long a network takes to answer.

    The first calls are left out: they build graphs and fill caches. The median is what one waits;
    the fastest call is what the machine can do when nothing else runs on it.

    Args:
        predict: Such as `load_litert(path)`, `load_onnx(path)` or `model.predict_on_batch`.
        images: What it is given at every call: one image, or a batch.
        repeats: Calls that count, 1 or more.
        warm_up: Calls before them, 0 or more.

    Returns:
        A `Latency` of one call.

    Raises:
        ValueError: If `repeats` or `warm_up` is too small, there are no images, or what comes back
            is no array, such as a coroutine, which has computed nothing yet.

    Example:
        >>> latency = measure_latency(lambda images: images + 1, np.zeros((1, 8, 8, 1)))
        >>> 0 < latency.fastest_ms <= latency.median_ms <= latency.slowest_ms
        True
    """
    if repeats < 1 or warm_up < 0 or not all(np.shape(images)[:1] or [0]):
        words = "`repeats` must be 1 or more, `warm_up` 0 or more, `images` at least one; got"
        raise ValueError(f"{words} {repeats}, {warm_up} and images of shape {np.shape(images)}.")
    seconds = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        results = keras.tree.flatten(predict(images))
        # Wait for it: a GPU answers before it is done.
        arrays = [keras.ops.convert_to_numpy(result) for result in results]
        seconds.append(time.perf_counter() - start)
        for result, array in zip(results, arrays, strict=True):
            if array.dtype == object:
                words = f"`predict` must return arrays of numbers; got a {type(result).__name__}"
                raise ValueError(f"{words}. Wait in it for what it computes.")
    milliseconds = 1000 * np.array(seconds[warm_up:])
    return Latency(*map(float, (np.median(milliseconds), milliseconds.min(), milliseconds.max())))


@checked
def load_litert(path: str | Path, threads: int | None = None) -> Predict:
    """Open a LiteRT file, and return what predicts with it.

    Args:
        path: Of a file with one input and one output, such as `export_litert` writes.
        threads: That compute at once, 1 to 1,000; None: one a core.

    Returns:
        A function from images (count, height, width, channels), uint8 or float, pixels 0 to 255, to
        float32 (count, ...). Another count than the time before costs a new plan of the memory.

    Raises:
        ValueError: If `threads` is less than 1 or more than 1,000.
        OSError: If there is no such file, or it is no LiteRT file.
    """
    import tensorflow as tf

    content, threads = _content(path), _count(threads)
    if content[4:8] != b"TFL3":
        raise OSError(f"{path} is no LiteRT file: bytes 5 to 8 must be TFL3. Export it again.")
    try:
        with quiet():  # TensorFlow says that the package ai-edge-litert has this class as well
            interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
        [given], [returned] = interpreter.get_input_details(), interpreter.get_output_details()
    except (RuntimeError, ValueError) as error:
        raise OSError(f"{path} cannot be run ({first_line(error)}). Export it again.") from error
    planned, one_at_a_time = tuple(given["shape"]), threading.Lock()

    def predict(images: np.ndarray) -> np.ndarray:
        nonlocal planned
        images = check_given_images(images, given["shape"][1:])
        stored = _to_stored(images, given)
        with one_at_a_time:
            if images.shape != planned:
                with quiet():
                    interpreter.resize_tensor_input(given["index"], images.shape)
                    interpreter.allocate_tensors()
                planned = images.shape
            interpreter.set_tensor(given["index"], stored)
            interpreter.invoke()
            result = interpreter.get_tensor(returned["index"]).astype("float32")
        scale, zero = returned["quantization"]  # 0, 0 in a float file
        return (result - zero) * np.float32(scale) if scale else result

    return predict


@checked
def load_onnx(path: str | Path, threads: int | None = None) -> Predict:
    """Open an ONNX file with ONNX Runtime, and return what predicts with it.

    Args:
        path: Of a file with one input and one output, such as `export_onnx` writes.
        threads: That compute at once, 1 to 1,000; None: one a core.

    Returns:
        A function as that of `load_litert`.

    Raises:
        ImportError: If onnxruntime is missing.
        ValueError: If `threads` is less than 1 or more than 1,000.
        OSError: If there is no such file, or it is no ONNX file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("load_onnx needs onnxruntime: pip install onnxruntime.") from error
    content, options = _content(path), onnxruntime.SessionOptions()
    options.intra_op_num_threads = _count(threads)
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        [given], [_] = session.get_inputs(), session.get_outputs()
    except Exception as error:  # each of its kinds is a class of its own
        raise OSError(f"{path} cannot be run ({first_line(error)}). Export it again.") from error

    def predict(images: np.ndarray) -> np.ndarray:
        images = check_given_images(images, given.shape[1:])
        return session.run(None, {given.name: images.astype("float32")})[0]

    return predict


def _to_stored(images: np.ndarray, tensor: dict) -> np.ndarray:
    """Return images as the file stores numbers: a byte a pixel, or float32."""
    scale, zero = tensor["quantization"]
    if images.dtype == tensor["dtype"] and (scale, zero) in ((0.0, 0), (1.0, 0)):
        return images
    if (scale, zero) == (1.0, 0):
        is_share = 0 < images.max() <= 1 and (images % 1).any()
        if images.min() < 0 or images.max() > 255 or is_share:
            span = f"{images.min():g} to {images.max():g}"
            words = "`images` must have pixels from 0 to 255, for this file takes bytes; got"
            raise ValueError(f"{words} {span}. Give them as they are on disk.")
    if scale:
        limits = np.iinfo(tensor["dtype"])
        images = np.clip(np.rint(images / np.float32(scale)) + zero, limits.min, limits.max)
    return images.astype(tensor["dtype"])


def _count(threads: int | None) -> int:
    """Return how many threads are to compute, one a core if nothing is said."""
    if threads is not None and not 1 <= threads <= 1_000:
        raise ValueError(f"`threads` must be 1 to 1,000; got {threads}. None takes one a core.")
    return threads or usable_cores()


def _content(path: str | Path) -> bytes:
    """Return the content of a file that is there and not empty."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. Write it first: export_litert, export_onnx.")
    if content := path.read_bytes():
        return content
    raise OSError(f"{path} is empty (0 bytes). Export it again.")
