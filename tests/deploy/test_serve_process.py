"""The server as a process: it says when it is ready, and when it is told to end, nobody is lost."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from try_server import Asking, app_of, bomb, picture, running, wait_until, write_network

from cnnbook.deploy import _serve_http
from cnnbook.deploy.serve import make_app, run_app

# A network that takes its time.
SERVER = """
import sys, time
from cnnbook.deploy import _serve_answers
from cnnbook.deploy.serve import make_app, run_app

read = _serve_answers.read_picture

def slowly(*given):
    time.sleep(float(sys.argv[2]))
    return read(*given)

_serve_answers.read_picture = slowly
run_app(make_app({"photos": sys.argv[1]}, threads=4), port=0)
print("the end")
"""
CLASSIFY = "/v2/models/photos/classify"


@pytest.fixture
def start(tmp_path):
    """Start a server; give it, and a function that asks it."""
    write_network(tmp_path / "photos.onnx")
    started = []

    def start(seconds):
        command = [sys.executable, "-c", SERVER, tmp_path / "photos.onnx", str(seconds)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, **pipes)
        started.append(process)
        found = re.fullmatch(
            r"Serving on http://127\.0\.0\.1:(\d+)/ \(Ctrl-C stops it\)\n",
            process.stdout.readline(),
        )
        return process, Asking(int(found[1]))

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sixteen_who_have_asked_get_their_answer_when_it_is_told_to_end(start, number):
    process, ask = start(0.2)
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, "POST", CLASSIFY, picture()) for _ in range(16)]
        wait_until(lambda: b"cnnbook_requests_in_progress 16\n" in ask("GET", "/metrics")[1])
        process.send_signal(number)
        assert [answer.result()[0] for answer in answers] == [200] * 16
    output, log = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "the end\n")
    lines = [json.loads(line) for line in log.splitlines()]
    assert sum(line["what"] == "classify" for line in lines) == 16


@pytest.mark.slow
def test_what_pillow_warns_of_is_not_in_the_log(start):
    process, ask = start(0)
    for side in (9_500, 13_000):  # the first is known to warn, and so is one of another size
        assert ask("POST", CLASSIFY, bomb(side))[0] == 400
    assert ask("POST", CLASSIFY, picture())[0] == 200
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=20)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines] == [400, 400, 200]


@pytest.mark.slow
def test_it_ends_at_once_with_idle_clients_and_takes_no_new_ones(start):
    process, ask = start(0)
    with socket.create_connection(("127.0.0.1", ask.port)) as line:
        line.sendall(b"GET /v2 HT")
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - begin < 10
    with pytest.raises(ConnectionError):
        ask("GET", "/v2")


@pytest.mark.slow
def test_a_second_signal_ends_it_before_all_have_their_answer(start):
    process, ask = start(1)
    with ThreadPoolExecutor(40) as pool:
        answers = [pool.submit(ask, "POST", CLASSIFY, picture()) for _ in range(40)]
        wait_until(lambda: b"cnnbook_requests_in_progress 40\n" in ask("GET", "/metrics")[1])
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert time.monotonic() - begin < 8  # 40 answers by 4 threads would take 10
        assert not all(not it.exception() and it.result()[0] == 200 for it in answers)


def test_no_answer_waits_until_the_client_has_confirmed_its_first_piece(tmp_path, monkeypatch):
    at_once, begin = [], _serve_http.PatientProtocol.connection_made

    def note(protocol, transport):
        begin(protocol, transport)
        line = transport.get_extra_info("socket")
        at_once.append(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(_serve_http.PatientProtocol, "connection_made", note)
    with running(app_of(tmp_path)) as ask:
        assert ask("GET", "/v2/health/live")[0] == 200
    assert len(at_once) == 1 and at_once[0]


def test_a_port_that_is_taken_is_one_line(tmp_path):
    write_network(tmp_path / "a.onnx")
    app = make_app({"a": tmp_path / "a.onnx"})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1 port {port} cannot be used \(.*\)"):
            run_app(app, port=port)


def test_importing_the_server_imports_no_keras_no_tensorflow_and_no_onnx_runtime():
    code = "import sys, cnnbook.deploy.serve as s; print({'tensorflow', 'keras', 'onnxruntime'}"
    command = [sys.executable, "-c", f"{code} & {{*sys.modules}})"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "set()\n"
