"""The same server under Ray: what is refused before it starts, and, where Ray is, its answers."""

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from protocol_cases import ANSWERS, cases
from try_server import Asking, app_of, picture, write_network

from cnnbook.deploy.serve_ray import run_on_ray

TOKEN = {"Authorization": "Bearer secret"}
SERVER = """
import sys
from functools import partial
from cnnbook.deploy.serve import make_app
from cnnbook.deploy.serve_ray import run_on_ray

run_on_ray(partial(make_app, {"photos": sys.argv[1]}, token="secret"), port=int(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 0}, "`port` must be 1 to 65,535"),
        ({"port": 70_000}, "`port` must be 1 to 65,535"),
        ({"replicas": 0}, "`replicas` 1 to 1,000"),
        ({"host": "0.0.0.0"}, "`host` must be 127.0.0.1 unless there is a token"),
        ({"host": ""}, "`host` must be an address"),
        ({"make": 7}, "`make` must be a function"),
        ({"replicas": "2"}, "`replicas` must be a whole number"),
    ],
)
def test_a_wrong_setting_is_one_line_before_ray_starts(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        run_on_ray(**{"make": lambda: app_of(tmp_path)} | options)


def test_a_network_that_is_none_is_told_at_once(tmp_path):
    def make():
        app_of(tmp_path)
        raise OSError("a.onnx cannot be run")

    with pytest.raises(OSError, match="a.onnx cannot be run"):
        run_on_ray(make)


def test_without_ray_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match="run_on_ray needs Ray: pip install 'ray"):
        run_on_ray(lambda: app_of(tmp_path))


@pytest.mark.long
@pytest.mark.slow
def test_under_ray_it_answers_the_same_and_nobody_is_lost_at_the_end(tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    write_network(tmp_path / "photos.onnx")
    command = [sys.executable, "-c", SERVER, tmp_path / "photos.onnx", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("Serving on ") for line in lines)
        ask = Asking(port)
        of_triton = json.loads(ANSWERS.read_text())
        [version] = ask("GET", "/v2/models/photos", **TOKEN)[1]["versions"]
        for name, (method, place, body, headers) in cases(version).items():
            status = ask(method, place, body, **headers, **TOKEN)[0]
            assert status == (400 if of_triton[name] == 500 else of_triton[name]), name
        assert ask("GET", "/v2")[0] == 401
        assert ask("POST", "/v2/repository/models/photos/load", **TOKEN)[0] == 501
        large = picture(2_000)
        with ThreadPoolExecutor(16) as pool:
            way = "POST", "/v2/models/photos/classify", large
            answers = [pool.submit(ask, *way, **TOKEN) for _ in range(16)]
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert [answer.result()[0] for answer in answers] == [200] * 16
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
