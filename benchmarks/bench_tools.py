"""What the benchmarks share: machine and versions, kept results, medians, tables, workers."""

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "bench"
PACKAGES = ("tensorflow", "keras", "torch", "numpy", "scipy")
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")


def describe_machine() -> dict[str, str]:
    """Processor, cores, units for bfloat16, memory and versions; no name of the machine."""
    file = Path("/proc/cpuinfo")
    facts = dict(
        [part.strip() for part in line.split(":", 1)]
        for line in (file.read_text().splitlines() if file.exists() else [])
        if ":" in line
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    flags = set(facts.get("flags", "").split())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": facts.get("model name", platform.machine()),
        "logical cores": str(cores),
        "processor flags": " ".join(f for f in CPU_FLAGS if f in flags) or "none of those asked",
        "memory": f"{memory / 2**30:.0f} GiB",
        "Python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := version_of(name))},
    }


def version_of(package: str) -> str | None:
    """The installed version, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def where_and_when() -> dict:
    """What every kept result says of itself."""
    now = datetime.datetime.now(datetime.UTC)
    return {"date": now.strftime("%Y-%m-%d %H:%M UTC"), "machine": describe_machine()}


def keep(name: str, result: dict) -> dict:
    """Write a result with its machine and time to build/bench/NAME.json."""
    kept = where_and_when() | result
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    return kept


def kept_result(name: str) -> dict | None:
    """The kept result of that name, None if it was never measured."""
    path = KEPT / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def spread(values: Sequence[float], digits: int | None = None) -> str:
    """Median, smallest and largest: "12 (11 to 14)"; three significant digits, or `digits`."""

    def text(value: float) -> str:
        if digits is not None:
            return f"{value:,.{digits}f}"
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    return f"{text(statistics.median(values))} ({text(min(values))} to {text(max(values))})"


def in_turns(
    ways: dict[str, Callable[[], float]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Go round all ways, again and again, so that noise hits all alike; keep what they return."""
    values = {name: [] for name in ways}
    for turn in range(warm_up + rounds):
        for name, run in ways.items():
            value = run()
            if turn >= warm_up:
                values[name].append(value)
    return values


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a header that ends in ":" is aligned to the right."""
    rule = ["--:" if header.endswith(":") else "---" for header in headers]
    lines = [[header.rstrip(":") for header in headers], rule, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def make_photos(
    folder: Path, count: int, num_classes: int, size: tuple[int, int], coarse: tuple[int, int]
) -> None:
    """Write JPEGs of smooth noise, about as compressible as photographs, one folder a class.

    `coarse` random pixels (height, width) are enlarged to `size`: fewer make smaller files.
    """
    random = np.random.default_rng(0)
    for index in range(count):
        pixels = Image.fromarray(random.integers(0, 256, (*coarse, 3), np.uint8))
        path = folder / f"class{index % num_classes}" / f"{index:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels.resize(size[::-1], Image.Resampling.BICUBIC).save(path, quality=85)


class Worker:
    """A Python process that answers each line it is sent with one line of JSON."""

    def __init__(self, script: str, *arguments: str):
        command = [sys.executable, str(HERE / script), *arguments]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        # TensorFlow has much to say at its start; it is shown only if the worker fails.
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
        )

    def ask(self, line: str) -> dict:
        """Send a line and wait for the answer; nothing else of ours works meanwhile."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict:
        """The next line the worker prints."""
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise SystemExit(f"{self.errors.read()}\n{Path(self.process.args[1]).name} ended early")
        return json.loads(line)

    def end(self) -> None:
        """Close its input, which ends it."""
        self.process.communicate()


def serve(answers: Callable[[str], dict]) -> None:
    """The worker's side: answer every line of the input until it ends."""
    for line in sys.stdin:
        print(json.dumps(answers(line.strip())), flush=True)
