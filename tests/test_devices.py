"""devices: what it says, with the hardware and the clock replaced by ones that we know."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from cnnbook import devices
from cnnbook.devices import (
    Precision,
    describe_devices,
    keras_settings,
    recommend_precision,
    require_gpu,
)

H200 = "NVIDIA H200, 143771\n"


@pytest.fixture(autouse=True)
def nothing_hides_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)


@pytest.fixture
def machine(monkeypatch):
    """Make TensorFlow see GPUs of these names, and nvidia-smi print this text."""

    def build(*names, driver=""):
        gpus = [SimpleNamespace(name=f"/gpu:{i}", model=name) for i, name in enumerate(names)]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda gpu: {"device_name": gpu.model} if gpu.model else {},
        )
        monkeypatch.setattr(devices, "_output_of", lambda *command: driver)
        return gpus

    return build


def pretend_backend(monkeypatch, name, **module):
    monkeypatch.setattr(keras.backend, "backend", lambda: name)
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(__version__="9.8.7", **module))


# keras_settings -----------------------------------------------------------------------------


@pytest.fixture
def keras_home(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path / "keras.json"


def test_settings_say_where_they_come_from(keras_home, monkeypatch):
    assert set(keras_settings().values()) >= {("tensorflow", "Keras' default")}
    keras_home.write_text('{"image_data_format": "channels_first", "backend": "numpy"}')
    found = keras_settings()
    assert found["image_data_format"] == ("channels_first", str(keras_home))
    assert found["backend"] == ("numpy", str(keras_home))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert keras_settings()["backend"] == ("jax", "the variable KERAS_BACKEND")
    keras_home.write_text('{"backend": ')
    assert keras_settings()["floatx"][1] == f"Keras' default, since {keras_home} is no JSON"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('{"backend": "tensorfow"}', "backend must be one of tensorflow, .*says 'tensorfow'"),
        ('{"floatx": "float8"}', "floatx must be one of float32, .*keras.json says 'float8'"),
        ('{"image_data_format": 1}', "image_data_format must be one of channels_last, "),
        ("[1]", "keras.json must hold names with values"),
        ('{"backend": "openvino"}', "'openvino' is not installed; .*keras.json asks for it"),
    ],
)
def test_settings_that_keras_fails_with_are_one_line(keras_home, monkeypatch, said, message):
    keras_home.write_text(said)
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=message):
        keras_settings()


@pytest.mark.slow
def test_a_backend_that_keras_has_is_named_and_one_that_is_misspelt_is_one_line():
    code = (
        "from cnnbook.devices import describe_devices, recommend_precision, require_gpu\n"
        "for ask in (describe_devices, require_gpu, recommend_precision):\n"
        "    try: print(ask())\n    except Exception as error: print(type(error).__name__, error)"
    )
    answers = {}
    for backend in ("numpy", "tensorfow"):
        environment = {**os.environ, "KERAS_BACKEND": backend}
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        answers[backend] = run.stdout.splitlines()
    assert " on NumPy " in answers["numpy"][0]
    assert "NumPy sees only the CPU" in answers["numpy"][3]
    assert answers["numpy"][4].startswith("RuntimeError Keras cannot train on NumPy: set KERAS_B")
    assert len(answers["tensorfow"]) == 3
    assert all("variable KERAS_BACKEND says 'tensorfow'" in line for line in answers["tensorfow"])


# describe_devices ---------------------------------------------------------------------------


def test_description_names_software_processor_and_the_lack_of_a_gpu(machine, monkeypatch):
    machine()
    monkeypatch.setattr(devices, "_cpu_name", lambda: "Abacus 3000")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**21}.get)
    assert describe_devices().splitlines() == [
        f"Keras {keras.__version__} on TensorFlow {tf.__version__}",
        "CPU: Abacus 3000, 3 logical cores, 8 GiB memory",
        "GPU: none that TensorFlow can see",
    ]


def test_a_single_core_is_not_called_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {7}, raising=False)
    assert ", 1 logical core," in describe_devices()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux tells the CPU this way")
def test_processor_is_the_one_that_linux_names():
    assert devices._cpu_name() in Path("/proc/cpuinfo").read_text()


def test_every_gpu_is_listed_with_the_memory_that_the_driver_tells(machine):
    machine("NVIDIA H200", "Tesla T4", driver=H200 + "Tesla T4, 15360\n")
    assert describe_devices().splitlines()[2:] == [
        "GPU 0: NVIDIA H200, 140 GiB memory",
        "GPU 1: Tesla T4, 15 GiB memory",
    ]


@pytest.mark.parametrize("driver", ["", "NVIDIA-SMI has failed.\n", "NVIDIA GB10, [N/A]\n"])
def test_memory_that_nobody_tells_is_unknown(machine, driver):
    machine("NVIDIA GB10", driver=driver)
    assert describe_devices().endswith("GPU 0: NVIDIA GB10, unknown memory")


def test_a_gpu_without_a_name_is_listed_by_its_place(machine):
    machine(None)
    assert describe_devices().endswith("GPU 0: /gpu:0, unknown memory")


def test_jax_devices_are_described(machine, monkeypatch):
    machine(driver=H200)
    gpu = SimpleNamespace(platform="gpu", device_kind="NVIDIA H200")
    cpu = SimpleNamespace(platform="cpu", device_kind="cpu")
    pretend_backend(monkeypatch, "jax", devices=lambda: [cpu, gpu])
    lines = describe_devices().splitlines()
    assert lines[0].endswith("on JAX 9.8.7")
    assert lines[2:] == ["GPU 0: NVIDIA H200, 140 GiB memory"]


@pytest.mark.parametrize(
    ("cuda", "apple", "lines"),
    [
        (["Tesla T4"], False, ["GPU 0: Tesla T4, 15 GiB memory"]),
        ([], True, ["GPU 0: Apple GPU, unknown memory"]),
        ([], False, ["GPU: none that PyTorch can see"]),
    ],
)
def test_pytorch_devices_are_described(machine, monkeypatch, cuda, apple, lines):
    machine(driver="Tesla T4, 15360\n")
    pretend_backend(
        monkeypatch,
        "torch",
        cuda=SimpleNamespace(device_count=lambda: len(cuda), get_device_name=cuda.__getitem__),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: apple)),
    )
    text = describe_devices().splitlines()
    assert text[0].endswith("on PyTorch 9.8.7")
    assert text[2:] == lines


@pytest.mark.parametrize("command", [["no-such-command-here"], [sys.executable, "-c", "exit(3)"]])
def test_a_command_that_is_missing_or_fails_tells_nothing(command):
    assert devices._output_of(*command) == ""


def test_what_a_command_prints_is_read():
    assert devices._output_of(sys.executable, "-c", "print('NVIDIA H200, 143771')") == H200


def test_importing_the_module_loads_neither_keras_nor_tensorflow():
    code = "import sys, cnnbook.devices; print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# require_gpu --------------------------------------------------------------------------------


def test_a_gpu_is_enough(machine):
    machine("Tesla T4")
    require_gpu()


@pytest.mark.parametrize(
    ("driver", "hidden", "advice"),
    [
        ("", None, r"go to a machine .*tensorflow\[and-cuda\]"),
        (H200, None, r"driver knows NVIDIA H200, so .*tensorflow\[and-cuda\]"),
        (H200, "-1", "CUDA_VISIBLE_DEVICES hides all GPUs: unset it"),
        (H200, "", "CUDA_VISIBLE_DEVICES hides all GPUs: unset it"),
    ],
)
def test_no_gpu_says_what_there_is_and_what_to_do(machine, monkeypatch, driver, hidden, advice):
    machine(driver=driver)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    with pytest.raises(RuntimeError, match=f"TensorFlow sees only the CPU.*{advice}") as caught:
        require_gpu()
    assert devices._cpu() in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_advice_is_that_of_the_backend_in_use(machine, monkeypatch):
    machine()
    pretend_backend(monkeypatch, "jax", devices=list)
    with pytest.raises(RuntimeError, match=r'^No GPU: JAX sees.*pip install "jax\[cuda'):
        require_gpu()


# recommend_precision ------------------------------------------------------------------------


@pytest.fixture
def stopwatch(monkeypatch):
    """Replace clock and training: a step takes what `milliseconds(policy, repeat)` says.

    A time of None stands for a number format that the device refuses.
    """

    def start(milliseconds):
        now, calls = [0.0], []

        def build(policy):
            if milliseconds(policy, 0) is None:
                raise NotImplementedError("no such number format")

            def step():
                now[0] += milliseconds(policy, calls.count(policy)) / 1000
                calls.append(policy)

            return step

        monkeypatch.setattr(devices, "_training_step", build)
        monkeypatch.setattr(devices, "perf_counter", lambda: now[0])
        return calls

    return start


@pytest.mark.parametrize(
    ("float32", "bfloat16", "policy"),
    [
        (30, 10, "mixed_bfloat16"),
        (24.1, 20, "mixed_bfloat16"),
        (23.9, 20, "float32"),  # 1.195 times: not clearly faster
        (20, 20, "float32"),
        (20, 55, "float32"),
    ],
)
def test_bfloat16_is_recommended_only_where_it_is_clearly_faster(
    stopwatch, float32, bfloat16, policy
):
    stopwatch(lambda name, repeat: float32 if name == "float32" else bfloat16)
    answer = recommend_precision()
    assert answer.policy == policy
    assert answer.speedup == pytest.approx(float32 / bfloat16)
    assert answer.float32_seconds == pytest.approx(float32 / 1000)
    assert answer.bfloat16_seconds == pytest.approx(bfloat16 / 1000)


def test_one_quiet_moment_for_each_is_enough_among_noise(stopwatch):
    quiet = {"float32": (20, 5), "mixed_bfloat16": (19, 2)}  # milliseconds, in which round

    def noisy(policy, repeat):
        milliseconds, quiet_round = quiet[policy]
        noise = 40 if policy == "float32" else 5
        return milliseconds + (0 if repeat == quiet_round else noise)

    stopwatch(noisy)
    assert recommend_precision().policy == "float32"


def test_formats_take_turns_so_that_a_slow_spell_hits_both(stopwatch):
    calls = stopwatch(lambda policy, repeat: 10)
    recommend_precision()
    assert calls[:6] == ["float32", "mixed_bfloat16"] * 3
    assert len(calls) == 30


def test_a_slow_machine_stops_after_three_rounds(stopwatch):
    calls = stopwatch(lambda policy, repeat: 1000)
    recommend_precision()
    assert len(calls) == 6


def test_a_device_that_refuses_bfloat16_gets_float32(stopwatch):
    stopwatch(lambda policy, repeat: 10 if policy == "float32" else None)
    answer = recommend_precision()
    assert answer[:2] == ("float32", 0.0)
    assert str(answer) == "float32: bfloat16 does not run on this device"


def test_the_answer_reads_as_a_sentence():
    assert str(Precision("mixed_bfloat16", 2.5, 0.03, 0.012)) == (
        "mixed_bfloat16: a training step takes 30.0 ms in float32, 12.0 ms in bfloat16,"
        " which is 2.5 times as fast"
    )


@pytest.mark.slow
def test_the_trial_trains_in_the_format_it_is_asked_for():
    step = devices._training_step("mixed_bfloat16")
    model = inspect.getclosurevars(step).nonlocals["model"]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert model.output.dtype == "float32"
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    step()
    moved = [
        (weight.numpy() != old).any() for weight, old in zip(model.weights, before, strict=True)
    ]
    assert all(moved), "a step without a backward pass"


@pytest.mark.slow
def test_the_trial_trains_whatever_the_users_image_data_format_is():
    keras.config.set_image_data_format("channels_first")
    try:
        assert devices._training_step("float32")() > 0
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.slow
def test_measuring_here_gives_a_known_policy_and_leaves_no_trace():
    keras.utils.set_random_seed(1)
    expected = keras.random.uniform((3,)).numpy()
    keras.utils.set_random_seed(1)
    answer = recommend_precision()
    assert keras.random.uniform((3,)).numpy() == pytest.approx(expected)
    assert keras.config.dtype_policy().name == "float32"
    assert answer.policy == ("mixed_bfloat16" if answer.speedup >= 1.2 else "float32")
    assert 0 < answer.bfloat16_seconds < 10


@pytest.mark.slow
@pytest.mark.skipif(
    "avx512f" not in (Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""),
    reason="emulates bfloat16 on AVX-512",
)
def test_a_processor_that_has_to_emulate_bfloat16_gets_float32():
    code = "from cnnbook.devices import recommend_precision as f; print(f().policy)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "float32\n"
