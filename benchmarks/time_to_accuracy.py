"""How soon is 99.0, 99.3 and 99.5 % of MNIST's test images right, on the mean of five seeds?

    CNNBOOK_DATA=/path/to/data python benchmarks/time_to_accuracy.py

Every run is a process of its own, trained on all 60,000 images. Each seed goes through all recipes
before the next one starts, so that slow minutes of the machine hit all alike. Every finished run is
kept, so that a long measurement may be made in parts (--seeds, --recipes, --max-epochs).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from bench_tools import HERE, keep, kept_result, where_and_when
from recipes import RECIPES

GOALS = (0.990, 0.993, 0.995)
NAME = "time_to_accuracy"
IMAGES = 60_000


class Reached(NamedTuple):
    """When the mean of the seeds first was at a goal."""

    epoch: int
    seconds: float
    """Mean over the seeds at that epoch."""
    fastest: float
    slowest: float


def first_reached(runs: Sequence[Sequence[dict]], goal: float) -> Reached | None:
    """The first epoch at which the mean test accuracy of all runs is at least the goal.

    Args:
        runs: One list of epochs a seed, as the workers print them. Only epochs that all seeds
            have count.
        goal: Between 0 and 1.

    Returns:
        None if no epoch is good enough, or there are no runs.
    """
    for number, epochs in enumerate(zip(*runs, strict=False), start=1):
        mean = statistics.fmean(epoch["test_accuracy"] for epoch in epochs)
        if round(mean, 6) >= goal:  # 5 x 9,900 of 50,000 are 99 %, whatever the floats say
            seconds = [epoch["seconds"] for epoch in epochs]
            return Reached(number, statistics.fmean(seconds), min(seconds), max(seconds))
    return None


def runs_of(kept: dict | None, recipe: str) -> list[dict]:
    """The kept runs of a recipe as it is now; runs of an earlier form of it do not count."""
    settings = asdict(RECIPES[recipe])
    runs = kept["runs"] if kept else []
    return [run for run in runs if run["recipe"] == recipe and run["settings"] == settings]


def run_once(recipe: str, seed: int, max_epochs: int) -> dict:
    """Train in a fresh process; return what it printed."""
    command = [sys.executable, str(HERE / RECIPES[recipe].worker), recipe, str(seed)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CNNBOOK_OFFLINE": "1"}
    done = subprocess.run(
        [*command, str(max_epochs)], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{done.stderr}\n{recipe}, seed {seed}: failed, see the lines above")
    facts, *epochs = [json.loads(line) for line in done.stdout.splitlines()]
    if facts["images"] != IMAGES:
        raise SystemExit(
            f"needs the {IMAGES:,} training images of MNIST; found {facts['images']:,}. "
            "Set CNNBOOK_DATA to a folder that has them."
        )
    return {
        "recipe": recipe,
        "seed": seed,
        **where_and_when(),
        "settings": asdict(RECIPES[recipe]),
        "facts": facts,
        "epochs": epochs,
    }


def add(run: dict) -> None:
    """Keep a run; it takes the place of an earlier one of the same recipe and seed."""
    key = ("recipe", "seed")
    kept = kept_result(NAME) or {"runs": []}
    runs = [old for old in kept["runs"] if any(old[k] != run[k] for k in key)]
    keep(NAME, {"runs": [*runs, run]})


def main() -> None:
    """Run what is asked for, keep it, and say what is known so far."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--max-epochs", type=int, default=1000)
    parser.add_argument("--try-out", action="store_true", help="do not keep the results")
    options = parser.parse_args()
    for seed in options.seeds:
        for recipe in options.recipes:
            run = run_once(recipe, seed, options.max_epochs)
            last = run["epochs"][-1]
            print(
                f"{recipe:10} seed {seed}: {last['test_accuracy']:.4f} after {last['epoch']}"
                f" epochs, {last['seconds']:.1f} s",
                flush=True,
            )
            if not options.try_out:
                add(run)
    kept = kept_result(NAME)
    for recipe in RECIPES:
        runs = runs_of(kept, recipe)
        reached = [first_reached([run["epochs"] for run in runs], goal) for goal in GOALS]
        times = [f"{at.seconds:.1f} s" if at else "-" for at in reached]
        print(f"{recipe:10} {len(runs)} seeds", *times)


if __name__ == "__main__":
    main()
