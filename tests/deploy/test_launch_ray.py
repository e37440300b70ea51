"""The same script under Ray: what is refused before it starts, and, where Ray is, its result."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnnbook.deploy.launch import launch
from cnnbook.deploy.launch_ray import launch_on_ray

SCRIPT = Path(__file__).with_name("train_together.py")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workers": 0}, "`workers` must be 1 to 1,024"),
        ({"workers": 2000}, "`workers` must be 1 to 1,024"),
        ({"restarts": -1}, "`restarts` 0 or more; got 2 and -1"),
        ({"arguments": "a"}, "`arguments` must be a list"),
        ({"script": 7}, "`script` must be text or a path"),
    ],
)
def test_a_wrong_setting_is_one_line_before_ray_starts(given, words):
    with pytest.raises(ValueError, match=words):
        launch_on_ray(**{"script": SCRIPT} | given)


def test_a_script_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing.py is no file. `script` must be one"):
        launch_on_ray(tmp_path / "missing.py")


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"launch_on_ray needs Ray: pip install 'ray\[serve,tr"):
        launch_on_ray(SCRIPT)


def result(folder):
    return [json.loads(Path(f"{folder}.result.{rank}").read_text()) for rank in (0, 1)]


@pytest.mark.long
@pytest.mark.slow
def test_under_ray_it_is_killed_and_ends_as_under_the_launcher(tmp_path):
    pytest.importorskip("ray")

    def told(name, **more):
        return [
            json.dumps({"folder": f"{tmp_path / name}", "out": f"{tmp_path / name}.result"} | more)
        ]

    def train(name, *options, **more):
        """Run the command in a process of its own: Ray warns of itself."""
        code = "from cnnbook.command.main import main; main()"
        words = [*options, "--", *told(name, **more)]
        command = [sys.executable, "-c", code, "train", str(SCRIPT), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    on_ray = ("--engine", "ray", "--workers", "2", "--restarts")
    assert launch([sys.executable, str(SCRIPT), *told("alone")], 2) == 0
    done = train("ray", *on_ray, "1", deaths=[{"rank": 1, "batch": 15}])
    assert done.returncode == 0, done.stderr
    assert result(tmp_path / "ray") == result(tmp_path / "alone")
    assert len((tmp_path / "ray.starts.0").read_text().split()) == 2
    done = train("raising", *on_ray, "0", deaths=[{"rank": 1, "batch": 3, "raise": True}])
    assert done.returncode == 1 and "told to raise" in done.stderr
