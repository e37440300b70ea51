"""What does a network take? Seconds and memory of eight networks, for pictures of three sizes.

Chapter 15 chooses among them. Neither time nor memory depends on what the weights are, so these are
random. Each run is a process of its own, because what a process has once taken of the memory it may
keep. All memory is told beyond `program_mb`, that of Python, TensorFlow and this package. The 32
pictures are made after the calls with one, so that `one_mb` does not count them; `batch_mb` does
(`pictures_mb`), since somebody must hold them. Both count what TensorFlow needs to get ready in its
first call. Run it on a machine that does nothing else: `threads` says how many it computed with.
"""

import os
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from cnnbook.deploy.costs import layer_costs
from cnnbook.deploy.latency import measure_latency
from cnnbook.models.convnext import build_convnext
from cnnbook.models.densenet import build_densenet
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.googlenet import build_googlenet
from cnnbook.models.mobilenet_v2 import build_mobilenet_v2
from cnnbook.models.resnet import build_resnet
from cnnbook.models.squeezenet import build_squeezenet
from cnnbook.models.vgg import build_vgg

RUNS = {
    f"{network}, {side} pixels": {"network": network, "side": side}
    for network in (
        *("SqueezeNet", "MobileNetV2", "EfficientNet-Lite0", "GoogLeNet"),
        *("DenseNet-121", "ResNet-50", "VGG-16", "ConvNeXt-T"),
    )
    for side in (96, 160, 224)
}
BUILDERS = {
    "SqueezeNet": build_squeezenet,
    "MobileNetV2": build_mobilenet_v2,
    "EfficientNet-Lite0": build_efficientnet_lite0,
    "GoogLeNet": build_googlenet,
    "DenseNet-121": build_densenet,
    "ResNet-50": build_resnet,
    "VGG-16": build_vgg,
    "ConvNeXt-T": build_convnext,
}
BATCH, CALLS, LARGE_CALLS = 32, 21, 3
MEGABYTE = 1e6


def resident() -> float:
    """Megabytes of memory that this process has now; Linux writes that into a file."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def most_resident(work) -> float:
    """Look every two milliseconds while `work` is done; return the most megabytes seen."""
    seen, done = [resident()], threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(resident())
            time.sleep(0.002)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        work()
    finally:
        done.set()
        watch.join()
    return max(*seen, resident())


def times(predict, images: np.ndarray, calls: int) -> list[float]:
    """Milliseconds of each call."""
    each = partial(measure_latency, predict, images, repeats=1, warm_up=0)
    return [round(each().median_ms, 2) for _ in range(calls)]


def pictures(count: int, side: int) -> np.ndarray:
    """Noise of 0 to 255; nothing else of that size is in memory on the way."""
    noise = np.random.default_rng(1).random((count, side, side, 3), "float32")
    noise *= 255
    return noise


def run(network: str, side: int) -> dict:
    """Build one network, and let it answer for one picture, and for 32 at once."""
    tf.random.uniform((8, 8)) @ tf.random.uniform((8, 8))  # TensorFlow gets ready
    alone = resident()
    model = BUILDERS[network](image_shape=(side, side, 3))
    spec = [tf.TensorSpec((None, side, side, 3))]
    predict = tf.function(partial(model, training=False), spec)
    image, built = pictures(1, side), resident()
    first = most_resident(lambda: times(predict, image, 3))  # to warm up
    one = times(predict, image, CALLS)
    images = pictures(BATCH, side)
    most = most_resident(lambda: times(predict, images, 1))
    return {
        "parameters": model.count_params(),
        "multiply_adds": sum(layer.multiply_adds for layer in layer_costs(model)),
        "one_ms": one,
        "batch_ms": times(predict, images, LARGE_CALLS),
        "program_mb": round(alone, 1),
        "built_mb": round(built - alone, 1),
        "one_mb": round(first - alone, 1),
        "batch_mb": round(most - alone, 1),
        "pictures_mb": round(images.nbytes / MEGABYTE, 1),
        "threads": len(os.sched_getaffinity(0)),
    }
