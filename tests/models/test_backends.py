"""Every network gives the same on TensorFlow, JAX and PyTorch, and can be trained there.

JAX comes with the tests, PyTorch with `make test-backends`.
"""

import functools
import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnbook.command.models import NETWORKS

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@functools.cache
def start(backend: str) -> subprocess.Popen:
    """Begin to run every network there."""
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # else compiling takes minutes
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, HERE / "try_backend.py", backend]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes)


@functools.cache
def try_all(backend: str) -> list[dict]:
    """Run every network there, once; a line each. TensorFlow runs beside the others."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}: make test-backends")
    start("tensorflow")
    output, errors = start(backend).communicate()
    assert start(backend).returncode == 0, errors[-2000:]
    return [json.loads(line) for line in output.splitlines()]


def test_every_builder_is_tried():
    source = (HERE / "try_backend.py").read_text(encoding="utf-8")
    missing = {n.builder for n in NETWORKS.values() if f'"{n.module}", "{n.builder}"' not in source}
    assert not missing


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_equal_weights_give_equal_logits(backend):
    there, here = try_all(backend), try_all("tensorflow")
    assert [line["network"] for line in there] == [line["network"] for line in here]
    for other, ours in zip(there, here, strict=True):
        expected = np.array(ours["logits"])
        assert np.std(expected) > 0.01, ours["network"]
        tolerance = 1e-4 * max(1, abs(expected).max())
        np.testing.assert_allclose(
            other["logits"], expected, rtol=0, atol=tolerance, err_msg=ours["network"]
        )


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_training_step_moves_the_weights(backend):
    for line in try_all(backend):
        assert math.isfinite(line["loss"]), line["network"]
        assert line["moved"] > 0.4, line["network"]
