"""Downloads from a local server: cases 12 to 18 of the bad data."""

import hashlib
import http.client
import io
import threading
import time
import urllib.error
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cnnbook.datasets import download as module
from cnnbook.datasets.archives import extract_archive
from cnnbook.datasets.download import download
from cnnbook.datasets.prepare import prepare_folder

CONTENT = bytes(range(256)) * 200
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """A web server whose answers a test chooses; `asked` lists the requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answers = self.server.answers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.asked = asked
        http.url = f"http://127.0.0.1:{http.server_port}/set.tar.gz"
        monkeypatch.setattr(module, "PAUSE", 0.01)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
        yield http
        http.shutdown()


def good(handler, content=CONTENT, length=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(length or len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def closing_early(handler):
    good(handler, CONTENT[:1000], len(CONTENT))


def other_content(handler):
    good(handler, CONTENT[::-1])


def code(number):
    return lambda handler: handler.send_error(number)


def stalling(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:100])
    handler.wfile.flush()
    time.sleep(2)


def fetch(server, answer, timeout=10):
    """Get an answer by the standard library, which shows what is wrong with it; not counted."""
    server.answers = [answer]
    try:
        with urllib.request.urlopen(server.url, timeout=timeout) as reply:
            return reply.read()
    finally:
        server.asked.clear()


@pytest.fixture
def cache(tmp_path):
    """A folder that holds a file of the user already."""
    (tmp_path / "mine").write_text("mine")
    return tmp_path


def test_a_file_is_fetched_once_and_then_taken_from_the_disk(server, tmp_path):
    server.answers = [good]
    for _ in range(2):
        path = download(server.url, SHA256, tmp_path / "cache")
        assert path.name == "set.tar.gz"
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/set.tar.gz"]


def test_case_12_a_wrong_checksum_names_both_and_keeps_nothing(server, cache, unchanged):
    found = hashlib.sha256(fetch(server, other_content)).hexdigest()
    assert found != SHA256
    with unchanged(cache), pytest.raises(OSError, match="wrong checksum") as caught:
        download(server.url, SHA256, cache)
    assert SHA256 in str(caught.value)
    assert found in str(caught.value)
    assert ".." not in str(caught.value)


@pytest.mark.parametrize("sha256", [None, "", "abc", "z" * 64, "md5:" + "0" * 32])
def test_case_13_there_is_no_download_without_a_checksum(server, cache, sha256, unchanged):
    assert sha256 != hashlib.sha256(fetch(server, good)).hexdigest() == SHA256
    with (
        unchanged(cache),
        pytest.raises(ValueError, match="`sha256` must be 64 hexadecimal digits"),
    ):
        download(server.url, sha256, cache)
    assert server.asked == []


def test_case_14_a_server_that_closes_early_leaves_nothing(server, cache, unchanged):
    with pytest.raises(http.client.IncompleteRead):
        fetch(server, closing_early)
    with (
        unchanged(cache),
        pytest.raises(OSError, match=r"fetched: Connection broken: IncompleteRead\(1000") as caught,
    ):
        download(server.url, SHA256, cache)
    assert str(caught.value).count("IncompleteRead") == 1
    assert len(server.asked) == module.TRIES


def test_case_14_a_second_try_that_succeeds_is_enough(server, tmp_path):
    server.answers = [closing_early, good]
    assert download(server.url, SHA256, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("number", [500, 503])
def test_case_15_a_server_that_fails_is_asked_again(server, tmp_path, number):
    with pytest.raises(urllib.error.HTTPError, match=str(number)):
        fetch(server, code(number))
    server.answers = [code(number), code(number), good]
    assert download(server.url, SHA256, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3


@pytest.mark.parametrize(("number", "times"), [(404, 1), (503, module.TRIES)])
def test_case_15_a_missing_page_is_not_asked_for_again(server, cache, number, times, unchanged):
    with pytest.raises(urllib.error.HTTPError, match=str(number)):
        fetch(server, code(number))
    with (
        unchanged(cache),
        pytest.raises(OSError, match=f"{server.url} could not be fetched: HTTP code {number}"),
    ):
        download(server.url, SHA256, cache)
    assert len(server.asked) == times


def test_case_16_a_server_that_stalls_is_given_up(server, cache, monkeypatch, unchanged):
    assert module.TIMEOUT == (10, 60)
    monkeypatch.setattr(module, "TIMEOUT", (0.3, 0.3))
    monkeypatch.setattr(module, "TRIES", 2)
    with pytest.raises(TimeoutError):
        fetch(server, stalling, timeout=0.1)
    start = time.monotonic()
    with (
        unchanged(cache),
        pytest.raises(
            OSError, match=r"no answer within 0.3 .*, or no further piece within 0.3\. N"
        ),
    ):
        download(server.url, SHA256, cache)
    assert time.monotonic() - start < 10


def test_case_17_half_a_file_under_the_final_name_is_found_out(server, tmp_path, unchanged):
    half = tmp_path / "set.tar.gz"
    half.write_bytes(CONTENT[:1000])  # left by a program that was killed
    assert hashlib.sha256(half.read_bytes()).hexdigest() != SHA256
    server.answers = [code(404)]
    with unchanged(tmp_path), pytest.raises(OSError, match="HTTP code 404"):
        download(server.url, SHA256, tmp_path)
    server.answers = [good]
    assert download(server.url, SHA256, tmp_path).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["set.tar.gz"]
    assert len(server.asked) == 2


def test_case_18_what_a_killed_download_left_does_not_matter(server, tmp_path, unchanged):
    left = tmp_path / "tmpabcdef"
    left.write_bytes(CONTENT[:1000])
    assert hashlib.sha256(left.read_bytes()).hexdigest() != SHA256
    server.answers = [good]
    with unchanged(tmp_path, but=["set.tar.gz"]):
        path = download(server.url, SHA256, tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_case_26_a_full_disk_in_a_download_leaves_nothing(server, cache, monkeypatch, unchanged):
    def on_a_full_disk(*_, **__):
        return Path("/dev/full").open("w+b")

    with pytest.raises(OSError, match="No space left"), on_a_full_disk() as file:
        file.write(b"x")
    server.answers = [good]
    monkeypatch.setattr("pooch.downloaders.open", on_a_full_disk, raising=False)
    with (
        unchanged(cache),
        pytest.raises(OSError, match=r"could not be kept in .* \(No space left on device\); make"),
    ):
        download(server.url, SHA256, cache)
    assert len(server.asked) == 1


def test_no_server_at_all_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    with pytest.raises(OSError, match=r"http://127.0.0.1:9/x.gz could not be fetched: .*refused"):
        download("http://127.0.0.1:9/x.gz", SHA256, tmp_path)


def test_download_unpack_and_prepare_work_together(server, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("cat/1.txt", "cat")
    content = stream.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    server.answers = [code(503), lambda handler: good(handler, content)]

    def make(place):
        extract_archive(download(server.url, sha256, tmp_path / "downloads"), place)

    for _ in range(2):
        folder = prepare_folder(tmp_path / "pets", make)
        assert (folder / "cat" / "1.txt").read_text() == "cat"
    assert len(server.asked) == 2
    visible = {path.name for path in tmp_path.iterdir() if path.name[0] != "."}
    assert visible == {"downloads", "pets"}
