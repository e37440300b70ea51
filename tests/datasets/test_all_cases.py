"""The cases of bad data have numbers, 1 to 61: each has a test with its number in the name."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_case_of_the_bad_data_has_a_test():
    files = [*HERE.glob("test_*.py"), HERE.parent / "command" / "test_data.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    numbers = {int(number) for number in re.findall(r"(?:test_|\"|def )case_(\d+)_", text)}
    assert numbers == set(range(1, 62))
