"""The prose says what the record says, to the last decimal written."""

import copy

import pytest

from cnnbook.book.record import add_run, claims_table, read_record, record_as_text, refresh_figures


def entry(name, value):
    fixed = {"rule": "at least", "bound": 0.5, "profile": "full", "source": "CNNBOOK_DATA/mnist"}
    return {"name": name, "value": value, **fixed}


@pytest.fixture
def record():
    record = {"claims": {}, "notebooks": {}}
    add_run(record, "01_one", 95.0, [entry("accuracy", 0.98765), entry("parameters", 122570)])
    return record


@pytest.mark.parametrize(
    ("written", "measured"),
    [
        ("99 %<!--claim:accuracy-->", "99 %<!--claim:accuracy-->"),
        ("97.1 %<!--claim:accuracy-->", "98.8 %<!--claim:accuracy-->"),
        ("97.12%<!--claim:accuracy-->", "98.77%<!--claim:accuracy-->"),
        ("0.9<!--claim:accuracy-->", "1.0<!--claim:accuracy-->"),
        ("0.912<!--claim:accuracy-->", "0.988<!--claim:accuracy-->"),
        ("1<!--claim:parameters-->", "122,570<!--claim:parameters-->"),
        ("1 parameters<!--claim:parameters-->", "122,570 parameters<!--claim:parameters-->"),
        ("9 minutes<!--minutes:01_one-->", "2 minutes<!--minutes:01_one-->"),
        ("9<!--minutes:01_one-->", "2<!--minutes:01_one-->"),
    ],
)
def test_a_figure_keeps_its_form_and_takes_the_recorded_value(record, written, measured):
    text, changes = refresh_figures(f"It is {written}, and 97.1 % is another.", record)
    assert text == f"It is {measured}, and 97.1 % is another."
    assert len(changes) == (written != measured)
    assert refresh_figures(text, record) == (text, [])


def test_a_short_chapter_takes_one_minute(record):
    record["notebooks"]["01_one"]["seconds"] = 12
    text, _ = refresh_figures("about 2 minutes<!--minutes:01_one-->", record)
    assert text == "about 1 minute<!--minutes:01_one-->"
    assert refresh_figures(text, record)[1] == []


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_figure_is_never_written_into_the_prose(value):
    record = {"claims": {"accuracy": {"value": value}}, "notebooks": {}}
    text = "about 98.7 %<!--claim:accuracy--> correct"
    fault = f"accuracy: the record has {value}, which is no figure"
    assert refresh_figures(text, record) == (text, [fault])


def test_a_marker_without_an_entry_is_reported_and_left(record):
    text = "7 %<!--claim:unknown-->"
    assert refresh_figures(text, record) == (text, ["unknown: not in the record"])


@pytest.mark.parametrize("text", ["the gap is 9\n# points<!--claim:gap-->", "some<!--claim:gap-->"])
def test_a_marker_without_a_figure_is_reported(text):
    record = {"claims": {"gap": {"value": 9}}, "notebooks": {}}
    assert refresh_figures(text, record) == (
        text,
        ["gap: no figure before the marker, on its line"],
    )


def test_units_may_have_capitals():
    record = {"claims": {"size": {"value": 4.25}}, "notebooks": {}}
    assert refresh_figures("3.9 MB<!--claim:size-->", record)[0] == "4.2 MB<!--claim:size-->"


def test_a_new_run_replaces_only_its_own_notebook(record):
    add_run(record, "02_two", 1.0, [entry("second", 1)])
    add_run(record, "01_one", 1.0, [entry("parameters", 5)])
    assert list(record["claims"]) == ["parameters", "second"]
    assert record["claims"]["parameters"]["value"] == 5


def test_a_name_that_another_notebook_uses_is_reported_and_nothing_is_replaced(record):
    before = copy.deepcopy(record)
    assert add_run(record, "02_two", 1.0, [entry("new", 2), entry("accuracy", 1)]) == ["accuracy"]
    assert record == before


def test_the_record_survives_a_round_trip(record, tmp_path):
    assert read_record(tmp_path / "claims.json") == {"claims": {}, "notebooks": {}}
    (tmp_path / "claims.json").write_text(record_as_text(record))
    assert read_record(tmp_path / "claims.json") == record


def test_the_table_has_a_row_for_each_claim(record):
    header, _, first, second = claims_table(record).splitlines()
    assert header.startswith("| claim | value |")
    assert "`accuracy` | 0.9877 | at least 0.5 | full | CNNBOOK_DATA/mnist | 01_one" in first
    assert "122,570" in second


def test_the_run_notes_machine_and_versions(record):
    run = record["notebooks"]["01_one"]
    assert set(run["versions"]) == {"keras", "tensorflow", "numpy", "matplotlib"}
    assert "cores" in run["machine"] and run["seconds"] == 95.0
