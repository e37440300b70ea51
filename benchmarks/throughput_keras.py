"""A worker of throughput.py: trains the three nets in Keras when asked.

python benchmarks/throughput_keras.py defaults|fed|recommended
"""

import sys
import time

import keras
import numpy as np
import tensorflow as tf
from bench_tools import serve
from throughput import BATCH_SIZE, NETS, PEAK_SIZE, best_peak

from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.deploy.costs import layer_costs
from cnnbook.devices import recommend_precision
from cnnbook.models.cifar_tutorial import build_cifar_tutorial_net
from cnnbook.models.deep_blocks import build_deep_blocks
from cnnbook.models.mnist_cnn import build_mnist_cnn
from cnnbook.training.optimizers import FusedAdam

BUILDERS = {
    "wide": lambda: build_mnist_cnn(filters=(64, 128), dense_units=1024, dropout=(0.3, 0.3)),
    "deep": build_deep_blocks,
    "colour": build_cifar_tutorial_net,
}
STEPS_PER_CALL = 16


def forward_flops(model: keras.Model) -> int:
    """Multiplications and additions of one image's way through the convolutions and dense layers.

    Biases, activations and poolings, together below 2 % in these nets, are left out.
    """
    return 2 * sum(row.multiply_adds for row in layer_costs(model))


def compile_net(name: str, recommended: bool) -> keras.Model:
    """One net with Adam, as Keras does it by default or with the recommended setting."""
    model = BUILDERS[name]()
    model.compile(
        optimizer=FusedAdam() if recommended else "adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=STEPS_PER_CALL if recommended else 1,
    )
    return model


def peaks() -> dict[str, float]:
    """The best rate of a large matrix product in each number format, GFLOP/s."""
    rates = {}
    for dtype in ("float32", "bfloat16"):
        matrix = tf.cast(tf.random.normal((PEAK_SIZE, PEAK_SIZE)), dtype)
        rates[dtype] = best_peak(lambda matrix=matrix: tf.matmul(matrix, matrix)[0, 0].numpy())
    return rates


def main() -> None:
    """Build, warm up, say so, and then serve."""
    recommended, fed = sys.argv[1] == "recommended", sys.argv[1] != "defaults"
    precision = recommend_precision()
    if recommended:
        keras.config.set_dtype_policy(precision.policy)
    models = {name: compile_net(name, recommended) for name in NETS}
    random = np.random.default_rng(0)
    data = {}
    for name, net in NETS.items():
        count = BATCH_SIZE * net.steps
        images = random.integers(0, 256, (count, *net.image_shape), np.uint8)
        labels = random.integers(0, 10, count)
        data[name] = {"x": images, "y": labels, "batch_size": BATCH_SIZE}
        if fed:
            pipeline = make_pipeline(images, labels, BATCH_SIZE, training=True)
            data[name] = {"x": pipeline, "shuffle": False}

    def answer(line: str) -> dict:
        if line == "describe":
            return {
                "precision": str(precision),
                "policy": keras.config.dtype_policy().name,
                "parameters": {name: model.count_params() for name, model in models.items()},
                "flops": {name: forward_flops(model) for name, model in models.items()},
            }
        if line == "peak":
            return peaks()
        start = time.perf_counter()
        models[line].fit(**data[line], verbose=0)
        return {"seconds": time.perf_counter() - start}

    serve(answer)


if __name__ == "__main__":
    main()
