"""What will this run on: which processor, which GPUs, and in which number format?

GPUs are what the Keras backend in use can see; which number format is faster is measured. Keras is
imported by the functions that need it, so importing this file costs no time.
"""

import contextlib
import importlib.util
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

BACKENDS = {  # as people write them, and how they get their GPU libraries
    "tensorflow": ("TensorFlow", 'pip install "tensorflow[and-cuda]"'),
    "jax": ("JAX", 'pip install "jax[cuda12]"'),
    "torch": ("PyTorch", "install the CUDA build of PyTorch (pytorch.org/get-started)"),
    "numpy": ("NumPy", "set KERAS_BACKEND to tensorflow, jax or torch"),
    "openvino": ("OpenVINO", "set KERAS_BACKEND to tensorflow, jax or torch"),
}
CHOICES = {  # of what Keras reads when it is imported, the usual one first
    "backend": (*BACKENDS,),
    "image_data_format": ("channels_last", "channels_first"),
    "floatx": ("float32", "float16", "float64"),
}


class Precision(NamedTuple):
    """Which Keras dtype policy to set here, and what it buys."""

    policy: str
    """ "float32" or "mixed_bfloat16", for `keras.config.set_dtype_policy`."""
    speedup: float
    """Training steps in bfloat16 in the time of one in float32; 0.0 if it cannot run."""
    float32_seconds: float
    bfloat16_seconds: float
    """Of one training step of the trial network; infinite if it cannot run."""

    def __str__(self) -> str:
        """One line for people: the policy, and the times that speak for it."""
        if math.isinf(self.bfloat16_seconds):
            return f"{self.policy}: bfloat16 does not run on this device"
        times = [1e3 * seconds for seconds in (self.float32_seconds, self.bfloat16_seconds)]
        return (
            f"{self.policy}: a training step takes {times[0]:.1f} ms in float32, {times[1]:.1f} ms"
            f" in bfloat16, which is {self.speedup:.1f} times as fast"
        )


def keras_settings() -> dict[str, tuple[str, str]]:
    """Say how Keras is set up, before it is imported: an import that fails says less.

    Returns:
        "backend", "image_data_format" and "floatx", each with where it is said: a variable of the
        environment, the file keras.json of the reader, or "Keras' default".

    Raises:
        ValueError: If one is none that Keras knows, or the backend is not installed.

    Example:
        >>> keras_settings()["floatx"][0]
        'float32'
    """
    home = os.path.expanduser("~")  # noqa: PTH111  as Keras does, also where there is none
    folder = Path(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    file = Path(os.environ.get("KERAS_HOME") or folder, "keras.json")
    default = "Keras' default"
    try:
        said = json.loads(file.read_text("utf-8") if os.access(file, os.R_OK) else "{}")
    except ValueError:
        said, default = {}, f"{default}, since {file} is no JSON"
    if not isinstance(said, dict):
        raise ValueError(f"{file} must hold names with values in braces. Delete it, or mend it.")
    settings = {
        name: (str(said[name]), str(file)) if name in said else (choices[0], default)
        for name, choices in CHOICES.items()
    }
    if os.environ.get("KERAS_BACKEND"):
        settings["backend"] = os.environ["KERAS_BACKEND"], "the variable KERAS_BACKEND"
    for name, (value, source) in settings.items():
        if value not in CHOICES[name]:
            words = f"Keras' {name} must be one of {', '.join(CHOICES[name])}; {source} says"
            raise ValueError(f"{words} {value!r}. Change it there.")
    backend, source = settings["backend"]
    if backend not in sys.modules and importlib.util.find_spec(backend) is None:
        raise ValueError(f"Keras' backend {backend!r} is not installed; {source} asks for it.")
    return settings


def describe_devices() -> str:
    """Describe the hardware that Keras will compute on.

    Returns:
        Three lines or more: the version of Keras and its backend; the CPU with its logical cores
        open to this process and the memory of the machine; every GPU that the backend can see.

    Raises:
        ValueError: If Keras is told to use a backend that is unknown or not installed.

    Example:
        >>> describe_devices().splitlines()[0].startswith("Keras 3.")
        True
    """
    backend, title, _ = _backend()
    import keras

    version = importlib.import_module(backend).__version__
    gpus = [f"GPU {index}: {gpu}" for index, gpu in enumerate(_gpus())]
    gpus = gpus or [f"GPU: none that {title} can see"]
    return "\n".join([f"Keras {keras.__version__} on {title} {version}", f"CPU: {_cpu()}", *gpus])


def require_gpu() -> None:
    """Stop with a clear message where Keras would compute on the CPU.

    Raises:
        RuntimeError: If the backend in use sees no GPU; says what it sees, and what to do.
        ValueError: If Keras is told to use a backend that is unknown or not installed.
    """
    if _gpus():
        return
    _, title, install = _backend()
    installed = ", ".join(_nvidia_memory())
    advice = f"go to a machine where nvidia-smi lists a GPU, and there {install}"
    if installed:
        advice = f"the driver knows {installed}, so {title} lacks its GPU libraries: {install}"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        advice = "CUDA_VISIBLE_DEVICES hides all GPUs: unset it and start Python again"
    words = f"No GPU: {title} sees only the CPU ({_cpu()})."
    raise RuntimeError(f"{words} Every chapter runs on it, slower; for a GPU, {advice}.")


def recommend_precision() -> Precision:
    """Measure which Keras dtype policy trains faster on the device at hand.

    Trains a small convolutional network for a few steps, in float32 and in mixed bfloat16 in turn,
    and compares the fastest step of each: other work on the machine can only make a step slower.
    Takes about a second on two CPU cores. No policy is set and no random state is touched.

    Returns:
        A `Precision`. Its policy is "mixed_bfloat16" where that is at least 1.2 times as fast.

    Raises:
        RuntimeError: If the backend in use cannot train.

    Example:
        >>> recommend_precision().policy in ("float32", "mixed_bfloat16")
        True
    """
    if _backend()[0] in ("numpy", "openvino"):
        raise RuntimeError("Keras cannot train on {1}: {2}.".format(*_backend()))
    steps = {"float32": _training_step("float32")}
    with contextlib.suppress(Exception):  # each backend has its own "not on this device"
        steps["mixed_bfloat16"] = _training_step("mixed_bfloat16")
    fastest, start = {"float32": math.inf, "mixed_bfloat16": math.inf}, perf_counter()
    for round_number in range(15):
        if round_number >= 3 and perf_counter() - start > 0.7:
            break
        for policy, step in steps.items():
            began = perf_counter()
            step()
            fastest[policy] = min(fastest[policy], perf_counter() - began)
    float32, bfloat16 = fastest.values()
    # A smaller gain is not worth the lost digits.
    policy = "mixed_bfloat16" if float32 / bfloat16 >= 1.2 else "float32"
    return Precision(policy, float32 / bfloat16, float32, bfloat16)


def _training_step(policy: str) -> Callable[[], object]:
    """Build the trial network and take its first, slow step; return the step."""
    import keras
    from keras import layers

    weights = keras.initializers.RandomNormal(stddev=0.05, seed=0)  # the reader's seed stays
    last = {"data_format": "channels_last", "dtype": policy}  # whatever keras.json says
    options = {"activation": "relu", "kernel_initializer": weights, **last}
    pixels = keras.Input((28, 28, 3), name="trial_pixels")
    x = layers.Conv2D(32, 3, **options, name="trial_conv1")(pixels)
    x = layers.Conv2D(64, 3, **options, name="trial_conv2")(x)
    x = layers.GlobalAveragePooling2D(**last, name="trial_pool")(x)
    x = layers.Dense(10, kernel_initializer=weights, dtype="float32", name="trial_logits")(x)
    model = keras.Model(pixels, x, name="trial")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01, name="trial_sgd"), loss=loss)

    batch_size = 1024 if _gpus() else 32  # enough work to outweigh the call itself
    images, labels = keras.ops.ones((batch_size, 28, 28, 3)), keras.ops.zeros(batch_size, "int32")
    model.train_on_batch(images, labels)
    return lambda: model.train_on_batch(images, labels)  # returns the loss, so it waits for it


def _backend() -> tuple[str, str, str]:
    """What Keras runs on: its module, its name as people write it, how to install it for GPUs."""
    if "keras" not in sys.modules:
        keras_settings()
    import keras

    backend = keras.backend.backend()
    return backend, *BACKENDS.get(backend, (backend, "see its manual"))


def _cpu() -> str:
    """Name, logical cores that this process may use, memory of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{_cpu_name()}, {cores} logical core{'' if cores == 1 else 's'}"
    if hasattr(os, "sysconf"):  # not on Windows
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        text += f", {size / 2**30:.0f} GiB memory"
    return text


def _cpu_name() -> str:
    """The name the maker gave it, else the kind of machine."""
    if sys.platform == "darwin":
        return _output_of("sysctl", "-n", "machdep.cpu.brand_string").strip()
    file = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", file.read_text("utf-8") if file.exists() else "")
    return found[1].strip() if found else platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """Name and memory of every GPU that the Keras backend in use can see."""
    backend, names = _backend()[0], []
    if backend == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpu)
            names.append(details.get("device_name", gpu.name))
    elif backend == "jax":
        import jax

        names = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    elif backend == "torch":
        import torch

        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            names.append("Apple GPU")
    memory = _nvidia_memory() if names else {}
    return [f"{name}, {memory.get(name, 'unknown')} memory" for name in names]


def _nvidia_memory() -> dict[str, str]:
    """Memory of each kind of NVIDIA GPU, as the driver tells it, which starts no GPU."""
    query = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
    lines = (line.rpartition(", ") for line in _output_of(*query).splitlines())
    return {name: f"{int(size) / 1024:.0f} GiB" for name, _, size in lines if size.isdigit()}


def _output_of(*command: str) -> str:
    """What a command prints; nothing if it is missing, fails or hangs."""
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
