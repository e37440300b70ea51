"""What the tests of the server share: small networks as ONNX files, and a server in a thread."""

import contextlib
import http.client
import io
import json
import socket
import struct
import threading
import time
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cnnbook.deploy import _serve_http
from cnnbook.deploy.serve import make_app


def write_network(path, shape=(8, 8, 3), classes=3, seed=0, batch="n"):
    """Write a network of one dense layer over the mean pixel; return its weights."""
    weights = np.random.default_rng(seed).normal(size=(shape[2], classes)).astype("float32") / 50
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 2]), "axes"),
        numpy_helper.from_array(weights, "weights"),
    ]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, *shape])
    returned = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])
    graph = helper.make_graph(nodes, "small", [given], [returned], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return weights


def picture(side=20, color=(200, 100, 50), kind="PNG"):
    """Return the bytes of a picture of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (side, side), color).save(content, kind)
    return content.getvalue()


def bomb(side=14_000):
    """Return a black PNG: 14,000 pixels a side are 25 kB, and unpacked 588 MB."""

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 + (side + 7) // 8) * side, 9)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data)
    return content + chunk(b"IEND", b"")


@contextlib.contextmanager
def running(app):
    """Run a server in a thread; give a function that asks it."""
    ready = threading.Event()
    door = _serve_http.listen("127.0.0.1", 0)
    server = _serve_http.server_of(app, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Asking(door.getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join(20)


class Asking:
    """Asks a server on this machine."""

    def __init__(self, port, app=None):
        self.port, self.app = port, app

    def __call__(self, method, path, body=None, **headers):
        """Return status, answer (of JSON, else bytes) and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            response = connection.getresponse()
            content = response.read()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.status, json.loads(content) if is_json else content, response.headers

    def raw(self, content, seconds=10):
        """Send bytes as they are, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as line:
            line.sendall(content)
            return b"".join(iter(lambda: line.recv(65536), b""))


def wait_until(condition, seconds=10):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def app_of(folder, **options):
    """Make the app of two networks, for photographs and for grey pictures."""
    write_network(folder / "photos.onnx")
    (folder / "photos.json").write_text(json.dumps({"class_names": ["red", "green", "blue"]}))
    write_network(folder / "grey.onnx", (6, 6, 1), 2)
    files = {name: folder / f"{name}.onnx" for name in ("photos", "grey")}
    return make_app(files, **options)
