"""The benchmarks count, compare and print rightly; what they time is not tested."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def beside_the_benchmarks(monkeypatch, tmp_path):
    """Import them as they import one another; keep nothing in the project."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import bench_tools

    monkeypatch.setattr(bench_tools, "KEPT", tmp_path / "bench")


def epochs(*accuracies, seconds=10.0):
    return [
        {"epoch": number, "seconds": number * seconds, "test_accuracy": accuracy}
        for number, accuracy in enumerate(accuracies, start=1)
    ]


def test_the_goal_is_reached_at_the_first_epoch_whose_mean_over_the_seeds_is_there():
    from time_to_accuracy import first_reached

    fast, slow = epochs(0.985, 0.991, 0.993), epochs(0.980, 0.988, 0.990, seconds=20.0)
    assert first_reached([fast, slow], 0.99) == (3, 45.0, 30.0, 60.0)
    assert first_reached([fast], 0.99) == (2, 20.0, 20.0, 20.0)
    assert first_reached([fast, slow], 0.98) == (1, 15.0, 10.0, 20.0)
    assert first_reached([fast, slow], 0.995) is None
    assert first_reached([], 0.99) is None


def test_a_mean_that_is_exactly_the_goal_counts_and_one_image_less_does_not():
    from time_to_accuracy import first_reached

    at_goal = [epochs(right / 10_000) for right in (9887, 9899, 9901, 9903, 9910)]
    assert first_reached(at_goal, 0.99)
    assert not first_reached([*at_goal[:4], epochs(0.9909)], 0.99)


def test_a_seed_that_ran_for_fewer_epochs_hides_the_later_epochs_of_all():
    from time_to_accuracy import first_reached

    assert first_reached([epochs(0.98, 0.99), epochs(0.98)], 0.985) is None


def test_runs_of_an_earlier_form_of_a_recipe_do_not_count():
    from dataclasses import asdict

    from recipes import RECIPES
    from time_to_accuracy import add, kept_result, runs_of

    settings = asdict(RECIPES["classical"])
    run = {"recipe": "classical", "seed": 1, "settings": settings, "epochs": epochs(0.9)}
    add(run)
    add(run | {"seed": 2, "settings": settings | {"batch_size": 1}})
    add(run | {"epochs": epochs(0.95)})  # takes the place of the first
    kept = kept_result("time_to_accuracy")
    assert len(kept["runs"]) == 2
    [found] = runs_of(kept, "classical")
    assert found["epochs"] == epochs(0.95)
    assert runs_of(kept, "torch") == runs_of(None, "classical") == []


def test_flops_of_a_convolution_and_a_dense_layer_are_those_worked_by_hand():
    import keras
    from throughput_keras import forward_flops

    images = keras.Input((7, 5, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(images)  # 35 places x 27 weights x 4 filters
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)  # 3 x 2 x 4 = 24
    model = keras.Model(images, keras.layers.Dense(10)(x))
    assert forward_flops(model) == 2 * (35 * 27 * 4 + 24 * 10)


def test_training_is_three_times_the_way_forward():
    from throughput import training_gflops

    assert training_gflops(forward_flops=2_000_000, images_per_second=500) == pytest.approx(3.0)


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_the_medians():
    from throughput import ratios

    # The second round was slow for both, as when the machine is busy.
    rates = {"keras": [10.0, 5.0, 12.0], "ours": [30.0, 15.0, 30.0]}
    assert ratios(rates, "keras") == {"keras": 1.0, "ours": 3.0}


def test_the_peak_takes_the_fastest_product(monkeypatch):
    import throughput

    ticks = iter([0.0, 2.0, 10.0, 10.5, 20.0, 21.0])
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(ticks))
    assert throughput.best_peak(lambda: None, 3) == pytest.approx(2 * 2048**3 / 0.5 / 1e9)


def test_ways_go_in_turns_and_the_first_turn_is_not_kept():
    from bench_tools import in_turns

    called = []
    ways = {name: lambda name=name: called.append(name) or len(called) for name in "ab"}
    assert in_turns(ways, rounds=2) == {"a": [3, 5], "b": [4, 6]}
    assert called == ["a", "b"] * 3


def test_a_table_is_markdown_with_figures_to_the_right():
    from bench_tools import table

    lines = table(["way", "images/s:"], [["Keras", "4,000"], ["PyTorch", 2]]).splitlines()
    assert lines == [
        "| way | images/s |",
        "| --- | --: |",
        "| Keras | 4,000 |",
        "| PyTorch | 2 |",
    ]


@pytest.mark.parametrize(
    ("values", "digits", "text"),
    [
        ([3.0, 1.0, 2.0], None, "2 (1 to 3)"),
        ([1234.5, 999.9, 4000.0], None, "1,234 (1,000 to 4,000)"),
        ([0.01234, 0.02, 0.011], None, "0.0123 (0.011 to 0.02)"),
        ([99.1, 99.256, 99.0], 2, "99.10 (99.00 to 99.26)"),
    ],
)
def test_a_spread_is_the_median_with_the_smallest_and_the_largest(values, digits, text):
    from bench_tools import spread

    assert spread(values, digits) == text


def test_the_machine_is_described_without_its_name():
    import platform

    from bench_tools import describe_machine

    machine = describe_machine()
    assert {"processor", "logical cores", "memory", "Python", "tensorflow"} <= set(machine)
    assert platform.node() not in json.dumps(machine)


def test_what_was_not_measured_is_said_to_be_missing():
    import report

    for write in report.SECTIONS.values():
        title, text = write(None).split("\n\n")
        assert title.startswith("## ")
        assert text == "Not measured yet."


def test_the_report_compares_with_our_soonest_and_names_what_is_missing():
    from dataclasses import asdict

    import report
    from bench_tools import where_and_when
    from recipes import RECIPES

    def run(recipe, seed, *accuracies, seconds):
        settings = asdict(RECIPES[recipe])
        rows = epochs(*accuracies, seconds=seconds)
        names = {"recipe": recipe, "seed": seed, "settings": settings, "epochs": rows}
        return where_and_when() | names | {"facts": {"policy": f"format of {recipe}"}}

    runs = [run("short", seed, 0.991, seconds=8.0) for seed in (1, 2)]
    runs += [run("classical", seed, 0.98, 0.992, seconds=40.0) for seed in (1, 2)]
    page = report.accuracy_section({"runs": runs})
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if "|" in line}
    assert "Ours computed in format of short, as" in page
    assert "8.0 s (8.0 to 8.0), epoch 1, 1.0x" in rows[RECIPES["short"].title]
    assert "80.0 s (80.0 to 80.0), epoch 2, 10.0x" in rows[RECIPES["classical"].title]
    assert "not within 2 epochs" in rows[RECIPES["classical"].title]
    assert rows[RECIPES["torch"].title].count("not measured yet") == 4


def test_the_share_of_the_peak_is_that_of_the_format_the_way_computes_in():
    import report
    from bench_tools import where_and_when

    rates = {"keras": [200.0, 300.0], "recommended": [1000.0, 1000.0]}
    rates |= {"torch": [100.0, 100.0], "torch_bf16": [500.0, 500.0]}
    deep = where_and_when() | {
        "rounds": 2,
        "precision": "mixed_bfloat16: ...",
        "policy": "mixed_bfloat16",
        "parameters": 3_113_930,
        "flops": 100_000_000,
        "peak_gflops": {"float32": 200.0, "bfloat16": 1000.0},
        "images_per_second": rates,
    }
    page = report.throughput_section({"nets": {"deep": deep}})
    assert "| Keras, defaults | 250 (200 to 300) | 1.00 | 2.50 | 0.50 | 38% of float32 |" in page
    assert "1,000 (1,000 to 1,000) | 4.17 | 10.00 | 2.00 | 30% of bfloat16 |" in page
    assert "3,113,930 parameters" in page


def test_images_are_turned_stretched_and_shifted_within_their_limits():
    import keras
    import numpy as np
    from accuracy_keras import move

    def centres(blobs):
        weights = blobs / blobs.sum(axis=(1, 2), keepdims=True)
        places = np.arange(28) - 13.5
        return weights.sum(axis=2) @ places * 1j + weights.sum(axis=1) @ places

    keras.utils.set_random_seed(0)
    image = np.zeros((2, 28, 28, 1), "uint8")
    image[0, 13:15, 6:8] = image[1, 13:15, 20:22] = 255  # left and right of the middle
    moved = np.array(move(np.repeat(image.sum(axis=0, keepdims=True), 500, axis=0)))
    moved = moved[..., 0].astype(float)
    left, right = moved.copy(), moved.copy()
    left[:, :, 14:], right[:, :, :14] = 0, 0
    across, middle = centres(right) - centres(left), (centres(right) + centres(left)) / 2
    turned, stretched = np.degrees(np.angle(across)), np.log(np.abs(across) / 14)
    assert 9 < np.abs(turned).max() < 11 and turned.min() < -9 and turned.max() > 9
    assert 0.09 < np.abs(stretched).max() < 0.11
    assert 1.8 < np.abs(middle.real).max() < 2.7 and 1.8 < np.abs(middle.imag).max() < 2.7


def test_photos_are_compared_with_the_legacy_generator_and_with_pytorchs_workers():
    import report
    from bench_tools import where_and_when

    rates = {"cnnbook": [1000.0, 1200.0], "legacy": [250.0, 200.0], "torch_2": [500.0, 800.0]}
    kept = where_and_when() | {"photos": 2000, "rounds": 2, "photos_per_second": rates}
    page = report.photos_section(kept)
    row = "| make_image_pipeline with make_augmentation | 1,100 (1,000 to 1,200) | 5.00 | 1.75 |"
    assert row in page
    assert "2,000 JPEGs, 2 rounds" in page


def test_the_server_is_judged_by_its_limits_and_by_the_requests_that_were_wanted():
    from bench_tools import where_and_when
    from report import serving_section
    from serving import LIMITS, judged

    found = {name: 0 if limit is None else limit for name, (limit, _) in LIMITS.items()}
    assert not any(fault for *_, fault in judged(found, 10_000))
    for name, (limit, at_most) in LIMITS.items():
        if limit is not None:
            worse = found | {name: limit + 0.01 if at_most else limit - 0.01}
            assert [row[0] for row in judged(worse, 10_000) if row[3]] == [name]
    kept = where_and_when() | {"requests": 20_000, "calls": 7, "found": found}
    page = serving_section(kept)
    assert "| requests while networks are replaced | 10,000 | at least 20,000 | no |" in page
    assert "| p50 of one client / bare | 1.3 | at most 1.3 |  |" in page


def test_sharing_a_training_is_judged_by_the_median_of_the_rounds():
    from bench_tools import where_and_when
    from report import cluster_section

    alone = {"1 of 128": [10.0, 20.0, 10.0], "1 of 64": [8.0, 10.0, 9.0]}
    alone["1 of 32"] = alone["1 of 64"]
    shared = {"2 of 128": [10.0, 25.0, 10.4], "4 of 128": [12.5, 20.0, 12.0]}
    nets = "small", "deep blocks"
    seconds = {f"{net}, {name}": v for net in nets for name, v in (alone | shared).items()}
    kept = where_and_when() | {"rounds": 3, "epochs": {}, "seconds": seconds}
    page = cluster_section(kept)
    two = "| 2 | 10.4 (10 to 25) | 10 (10 to 20) | 0.96 (0.80 to 1.00)"
    assert f"| deep blocks {two} | at least 0.95 | yes | 0.80 (0.40 to 0.87) |" in page
    assert f"| small {two} |  |  | 0.80 (0.40 to 0.87) |" in page
    four = "| 4 | 12.5 (12 to 20) | 10 (10 to 20) | 0.83 (0.80 to 1.00)"
    assert f"| deep blocks {four} | at least 0.9 | no | 0.64 (0.50 to 0.75) |" in page


def test_the_page_keeps_what_was_not_measured_here(tmp_path, monkeypatch):
    import report

    monkeypatch.setattr(report, "HERE", tmp_path)
    page = tmp_path / "RESULTS.md"
    page.write_text("# Old\n\n## Serving\n\nof before\n\n## By hand\n\n### Part\n\ntext\n")
    report.main()
    parts = page.read_text().split("\n\n## ")
    assert parts[0] == report.HEAD
    assert parts[1:3] == ["Serving\n\nof before", "By hand\n\n### Part\n\ntext"]
    assert len(parts) == 2 + len(report.SECTIONS)


def test_photos_have_the_size_and_about_the_bytes_of_the_real_ones(tmp_path):
    from augment_photos import PHOTO_SIZE
    from bench_tools import make_photos
    from PIL import Image

    from cnnbook.datasets.image_folder import list_image_files

    make_photos(tmp_path, 6, 2, PHOTO_SIZE, (20, 27))
    files = list_image_files(tmp_path)
    paths, labels = files.paths, files.labels
    assert [path.stem for path in paths] == ["00000", "00002", "00004", "00001", "00003", "00005"]
    assert list(labels) == [0, 0, 0, 1, 1, 1]
    for path in paths:
        with Image.open(path) as photo:
            assert photo.size == (266, 200)
    assert all(10_000 < path.stat().st_size < 16_000 for path in paths)


def test_the_peers_changes_hold_the_centre_and_stay_within_the_same_bounds():
    import ast

    import numpy as np

    # PyTorch need not be there, so the function is taken out of its file.
    tree = ast.parse((BENCHMARKS / "augment_photos_torch.py").read_text())
    [function] = [n for n in tree.body if getattr(n, "name", "") == "random_matrix"]
    names = {"math": __import__("math"), "np": np, "DEGREES": 10, "ZOOM": 0.3, "SHEAR": 0.3}
    exec(compile(ast.Module([function], []), "random_matrix", "exec"), names)
    random = np.random.default_rng(0)
    for _ in range(200):
        matrix = np.reshape(names["random_matrix"](random, 20, 30), (2, 3))
        np.testing.assert_allclose(matrix @ [15, 10, 1], [15, 10])
        scale = np.hypot(*matrix[:, 0])
        assert 0.7 <= scale <= 1.3
        assert abs(np.linalg.det(matrix[:, :2])) == pytest.approx(scale**2)
        turn = np.degrees(np.arctan2(*(matrix[::-1, 0] * np.sign(np.linalg.det(matrix[:, :2])))))
        assert abs(turn) <= 10.001
