"""The cases of bad data have numbers, 1 to 61: each has a test with its number in the name.

But for those of ways that this package has no more, because no chapter, command or reader used
them. What a download meets is the business of TensorFlow Datasets: where it fails we say so, on
one line, and go on (test_a_failed_download_is_one_reason_on_one_line).
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
NO_MORE = {
    **dict.fromkeys((9, 10, 11), "no .npz file is read"),
    13: "no file is fetched by its address, so there is none without a checksum",
    14: "as 13: no server of ours closes early",
    15: "as 13: what a server answers is asked by TensorFlow Datasets",
    16: "as 13: no server of ours stalls; whether one answers at all is asked for five seconds",
    18: "as 13: no download of ours is taken up again",
    32: "CIFAR comes through TensorFlow Datasets; no pickle is read",
}


def test_every_case_of_the_bad_data_has_a_test():
    files = [*HERE.glob("test_*.py"), HERE.parent / "command" / "test_data.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    numbers = {int(number) for number in re.findall(r"(?:test_|\"|def )case_(\d+)_", text)}
    assert numbers == set(range(1, 62)) - NO_MORE.keys()
