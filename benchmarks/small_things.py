"""The convolution of `cnnbook.arithmetic` against SciPy and a Python loop; and what starting costs.

    python benchmarks/small_things.py

All ways of one table go in turns in the same run, after one unmeasured turn, and must agree first.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_tools import in_turns, keep, spread
from scipy.signal import correlate

from cnnbook.arithmetic import convolve
from cnnbook.datasets.photos import load_photo

STARTS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    'python -c "import cnnbook"': (sys.executable, "-c", "import cnnbook"),
    "cnnbook --help": (str(Path(sys.executable).with_name("cnnbook")), "--help"),
}


def scipy_convolve(images: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """`scipy.signal.correlate` on every pair of a channel and a filter, summed over channels."""
    outputs = [
        [
            sum(
                correlate(image[:, :, channel], kernels[:, :, channel, number], mode="valid")
                for channel in range(kernels.shape[2])
            )
            for number in range(kernels.shape[3])
        ]
        for image in images
    ]
    return np.moveaxis(np.array(outputs), 1, -1)


def loop_convolve(images: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """One output after the other, each a sum that NumPy takes over the patch of one image."""
    height, width = kernels.shape[:2]
    rows, columns = images.shape[1] - height + 1, images.shape[2] - width + 1
    outputs = np.empty((len(images), rows, columns, kernels.shape[3]), images.dtype)
    for index, image in enumerate(images):
        for row in range(rows):
            for column in range(columns):
                patch = image[row : row + height, column : column + width]
                for number in range(kernels.shape[3]):
                    outputs[index, row, column, number] = (patch * kernels[..., number]).sum()
    return outputs


WAYS = {
    "cnnbook.arithmetic.convolve": convolve,
    "scipy.signal.correlate, summed": scipy_convolve,
    "Python loop over the outputs": loop_convolve,
}


def seconds_of(run: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure_convolutions(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each way on eight small images with many filters, and on a photograph."""
    random = np.random.default_rng(0)
    tasks = {
        "8 images 28x28x3, 16 filters 3x3": (
            random.random((8, 28, 28, 3), np.float32),
            random.standard_normal((3, 3, 3, 16), np.float32),
        ),
        "photograph 400x600x3, 2 filters 3x3": (
            load_photo("coffee")[None].astype(np.float32) / 255,
            random.standard_normal((3, 3, 3, 2), np.float32),
        ),
    }
    seconds = {}
    for title, (images, kernels) in tasks.items():
        expected = convolve(images, kernels)
        for name, way in WAYS.items():
            if not np.allclose(way(images, kernels), expected, atol=1e-4):
                raise SystemExit(f"{name} computes something else on {title}")
        runs = {
            name: lambda way=way, i=images, k=kernels: seconds_of(lambda: way(i, k))
            for name, way in WAYS.items()
        }
        seconds[title] = in_turns(runs, rounds)
    return seconds


def measure_starts(rounds: int) -> dict[str, list[float]]:
    """Seconds from starting each command to its end."""

    def start(command: tuple[str, ...]) -> None:
        subprocess.run(command, check=True, capture_output=True)

    runs = {
        name: lambda command=command: seconds_of(lambda: start(command))
        for name, command in STARTS.items()
    }
    return in_turns(runs, rounds)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--try-out", action="store_true", help="do not keep the result")
    options = parser.parse_args()
    result = {
        "rounds": options.rounds,
        "convolution": measure_convolutions(options.rounds),
        "starts": measure_starts(options.rounds),
    }
    for title, ways in result["convolution"].items():
        for name, seconds in ways.items():
            print(f"{title:36} {name:32} {spread([1e3 * s for s in seconds])} ms")
    for name, seconds in result["starts"].items():
        print(f"{name:50} {spread(seconds)} s")
    if not options.try_out:
        keep("small_things", result)


if __name__ == "__main__":
    main()
