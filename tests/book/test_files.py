"""A file of the book is the old one or the new one, whatever happens while it is written."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from cnnbook.book._files import BookError, read_json, read_text, write_whole

FULL = """
import resource, signal, sys
from pathlib import Path
from cnnbook.book._files import write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_whole({Path(name): "new" * 1000 for name in sys.argv[1:]})
except OSError as error:
    print(error.strerror)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_at(monkeypatch, name):
    """Let the disk be full in the middle of the file of this name."""
    write = Path.write_text

    def write_half(path, text, **options):
        if name in path.name:
            write(path, text[: len(text) // 2], **options)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_half)


def test_on_a_full_disk_every_file_is_the_old_one_and_nothing_else_is_there(tmp_path, monkeypatch):
    files = {tmp_path / name: f"new {name}" for name in ("a.py", "b.py")}
    for path in files:
        path.write_text("old")
    full_at(monkeypatch, "b.py")
    with pytest.raises(OSError, match="No space left"):
        write_whole(files)
    assert [path.read_text() for path in files] == ["old", "old"]
    assert names(tmp_path) == ["a.py", "b.py"]


def test_the_same_where_the_system_says_so(tmp_path):
    (tmp_path / "a.py").write_text("old")
    words = [sys.executable, "-c", FULL, str(tmp_path / "a.py"), str(tmp_path / "b.py")]
    run = subprocess.run(words, capture_output=True, text=True)
    assert run.stdout == "File too large\n", run.stderr
    assert names(tmp_path) == ["a.py"] and (tmp_path / "a.py").read_text() == "old"


def test_modes_links_and_line_ends_stay(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "a.py", tmp_path / "a.py"
    real.write_bytes(b"one\r\n")
    real.chmod(0o754)
    link.symlink_to(real)
    write_whole({link: read_text(link) + "two\r\n"})
    assert link.is_symlink() and real.read_bytes() == b"one\r\ntwo\r\n"
    assert real.stat().st_mode & 0o777 == 0o754


def test_what_a_killed_run_left_is_replaced_by_the_next(tmp_path):
    (tmp_path / ".a.py.partial").write_text("half")
    write_whole({tmp_path / "a.py": "new"})
    assert names(tmp_path) == ["a.py"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "line 1, column 1: Expecting value"),
        (b'{"claims": {', "line 1, column 13"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' is there twice"),
        (b'{\n<<<<<<< HEAD\n "a": 1\n=======\n', "line 2, column 1: a merge conflict"),
        (b'{\n"a": "\xe9"}', "line 2: the byte 0xe9 is not UTF-8"),
    ],
)
def test_broken_json_is_named_with_its_place_and_the_way_out(tmp_path, content, place):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(BookError, match=f"a.json[,:] {place}") as caught:
        read_json(tmp_path / "a.json")
    assert "git checkout" in str(caught.value) or "save the file as UTF-8" in str(caught.value)
    assert "\n" not in str(caught.value)
