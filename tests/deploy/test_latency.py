"""Exported files as functions, and the time that a call takes."""

import sys
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.deploy import latency
from cnnbook.deploy.export import export_litert, export_onnx
from cnnbook.deploy.latency import Latency, load_litert, load_onnx, measure_latency

LOADERS = {"litert": load_litert, "onnx": load_onnx}
each_format = pytest.mark.parametrize("name", LOADERS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A net that gives the mean of each of two channels, in three files."""
    folder = tmp_path_factory.mktemp("files")
    images = keras.Input((4, 4, 2), name="images")
    net = keras.Model(images, layers.GlobalAveragePooling2D()(images))
    grey = np.linspace(0, 255, 20).astype("uint8")  # all means that there can be
    calibration = np.broadcast_to(grey[:, None, None, None], (20, 4, 4, 2))
    return {
        "litert": export_litert(net, folder / "net.tflite"),
        "int8": export_litert(net, folder / "int8.tflite", int8_images=calibration),
        "onnx": export_onnx(net, folder / "net.onnx"),
    }


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only while `predict` works."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(latency.time, "perf_counter", lambda: Clock.now)
    return Clock


def test_the_first_calls_do_not_count_and_the_median_does(clock):
    seconds = iter([9.0, 9.0, 0.001, 0.004, 0.002])

    def predict(images):
        clock.now += next(seconds)
        return images

    found = measure_latency(predict, np.zeros((2, 4, 4, 2)), repeats=3, warm_up=2)
    assert found == pytest.approx(Latency(median_ms=2, fastest_ms=1, slowest_ms=4))
    assert str(found) == "2 ms (1 to 4)"


def test_it_waits_until_a_result_is_there(clock):
    class NotYet:
        def __array__(self, dtype=None, copy=None):
            clock.now += 0.5
            return np.zeros(3)

    assert measure_latency(lambda images: [NotYet()], np.zeros((1, 2))).fastest_ms >= 500


def test_measuring_a_model_of_keras():
    images = keras.Input((4, 4, 2))
    net = keras.Model(images, {"sum": layers.Flatten()(images)})
    found = measure_latency(net.predict_on_batch, np.zeros((2, 4, 4, 2)), repeats=2, warm_up=1)
    assert 0 < found.fastest_ms <= found.median_ms <= found.slowest_ms


@pytest.mark.parametrize(
    "wrong",
    [{"repeats": 0}, {"warm_up": -1}, {"images": np.zeros((0, 4, 4, 2))}, {"images": np.array(5)}],
)
def test_what_cannot_be_measured(wrong):
    images = wrong.pop("images", np.zeros((1, 4, 4, 2)))
    with pytest.raises(ValueError, match="`repeats` must be 1 or more, `warm_up` 0 or more"):
        measure_latency(lambda images: images, images, **wrong)


@pytest.mark.parametrize("name", ["litert", "int8", "onnx"])
def test_bytes_and_floats_of_any_count_give_the_means(name, files):
    load = LOADERS[name.replace("int8", "litert")]
    predict = load(files[name], threads=1)
    random = np.random.default_rng(1)
    for count in (1, 5, 2):
        images = random.integers(0, 256, (count, 4, 4, 2), "uint8")
        expected = images.mean(axis=(1, 2))
        for kind in ("uint8", "int64", "float64"):
            found = predict(images.astype(kind))
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=1.01 if name == "int8" else 1e-3)


def test_a_result_is_not_overwritten_by_the_next_call(files):
    predict = load_litert(files["litert"])
    first = predict(np.full((1, 4, 4, 2), 9, "uint8"))
    predict(np.zeros((1, 4, 4, 2), "uint8"))
    assert first.tolist() == [[9, 9]]


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((4, 4, 2), "uint8"),
        np.zeros((1, 4, 4, 3), "uint8"),
        np.zeros((0, 4, 4, 2), "uint8"),
        np.full((1, 4, 4, 2), "a"),
        np.zeros((1, 4, 4, 2), bool),
        [[1, 2], [3]],
        [np.zeros((4, 4, 2)), np.zeros((4, 5, 2))],
    ],
)
@each_format
def test_images_that_do_not_fit(name, images, files):
    with pytest.raises(ValueError, match=r"`images` must be at least one image \(4, 4, 2\)"):
        LOADERS[name](files[name])(images)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", bytes(4096), None])
@each_format
def test_files_that_are_none(name, content, files, tmp_path):
    path = tmp_path / files[name].name
    path.write_bytes(files[name].read_bytes()[:-200] if content is None else content)
    with pytest.raises(OSError, match=f"{path.name} (is|cannot be).*Export it again"):
        LOADERS[name](path)


@each_format
def test_no_thread_at_all(name, files):
    with pytest.raises(ValueError, match="`threads` must be 1 to 1,000; got 0. None takes one a"):
        LOADERS[name](files[name], threads=0)


@each_format
def test_a_file_that_is_not_there(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no file. Write it first"):
        LOADERS[name](tmp_path / "missing.onnx")


def test_without_onnxruntime_the_error_says_what_to_install(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        load_onnx(files["onnx"])


@pytest.mark.parametrize("answer", [Future(), (number for number in "ab"), None, {"a": object()}])
def test_what_has_computed_nothing_yet_is_no_answer(answer):
    with pytest.raises(ValueError, match="`predict` must return arrays of numbers; got a "):
        measure_latency(lambda images: answer, np.zeros((1, 4, 4, 2)))


@each_format
def test_threads_do_not_get_the_answers_of_others(name, files):
    predict, images = LOADERS[name](files[name]), np.random.rand(9, 4, 4, 2).astype("float32")

    def is_its_own(number):
        some = images[number % 4 : number % 4 + 1 + number % 3]
        return np.allclose(predict(some), some.mean(axis=(1, 2)), atol=1e-5)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_its_own, range(200)))
