"""Studies: each run is done once, kept with its code, and done anew when that has changed."""

import json
import re

import pytest

from cnnbook.book import studies
from cnnbook.book._files import BookError
from cnnbook.book.studies import hash_of_code, read_study, run_study, study_names

STUDY = '''"""How much is twice as much?"""

from pathlib import Path

from cnnbook.arithmetic import output_size

RUNS = {f"seed {seed}": {"seed": seed, "width": 5} for seed in (1, 2)}


def run(seed, width):
    """Count, and leave a trace of having run."""
    with Path("{trace}").open("a") as file:
        file.write(f"{seed} ")
    return {"side": output_size(width, 3), "curve": [seed / 2, 1.0]}
'''


@pytest.fixture
def project(tmp_path):
    """A project with one study, which leaves a trace of each run."""
    (tmp_path / studies.FOLDER).mkdir(parents=True)
    text = STUDY.replace("{trace}", (tmp_path / "trace").as_posix())
    (tmp_path / studies.FOLDER / "twice.py").write_text(text)
    return tmp_path


def change(project, old, new):
    path = project / studies.FOLDER / "twice.py"
    path.write_text(path.read_text().replace(old, new))


def done(project):
    """Do the study; return what it said, and the seeds that ran since the last time."""
    lines, trace = [], project / "trace"
    trace.unlink(missing_ok=True)
    run_study(project, "twice", lambda line, nl=True: lines.append(line))
    return "\n".join(lines), trace.read_text().split() if trace.exists() else []


def test_each_run_is_kept_with_what_was_set_and_measured(project):
    said, ran = done(project)
    assert ran == ["1", "2"]
    assert "[2/2] seed 2" in said
    runs = read_study("twice", project)
    assert list(runs) == ["seed 1", "seed 2"]
    entry = runs["seed 2"]
    assert entry["settings"] == {"seed": 2, "width": 5}
    assert entry["result"] == {"side": 3, "curve": [1.0, 1.0]}
    assert entry["code"] == hash_of_code(project / studies.FOLDER / "twice.py")
    assert "keras" in entry["versions"]
    assert entry["seconds"] >= 0
    assert "Python" in entry["machine"]
    assert study_names(project) == ["twice"]


def test_a_study_that_was_stopped_goes_on_where_it_was(project):
    done(project)
    record = project / studies.FOLDER / "twice.json"
    runs = json.loads(record.read_text())
    del runs["seed 2"]
    record.write_text(json.dumps(runs))
    said, ran = done(project)
    assert ran == ["2"]
    assert "kept" in said
    assert list(read_study("twice", project)) == ["seed 1", "seed 2"]


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("How much is", "How many are", []),  # words alone
        ("def run(", "# a comment\n\n\ndef run(", []),
        ("seed / 2", "seed / 3", ["1", "2"]),  # the code
        ('"width": 5}', '"width": 5 + seed}', ["1", "2"]),  # the settings
        ("in (1, 2)", "in (1, 2, 3)", ["3"]),
    ],
)
def test_what_changes_the_code_or_the_settings_is_run_again(project, old, new, again):
    done(project)
    change(project, old, new)
    assert done(project)[1] == again


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A small package in the place of the book's; returns its folder."""
    folder = tmp_path / "copy" / "cnnbook"
    folder.mkdir(parents=True)
    for name in ("arithmetic.py", "_checks.py", "__init__.py"):
        folder.joinpath(name).write_bytes((studies.PACKAGE / name).read_bytes())
    monkeypatch.setattr(studies, "PACKAGE", folder)
    return folder


def test_the_code_is_also_that_of_the_package(project, package):
    study, arithmetic = project / studies.FOLDER / "twice.py", package / "arithmetic.py"
    before, text = hash_of_code(study), arithmetic.read_text()
    (package / "_checks.py").write_text("LIMIT = 1\n")  # refuses, or changes nothing
    arithmetic.write_text(text + "\n\ndef unused():\n    return 1\n")
    assert hash_of_code(study) == before
    arithmetic.write_text(
        re.sub(r"(\ndef output_size\(.*?\n    return )", r"\g<1>1 + ", text, flags=re.DOTALL)
    )
    assert arithmetic.read_text() != text
    assert hash_of_code(study) != before


def test_a_function_that_moved_to_another_file_is_the_same(project, package):
    study, arithmetic = project / studies.FOLDER / "twice.py", package / "arithmetic.py"
    before = hash_of_code(study)
    arithmetic.rename(package / "_ground.py")
    arithmetic.write_text("from cnnbook._ground import output_size\n")
    assert hash_of_code(study) == before


def test_the_order_in_which_functions_stand_does_not_matter_but_all_that_is_done_does(project):
    study = project / studies.FOLDER / "twice.py"
    first, second = "\n\ndef half(x):\n    return x / 2\n", "\n\ndef third(x):\n    return x / 3\n"
    text = study.read_text()
    found = {}
    for name, more in {
        "one way": first + second,
        "the other": second + first,
        "steps": first + second + "\nfor _ in [1]:\n    half(1)\nfor _ in [2]:\n    half(1)\n",
        "steps turned": first
        + second
        + "\nfor _ in [2]:\n    half(1)\nfor _ in [1]:\n    half(1)\n",
    }.items():
        study.write_text(text + more)
        found[name] = hash_of_code(study)
    assert found["one way"] == found["the other"]
    assert len({*found.values()}) == 3


def test_a_study_may_need_a_function_of_the_package_that_is_called_as_its_own(project, package):
    study, arithmetic = project / studies.FOLDER / "twice.py", package / "arithmetic.py"
    before, text = hash_of_code(study), arithmetic.read_text()
    text = text.replace("\ndef output_size(", "\n\ndef run():\n    return 1\n\n\ndef output_size(")
    body = r"(\ndef output_size\(.*?\n    return )"
    arithmetic.write_text(re.sub(body, r"\g<1>run() * ", text, flags=re.DOTALL))
    needs_it = hash_of_code(study)
    assert needs_it != before
    arithmetic.write_text(arithmetic.read_text().replace("return 1\n", "return 2\n"))
    assert hash_of_code(study) != needs_it


@pytest.mark.parametrize(
    ("way", "call"),
    [
        ("from cnnbook import output_size", "output_size("),
        ("import cnnbook.arithmetic", "cnnbook.arithmetic.output_size("),
    ],
)
def test_what_cannot_be_followed_is_refused(project, way, call):
    change(project, "from cnnbook.arithmetic import output_size", way)
    change(project, "output_size(width", f"{call}width")
    words = r"cannot tell what .*twice.py runs: .* by `from cnnbook.room.file import name`"
    with pytest.raises(BookError, match=words):
        hash_of_code(project / studies.FOLDER / "twice.py")


def test_runs_that_the_study_no_longer_has_are_dropped(project):
    done(project)
    change(project, "in (1, 2)", "in (2,)")
    done(project)
    assert list(read_study("twice", project)) == ["seed 2"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed / 2", "seed / 0", "run 'seed 1' of .*twice.py failed: ZeroDivisionError"),
        ("seed / 2", "float('nan')", "failed: ValueError: Out of range float"),
        ("RUNS =", "ROUNDS =", "must have RUNS = {name: settings} at its top; there is none"),
        ("in (1, 2)", "in SEEDS", "of Python's own names alone; name 'SEEDS' is not defined"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line_and_nothing_is_kept(project, old, new, words):
    change(project, old, new)
    with pytest.raises(BookError, match=words) as caught:
        done(project)
    assert "\n" not in str(caught.value)
    assert [path.name for path in (project / studies.FOLDER).iterdir()] == ["twice.py"]


def test_a_study_without_a_record_says_how_to_make_one(project):
    with pytest.raises(FileNotFoundError, match=r"twice.json is not in .*`cnnbook study twice`"):
        read_study("twice", project)


def test_the_records_of_the_book_are_of_the_code_of_today():
    folder = studies.PACKAGE.parent
    for name in study_names(folder):
        study, runs = folder / studies.FOLDER / f"{name}.py", read_study(name, folder)
        assert {title: it["settings"] for title, it in runs.items()} == studies._runs_of(study)
        assert {entry["code"] for entry in runs.values()} == {hash_of_code(study)}
