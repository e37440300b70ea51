"""How many cores a process may use, by its set of cores and by the time that its group is given."""

import os

import pytest

from cnnbook._machine import usable_cores


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Eight cores; a function that sets limits of groups and says how many may be used."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {*range(8)}, raising=False)

    def cores(own, **limits):
        for place, limit in limits.items():
            folder = tmp_path / "groups" / place.replace("_", "/").removeprefix("top")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cpu.max").write_text(limit + "\n")
        (tmp_path / "own").write_text(own)
        return usable_cores(str(tmp_path / "groups"), str(tmp_path / "own"))

    return cores


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("1000 1000000", 1),
        ("1600000 100000", 8),
    ],
)
def test_a_container_has_as_many_cores_as_its_time_fills(groups, limit, cores):
    assert groups("0::/\n", top=limit) == cores


def test_the_tightest_group_above_the_process_counts(groups):
    own = "9:name=systemd:/other\n0::/a/b\n"
    limits = {"a": "300000 100000", "a_b": "max 100000", "other": "100000 100000"}
    assert groups(own, **limits) == 3
    assert groups(own, a_b="200000 100000") == 2


def test_a_group_that_is_mounted_elsewhere_and_none_at_all_are_no_error(groups, tmp_path):
    assert groups("0::/docker/abc\n", top="400000 100000") == 4
    assert groups("9:cpu:/\n", top="max 100000") == 8
    assert usable_cores(str(tmp_path / "nothing"), str(tmp_path / "nothing")) == 8


def test_the_cores_that_a_process_is_tied_to_count(groups, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert groups("0::/\n", top="800000 100000") == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert groups("0::/\n") == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert groups("0::/\n") == 1
