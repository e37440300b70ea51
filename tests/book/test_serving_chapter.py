"""The server of the chapter on serving never outlives its notebook, in whatever way that ends."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnbook.book.notebooks import make_notebook

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "17_serving.py"
# Instead of a server: it says where it serves, waits, and leaves a file when it is told to end.
PROGRAM = """
import os, pathlib, time
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("ended").touch(), os._exit(0)))
print("http://127.0.0.1:8000/", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("end", ["pass", "1 / 0", "os._exit(9)"])
def test_the_program_that_serves_ends_with_the_notebook(tmp_path, end):
    cells = make_notebook(SOURCE.read_text(encoding="utf-8")).cells
    [starts] = [cell.source for cell in cells if "LIFELINE =" in cell.source]
    lines = ["import os, subprocess, sys", "from pathlib import Path"]
    lines += [f"FOLDER = Path({str(tmp_path)!r})", starts]
    lines += [f"process, port = start({PROGRAM!r})", "print(port, flush=True)", end]
    command = [sys.executable, "-c", "\n".join(lines)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told.stdout == "8000\n"
    until = time.monotonic() + 20
    while not (tmp_path / "ended").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_program_that_does_not_serve_is_told_with_its_reason(tmp_path):
    cells = make_notebook(SOURCE.read_text(encoding="utf-8")).cells
    [starts] = [cell.source for cell in cells if "LIFELINE =" in cell.source]
    names = {"FOLDER": tmp_path, "subprocess": subprocess, "sys": sys}
    exec(starts, names)
    with pytest.raises(RuntimeError, match="FileNotFoundError: birds.onnx is no file"):
        names["start"](
            "from cnnbook.deploy.serve import make_app, run_app\n"
            "run_app(make_app({'birds': 'birds.onnx'}), port=0)"
        )
