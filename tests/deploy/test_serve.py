"""The server answers by the protocol, names pictures, and replaces networks while people ask."""

import io
import json
import logging
import threading

import numpy as np
import onnx
import pytest
from PIL import Image
from protocol_cases import ANSWERS, INFER, asking, cases, cases_unloaded, tensor
from try_server import app_of, picture, running, wait_until, write_network

from cnnbook.center_crop import center_crop
from cnnbook.deploy import _serve_door
from cnnbook.deploy.serve import make_app, run_app

TOKEN = {"Authorization": "Bearer secret"}
CLASSIFY = "/v2/models/photos/classify"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def ask(folder):
    """Ask a server that has no token."""
    with running(app_of(folder)) as asking_it:
        yield asking_it


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Ask a server that has one."""
    folder = tmp_path_factory.mktemp("guarded")
    with running(app_of(folder, token="secret")) as asking_it:
        asking_it.folder = folder
        yield asking_it


def tensors_in(answer, headers):
    """Read an answer in JSON or in bytes."""
    length = headers.get("inference-header-content-length")
    if length is None:
        [output] = answer["outputs"]
        return answer, np.array(output["data"], "float32").reshape(output["shape"])
    head, numbers = json.loads(answer[: int(length)]), answer[int(length) :]
    [output] = head["outputs"]
    assert output["parameters"] == {"binary_data_size": len(numbers)}
    return head, np.frombuffer(numbers, "<f4").reshape(output["shape"])


# The protocol -------------------------------------------------------------------------------------


def version_of(ask, **headers):
    return ask("GET", "/v2/models/photos", **headers)[1]["versions"][0]


@pytest.mark.parametrize("name", cases())
def test_a_request_gets_the_status_that_a_real_triton_gives(ask, name):
    method, path, body, headers = cases(version_of(ask))[name]
    status, answer, _ = ask(method, path, body, **headers)
    of_triton = json.loads(ANSWERS.read_text())[name]
    # Triton calls it an error of its own when it cannot read a request; it is the client's.
    assert status == (400 if of_triton == 500 else of_triton), answer
    if status != 200:
        assert set(answer) == {"error"} and answer["error"]


def test_so_it_does_while_the_network_is_not_loaded(guarded):
    version, of_triton = version_of(guarded, **TOKEN), json.loads(ANSWERS.read_text())
    assert guarded("POST", "/v2/repository/models/photos/unload", **TOKEN)[0] == 200
    try:
        for name, (method, path, body, headers) in cases_unloaded(version).items():
            status, answer, said = guarded(method, path, body, **headers, **TOKEN)
            assert status == of_triton[name], name
            assert answer == {"error": "the network is not loaded; those that are ready: grey"}
            assert said["retry-after"] == ("1" if status == 503 else None)
    finally:
        assert guarded("POST", "/v2/repository/models/photos/load", **TOKEN)[0] == 200


@pytest.mark.parametrize("out", ["json", "bytes"])
@pytest.mark.parametrize("way", ["json", "nested", "bytes"])
def test_tensors_go_in_and_out_in_json_and_in_bytes_and_are_right(ask, folder, way, out):
    images, version = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3)), version_of(ask)
    images = images.astype("float32")
    outputs = [{"name": "logits", "parameters": {"binary_data": out == "bytes"}}]
    shape = {"shape": [2, 8, 8, 3]}
    headers = {}
    if way == "bytes":
        parameters = {"binary_data_size": images.nbytes}
        body = asking(tensor(**shape, data=None, parameters=parameters), id="a", outputs=outputs)
        headers = {"Inference-Header-Content-Length": str(len(body))}
        body += images.tobytes()
    else:
        data = images.ravel() if way == "json" else images
        body = asking(tensor(**shape, data=data.tolist()), id="a", outputs=outputs)
    status, answer, headers = ask("POST", INFER, body, **headers)
    assert status == 200
    assert ("inference-header-content-length" in headers) == (out == "bytes")
    head, logits = tensors_in(answer, headers)
    assert (head["model_name"], head["model_version"], head["id"]) == ("photos", version, "a")
    weights = write_network(folder / "same.onnx")
    np.testing.assert_allclose(logits, images.mean((1, 2)) @ weights, atol=2e-5)


def test_bytes_come_back_where_the_whole_request_asks_for_them(ask):
    body = asking(tensor(), parameters={"binary_data_output": True})
    _, answer, headers = ask("POST", INFER, body)
    assert headers["content-type"] == "application/octet-stream"
    head, logits = tensors_in(answer, headers)
    assert logits.shape == (1, 3) and "id" not in head


def test_a_network_says_what_goes_in_and_what_comes_out(ask):
    status, answer, _ = ask("GET", "/v2/models/grey")
    [version] = answer["versions"]
    assert ask("GET", f"/v2/models/grey/versions/{version}")[:2] == (status, answer)
    assert status == 200 and version.isdigit()
    assert answer == {
        "name": "grey",
        "versions": [version],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 6, 6, 1]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 2]}],
    }


def test_the_server_says_that_it_lives_is_ready_and_what_it_can_do(ask):
    assert ask("GET", "/v2/health/live")[:2] == (200, {"live": True})
    assert ask("GET", "/v2/health/ready")[:2] == (200, {"ready": True})
    assert ask("GET", "/v2/models/photos/ready")[:2] == (200, {"name": "photos", "ready": True})
    extensions = ["binary_tensor_data", "model_repository"]
    assert ask("GET", "/v2")[1] == {"name": "cnnbook", "version": "2", "extensions": extensions}


# Pictures -----------------------------------------------------------------------------------------


def form(content, name="cat.png", boundary="XyZ"):
    """Return a form with one file, as `curl -F` sends it, and its headers."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return body + f"\r\n--{boundary}--\r\n".encode(), kind


def expected(folder, content_color, top=3):
    weights = write_network(folder / "same.onnx")
    powers = np.exp(np.array(content_color, "float64") @ weights)
    shares = powers / powers.sum()
    names = ["red", "green", "blue"]
    return sorted(((p, names[k]) for k, p in enumerate(shares)), reverse=True)[:top]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
@pytest.mark.parametrize("content_type", [None, "image/jpeg", "text/html", "application/json"])
def test_a_picture_gets_its_classes_whatever_it_says_it_is(ask, folder, kind, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    status, answer, _ = ask("POST", CLASSIFY, picture(kind=kind), **headers)
    assert status == 200
    rows = [(row["probability"], row["class"]) for row in answer["classes"]]
    for found, wanted in zip(rows, expected(folder, (200, 100, 50)), strict=True):
        assert found[1] == wanted[1]
        assert found[0] == pytest.approx(wanted[0], abs=1e-5)


@pytest.mark.parametrize("name", ["cat.png", "<script>alert(1)</script>.html", "../../a", ""])
def test_a_form_may_bring_the_picture_and_call_it_anything(ask, caplog, name):
    plain = ask("POST", CLASSIFY, picture())[1]
    body, kind = form(picture(), name)
    status, answer, _ = ask("POST", CLASSIFY, body, **kind)
    assert (status, answer) == (200, plain)


@pytest.mark.parametrize("top", [1, 2, 3])
def test_one_may_ask_for_fewer_classes(ask, top):
    assert len(ask("POST", f"{CLASSIFY}?top={top}", picture())[1]["classes"]) == top


@pytest.mark.parametrize("top", ["0", "4", "-1", "two", "1.0", "", "9" * 30, "%C2%B2"])
def test_a_wrong_number_of_classes_is_refused(ask, top):
    status, answer, _ = ask("POST", f"{CLASSIFY}?top={top}", picture())
    assert (status, answer) == (400, {"error": "`top` must be 1 to 3"})


def test_a_grey_network_gets_grey_pictures_and_numbers_for_names(ask):
    _, answer, _ = ask("POST", "/v2/models/grey/classify", picture(color=(255, 0, 0)))
    assert {row["class"] for row in answer["classes"]} == {"0", "1"}
    assert sum(row["probability"] for row in answer["classes"]) == pytest.approx(1)


def test_pictures_are_cut_as_the_file_beside_the_network_says(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(content := io.BytesIO(), "PNG")
    weights = write_network(tmp_path / "a.onnx")
    (tmp_path / "a.json").write_text('{"share": 0.5, "resample": "bicubic"}')
    with running(make_app({"a": tmp_path / "a.onnx"})) as ask:
        classes = ask("POST", "/v2/models/a/classify", content.getvalue())[1]["classes"]
    image = center_crop(noise, (8, 8), 0.5, resample="bicubic")
    powers = np.exp(image.astype("float64").mean((0, 1)) @ weights)
    assert classes[0]["probability"] == pytest.approx(powers.max() / powers.sum(), abs=1e-4)


# Replacing networks -------------------------------------------------------------------------------


def test_a_network_is_replaced_and_the_old_version_is_gone(guarded):
    before = guarded("POST", CLASSIFY, picture(), **TOKEN)[1]
    write_network(guarded.folder / "photos.onnx", seed=5)
    assert guarded("POST", "/v2/repository/models/photos/load", b"{}", **TOKEN)[0] == 200
    after = guarded("POST", CLASSIFY, picture(), **TOKEN)[1]
    assert after["model_version"] != before["model_version"]
    assert after["classes"] != before["classes"]
    old = f"/v2/models/photos/versions/{before['model_version']}/infer"
    assert guarded("POST", old, asking(tensor()), **TOKEN)[0] == 404


def test_a_version_is_of_the_files_whenever_and_wherever_they_are_loaded(tmp_path):
    def version():
        return make_app(files).state.answers.networks.there["a"].version

    files = {"a": tmp_path / "a.onnx"}
    write_network(tmp_path / "a.onnx", seed=1)
    first, networks = version(), make_app(files).state.answers.networks
    networks.load("a")
    assert networks.there["a"].version == version() == first
    (tmp_path / "a.json").write_text('{"class_names": ["red", "green", "blue"]}')
    assert version() != first
    write_network(tmp_path / "a.onnx", seed=2)
    (tmp_path / "a.json").unlink()
    assert version() != first
    write_network(tmp_path / "a.onnx", seed=1)
    assert version() == first


def test_weights_in_a_file_of_their_own_are_refused(tmp_path):
    """They would not be in the version, and a file could name any other of the machine."""
    write_network(tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    options = {"save_as_external_data": True, "size_threshold": 0, "location": "weights"}
    onnx.save(model, tmp_path / "a.onnx", **options)
    with pytest.raises(OSError, match="a.onnx cannot be run .*Export it as one file."):
        make_app({"a": tmp_path / "a.onnx"})


def test_a_broken_file_leaves_the_old_network_and_its_path_stays_in_the_log(guarded, caplog):
    (guarded.folder / "photos.onnx").write_bytes(b"broken")
    with caplog.at_level(logging.ERROR, "cnnbook.serve"):
        status, answer, _ = guarded("POST", "/v2/repository/models/photos/load", **TOKEN)
    assert status == 400 and str(guarded.folder) not in answer["error"]
    assert str(guarded.folder) in caplog.text
    assert guarded("POST", CLASSIFY, picture(), **TOKEN)[0] == 200
    write_network(guarded.folder / "photos.onnx")


def test_a_network_is_taken_away_and_brought_back(guarded):
    assert guarded("POST", "/v2/repository/models/grey/unload", **TOKEN)[0] == 200
    rows = guarded("POST", "/v2/repository/index", **TOKEN)[1]
    assert {row["name"]: row["state"] for row in rows} == {"photos": "READY", "grey": "UNAVAILABLE"}
    status, answer, _ = guarded("POST", "/v2/models/grey/classify", picture(), **TOKEN)
    assert (status, answer["error"]) == (
        404,
        "the network is not loaded; those that are ready: photos",
    )
    assert guarded("POST", "/v2/repository/models/grey/load", **TOKEN)[0] == 200
    assert guarded("POST", "/v2/models/grey/classify", picture(), **TOKEN)[0] == 200


def test_who_is_reading_the_list_of_networks_keeps_it_whole(tmp_path):
    """It is read by one thread and changed by another."""
    networks = app_of(tmp_path).state.answers.networks
    before, network = networks.there, networks.there["photos"]
    networks.load("photos")
    networks.unload("grey")
    assert [*before] == ["photos", "grey"] and before["photos"] is network
    assert [*networks.there] == ["photos"] and networks.there["photos"] is not network


def test_only_files_that_the_server_was_started_with_are_loaded(guarded):
    for name in ("other", "..%2F..%2Fetc%2Fpasswd", "photos%00", "..."):
        assert guarded("POST", f"/v2/repository/models/{name}/load", **TOKEN)[0] == 404
    body = json.dumps({"parameters": {"config": "{}"}})
    assert guarded("POST", "/v2/repository/models/photos/load", body, **TOKEN)[0] == 400


def test_without_a_token_nobody_changes_anything_and_everybody_may_ask(ask):
    for change in ("load", "unload"):
        assert ask("POST", f"/v2/repository/models/photos/{change}")[0] == 403
    assert len(ask("POST", "/v2/repository/index")[1]) == 2


@pytest.mark.parametrize("given", [{}, {"Authorization": "secret"}, {"Authorization": "Bearer x"}])
def test_with_a_token_all_but_the_page_and_the_probes_ask_for_it(guarded, given):
    for method, path in (("POST", CLASSIFY), ("GET", "/v2"), ("GET", "/metrics"), ("GET", "/x")):
        status, answer, headers = guarded(method, path, **given)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert "Bearer TOKEN" in answer["error"]
    for path in ("/", "/openapi.json", "/v2/health/live", "/v2/health/ready"):
        assert guarded("GET", path, **given)[0] == 200


@pytest.mark.parametrize("host", ["localhost:1/v2/health/live?", "localhost:1/#", "localhost:1/?"])
def test_a_host_that_looks_like_an_open_path_opens_nothing(guarded, host):
    assert guarded("GET", "/v2", Host=host)[0] in (400, 401, 421)
    assert guarded("POST", "/v2/repository/models/photos/unload", Host=host)[0] in (400, 401, 421)


def test_a_load_answers_once_nobody_waits_for_the_old_network(guarded):
    networks = guarded.app.state.answers.networks
    held = [networks.find("photos")]
    threading.Timer(0.3, held.clear).start()
    networks.load("photos")
    assert not held


def test_no_request_is_lost_while_networks_are_replaced(guarded):
    """Twenty times, while four clients ask; each answer is of one of the two networks, whole."""
    stop, faults, answers = threading.Event(), [], set()

    def client():
        while not stop.is_set():
            status, answer, _ = guarded("POST", CLASSIFY, picture(), **TOKEN)
            if status != 200:
                faults.append((status, answer))
            else:
                answers.add(answer["model_version"])

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        write_network(guarded.folder / "next.onnx", seed=turn)
        (guarded.folder / "next.onnx").replace(guarded.folder / "photos.onnx")
        assert guarded("POST", "/v2/repository/models/photos/load", **TOKEN)[0] == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(answers) > 3


# What is noted ------------------------------------------------------------------------------------


def test_metrics_are_what_prometheus_reads_and_count_right(guarded):
    parser = pytest.importorskip("prometheus_client.parser")

    def count():
        text = guarded("GET", "/metrics", **TOKEN)[1].decode()
        families = parser.text_string_to_metric_families(text)
        rows = [(each.name, each.labels, each.value) for it in families for each in it.samples]
        wanted = {"network": "grey", "status": "200", "what": "classify"}
        of_it = [row for row in rows if "network" in row[1] and wanted.items() >= row[1].items()]
        buckets = [row[2] for row in rows if wanted | row[1] == row[1] | wanted and "le" in row[1]]
        versions = {
            labels["network"]: labels["version"] for _, labels, _ in rows if "version" in labels
        }
        found = {name: value for name, _, value in of_it}
        return found | {"buckets": buckets, "versions": versions}

    guarded("POST", "/v2/models/grey/classify", picture(), **TOKEN)
    wait_until(lambda: "cnnbook_requests_total" in count())
    before = count()
    guarded("POST", "/v2/models/grey/classify", picture(), **TOKEN)
    wait_until(lambda: count()["cnnbook_requests_total"] > before["cnnbook_requests_total"])
    after = count()
    for name in ("cnnbook_requests_total", "cnnbook_request_seconds_count"):
        assert after[name] == before[name] + 1
    assert after["cnnbook_request_seconds_sum"] > before["cnnbook_request_seconds_sum"]
    assert after["buckets"] == sorted(after["buckets"])
    assert after["buckets"][-1] == after["cnnbook_request_seconds_count"]
    for name, version in after["versions"].items():
        path = f"/v2/models/{name}/versions/{version}"
        assert guarded("GET", path, **TOKEN)[1]["versions"] == [version]
    assert {*after["versions"]} == {"photos", "grey"}


def test_the_log_has_a_line_of_json_a_request_and_nothing_that_a_client_sent(ask, caplog):
    def lines(**wanted):  # a line is written after its answer: an earlier one may come late
        found = [json.loads(record.message) for record in caplog.records]
        return [line for line in found if wanted.items() <= line.items()]

    first = {"event": "request", "what": "classify", "network": "photos", "status": 200}
    second = {"event": "request", "what": "classify", "network": "", "status": 404}
    with caplog.at_level(logging.INFO, "cnnbook.serve"):
        body, kind = form(picture(), "holidays.png")
        ask("POST", f"{CLASSIFY}?top=2", body, **kind, Cookie="mine")
        ask("POST", "/v2/models/hol%0Aidays/classify", picture())
        wait_until(lambda: lines(**first) and lines(**second))
    assert lines(**first)[-1]["ms"] > 0
    assert "holidays" not in caplog.text and "idays" not in caplog.text
    fields = {"event", "time", "what", "network", "status", "ms", "bytes"}
    assert all(set(line) == fields for line in lines())


def test_a_fault_of_ours_is_one_line_for_the_client_and_a_place_in_the_log(
    ask, caplog, monkeypatch
):
    def broken(*_):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("cnnbook.deploy._serve_answers.best_classes", broken)
    with caplog.at_level(logging.ERROR, "cnnbook.serve"):
        status, answer, _ = ask("POST", CLASSIFY, picture())
    assert (status, answer) == (500, {"error": "internal error"})
    [record] = caplog.records
    line = json.loads(record.message)
    assert (line["event"], line["error"], line["file"]) == ("fault", "RuntimeError", "broken")
    monkeypatch.undo()
    assert ask("POST", CLASSIFY, picture())[0] == 200


@pytest.mark.slow
def test_openapi_describes_every_route_and_is_valid(ask):
    described = ask("GET", "/openapi.json")[1]
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(described)
    assert "/v2/models/{name}/versions/{version}/infer" in described["paths"]
    for path, entries in described["paths"].items():
        for method in entries:
            real = path.replace("{name}", "photos").replace("{version}", version_of(ask))
            status = ask(method.upper(), real)[0]
            assert status not in (404, 405), (method, path)


@pytest.mark.parametrize(("threads", "computing"), [(None, 3), (5, 5)])
def test_as_many_compute_at_once_as_it_may_use_cores(tmp_path, monkeypatch, threads, computing):
    monkeypatch.setattr("cnnbook.deploy._serve_answers.usable_cores", lambda: 3)
    together = threading.Barrier(computing)
    pool = app_of(tmp_path, threads=threads).state.answers.workers.pool
    jobs = [pool.submit(together.wait, 10) for _ in range(computing)]
    assert sorted(job.result() for job in jobs) == [*range(computing)]
    blocked = threading.Event()
    for _ in range(computing):
        pool.submit(blocked.wait, 10)
    one_more = pool.submit(int)
    assert not one_more.done()
    blocked.set()
    assert one_more.result(10) == 0


# What is refused at the start ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": {}}, "`networks` must have at least one"),
        ({"networks": {"a/b": "x"}}, "`networks` must have names of letters"),
        ({"networks": {"": "x"}}, "`networks` must have names of letters"),
        ({"token": ""}, "`token` must be of ASCII"),
        ({"token": "naïve"}, "`token` must be of ASCII"),
        ({"max_bytes": 0}, "`max_bytes` must be 1 or more"),
        ({"threads": 0}, "`threads` 1 to 1,000"),
        ({"token": 7}, "`token` must be text"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, options, words):
    write_network(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=words):
        make_app(**{"networks": {"a": tmp_path / "a.onnx"}} | options)


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ('{"class_names": ["a"]}', "a.json must name 3 classes; it names 1"),
        ('{"class_names": "abc"}', "`class_names` must be a list of texts; it is 'abc'"),
        ('{"names": []}', "has no more than class_names, share, resample; it is .*names"),
        ('{"share": 2}', "`share` must be above 0 to 1, .* are 2 and 'bilinear'"),
        ('{"share": NaN}', "`share` must be above 0 to 1, .* are nan and 'bilinear'"),
        ('{"resample": "nearest"}', "`resample` bilinear or bicubic; they are 1.0 and 'nearest'"),
        ("[]", "must be an object that has no more than"),
        ("{", "a.json is no JSON"),
    ],
)
def test_what_stands_beside_a_network_must_fit(tmp_path, beside, words):
    write_network(tmp_path / "a.onnx")
    (tmp_path / "a.json").write_text(beside)
    with pytest.raises(OSError, match=words):
        make_app({"a": tmp_path / "a.onnx"})


def test_a_file_that_is_no_network_for_pictures_is_named(tmp_path):
    with pytest.raises(OSError, match="a.onnx is no file"):
        make_app({"a": tmp_path / "a.onnx"})
    (tmp_path / "a.onnx").write_bytes(b"broken")
    with pytest.raises(OSError, match="a.onnx cannot be run"):
        make_app({"a": tmp_path / "a.onnx"})
    for options in ({"shape": (8, 8, 4)}, {"batch": 1}):
        write_network(tmp_path / "a.onnx", **options)
        with pytest.raises(OSError, match="a.onnx must compute float32 .any, height, width, 1 or"):
            make_app({"a": tmp_path / "a.onnx"})


def test_a_network_that_answers_nothing_finite_is_named(tmp_path, monkeypatch):
    write_network(tmp_path / "a.onnx")
    monkeypatch.setattr("numpy.isfinite", lambda values: np.zeros(np.shape(values), bool))
    with pytest.raises(OSError, match="a.onnx cannot answer"):
        make_app({"a": tmp_path / "a.onnx"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_reach_it_only_with_a_token_or_when_that_is_wanted(tmp_path, host):
    write_network(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="`host` must be 127.0.0.1 unless there is a token"):
        run_app(make_app({"a": tmp_path / "a.onnx"}), host)
    with pytest.raises(OSError, match="192.0.2.1 port 80 cannot be used"):
        run_app(make_app({"a": tmp_path / "a.onnx"}), "192.0.2.1", 80, insecure=True)


@pytest.mark.parametrize(
    ("host", "port", "words"), [("", 1, "`host`"), ("127.0.0.1", 70_000, "`port`")]
)
def test_an_address_that_is_none_is_refused(tmp_path, host, port, words):
    write_network(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=f"{words} must be"):
        run_app(make_app({"a": tmp_path / "a.onnx"}), host, port, insecure=True)


@pytest.mark.parametrize(
    ("host", "is_of_this_machine"),
    [
        ("127.0.0.1:8000", True),
        ("127.0.0.2", True),
        ("localhost:1", True),
        ("LOCALHOST", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_the_host_of_another_is_refused(ask, host, is_of_this_machine):
    status, answer, _ = ask("GET", "/v2/health/live", Host=host)
    assert status == (200 if is_of_this_machine else 421), answer
    assert _serve_door.is_loopback("127.0.0.1")


@pytest.mark.parametrize("path", [CLASSIFY, "/v2/repository/index"])
@pytest.mark.parametrize(
    "site",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_refused_with_and_without_a_token(ask, guarded, site, path):
    for server in (ask, guarded):
        status, answer, _ = server("POST", path, picture(), **TOKEN, **site)
        assert status == 403 and "another site" in answer["error"]
    if "Origin" in site:
        assert ask("OPTIONS", path, **site)[0] == 403  # what a browser asks first
        assert guarded("GET", "/v2/health/live", **site)[0] == 403


def test_its_own_page_a_link_and_a_program_are_let_in(ask):
    here = f"127.0.0.1:{ask.port}"
    own = {"Origin": f"http://{here}"}
    for site in (own, own | {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        assert ask("POST", CLASSIFY, picture(), **site)[0] == 200
    behind = {"Host": "localhost", "Origin": "https://our.example"}  # a proxy that speaks HTTPS
    assert ask("POST", CLASSIFY, picture(), **behind, Sec_Fetch_Site="same-origin")[0] == 200
    assert ask("GET", "/", **{"Sec-Fetch-Site": "cross-site"})[0] == 200
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert ask("POST", CLASSIFY, picture(), **rebound, Sec_Fetch_Site="same-origin")[0] == 421
