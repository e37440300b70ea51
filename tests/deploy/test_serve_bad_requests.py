"""Bad requests get a status and one line without a path, and the next good one its answer."""

import asyncio
import io
import json
import re
import socket
import threading
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from protocol_cases import INFER, asking, in_bytes, tensor
from starlette.requests import Request
from try_server import app_of, bomb, picture, running, wait_until

from cnnbook.deploy import _serve_http, _serve_work

CLASSIFY = "/v2/models/photos/classify"
LIMIT = 100_000
TELLS_TOO_MUCH = re.compile(r"/(tmp|home|usr|root|etc)|\.py\b|Traceback|<script|0x[0-9a-f]{6}")


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    with running(app_of(tmp_path_factory.mktemp("networks"), max_bytes=LIMIT)) as asking_it:
        yield asking_it


@pytest.fixture(autouse=True)
def good(ask):
    """After whatever happened, the next good request gets its answer, and nothing is held."""
    yield
    assert ask("POST", CLASSIFY, picture())[0] == 200
    assert ask("POST", INFER, asking(tensor()))[0] == 200
    answers = ask.app.state.answers
    wait_until(lambda: (answers.bodies.held, answers.workers.inside) == (0, 0))


def is_refused(answer, status):
    """Say that an answer is a refusal of that status, in one form."""
    found, content, headers = answer
    assert found == status, content
    assert headers["content-type"] == "application/json"
    assert set(content) == {"error"} and 0 < len(content["error"]) < 200
    assert not TELLS_TOO_MUCH.search(content["error"])
    assert "\n" not in content["error"]
    return content["error"]


# Pictures -----------------------------------------------------------------------------------------


def cut(content, share=0.5):
    return content[: int(len(content) * share)]


def noisy(kind):
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello", "it is none of JPEG"),
        (b"<html><script>alert(1)</script></html>", "it looks like HTML"),
        (b"%PDF-1.4", "it is none of"),
        (b"\0" * 1000, "it is none of"),
        (b"\x89PNG\r\n\x1a\n", "its header is damaged"),
        (cut(noisy("JPEG")), "truncated"),
        (cut(noisy("PNG")), ""),
        (cut(noisy("WEBP")), ""),
        (b"P6 3 3 255 " + b"\0" * 27, "it is none of"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_what_is_no_picture_is_refused_with_the_reason(ask, content, words):
    error = is_refused(ask("POST", CLASSIFY, content), 400)
    assert error.startswith("the body is no picture that can be read (") and words in error


# On both sides of where Pillow warns, 89,478,485 pixels, and of where it refuses, twice as many.
@pytest.mark.parametrize("side", [5_001, 9_400, 9_500, 13_377, 13_378, 14_000])
@pytest.mark.parametrize("warns", ["error", "ignore"])
def test_a_small_file_that_would_be_huge_is_refused_before_it_is_unpacked(ask, side, warns):
    content = bomb(side)
    assert len(content) < 25_000
    with warnings.catch_warnings(action=warns):
        start = time.process_time()
        error = is_refused(ask("POST", CLASSIFY, content), 400)
    assert time.process_time() - start < 0.5
    assert "pixels; the limit is 25,000,000 pixels" in error


def test_a_picture_of_as_many_pixels_as_may_be_is_named(ask):
    assert ask("POST", CLASSIFY, bomb(5_000))[0] == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"hello"),
        ("multipart/form-data; boundary=", b"hello"),
        ("multipart/form-data; boundary=x", b"hello"),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + 300 * "x", b"--x--\r\n"),
        ("multipart/mixed; boundary=x", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n7\r\n--x--\r\n',
        ),
    ],
)
def test_a_form_without_a_file_is_refused(ask, kind, body):
    error = is_refused(ask("POST", CLASSIFY, body, Content_Type=kind), 400)
    assert error.startswith("the form ")


# Tensors ------------------------------------------------------------------------------------------

HALF = r"\ud800"
JSON = {
    "nan": (b'{"inputs": [NaN]}', "the numbers must be finite, and NaN is no JSON"),
    "infinity": (b'{"inputs": [-Infinity]}', "finite, and -Infinity is no JSON"),
    "brackets": (b"[" * 49_000 + b"]" * 49_000, "nested"),
    "brackets, open": (b"[" * 99_000, "nested"),
    "objects": (b'{"a":' * 19_000, "nested"),
    "digits": (b'{"inputs": ' + b"9" * 99_000 + b"}", "JSON"),
    "a large exponent": (asking(tensor(data=None))[:-3] + b', "data": [1e99999]}]}', "192 numbers"),
    "a key twice": (b'{"inputs": [], "inputs": []}', "a key is there twice"),
    "half a character": (f'{{"inputs": [], "id": "{HALF}"}}'.encode(), "half a character"),
    "half a key": (f'{{"{HALF}": 1}}'.encode(), "half a character"),
    "no UTF-8": (b'{"inputs": "\xff"}', "UTF-8"),
    "UTF-16": ('{"inputs": []}'.encode("utf-16"), "JSON"),
    "a number": (b"7", "object"),
    "null": (b"null", "object"),
    "two objects": (b"{}{}", "JSON"),
    "an id of numbers": (asking(tensor(), id=7), "`id`"),
    "parameters of text": (asking(tensor(), parameters="a"), "`parameters`"),
    "ragged": (asking(tensor(data=[[1.0] * 191, [1.0, 2.0]])), "192 numbers"),
    "truths": (asking(tensor(data=[True] * 192)), "192 numbers"),
    "nulls": (asking(tensor(data=[None] * 192)), "192 numbers"),
    "texts": (asking(tensor(data=["1"] * 192)), "192 numbers"),
    "huge numbers": (asking(tensor(data=[10**300] * 192)), "192 numbers"),
    "large numbers": (asking(tensor(data=[1e300] * 192)), "finite"),
    "shape of floats": (asking(tensor(shape=[1.0, 8, 8, 3])), "shape"),
    "shape of truths": (asking(tensor(shape=[True, 8, 8, 3])), "shape"),
    "shape with 0": (asking(tensor(shape=[0, 8, 8, 3], data=[])), "shape"),
    "huge shape": (asking(tensor(shape=[10**30, 8, 8, 3])), "shape"),
    "shared memory": (
        asking(tensor(data=None, parameters={"shared_memory_region": "a"})),
        "shared memory",
    ),
    "classification": (
        asking(tensor(), outputs=[{"name": "logits", "parameters": {"classification": 3}}]),
        "classification",
    ),
    "outputs twice": (asking(tensor(), outputs=[{"name": "logits"}] * 2), "`outputs`"),
    "outputs of text": (asking(tensor(), outputs="logits"), "`outputs`"),
}


@pytest.mark.parametrize("name", JSON)
def test_tensors_that_are_none_are_refused_in_a_line_that_says_what_is_right(ask, name):
    body, words = JSON[name]
    assert words in is_refused(ask("POST", INFER, body), 400)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"[" * 200_000, "nested"), (b'{"inputs": ' + b"9" * 1_000_000 + b"}", "JSON")],
    ids=["brackets", "digits"],
)
def test_what_is_deep_or_long_is_refused_by_its_kind_where_bodies_may_be_large(
    tmp_path, body, words
):
    with running(app_of(tmp_path)) as ask:
        assert words in is_refused(ask("POST", INFER, body), 400)
        assert ask("POST", INFER, asking(tensor()))[0] == 200


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_in_bytes_as_well(ask, value):
    body, headers = in_bytes()
    body = body[:-4] + np.array(value, "<f4").tobytes()
    assert is_refused(ask("POST", INFER, body, **headers), 400) == "the numbers must be finite"


def test_an_answer_without_finite_numbers_is_refused(ask):
    body = asking(tensor(data=[3e38] * 192))
    assert "pixels are 0 to 255" in is_refused(ask("POST", INFER, body), 400)


@pytest.mark.parametrize("length", ["-1", "a", "1e3", " 5", "٣", "9" * 40, "100001", "0x10", ""])
def test_a_length_of_the_head_that_is_none_is_refused(ask, length):
    header = {"Inference-Header-Content-Length": length.encode()}
    is_refused(ask("POST", INFER, asking(tensor()), **header), 400)


def test_a_compressed_body_is_refused(ask):
    is_refused(ask("POST", INFER, b"abc", Content_Encoding="gzip"), 415)


# Too large ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [INFER, CLASSIFY])
@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT, 50_000_000])
def test_a_body_over_the_limit_is_refused_by_its_length(ask, path, size):
    try:
        answer = ask("POST", path, bytes(size))
    except ConnectionError:  # it was told in the middle of what it sent, and did not listen
        assert size > 8 * LIMIT
    else:
        assert f"{LIMIT} bytes" in is_refused(answer, 413)


def test_who_asks_before_sending_a_large_body_is_told_at_once(ask):
    head = f"POST {CLASSIFY} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    answer = ask.raw(f"{head}Content-Length: 50000000\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ") and b'{"error":' in answer


@pytest.mark.parametrize("count", [2, 50])
def test_a_body_over_the_limit_is_refused_in_chunks_and_as_a_form(ask, count):
    chunks = (bytes(LIMIT // 2 + 1) for _ in range(count))
    try:
        is_refused(ask("POST", CLASSIFY, chunks), 413)
    except ConnectionError:
        assert count > 16
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    is_refused(ask("POST", CLASSIFY, head + bytes(LIMIT) + b"\r\n--x--\r\n", **kind), 413)


def test_bodies_together_have_a_limit_too(ask, monkeypatch):
    monkeypatch.setattr(_serve_work, "TIMES_AT_ONCE", 0)
    answer = ask("POST", CLASSIFY, picture())
    assert "busy" in is_refused(answer, 503) and answer[2]["retry-after"] == "1"
    monkeypatch.undo()


def test_a_body_is_in_memory_once_as_it_is_counted():
    bodies, size = _serve_work.Bodies(4_000_000), 4_000_000

    async def receive():
        return {"type": "http.request", "body": bytes(size), "more_body": False}

    async def hold():
        request = Request({"type": "http", "headers": []}, receive)
        async with bodies.read(request) as content:
            assert len(content) == bodies.held == size
            return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        assert asyncio.run(hold()) < 1.5 * size
    finally:
        tracemalloc.stop()
    assert bodies.held == 0


def test_more_requests_than_may_wait_are_told_to_come_again(ask, monkeypatch):
    monkeypatch.setattr(_serve_work, "MAX_INSIDE", 0)
    answer = ask("POST", CLASSIFY, picture())
    assert "busy" in is_refused(answer, 503) and answer[2]["retry-after"] == "1"
    monkeypatch.undo()


# Places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "photos%00",
        "%00",
        "photos/../grey",
        "photos.onnx",
        "PHOTOS",
        "%F0%9F%92%A9",
        "%ff",
        "a" * 5_000,
        "<script>alert(1)</script>",
    ],
)
@pytest.mark.parametrize("rest", ["", "/infer", "/versions/1/infer", "/versions/..%2F1"])
def test_a_name_that_is_none_is_not_found(ask, name, rest):
    method = "POST" if rest.endswith("infer") else "GET"
    error = is_refused(ask(method, f"/v2/models/{name}{rest}"), 404)
    assert "passwd" not in error


@pytest.mark.parametrize("version", ["0", "2", "01", "-1", "1.0", "a", "%00", "9" * 999])
def test_a_version_that_is_none_is_not_found(ask, version):
    is_refused(ask("POST", f"/v2/models/photos/versions/{version}/infer", b""), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_is_none_is_refused(ask, method):
    answer = ask(method, INFER)
    is_refused(answer, 405)
    assert answer[2]["allow"] == "POST"


# HTTP ---------------------------------------------------------------------------------------------

HEAD = b"POST " + CLASSIFY.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: a\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=lambda content: repr(content[:70]),
)
def test_what_is_no_http_is_refused_and_the_connection_closed(ask, content):
    try:
        answer = ask.raw(content + b"\r\n\r\n")
    except ConnectionError:  # it closed while we sent
        return
    status, _, rest = answer.partition(b"\r\n")
    assert re.fullmatch(rb"HTTP/1.1 4\d\d .*", status)
    assert b'{"error"' in rest and not TELLS_TOO_MUCH.search(rest.decode())


def test_a_body_that_never_comes_does_not_wait_for_ever(ask, monkeypatch):
    monkeypatch.setattr(_serve_work, "BODY_SECONDS", 0.3)
    start = time.monotonic()
    answer = ask.raw(HEAD + b"Content-Length: 100\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 408 ") and b"did not come within" in answer
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("start", [b"", b"GET / HT", HEAD, HEAD + b"A: b\r\n"])
def test_a_head_that_never_comes_does_not_wait_for_ever(ask, monkeypatch, start):
    monkeypatch.setattr(_serve_http, "HEAD_SECONDS", 0.3)
    begin = time.monotonic()
    assert ask.raw(start) == b""
    assert time.monotonic() - begin < 5


def test_a_second_head_that_never_comes_does_not_wait_for_ever(ask, monkeypatch):
    monkeypatch.setattr(_serve_http, "HEAD_SECONDS", 0.3)
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", ask.port), 10) as line:
        line.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")
        line.sendall(b"GET /v2 HT")
        assert line.recv(65_536) in (b"", b'{"live":true}')
        assert line.recv(65_536) == b""
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("start", [HEAD, HEAD + b"Content-Length: 1000\r\n\r\nhello"])
def test_two_hundred_slow_connections_keep_nobody_waiting(ask, start):
    lines = [socket.create_connection(("127.0.0.1", ask.port)) for _ in range(200)]
    try:
        for line in lines:
            line.sendall(start)
        begin = time.monotonic()
        assert ask("POST", CLASSIFY, picture())[0] == 200
        assert time.monotonic() - begin < 3
    finally:
        for line in lines:
            line.close()


def test_what_clients_who_have_gone_have_asked_is_not_computed(ask, monkeypatch):
    """Of 100 clients that go at once, few are computed for: the next is soon answered."""
    from cnnbook.deploy import _serve_answers

    computed, read = [], _serve_answers.read_picture

    def slowly(*given):
        computed.append(time.sleep(0.05))
        return read(*given)

    monkeypatch.setattr(_serve_answers, "read_picture", slowly)
    content = picture()
    head = HEAD + f"Content-Length: {len(content)}\r\n\r\n".encode()
    lines = [socket.create_connection(("127.0.0.1", ask.port)) for _ in range(100)]
    for line in lines:
        line.sendall(head + content)
    wait_until(lambda: len(computed) >= 2)
    for line in lines:
        line.close()
    begin = time.monotonic()
    assert ask("POST", CLASSIFY, picture())[0] == 200
    assert time.monotonic() - begin < 3
    assert len(computed) < 90


# By chance ----------------------------------------------------------------------------------------

WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)
KEYS = ["inputs", "outputs", "parameters", "id", "name", "datatype", "shape", "data"]
FUZZ = settings(
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def nearly_right(draw):
    """Return a right request in which one place has anything at all."""
    request = json.loads(asking(tensor(), outputs=[{"name": "logits"}], parameters={}, id="a"))
    place = draw(st.sampled_from([request, request["inputs"][0], request["outputs"][0]]))
    place[draw(st.sampled_from(KEYS))] = draw(WILD)
    return json.dumps(request).encode()


@pytest.mark.slow
@FUZZ
@given(body=nearly_right() | st.binary(max_size=300), length=st.none() | st.integers(-5, 2_000))
def test_any_request_for_tensors_is_answered_or_refused(ask, body, length):
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    answer = ask("POST", INFER, body, **headers)
    if answer[0] != 200:
        is_refused(answer, 400)


@pytest.mark.slow
@FUZZ
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]), data=st.data())
def test_any_damaged_picture_is_named_or_refused(ask, kind, data):
    content = bytearray(picture(9, kind=kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.none() | st.integers(0, len(content)))
    answer = ask("POST", CLASSIFY, bytes(content[:end]))
    if answer[0] != 200:
        is_refused(answer, 400)


@pytest.mark.slow
@FUZZ
@given(
    path=st.text(st.characters(codec="utf-8"), max_size=30), method=st.sampled_from(["GET", "POST"])
)
def test_any_path_is_answered(ask, path, method):
    status, answer, _ = ask(method, "/" + quote(path, safe="/%?&=+"), b"")
    assert status in (200, 307, 400, 403, 404, 405)
    assert status < 400 or set(answer) == {"error"}


def test_a_mix_of_good_and_bad_clients_each_get_their_own(ask):
    """Eight at a time: what is wrong with one request says nothing of another."""
    wrong = [(INFER, body, 400) for body, _ in [*JSON.values()][:8]]
    right = [(CLASSIFY, picture(), 200), (INFER, asking(tensor()), 200)] * 8
    lock, found = threading.Lock(), []

    def once(case):
        path, body, wanted = case
        status = ask("POST", path, body)[0]
        with lock:
            found.append(status == wanted)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, wrong + right))
    assert len(found) == 24 and all(found)
