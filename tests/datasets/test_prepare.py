"""Preparation: cases 26 to 30 of the bad data. Killed, twice at once, full disk, read-only."""

import errno
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from cnnbook.datasets.prepare import prepare_folder


def three_files(folder):
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)


@pytest.fixture
def place(tmp_path):
    """A folder that holds a file of the user already."""
    (tmp_path / "mine").write_text("mine")
    return tmp_path


LOCK = [".set.lock"]  # stays: to remove it would be a race


def start(body, *arguments):
    """Run a few lines in another process."""
    code = "import sys, time, os, pathlib\n" + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


SLOWLY = """
from cnnbook.datasets.prepare import prepare_folder
def make(folder):
    folder.mkdir()
    with open(sys.argv[2], "a") as log:
        log.write("made ")
    for name in "abcdefgh":
        (folder / name).write_text(name)
        print(name, flush=True)
        time.sleep(float(sys.argv[3]))
prepare_folder(sys.argv[1], make)
"""


def test_the_folder_is_made_once(tmp_path):
    calls = []

    def make(folder):
        calls.append(folder)
        three_files(folder)

    for _ in range(2):
        assert prepare_folder(tmp_path / "new" / "set", make) == tmp_path / "new" / "set"
    assert len(calls) == 1
    assert calls[0].parent.parent == tmp_path / "new"  # on the same disk, under another name
    assert sorted(path.name for path in (tmp_path / "new/set").iterdir()) == ["a", "b", "c"]
    assert not list((tmp_path / "new").glob("*incomplete*"))


def test_what_make_raises_comes_through_and_nothing_is_left(tmp_path):
    def make(folder):
        three_files(folder)
        raise ValueError("the web page is gone")

    with pytest.raises(ValueError, match="the web page is gone"):
        prepare_folder(tmp_path / "set", make)
    assert [path.name for path in tmp_path.iterdir() if "lock" not in path.name] == []


def test_case_26_a_full_disk_says_so_and_leaves_nothing(place, unchanged):
    def make(folder):
        three_files(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        unchanged(place, LOCK),
        pytest.raises(OSError, match=r"set cannot be made \(No space left.*set CNNBOOK_DATA"),
    ):
        prepare_folder(place / "set", make)


def test_case_26_a_disk_that_would_be_full_is_found_out_before_the_work(place, unchanged):
    assert shutil.disk_usage(place).free < 2**60
    with (
        unchanged(place, LOCK),
        pytest.raises(OSError, match=r"Not enough disk space in .*: [\d,]+ bytes are needed, "),
    ):
        prepare_folder(place / "set", pytest.fail, needed_bytes=2**60)


def test_case_26_a_write_beyond_the_limit_of_the_process_leaves_nothing(place, unchanged):
    """RLIMIT_FSIZE stands in for a full disk: a write fails in the middle, with a real errno."""
    with unchanged(place, LOCK):
        run = start(
            """
            import resource, signal, tempfile
            from cnnbook.datasets.prepare import prepare_folder
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
            try:
                with tempfile.TemporaryFile() as file:
                    file.write(bytes(100_000))
            except OSError as error:
                print("really:", error.strerror)
            def make(folder):
                folder.mkdir()
                (folder / "big").write_bytes(bytes(100_000))
            prepare_folder(sys.argv[1], make)
            """,
            place / "set",
        )
        said, errors = run.communicate(timeout=60)
    assert said == "really: File too large\n"
    assert "File too large" in errors


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs Unix users")
def test_case_27_a_read_only_place_names_itself_and_the_variable(tmp_path, unchanged):
    (tmp_path / "locked").mkdir()
    code = """
    from cnnbook.datasets.prepare import prepare_folder
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        os.mkdir(sys.argv[1])
    except PermissionError:
        print("really")
    try:
        prepare_folder(sys.argv[1], print)
    except OSError as error:
        print(error)
    """
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):  # pytest's own folders, no others
            parent.chmod(0o755)
    (tmp_path / "locked").chmod(0o555)
    with unchanged(tmp_path):
        said = start(code, tmp_path / "locked" / "set").communicate(timeout=60)[0]
    assert said.startswith("really\n")
    assert "set cannot be made (Permission denied); set CNNBOOK_DATA to a folder" in said


def test_case_27_no_home_folder_is_said_with_the_variable(place, monkeypatch, unchanged):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user without an entry
    with pytest.raises(RuntimeError):
        Path.home()
    monkeypatch.chdir(place)
    with (
        unchanged(place),
        pytest.raises(OSError, match=r"~/set cannot be made \(there is no home.*set CNNBOOK_DATA"),
    ):
        prepare_folder("~/set", three_files)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["a", "d", "h"])
def test_case_28_killed_while_preparing_the_next_run_succeeds(tmp_path, after):
    first = start(SLOWLY, tmp_path / "set", tmp_path / "log", 0.2)
    for line in first.stdout:
        if line.strip() == after:
            break
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    assert not (tmp_path / "set").exists()
    (left,) = tmp_path.glob(".set.incomplete-*")
    os.utime(left, times=(time.time() - 2 * 86400,) * 2)  # as if it were the day before yesterday
    prepare_folder(tmp_path / "set", three_files, timeout=5)
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["a", "b", "c"]
    assert {path.name for path in tmp_path.iterdir()} == {"set", "log", *LOCK}


def test_case_28_what_another_process_left_today_is_not_swept(tmp_path):
    (tmp_path / ".set.incomplete-today").mkdir()
    prepare_folder(tmp_path / "set", three_files)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"set", ".set.incomplete-today", *LOCK}


def test_case_29_two_at_once_one_does_the_work_and_both_succeed(tmp_path):
    both = [start(SLOWLY, tmp_path / "set", tmp_path / "log", 0.05) for _ in range(2)]
    outputs = [run.communicate(timeout=60) for run in both]
    assert [run.returncode for run in both] == [0, 0], outputs
    assert (tmp_path / "log").read_text() == "made "
    assert len(list((tmp_path / "set").iterdir())) == 8
    assert {path.name for path in tmp_path.iterdir()} == {"set", "log", *LOCK}


def test_case_30_a_lock_whose_holder_died_is_free(tmp_path, unchanged):
    holder = start(
        """
        from filelock import FileLock
        lock = FileLock(sys.argv[1])
        lock.acquire()
        print("held", flush=True)
        time.sleep(60)
        """,
        tmp_path / ".set.lock",
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Timeout):
        FileLock(tmp_path / ".set.lock", timeout=0).acquire()
    with (
        unchanged(tmp_path),
        pytest.raises(TimeoutError, match=r"set is being made by another process.* 0.2 seconds"),
    ):
        prepare_folder(tmp_path / "set", three_files, timeout=0.2)
    holder.kill()
    holder.communicate(timeout=60)
    prepare_folder(tmp_path / "set", three_files, timeout=5)
    assert (tmp_path / "set" / "a").read_text() == "a"


def test_the_lock_is_the_one_that_filelock_makes(tmp_path):
    with FileLock(tmp_path / ".set.lock"), pytest.raises(TimeoutError):
        prepare_folder(tmp_path / "set", three_files, timeout=0)
