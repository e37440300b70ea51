"""The container that the documentation describes fits the server: ports, probes, token, times."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from try_server import Asking, picture, write_network

from cnnbook.book.copy import copy_modules
from cnnbook.deploy import _serve_http
from cnnbook.deploy._serve_door import OPEN
from cnnbook.deploy.serve import run_app

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "serving"


@pytest.fixture(scope="module")
def deployment():
    every = {it["kind"]: it for it in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())}
    assert set(every) == {"Deployment", "Service"}
    return every["Deployment"]["spec"] | {"service": every["Service"]["spec"]}


@pytest.fixture(scope="module")
def lines():
    """The instructions of the Dockerfile: word and rest."""
    text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
    found = [line.partition(" ") for line in text.splitlines() if line and line[0] != "#"]
    return {word: rest for word, _, rest in found}


def test_the_ports_are_those_of_the_server(deployment, lines):
    [container] = deployment["template"]["spec"]["containers"]
    port = run_app.__wrapped__.__defaults__[1]
    assert container["ports"] == [{"containerPort": port}]
    assert deployment["service"]["ports"][0]["targetPort"] == port
    assert lines["EXPOSE"] == str(port)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["path"] in OPEN and asked["port"] == port


def test_labels_agree_and_a_new_version_comes_before_an_old_one_goes(deployment):
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels == deployment["service"]["selector"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_it_waits_longer_than_the_server_drains(deployment):
    spec = deployment["template"]["spec"]
    sleep = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] > _serve_http.DRAIN_SECONDS + sleep


def test_it_runs_as_nobody_and_writes_nothing(deployment, lines):
    spec = deployment["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and lines["USER"] not in ("root", "0")
    [container] = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["env"][0]["name"] == "SERVE_TOKEN"


def test_it_installs_what_the_package_asks_for_in_the_same_versions(lines):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {*project["dependencies"], *project["optional-dependencies"]["serve"]}
    installed = set(re.findall(r'"([^"]+)"', lines["RUN"]))
    assert installed <= asked and len(installed) == 5
    assert re.fullmatch(r"python:3\.\d+-slim", lines["FROM"])


@pytest.mark.slow
def test_what_is_in_the_container_serves_and_asks_for_the_token(tmp_path):
    copy_modules(["serve"], tmp_path)
    main = (FOLDER / "main.py").read_text()
    assert '"0.0.0.0")' in main
    (tmp_path / "main.py").write_text(main.replace('"0.0.0.0")', "port=0)"))
    write_network(tmp_path / "photos.onnx")
    code = "import sys, runpy; sys.modules['cnnbook'] = None; sys.path.insert(0, '.')\n"
    command = [sys.executable, "-c", code + "runpy.run_path('main.py')"]
    environment = {**os.environ, "SERVE_TOKEN": "secret"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
    try:
        ask = Asking(int(re.search(r":(\d+)/", process.stdout.readline())[1]))
        path = "/v2/models/photos/classify"
        assert ask("POST", path, picture())[0] == 401
        assert ask("POST", path, picture(), Authorization="Bearer secret")[0] == 200
        for change in ("load", "unload"):  # it would reach one replica only
            path = f"/v2/repository/models/photos/{change}"
            status, answer, _ = ask("POST", path, Authorization="Bearer secret")
            assert status == 501 and "start the servers anew" in answer["error"]
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
