"""What does a request cost beside the network, for 1, 8 and 64 clients, while networks change?

    python benchmarks/serving.py [--requests 10000] [--seconds 900]

Starts `cnnbook serve` with the book's two networks on this machine, and asks it for what is on a
photograph. All is bounded in count and in time, and stays on 127.0.0.1. Ratios are of one run: the
bare work, decoding and ONNX Runtime in this process, is timed right before. The machine must be
quiet. Needs cnnbook[book].
"""

import argparse
import http.client
import io
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from cnnbook.center_crop import center_crop
from cnnbook.datasets.photos import load_photo
from cnnbook.deploy.latency import load_onnx

NETWORK = "efficientnet_lite0"
CLASSIFY, INFER = f"/v2/models/{NETWORK}/classify", f"/v2/models/{NETWORK}/infer"
SWAPS = 20
LIMITS = {  # what must hold, and whether at most or at least
    "start, seconds": (3, True),
    "memory before load, MB": (150, True),
    "p50 of one client / bare": (1.3, True),
    "p50 of one client, tensor in bytes / bare": (1.8, True),
    "throughput of 8 clients / bare": (0.85, False),
    "throughput of 64 clients / bare": (0.85, False),
    "failures": (0, True),
    "memory after / before": (1.2, True),
    "next answer after 100 clients have gone, seconds": (0.5, True),
    "lost of 16 in flight at SIGTERM": (0, True),
    "exit status": (0, True),
}


class Server:
    """The server, as a process of its own."""

    def __init__(self) -> None:
        self.token, start = secrets.token_hex(), time.perf_counter()
        command = [sys.executable, "-c", "from cnnbook.command.main import main; main()"]
        environment = {**os.environ, "SERVE_TOKEN": self.token}
        self.process = subprocess.Popen(
            [*command, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stdout or ():
            if line.startswith("Serving on "):
                break
        else:
            raise SystemExit("The server did not start.")
        self.seconds, self.port = time.perf_counter() - start, int(line.split(":")[2].split("/")[0])

    def megabytes(self) -> float:
        """Return what it has in memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def client(self) -> Callable[..., tuple[int, bytes]]:
        """Return a function that asks on one connection of its own, which is kept."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

        def ask(path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request("POST", path, body, names | {"Authorization": f"Bearer {self.token}"})
            answer = line.getresponse()
            return answer.status, answer.read()

        return ask


def median_ms(work: Callable[[], object], count: int) -> float:
    """Return the median of so many calls, after a few that do not count."""
    times = []
    for _ in range(3 + count):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[3:])


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


def in_bytes(images: np.ndarray) -> tuple[bytes, str]:
    """Return a request for a tensor in bytes, and the length of its head."""
    tensor = {"name": "images", "datatype": "FP32", "shape": images.shape}
    tensor["parameters"] = {"binary_data_size": images.nbytes}
    more = {"parameters": {"binary_data_output": True}}
    head = json.dumps({"inputs": [tensor]} | more).encode()
    return head + images.tobytes(), str(len(head))


def load(server: Server, photo: bytes, clients: int, requests: int, until: float) -> dict:
    """Let clients ask while networks are replaced; count what failed."""
    counts, lock, over = {"requests": 0, "failures": 0}, threading.Lock(), threading.Event()

    def client(number: int) -> None:
        ask = server.client()
        for _ in range(requests // clients):
            if time.monotonic() > until:
                return
            try:
                is_right = ask(CLASSIFY, photo)[0] == 200
            except OSError:
                is_right, ask = False, server.client()
            with lock:
                counts["requests"] += 1
                counts["failures"] += not is_right

    def swap() -> None:
        ask = server.client()
        for _ in range(SWAPS):
            if ask(f"/v2/repository/models/{NETWORK}/load")[0] != 200:
                counts["failures"] += 1
            over.wait(max(0.1, requests / 3_000))

    with ThreadPoolExecutor(clients + 1) as pool:
        swapping = pool.submit(swap)
        list(pool.map(client, range(clients)))
        over.set()
        swapping.result()
    return counts


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
    server.client()(CLASSIFY, photo)
    return time.perf_counter() - start


def stop(server: Server, photo: bytes, clients: int = 16) -> tuple[int, int]:
    """Let clients ask, and tell the server to end; return how many were lost, and its status."""
    with ThreadPoolExecutor(clients) as pool:
        asked = [pool.submit(server.client(), CLASSIFY, photo) for _ in range(clients)]
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        lost = sum(bool(each.exception()) or each.result()[0] != 200 for each in asked)
    return lost, server.process.wait(60)


def bare_work(photo: bytes) -> tuple[Callable[[], object], Callable[[], object], np.ndarray]:
    """Return what a request needs at least: decoding and computing, and computing alone."""
    cache = Path(os.environ.get("CNNBOOK_CACHE") or Path.home() / ".cache" / "cnnbook")
    files = (cache / "served").glob(f"{NETWORK}-*.onnx")
    predict = load_onnx(max(files, key=lambda path: path.stat().st_mtime), threads=1)

    def images() -> np.ndarray:
        picture = Image.open(io.BytesIO(photo)).convert("RGB")
        return center_crop(picture, (224, 224), 0.875, resample="bicubic")[None].astype("float32")

    once = images()
    return lambda: predict(images()), lambda: predict(once), once


def measure(photo: bytes, requests: int, seconds: float) -> dict[str, float]:
    """Measure everything once."""
    Server().process.terminate()  # which makes the ONNX files, if they are not there
    until = time.monotonic() + seconds
    server = Server()
    found = {"start, seconds": server.seconds, "memory before load, MB": server.megabytes()}
    whole, computing, images = bare_work(photo)
    ask, count = server.client(), min(100, requests)
    bare = median_ms(whole, count)
    found["p50 of one client / bare"] = median_ms(lambda: ask(CLASSIFY, photo), count) / bare
    body, length = in_bytes(images)
    bare = median_ms(computing, count)
    tensor = median_ms(lambda: ask(INFER, body, Inference_Header_Content_Length=length), count)
    found["p50 of one client, tensor in bytes / bare"] = tensor / bare
    for clients in (8, 64):
        most = per_second(lambda: whole, os.cpu_count() or 1, min(256, requests))
        asking = per_second(lambda: _asking(server, photo), clients, min(512, requests))
        found[f"throughput of {clients} clients / bare"] = asking / most
    before = server.megabytes()
    counts = load(server, photo, 64, requests, until)
    print(f"{counts['requests']:,} requests, {SWAPS} networks replaced")
    found |= {"failures": counts["failures"], "memory after / before": server.megabytes() / before}
    found["next answer after 100 clients have gone, seconds"] = gone(server, photo)
    lost, status = stop(server, photo)
    return found | {"lost of 16 in flight at SIGTERM": lost, "exit status": status}


def _asking(server: Server, photo: bytes) -> Callable[[], object]:
    ask = server.client()
    return lambda: ask(CLASSIFY, photo)


def main() -> None:
    """Measure, and print what holds; the status is 1 if something does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=900)
    options = parser.parse_args()
    Image.fromarray(load_photo("cat")).save(photo := io.BytesIO(), "JPEG", quality=90)
    found = measure(photo.getvalue(), options.requests, options.seconds)
    holds = True
    for name, value in found.items():
        limit, at_most = LIMITS[name]
        is_held = value <= limit if at_most else value >= limit
        holds &= is_held
        rule = f"{'at most' if at_most else 'at least'} {limit}"
        print(f"{name:52} {value:8.2f}  {rule:13} {'' if is_held else 'DOES NOT HOLD'}")
    sys.exit(not holds)


if __name__ == "__main__":
    main()
