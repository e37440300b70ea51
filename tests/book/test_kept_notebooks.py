"""What nbval does not see: the kept notebooks are whole, recent, and say what was measured."""

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from cnnbook.book.notebooks import make_notebook, run_notebook
from cnnbook.book.record import read_record, refresh_figures

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("*.py"))
RECORD = read_record(ROOT / "notebooks" / "claims.json")
TAGS = {
    *("nbval-check-output", "raises-exception"),
    *("solution", "setup", "hide-input", "claims", "network", "photo", "chart"),
}
FOLDED = {"setup", "hide-input", "claims", "solution"}
WORDS = {"00_before_you_start": (800, 2_500)}  # a preface is shorter
PICTURE, NOTEBOOK = 200_000, 1_500_000  # bytes


# A line that is not within a function and calls a plot, or Matplotlib itself.
DRAWS = r"^(?!def |from |import |[ @#]).*\b(plot_\w+|\w+_widget|plt\.(subplots|figure|show))\("


def kept(source: Path) -> nbformat.NotebookNode:
    return nbformat.read(source.parents[1] / f"{source.stem}.ipynb", as_version=4)


def code_cells(source: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in kept(source).cells if cell.cell_type == "code"]


def markdown_cells(source: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in kept(source).cells if cell.cell_type == "markdown"]


def solves(cell: nbformat.NotebookNode) -> bool:
    return "solution" in tags_of(cell)


def has_picture(cell: nbformat.NotebookNode) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def each(sources: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("source", sources, ids=lambda path: path.stem)


each_chapter = each(SOURCES)
MACHINERY = re.compile(r"^(?:import \w|from [\w.]+ import).*|\bclaim\(", re.MULTILINE)
CAPTION = re.compile(r"\*\*Figure (?P<chapter>\d+)\.(?P<number>\d+)\. [^*]+\*\*")


@each_chapter
def test_the_notebook_is_its_source_executed(source):
    fresh = make_notebook(source.read_text()).cells
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in fresh] == [
        (cell.id, cell.cell_type, cell.source, cell.metadata) for cell in kept(source).cells
    ]


def test_no_notebook_is_left_without_a_source():
    kept_names = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert kept_names == {path.stem for path in SOURCES}


@each_chapter
def test_every_cell_was_run_from_top_to_bottom_in_a_fresh_kernel(source):
    counts = [cell.execution_count for cell in code_cells(source)]
    assert counts == list(range(1, len(counts) + 1))


@each_chapter
def test_outputs_have_no_stderr_and_no_error_that_is_not_on_purpose(source):
    for cell in code_cells(source):
        for output in cell.outputs:
            assert output.get("name") != "stderr", cell.id
            on_purpose = "raises-exception" in cell.metadata.get("tags", [])
            assert output.output_type != "error" or on_purpose, cell.id


@each_chapter
def test_every_cell_that_draws_has_its_picture(source):
    for cell in code_cells(source):
        if re.search(DRAWS, cell.source, re.MULTILINE):
            pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
            assert pictures, f"{cell.id} draws, but keeps no picture"


@each_chapter
def test_pictures_and_notebooks_are_small(source):
    for cell in code_cells(source):
        for output in cell.outputs:
            picture = base64.b64decode(output.get("data", {}).get("image/png", ""))
            assert len(picture) <= PICTURE, f"{cell.id}: {len(picture):,} bytes"
    size = (source.parents[1] / f"{source.stem}.ipynb").stat().st_size
    assert size <= NOTEBOOK


def tags_of(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def lines_allowed(tags: set[str]) -> int:
    """How many lines that are not empty a cell may have."""
    if tags & {"setup", "solution", "claims"}:
        return 25
    return 20 if tags & {"hide-input", "network"} else 12


@each_chapter
def test_cells_can_be_read_at_one_glance(source):
    for cell in code_cells(source):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= lines_allowed(tags_of(cell)), f"{cell.id}: {len(lines)} lines"
        assert max(map(len, lines)) <= 84, cell.id


@each_chapter
def test_what_a_learner_reads_has_no_machinery(source):
    for cell in code_cells(source):
        if not tags_of(cell) & FOLDED:
            machinery = re.findall(
                r"^(?:import \w|from [\w.]+ import).*|\bclaim\(", cell.source, re.M
            )
            assert not machinery, f"{cell.id}: {machinery}"


@each_chapter
def test_a_number_at_the_start_of_a_line_begins_no_list_within_a_sentence(source):
    for cell in markdown_cells(source):
        lines = zip(cell.source.splitlines(), cell.source.splitlines()[1:], strict=False)
        lists = [line for before, line in lines if re.match(r"1[.)] ", line) and before.strip()]
        assert not lists, f"{cell.id}: {lists}"


@each_chapter
def test_a_chapter_has_the_words_that_a_reader_needs(source):
    texts = [it.source for it in markdown_cells(source) if not solves(it)]
    told = sum(len(re.sub(r"<!--.*?-->", "", text).split()) for text in texts)
    fewest, most = WORDS.get(source.stem, (2_500, 4_500))
    assert fewest <= told <= most, told
    shown = [it for it in code_cells(source) if not tags_of(it) & {*FOLDED, "network"}]
    lines = sum(bool(line.strip()) for it in shown for line in it.source.splitlines())
    assert told / lines >= 8, f"{told} words, {lines} lines of code"


@each_chapter
def test_each_figure_has_a_number_a_caption_and_words(source):
    cells = kept(source).cells
    drawn = [place for place, cell in enumerate(cells) if has_picture(cell) and not solves(cell)]
    captions = []
    for place in drawn:
        assert cells[place].metadata.get("alt"), f"{cells[place].id} has no alt"
        after = next((it for it in cells[place + 1 :] if it.cell_type == "markdown"), None)
        caption = after and CAPTION.match(after.source)
        assert caption, (
            f"{cells[place].id}: the text after it must begin with **Figure N.M. Title.**"
        )
        captions.append((int(caption["chapter"]), int(caption["number"])))
        words = len(after.source.partition("\n\n")[0].split())
        assert 20 <= words <= 75, f"caption {captions[-1]}: {words} words"
    chapter = int(source.stem[:2])
    assert captions == [(chapter, number) for number in range(1, len(drawn) + 1)]


@each_chapter
def test_there_are_exercises_and_each_has_a_solution(source):
    cells = markdown_cells(source)
    [place] = [n for n, it in enumerate(cells) if re.search(r"^## Exercises$", it.source, re.M)]
    exercises = re.findall(r"^(\d+)\. ", cells[place].source.partition("## Exercises")[2], re.M)
    assert exercises == [str(number + 1) for number in range(len(exercises))]
    assert len(exercises) >= (2 if source.stem in WORDS else 5)
    told = "\n".join(it.source for it in cells[place + 1 :] if solves(it))
    solved = re.findall(r"^(?:\*\*)?(\d+)\.", told, re.M)
    assert sorted(set(solved), key=int) == exercises


@each_chapter
def test_tags_are_known_and_some_outputs_are_compared(source):
    tags = [tag for cell in code_cells(source) for tag in cell.metadata.get("tags", [])]
    assert set(tags) <= TAGS
    assert "nbval-check-output" in tags


@each_chapter
def test_compared_outputs_are_there_to_be_compared(source):
    for cell in code_cells(source):
        if "nbval-check-output" in cell.metadata.get("tags", []):
            assert cell.outputs, f"{cell.id} has no output to compare"


@each_chapter
def test_figures_in_the_prose_are_those_of_the_record(source):
    assert refresh_figures(source.read_text(), RECORD)[1] == []


def test_figures_in_the_readme_are_those_of_the_record():
    assert refresh_figures((ROOT / "README.md").read_text(), RECORD)[1] == []


@each_chapter
def test_the_record_has_exactly_the_claims_that_the_notebook_shows(source):
    shown = {}
    for cell in code_cells(source):
        for output in cell.outputs:
            shown |= dict(re.findall(r"^claim (\w+) = (\S+),", output.get("text", ""), re.M))
    recorded = {
        name: entry["value"]
        for name, entry in RECORD["claims"].items()
        if entry["notebook"] == source.stem
    }
    assert shown.keys() == recorded.keys()
    for name, text in shown.items():
        assert float(text.replace(",", "")) == pytest.approx(recorded[name], rel=1e-3)


def test_the_record_is_of_full_runs_on_whole_data_and_every_claim_holds():
    rules = {
        "at least": lambda value, bound: value >= bound,
        "at most": lambda value, bound: value <= bound,
        "equal to": lambda value, bound: value == bound,
    }
    assert RECORD["claims"]
    for name, entry in RECORD["claims"].items():
        assert entry["profile"] == "full", name
        assert rules[entry["rule"]](entry["value"], entry["bound"]), name


def run_nbval(notebook, folder: Path, *more: str, **environment) -> subprocess.CompletedProcess:
    nbformat.write(notebook, folder / "probe.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull]
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=60"]
    return subprocess.run(
        [*command, *more, *options, "probe.ipynb"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_nbval_fails_when_a_compared_output_or_a_claim_is_changed_by_hand(tmp_path):
    notebook = make_notebook(
        '# %% tags=["nbval-check-output"]\nprint(3 * 5 * 5)\n\n'
        "# %%\nfrom cnnbook.book.claims import claim\n\nclaim('weights', 75, equals=75)\n"
    )
    run_notebook(notebook, tmp_path, os.environ)
    assert run_nbval(notebook, tmp_path).returncode == 0

    notebook.cells[0].outputs[0].text = "76\n"
    changed = run_nbval(notebook, tmp_path)
    assert changed.returncode == 1 and "1 failed, 1 passed" in changed.stdout

    notebook.cells[0].outputs[0].text = "75\n"
    notebook.cells[1].source = notebook.cells[1].source.replace("equals=75", "equals=80")
    broken = run_nbval(notebook, tmp_path)
    assert broken.returncode == 1 and "ClaimError" in broken.stdout


@pytest.mark.slow
def test_nbval_tells_within_seconds_of_a_kernel_that_is_gone(tmp_path):
    cells = "# %%\n1 + 1\n\n# %%\nimport os\n\nos._exit(3)\n"
    notebook = make_notebook(cells)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.execution_count = number
    start = time.monotonic()
    run = run_nbval(notebook, tmp_path, "-p", "conftest", PYTHONPATH=str(ROOT))
    assert time.monotonic() - start < 30  # it would wait for 60
    assert "1 failed, 1 passed" in run.stdout
    assert "probe.ipynb::Cell 1" in run.stdout and "the kernel died in this cell" in run.stdout
