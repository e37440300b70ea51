"""How many images a second do three nets train at, in Keras and in PyTorch?

    python benchmarks/throughput.py

Each way is a process of its own that has built its graphs and is warm; then the parent goes round
all ways, and asks one after the other to train the same number of steps. Only one of them works at
a time. A measurement is one epoch of `fit` (or of the usual PyTorch loop) over images in memory,
what `fit` does at its start and end included.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from bench_tools import Worker, in_turns, keep, kept_result, where_and_when

BATCH_SIZE = 128
PEAK_SIZE = 2048  # rows and columns of the matrices whose product is the machine's peak


class Net(NamedTuple):
    """What is trained, and for how many steps a measurement."""

    title: str
    image_shape: tuple[int, int, int]
    steps: int


class Way(NamedTuple):
    """A worker, and the number format it multiplies in."""

    title: str
    script: str
    arguments: tuple[str, ...]


NETS = {
    "wide": Net("conv 64, conv 128, dense 1,024 on 28x28x1", (28, 28, 1), 16),
    "deep": Net("three deep blocks on 28x28x1", (28, 28, 1), 16),
    "colour": Net("conv 32, 64, 64 on 32x32x3", (32, 32, 3), 64),
}
TORCH = "throughput_torch.py"
WAYS = {
    "keras": Way("Keras, defaults", "throughput_keras.py", ("defaults",)),
    "keras_fed": Way("Keras, defaults, fed by make_pipeline", "throughput_keras.py", ("fed",)),
    "recommended": Way("Keras, recommended setting", "throughput_keras.py", ("recommended",)),
    "torch": Way("PyTorch, defaults", TORCH, ()),
    "torch_last": Way("PyTorch, channels last", TORCH, ("channels_last",)),
    "torch_bf16": Way("PyTorch, channels last, bfloat16", TORCH, ("channels_last", "bfloat16")),
    "torch_fused": Way(
        "PyTorch, channels last, bfloat16, fused Adam",
        TORCH,
        ("channels_last", "bfloat16", "fused"),
    ),
}

PEAK_WAYS = ("recommended", "torch")  # one worker of each framework


def best_peak(product: Callable[[], object], repetitions: int = 10) -> float:
    """GFLOP/s of the fastest of several products of two PEAK_SIZE matrices."""
    fastest = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        product()
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * PEAK_SIZE**3 / fastest / 1e9


def training_gflops(forward_flops: int, images_per_second: float) -> float:
    """The arithmetic rate of training: the way back costs twice the way forward."""
    return 3 * forward_flops * images_per_second / 1e9


def ratios(rates: dict[str, list[float]], to: str) -> dict[str, float]:
    """How many times faster than one way: the median of the rounds' ratios, for each way."""
    return {
        way: statistics.median(a / b for a, b in zip(values, rates[to], strict=True))
        for way, values in rates.items()
    }


def start_workers() -> tuple[dict[str, Worker], dict[str, dict]]:
    """Start them one after the other; return what each says of itself."""
    workers, facts = {}, {}
    for way in WAYS:
        workers[way] = Worker(WAYS[way].script, *WAYS[way].arguments)
        facts[way] = workers[way].ask("describe")
    return workers, facts


def measure(net: str, workers: dict[str, Worker], rounds: int) -> dict:
    """Go round the workers; then, while the cores are as warm, measure the peak."""

    def rate(worker: Worker) -> float:
        return BATCH_SIZE * NETS[net].steps / worker.ask(net)["seconds"]

    runs = {way: lambda worker=worker: rate(worker) for way, worker in workers.items()}
    rates = in_turns(runs, rounds)
    peaks = {}
    for way in PEAK_WAYS:
        for dtype, value in workers[way].ask("peak").items():
            peaks[dtype] = max(value, peaks.get(dtype, 0.0))
    return {"rounds": rounds, "images_per_second": rates, "peak_gflops": peaks}


def compare(net: str, facts: dict[str, dict]) -> dict:
    """What is known of a net, if all workers have the same one."""
    counts = {way: fact["parameters"][net] for way, fact in facts.items()}
    if len(set(counts.values())) != 1:
        raise SystemExit(f"not the same net: {net} has {counts} parameters")
    return {
        "parameters": next(iter(counts.values())),
        "flops": facts["keras"]["flops"][net],
        "policy": facts["recommended"]["policy"],
        "precision": facts["recommended"]["precision"],
    }


def main() -> None:
    """Measure all nets or some, print and keep the result of each as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--try-out", action="store_true", help="do not keep the result")
    options = parser.parse_args()
    workers, facts = start_workers()
    for net in options.nets:
        result = compare(net, facts) | measure(net, workers, options.rounds)
        for way, values in result["images_per_second"].items():
            print(f"{net:7} {WAYS[way].title:45} {[round(value) for value in values]}")
        print(result["precision"], result["peak_gflops"], flush=True)
        if not options.try_out:
            nets = (kept_result("throughput") or {"nets": {}})["nets"]
            keep("throughput", {"nets": nets | {net: where_and_when() | result}})
    for worker in workers.values():
        worker.end()


if __name__ == "__main__":
    main()
