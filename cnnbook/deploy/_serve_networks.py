"""The networks of a server: each an ONNX file, which can be replaced while people ask."""

import contextlib
import ctypes
import json
import re
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from starlette.exceptions import HTTPException

from cnnbook._checks import shown
from cnnbook.deploy._quiet import first_line
from cnnbook.deploy._serve_work import BUSY

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
WAYS_TO_RESIZE = ("bilinear", "bicubic")


class ServedNetwork(NamedTuple):
    """What is known of one network; it is never changed, only replaced by another."""

    session: Any
    version: str
    """A checksum of its file and of what stands beside it: the same on each machine."""
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    share: float
    """Of the largest window in the middle of a picture; see `center_crop`."""
    resample: Any

    @property
    def ends(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Describe what goes in and what comes out, as the protocol writes it."""
        given, returned = self.session.get_inputs()[0], self.session.get_outputs()[0]
        shapes = [-1, *self.image_shape], [-1, len(self.class_names)]
        names = given.name, returned.name
        kinds = [{"name": name, "datatype": "FP32"} for name in names]
        return kinds[0] | {"shape": shapes[0]}, kinds[1] | {"shape": shapes[1]}

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Compute: float32 (count, height, width, channels) to float32 (count, classes)."""
        given = self.session.get_inputs()[0].name
        logits: np.ndarray = self.session.run(None, {given: images})[0]
        if not np.isfinite(logits).all():
            raise HTTPException(400, "the answer has no finite numbers: pixels are 0 to 255")
        return logits


class Networks:
    """The networks that a server has, by name.

    Args:
        files: The ONNX file of each, with its weights in it; a file beside it, `.json` for
            `.onnx`, may say `class_names`, and how a picture is cut to size: `share` and `resample`
            of `center_crop`.
        prepare: Makes an ONNX file of the one that was named, each time that it is loaded.
    """

    def __init__(self, files: Mapping[str, Path], prepare: Callable[[Path], Path]) -> None:
        self.files, self.prepare = dict(files), prepare
        self.there: dict[str, ServedNetwork] = {}  # replaced as a whole: others are reading it
        self.versions: dict[str, str] = {}  # those that were loaded last
        self.one_at_a_time = threading.Lock()
        for name in self.files:
            if not NAME.fullmatch(name):
                rule = "letters, digits, `_`, `.` and `-`, 64 at most, a letter or digit first"
                raise ValueError(f"`networks` must have names of {rule}; got {name!r}.")
            self.load(name)

    def find(self, name: str, version: str = "") -> ServedNetwork:
        """Return a network; a request that has one keeps it, whatever happens to the name."""
        network = self.there.get(name)
        if network is None:
            is_known = name in self.files
            what = "the network is not loaded" if is_known else "there is no such network"
            words = f"{what}; those that are ready: {', '.join(sorted(self.there)) or 'none'}"
            if is_known and version == self.versions[name]:  # only then, as Triton does
                raise HTTPException(503, words, BUSY)
            raise HTTPException(404, words)
        if version and version != network.version:
            raise HTTPException(404, f"there is no such version; it has {network.version}")
        return network

    def load(self, name: str) -> None:
        """Open the file of a network anew; until that is done, and if it fails, the old answers."""
        with self.one_at_a_time:
            network = open_network(self.prepare(self.files[name]))
            self.versions[name] = network.version
            leaving = self._session_of(name)
            self.there = {**self.there, name: network}
            _give_back(leaving)

    def unload(self, name: str) -> None:
        """Forget a network; those that it is answering right now get their answer."""
        with self.one_at_a_time:
            leaving = self._session_of(name)
            self.there = {other: self.there[other] for other in self.there if other != name}
            _give_back(leaving)

    def _session_of(self, name: str) -> Callable[[], Any]:
        return weakref.ref(self.there[name].session) if name in self.there else lambda: None

    def index(self) -> list[dict[str, str]]:
        """List the networks, as the protocol's extension for repositories does."""
        rows = []
        for name in self.files:
            state = "READY" if name in self.there else "UNAVAILABLE"
            rows.append({"name": name, "version": self.versions[name], "state": state})
        return rows


def open_network(path: Path) -> ServedNetwork:
    """Open an ONNX file and what stands beside it, and let it answer once: the first takes longer.

    Raises:
        ImportError: If onnxruntime is missing.
        OSError: If there is no such file, it is no ONNX file, or no network for pictures.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("the server needs onnxruntime: pip install onnxruntime.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a thread a request
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    if not path.is_file():
        raise FileNotFoundError(f"{shown(path)} is no file. Write it first: export_onnx.")
    try:
        content = path.read_bytes()  # once: a new file may take its place at any moment
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        [given], [returned] = session.get_inputs(), session.get_outputs()
    except Exception as error:  # each of its kinds is a class of its own
        reason = first_line(error)
        raise OSError(f"{shown(path)} cannot be run ({reason}). Export it as one file.") from error
    shape, classes = (*given.shape[1:],), (*returned.shape[1:],)
    is_for_pictures = len(shape) == 3 and shape[2] in (1, 3) and len(classes) == 1
    is_open = not isinstance(given.shape[0], int)
    numbers = all(isinstance(size, int) for size in (*shape, *classes))
    kinds = {given.type, returned.type} == {"tensor(float)"}
    if not (is_for_pictures and is_open and numbers and kinds):
        rule = "float32 (any, height, width, 1 or 3) to (any, classes)"
        raise OSError(
            f"{shown(path)} must compute {rule}; it has {given.type} {given.shape} to"
            f" {returned.type} {returned.shape}. Export it by export_onnx."
        )
    beside = path.with_suffix(".json")
    words = beside.read_bytes() if beside.is_file() else b"{}"
    version = str(zlib.crc32(words, zlib.crc32(content)))
    network = ServedNetwork(session, version, shape, *_read_beside(words, beside, *classes))
    try:
        network.logits(np.zeros((1, *shape), "float32"))
    except Exception as error:
        raise OSError(f"{shown(path)} cannot answer ({first_line(error)}).") from error
    return network


def _give_back(session: Callable[[], Any]) -> None:
    """Let Linux' C library return what an old network leaves to the system; it keeps 8 MB of each.

    That is done once nobody waits for its answer any more, or after five seconds.
    """
    until = time.monotonic() + 5
    while session() is not None and time.monotonic() < until:
        time.sleep(0.01)
    with contextlib.suppress(OSError, AttributeError, TypeError):  # other systems have no such call
        ctypes.CDLL(None).malloc_trim(0)


def _read_beside(words: bytes, path: Path, classes: int) -> tuple[tuple[str, ...], float, str]:
    """Read the names of the classes, and how a picture is cut; where nothing is said, numbers."""
    try:
        content = json.loads(words)
    except ValueError as error:
        raise OSError(f"{shown(path)} is no JSON ({first_line(error)}).") from None
    known = {"class_names": [*map(str, range(classes))], "share": 1.0, "resample": "bilinear"}
    if not isinstance(content, dict) or not content.keys() <= known.keys():
        rule = f"must be an object that has no more than {', '.join(known)}"
        raise OSError(f"{shown(path)} {rule}; it is {str(content)[:40]!r}.")
    names, share, resample = (known | content).values()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        rule = "`class_names` must be a list of texts"
        raise OSError(f"{shown(path)}: {rule}; it is {str(names)[:40]!r}.")
    if len(names) != classes:
        raise OSError(f"{shown(path)} must name {classes} classes; it names {len(names)}.")
    if not isinstance(share, float | int) or not 0 < share <= 1 or resample not in WAYS_TO_RESIZE:
        rule = f"`share` must be above 0 to 1, `resample` {' or '.join(WAYS_TO_RESIZE)}"
        raise OSError(f"{shown(path)}: {rule}; they are {share!r} and {resample!r}.")
    return tuple(names), float(share), resample
