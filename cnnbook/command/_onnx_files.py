"""Which ONNX file belongs to a network that is to be served? It is made once, and then kept.

Keras and TensorFlow work in a process of their own: a server that had imported them would begin ten
seconds later and take half a gigabyte more. `python -m cnnbook.command._onnx_files SOURCE TARGET`
is that process.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnbook._checks import shown
from cnnbook._digit_weights import SHA256
from cnnbook._machine import folder_of, reason_of, sweep

PACKAGE = Path(__file__).resolve().parents[1]


def onnx_file(source: Path) -> Path:
    """Return the ONNX file of a network: that file, or what is made of a `.keras` file.

    Raises:
        OSError: If there is no such file, or it cannot become an ONNX file.
    """
    if source.suffix == ".onnx":
        return source
    if source.suffix != ".keras" or not source.is_file():
        raise OSError(f"{shown(source)} must be a file that ends in .onnx or .keras.")
    beside = source.with_suffix(".json")
    parts = [file.read_bytes() for file in (source, beside) if file.is_file()]
    return _made(source.stem, str(source), [*parts, _code()])


def built_in_file(name: str) -> Path:
    """Return the ONNX file of a network that comes with the book; see `onnx_file`."""
    return _made(name, name, [SHA256.encode(), _code()])


def _code() -> bytes:
    """Return a hash of what builds networks and exports them: what it made before is made anew."""
    files = [*sorted((PACKAGE / "models").glob("*.py")), PACKAGE / "deploy" / "export.py"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()


def _made(name: str, source: str, parts: list[bytes]) -> Path:
    """Return what was made of the same parts before, or let another process make it."""
    folder = folder_of("CNNBOOK_CACHE", "~/.cache/cnnbook") / "served"
    key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    target = folder / f"{name}-{key[:16]}.onnx"
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder.glob(".made-*"))
    print(f"{name}: making an ONNX file of it, once; this takes a minute ...", flush=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".made-") as part:
        made = Path(part, target.name)
        command = [sys.executable, "-m", "cnnbook.command._onnx_files", source, str(made)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        if run.returncode:
            reason = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
            raise OSError(f"{shown(source)} cannot become an ONNX file: {reason}")
        for ending in (".json", ".onnx"):  # the one that is looked for comes last
            if made.with_suffix(ending).is_file():
                made.with_suffix(ending).replace(target.with_suffix(ending))
    return target


def _digit_net() -> tuple[Any, dict[str, Any]]:
    from cnnbook.models.small_digit_net import build_trained_digit_net

    return build_trained_digit_net(), {"class_names": [*map(str, range(10))]}


def _efficientnet_lite0() -> tuple[Any, dict[str, Any]]:
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
    from cnnbook.models.imagenet import SHARE_OF_THE_SIDE, class_names

    cut = {"share": SHARE_OF_THE_SIDE, "resample": "bicubic"}  # as `classify` does
    model = build_efficientnet_lite0(weights="imagenet")
    return model, {"class_names": class_names()} | cut


BUILT_IN: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "digits": _digit_net,
    "efficientnet_lite0": _efficientnet_lite0,
}


def make(source: str, target: Path) -> None:
    """Write the ONNX file of a network, and what stands beside it."""
    from cnnbook.deploy.export import export_onnx

    if source in BUILT_IN:
        model, about = BUILT_IN[source]()
        target.with_suffix(".json").write_text(json.dumps(about))
    else:
        import keras

        model = keras.saving.load_model(source, compile=False)
        beside = Path(source).with_suffix(".json")
        if beside.is_file():
            target.with_suffix(".json").write_bytes(beside.read_bytes())
    export_onnx(model, target)


if __name__ == "__main__":
    try:
        make(sys.argv[1], Path(sys.argv[2]))
    except Exception as error:
        raise SystemExit(reason_of(error)) from None
