"""Write into benchmarks/RESULTS.md what was measured last, and nothing else.

python benchmarks/report.py
"""

import re
import statistics

from augment_photos import WAYS as PHOTO_WAYS
from bench_tools import HERE, kept_result, spread, table
from cluster import HEADERS as CLUSTER_HEADERS
from cluster import judged as judged_cluster
from epoch_ends import OURS
from recipes import RECIPES
from serving import HEADERS, judged
from throughput import NETS, WAYS, ratios, training_gflops
from time_to_accuracy import GOALS, first_reached, runs_of

NOT_MEASURED = "Not measured yet."
HEAD = """# How fast it is

Written by `make bench` from its own measurements. Peers are measured in the same run, in turns with
ours. A cell like "12 (11 to 14)" is the median, the smallest and the largest of the repetitions.
Machines are shared and noisy: trust ratios rather than seconds."""


def origin(what: str, *results: dict) -> str:
    """One line: how often, when, on which machine, or machines if there are several."""
    dates = sorted(result["date"] for result in results)
    when = dates[0] if dates[0] == dates[-1] else f"from {dates[0]} to {dates[-1]}"
    machines = {
        ", ".join(f"{name} {value}" for name, value in result["machine"].items()): None
        for result in results
    }
    return f"{what}. Measured {when} on: {'; and on: '.join(machines)}."


def throughput_section(kept: dict | None) -> str:
    """Images a second of each net and way, and the share of the peak."""
    title = "## Training throughput"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    rounds = min(result["rounds"] for result in kept["nets"].values())
    parts = [
        title,
        origin(
            f"{rounds} rounds, batches of 128, Adam, pixels from memory", *kept["nets"].values()
        ),
        "The recommended setting is the policy that `cnnbook.devices.recommend_precision()` gives, "
        "`steps_per_execution=16`, `cnnbook.training.optimizers.FusedAdam` and images from "
        "`make_pipeline`. "
        "Given arrays, Keras' defaults may wait at the end of an epoch (decision 18); fed by "
        "`make_pipeline`, they do not. "
        "Ratios are medians of the rounds' ratios. The peak is the rate of a 2048x2048 matrix "
        "product, the better of TensorFlow and PyTorch; the share is that of the format the way "
        "computes in, taking training as three times the multiplications and additions of the way "
        "forward.",
    ]
    for net, result in sorted(kept["nets"].items(), key=lambda item: list(NETS).index(item[0])):
        rates, peak = result["images_per_second"], result["peak_gflops"]
        medians = {way: statistics.median(values) for way, values in rates.items()}
        best = max((way for way in rates if way.startswith("torch")), key=medians.get)
        against = [ratios(rates, to) for to in ("keras", "torch", best)]
        rows = []
        for way, values in rates.items():
            bfloat16 = "bfloat16" in WAYS[way].arguments
            bfloat16 |= way == "recommended" and result["policy"] == "mixed_bfloat16"
            gflops = training_gflops(result["flops"], medians[way])
            share = gflops / peak["bfloat16" if bfloat16 else "float32"]
            times = [f"{ratio[way]:.2f}" for ratio in against]
            of_peak = f"{share:.0%} of {'bfloat16' if bfloat16 else 'float32'}"
            rows.append([WAYS[way].title, spread(values), *times, of_peak])
        headers = ["", "images/s:", "to Keras' defaults:", "to PyTorch's defaults:"]
        headers += ["to PyTorch's best:", "share of peak:"]
        parts += [
            f"### {NETS[net].title}\n\n{result['parameters']:,} parameters, "
            f"{result['flops'] / 1e6:,.0f} million operations an image on the way forward. "
            f"Recommended: {result['precision']}. Peak: {peak['float32']:,.0f} GFLOP/s in float32, "
            f"{peak['bfloat16']:,.0f} in bfloat16.",
            table(headers, rows),
        ]
    return "\n\n".join(parts)


def accuracy_section(kept: dict | None) -> str:
    """Seconds to each goal, and how many times sooner ours are."""
    title = "## Time to accuracy on MNIST"
    runs = {recipe: runs_of(kept, recipe) for recipe in RECIPES}
    if not any(runs.values()):
        return f"{title}\n\n{NOT_MEASURED}"
    epochs = {recipe: [run["epochs"] for run in runs[recipe]] for recipe in RECIPES}
    reached = {r: {goal: first_reached(epochs[r], goal) for goal in GOALS} for r in RECIPES}
    ours = [recipe for recipe in RECIPES if RECIPES[recipe].recommended]
    best = {
        goal: min((reached[r][goal].seconds for r in ours if reached[r][goal]), default=None)
        for goal in GOALS
    }
    formats = sorted({run["facts"]["policy"] for recipe in ours for run in runs[recipe]})
    rows = []
    for recipe, seeds in epochs.items():
        if not seeds:
            rows.append([RECIPES[recipe].title, 0, *["not measured yet"] * (len(GOALS) + 1)])
            continue
        cells = []
        for goal in GOALS:
            at = reached[recipe][goal]
            if not at:
                cells.append(f"not within {min(map(len, seeds))} epochs")
                continue
            cell = f"{at.seconds:.1f} s ({at.fastest:.1f} to {at.slowest:.1f}), epoch {at.epoch}"
            cells.append(cell + (f", {at.seconds / best[goal]:.1f}x" if best[goal] else ""))
        last = [100 * run[-1]["test_accuracy"] for run in seeds]
        rows.append([RECIPES[recipe].title, len(seeds), *cells, f"{spread(last, 2)} %"])
    headers = ["", "seeds:", *(f"{100 * goal:.1f} %:" for goal in GOALS), "at the end:"]
    return "\n\n".join(
        [
            title,
            origin(
                "The 60,000 training images, the official test set after each epoch",
                *(run for recipe in RECIPES for run in runs[recipe]),
            ),
            "Mean seconds (fastest to slowest seed) at the first epoch at which the mean accuracy "
            'of the seeds is at the goal; "x" is how many times our soonest. Building graphs '
            "counts; importing, loading, testing and choosing the number format (about a second, "
            f"once a machine) do not. Ours computed in {' and '.join(formats) or 'nothing yet'}, "
            "as `recommend_precision()` had it.",
            table(headers, rows),
        ]
    )


def small_section(kept: dict | None) -> str:
    """The convolution in NumPy, and starting."""
    title = "## Convolution in NumPy, and starting"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    parts = [title, origin(f"{kept['rounds']} rounds after an unmeasured one", kept)]
    for task, ways in kept["convolution"].items():
        ours = statistics.median(next(iter(ways.values())))
        rows = [
            [way, spread([1e3 * s for s in seconds]), f"{statistics.median(seconds) / ours:.1f}"]
            for way, seconds in ways.items()
        ]
        parts.append(table([task, "milliseconds:", "times ours:"], rows))
    rows = [[name, spread([1e3 * s for s in seconds])] for name, seconds in kept["starts"].items()]
    parts.append(table(["starting", "milliseconds:"], rows))
    return "\n\n".join(parts)


def folder_section(kept: dict | None) -> str:
    """Reading many small pictures."""
    title = "## Opening and checking many small JPEGs"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    ways = kept["seconds"]
    keras = statistics.median(ways["keras, one pass"])
    rows = [
        [way, spread(seconds), f"{statistics.median(seconds) / keras:.2f}"]
        for way, seconds in ways.items()
    ]
    turns = len(ways["keras, one pass"])
    return "\n\n".join(
        [
            title,
            origin(f"{kept['pictures']:,} pictures, {turns} turns after an unmeasured one", kept),
            table(["", "seconds:", "times Keras:"], rows),
        ]
    )


def photos_section(kept: dict | None) -> str:
    """Photos a second of each way of reading and changing them."""
    title = "## Reading and changing photos"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    rates = kept["photos_per_second"]
    against = [ratios(rates, to) for to in ("legacy", "torch_2")]
    rows = [
        [PHOTO_WAYS[way].title, spread(values), *(f"{ratio[way]:.2f}" for ratio in against)]
        for way, values in rates.items()
    ]
    return "\n\n".join(
        [
            title,
            origin(
                f"{kept['photos']:,} JPEGs, {kept['rounds']} rounds after an unmeasured one", kept
            ),
            "From files of 200x266 pixels to batches of 32 at 160x160, mirrored, turned, zoomed "
            "and sheared at random. Ratios are medians of the rounds' ratios.",
            table(["", "photos/s:", "times the legacy generator:", "times 2 workers:"], rows),
        ]
    )


def epochs_section(kept: dict | None) -> str:
    """What the end of an epoch costs."""
    title = "## The end of an epoch"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    times = kept["ms_a_batch"]
    ours = statistics.mean(times[OURS])
    rows = [
        [way, spread(values), f"{(mean := statistics.mean(values)):.1f}", f"{mean / ours:.2f}"]
        for way, values in times.items()
    ]
    return "\n\n".join(
        [
            title,
            origin(f"{kept['rounds']} rounds after an unmeasured one", kept),
            "The same small network on the same random images, four epochs a round, longer in each "
            "round; `make_pipeline` switches the autotuning of the input off (decision 18).",
            table(["", "ms a batch:", "mean:", "times ours:"], rows),
        ]
    )


def serving_section(kept: dict | None) -> str:
    """What a request to the server costs, and what holds while networks are replaced."""
    title = "## Serving"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    return "\n\n".join(
        [
            title,
            origin(f"{kept['calls']} calls of each kind, in turns", kept),
            "A photograph of 451x300 pixels as JPEG, EfficientNet-Lite0; clients share the machine "
            "with the server. Bare is decoding and ONNX Runtime in one process, with one thread "
            "a request; of tensors it is ONNX Runtime alone.",
            table(HEADERS, judged(kept["found"], kept["requests"])),
        ]
    )


def cluster_section(kept: dict | None) -> str:
    """What sharing a training among processes costs."""
    title = "## Training in several processes"
    if not kept:
        return f"{title}\n\n{NOT_MEASURED}"
    return "\n\n".join(
        [
            title,
            origin(f"{kept['rounds']} rounds, in turns", kept),
            "1,024 images in the same batches of 128 in each world, one thread a process; seconds "
            "of the processor of all together, without start and first epoch. The efficiency is "
            "the median of the rounds' ratios of one process that trains alone; in the last "
            "column, of one whose batch is the part that each of several has.",
            table(CLUSTER_HEADERS, judged_cluster(kept["seconds"])),
        ]
    )


SECTIONS = {
    "time_to_accuracy": accuracy_section,
    "throughput": throughput_section,
    "epoch_ends": epochs_section,
    "small_things": small_section,
    "read_folder": folder_section,
    "augment_photos": photos_section,
    "serving": serving_section,
    "cluster": cluster_section,
}


def main() -> None:
    """Write the page; what was not measured here stays as it stands there."""
    page = HERE / "RESULTS.md"
    _, *parts = re.split(r"\n\n(?=## )", page.read_text().rstrip()) if page.exists() else [""]
    found = {part.partition("\n")[0]: part for part in parts}
    for name, write in SECTIONS.items():
        section, title = write(kept := kept_result(name)), write(None).partition("\n")[0]
        if kept or title not in found:
            found[title] = section
    page.write_text("\n\n".join([HEAD, *found.values()]) + "\n")


if __name__ == "__main__":
    main()
