"""What does a request cost beside the network, for 1, 8 and 64 clients, while networks change?

    python benchmarks/serving.py [--requests 10000] [--calls 100] [--seconds 240]

Starts `cnnbook serve` with the book's two networks, as ONNX files, on this machine, and asks it for
what is on a photograph. All is bounded in count and in time, and stays on 127.0.0.1. Ratios are of
one run: the bare work, decoding and ONNX Runtime in this process, is timed in turns with the
requests. The machine must be quiet. What was found is kept for `report.py`, and printed; the status
is 1 if something does not hold. The first run makes the ONNX files, which takes a minute more.
Needs cnnbook[book].
"""

import argparse
import contextlib
import http.client
import io
import json
import os
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import psutil
from bench_tools import keep, table
from PIL import Image

from cnnbook.center_crop import center_crop
from cnnbook.datasets.photos import load_photo

NETWORK = "efficientnet_lite0"
CLASSIFY, INFER = f"/v2/models/{NETWORK}/classify", f"/v2/models/{NETWORK}/infer"
LOAD = f"/v2/repository/models/{NETWORK}/load"
SWAPS = 20
ROUNDS = 5
HEADERS = ("", "measured:", "must be", "holds")
LIMITS: dict[str, tuple[float | None, bool]] = {  # what must hold, and whether at most or at least
    "start, seconds": (3, True),
    "memory before load, MB": (150, True),
    "p50 of one client, ms": (None, True),
    "p50 of one client / bare": (1.3, True),
    "p50 of one client, tensor in bytes / bare": (1.8, True),
    "p50 of one client, tensor in JSON / bare": (None, True),
    "answers a second, 8 clients": (None, False),
    "throughput of 8 clients / bare": (0.85, False),
    "throughput of 64 clients / bare": (0.85, False),
    "requests while networks are replaced": (10_000, False),
    "networks replaced": (SWAPS, False),
    "versions that answered": (2, False),
    "failures": (0, True),
    "memory after / before": (1.2, True),
    "next answer after 100 clients have gone, seconds": (0.5, True),
    "lost of 16 in flight at SIGTERM": (0, True),
    "exit status": (0, True),
}


class Server:
    """The server, as a process of its own; `words` are its networks."""

    def __init__(self, *words: str) -> None:
        self.token, start = secrets.token_hex(), time.perf_counter()
        command = [sys.executable, "-c", "from cnnbook.command.main import main; main()"]
        self.process = subprocess.Popen(
            [*command, "serve", "--port", "0", *words],
            env={**os.environ, "SERVE_TOKEN": self.token},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stdout or ():
            if line.startswith("Serving on "):
                break
        else:
            raise SystemExit("The server did not start: run `cnnbook serve` to see why.")
        self.seconds, self.port = time.perf_counter() - start, int(line.split(":")[2].split("/")[0])

    def end(self) -> int:
        """Tell it to end, and wait; return its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def megabytes(self) -> float:
        """Return what it has in memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def client(self) -> Callable[..., tuple[int, bytes]]:
        """Return a function that asks on one connection of its own, which is kept."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

        def ask(path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            way = "GET" if path == "/metrics" else "POST"
            line.request(way, path, body, names | {"Authorization": f"Bearer {self.token}"})
            answer = line.getresponse()
            return answer.status, answer.read()

        return ask


@contextlib.contextmanager
def running(*words: str) -> Iterator[Server]:
    """Run a server, and never leave it behind."""
    server = Server(*words)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def medians_ms(ways: dict[str, Callable[[], object]], calls: int) -> dict[str, float]:
    """Return the median of so many calls of each, in turns; the first of each turn do not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            work()
            for _ in range(-(-calls // ROUNDS)):
                start = time.perf_counter()
                work()
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in times.items()}


def per_second(work: Callable[[], Callable[[], object]], clients: int, count: int) -> float:
    """Return how much is done a second by so many threads, each with what `work` gives it."""
    each = max(1, count // clients)

    def client(do: Callable[[], object]) -> None:
        for _ in range(each):
            do()

    doing = [work() for _ in range(clients)]
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, doing))
    return clients * each / (time.perf_counter() - start)


def as_tensor(images: np.ndarray, in_bytes: bool) -> tuple[bytes, dict[str, str]]:
    """Return a request for a tensor, in bytes or in JSON, and its headers."""
    tensor = {"name": "images", "datatype": "FP32", "shape": images.shape}
    if not in_bytes:
        return json.dumps({"inputs": [tensor | {"data": images.ravel().tolist()}]}).encode(), {}
    tensor["parameters"] = {"binary_data_size": images.nbytes}
    more = {"parameters": {"binary_data_output": True}}
    head = json.dumps({"inputs": [tensor]} | more).encode()
    return head + images.tobytes(), {"Inference_Header_Content_Length": str(len(head))}


def load(server: Server, photo: bytes, file: Path, requests: int, until: float) -> dict[str, float]:
    """Let 64 clients ask while networks take turns; count what failed.

    The other network differs in a remark that nothing reads: it answers the same, as another
    version. An answer is right if it names the class that the first one named.
    """
    clients, over, lock = 64, threading.Event(), threading.Lock()
    counts, versions = {"asked": 0, "failed": 0, "swapped": 0}, set()
    wanted = json.loads(server.client()(CLASSIFY, photo)[1])["classes"][0]["class"]
    remark = b"\x12\x01b"  # the name of the program that made it, as ONNX writes it
    contents = [file.read_bytes() + remark, file.read_bytes()]

    def client(number: int) -> None:
        ask = server.client()
        for _ in range(-(-requests // clients)):
            if time.monotonic() > until:
                return
            try:
                status, content = ask(CLASSIFY, photo)
                answer = json.loads(content)
                is_right = status == 200 and answer["classes"][0]["class"] == wanted
            except (OSError, http.client.HTTPException):
                is_right, answer, ask = False, {}, server.client()
            with lock:
                counts["asked"] += 1
                counts["failed"] += not is_right
                versions.add(answer.get("model_version"))

    def swap() -> None:
        ask = server.client()
        for turn in range(SWAPS):
            while counts["asked"] < requests * (turn + 0.5) / SWAPS and not over.wait(0.01):
                pass
            if over.is_set():
                return
            file.with_suffix(".new").write_bytes(contents[turn % 2])
            file.with_suffix(".new").replace(file)
            counts["swapped"] += ask(LOAD)[0] == 200

    with ThreadPoolExecutor(clients + 1) as pool:
        swapping = pool.submit(swap)
        list(pool.map(client, range(clients)))
        over.set()
        swapping.result()
    found = {"requests while networks are replaced": counts["asked"]}
    found |= {"networks replaced": counts["swapped"], "failures": counts["failed"]}
    return found | {"versions that answered": len(versions - {None})}


def gone(server: Server, photo: bytes, clients: int = 100) -> float:
    """Let clients ask and go; return the seconds that the next one waits."""
    head = (
        f"POST {CLASSIFY} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
    )
    head += f"Content-Length: {len(photo)}\r\n\r\n"
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(clients)]
    for line in lines:
        line.sendall(head.encode() + photo)
    for line in lines:
        line.close()
    start = time.perf_counter()
    status, _ = server.client()(CLASSIFY, photo)
    return time.perf_counter() - start if status == 200 else float("inf")


def stop(server: Server, photo: bytes, clients: int = 16) -> tuple[int, int]:
    """Tell the server to end while clients ask; return how many were lost, and its status."""
    ask = server.client()
    with ThreadPoolExecutor(clients) as pool:
        asked = [pool.submit(server.client(), CLASSIFY, photo) for _ in range(clients)]
        until = time.monotonic() + 10
        while f"cnnbook_requests_in_progress {clients}\n".encode() not in ask("/metrics")[1]:
            if time.monotonic() > until:
                raise SystemExit(f"There were never {clients} requests in flight.")
        status = server.end()
        lost = sum(bool(each.exception()) or each.result()[0] != 200 for each in asked)
    return lost, status


def files_of(folder: Path) -> list[str]:
    """Copy the book's two networks into a folder; return them as words for the command."""
    with running() as server:  # which makes them, if they are not there
        server.end()
    cache = Path(os.environ.get("CNNBOOK_CACHE") or Path.home() / ".cache" / "cnnbook") / "served"
    words = []
    for name in ("digits", NETWORK):
        newest = max(cache.glob(f"{name}-*.onnx"), key=lambda path: path.stat().st_mtime)
        for ending in (".onnx", ".json"):
            shutil.copy(newest.with_suffix(ending), folder / (name + ending))
        words.append(str(folder / f"{name}.onnx"))
    return words


def bare_work(file: Path, photo: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what a request needs at least: decoding and computing, and computing alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
    once = prepared(photo)

    def predict(images: np.ndarray) -> np.ndarray:
        return session.run(None, {"images": images})[0]

    return lambda: predict(prepared(photo)), lambda: predict(once)


def prepared(photo: bytes) -> np.ndarray:
    """Return what the network gets of a photograph."""
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    return center_crop(picture, (224, 224), 0.875, resample="bicubic")[None].astype("float32")


def cost(server: Server, photo: bytes, file: Path, calls: int) -> dict[str, float]:
    """Compare the requests of one client, and of 8 and 64, with the bare work."""
    whole, computing = bare_work(file, photo)
    ask = server.client()
    ways = {"whole": whole, "picture": lambda: ask(CLASSIFY, photo), "computing": computing}
    for name, in_bytes in (("bytes", True), ("JSON", False)):
        body, headers = as_tensor(prepared(photo), in_bytes)
        ways[name] = lambda body=body, headers=headers: ask(INFER, body, **headers)
    took = medians_ms(ways, calls)
    found = {"p50 of one client, ms": took["picture"]}
    found["p50 of one client / bare"] = took["picture"] / took["whole"]
    for name in ("bytes", "JSON"):
        found[f"p50 of one client, tensor in {name} / bare"] = took[name] / took["computing"]
    speeds: dict[int, list[float]] = {0: [], 8: [], 64: []}
    for _ in range(3):
        speeds[0].append(per_second(lambda: whole, os.cpu_count() or 1, 2 * calls))
        for clients in (8, 64):
            speeds[clients].append(per_second(lambda: _asking(server, photo), clients, 3 * calls))
    for clients in (8, 64):
        ratios = [many / bare for bare, many in zip(speeds[0], speeds[clients], strict=True)]
        found[f"throughput of {clients} clients / bare"] = statistics.median(ratios)
    return found | {"answers a second, 8 clients": statistics.median(speeds[8])}


def measure(requests: int, calls: int, seconds: float) -> dict[str, float]:
    """Measure everything once."""
    cat = Image.fromarray(load_photo("cat"))
    cat.save(photo := io.BytesIO(), "JPEG", quality=90)
    cat.resize((4_000, 4_000)).save(large := io.BytesIO(), "JPEG", quality=90)
    with tempfile.TemporaryDirectory() as folder:
        words, file = files_of(Path(folder)), Path(folder, f"{NETWORK}.onnx")
        until, starts = time.monotonic() + seconds, []
        for _ in range(3):
            with running(*words) as server:
                starts.append((server.seconds, server.megabytes()))
                server.end()
        found = {"start, seconds": statistics.median(each for each, _ in starts)}
        found["memory before load, MB"] = max(each for _, each in starts)
        with running(*words) as server:
            found |= cost(server, photo.getvalue(), file, calls)
            before = server.megabytes()
            found |= load(server, photo.getvalue(), file, requests, until - 15)
            found["memory after / before"] = server.megabytes() / before
            after = "next answer after 100 clients have gone, seconds"
            found[after] = gone(server, photo.getvalue())
            lost, status = stop(server, large.getvalue())
    return found | {"lost of 16 in flight at SIGTERM": lost, "exit status": status}


def _asking(server: Server, photo: bytes) -> Callable[[], object]:
    ask = server.client()

    def once() -> None:
        if ask(CLASSIFY, photo)[0] != 200:
            raise SystemExit("A request was refused while the throughput was measured.")

    return once


def judged(found: dict[str, float], requests: int) -> list[tuple[str, str, str, str]]:
    """Return rows of a table: what, how much was found, its rule, and "no" if it does not hold."""
    rows = []
    for name, (limit, at_most) in LIMITS.items():
        if name.startswith("requests while"):
            limit = requests
        value = found[name]
        holds = limit is None or (value <= limit if at_most else value >= limit)
        rule = "" if limit is None else f"at {'most' if at_most else 'least'} {limit:,}"
        text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        rows.append((name, text, rule, "" if holds else "no"))
    return rows


def main() -> None:
    """Measure, keep, and print what holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="while networks change")
    parser.add_argument("--calls", type=int, default=100, help="of each kind that is timed")
    parser.add_argument("--seconds", type=float, default=240, help="of all but the first run")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # with the server
    start = time.monotonic()
    found = measure(options.requests, options.calls, options.seconds)
    rows = judged(found, options.requests)
    print(table(HEADERS, rows))
    print(f"\nIt took {time.monotonic() - start:.0f} seconds.")
    keep("serving", {"requests": options.requests, "calls": options.calls, "found": found})
    sys.exit(any(fault for *_, fault in rows))


if __name__ == "__main__":
    main()
