"""Read all data at a path: folders of pictures, a mapping file, idx files, copies of TFDS."""

import json
import os
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from cnnbook._checks import shown
from cnnbook._machine import kind_and_reason, not_the_file, reason_of
from cnnbook.datasets.image_folder import SHAPE, find_parts, read_image, scan_image_folder
from cnnbook.datasets.mapping_file import scan_mapping_file
from cnnbook.datasets.mnist import read_idx
from cnnbook.datasets.verify import Picture, Report, verify_pictures

PARTS = ("train", "training", "validation", "valid", "val", "test", "testing")
DEEPER, NO_CLASSES = "the class folders lie deeper", "folders that are parts, not classes"
IDX = "*idx[13]-ubyte*"
FIRST = 10  # problems of a kind that the table shows


def verify_path(path: Path, allow_outside: bool = False, progress: bool = True) -> Report:
    """Read all pictures at a path and report every problem; OSError where nothing is to be read."""
    if path.is_file():
        lines, problems = scan_mapping_file(path, allow_outside=allow_outside)
        pictures = [Picture(file, str(label), "all") for file, label in lines]
        return _examine(pictures, {}, problems, progress)
    if not path.is_dir():
        raise FileNotFoundError(f"{shown(path)} does not exist; name a folder or a mapping file.")
    if found := sorted(path.rglob(IDX)):
        return _verify_idx(found)
    if list(path.rglob("dataset_info.json")):
        return _verify_tfds(path)
    parts, problems, notices = _scan_parts(path, allow_outside)
    # Training pictures first, so that a twin in the test pictures is the second of the two.
    listed = [(part, label, parts[part][label]) for part in parts for label in parts[part]]
    pictures = [Picture(file, label, part) for part, label, files in listed for file in files]
    if not pictures:
        problems.append(f"{shown(path)} holds no pictures: {SHAPE}")
    report = _examine(pictures, {part: list(parts[part]) for part in parts}, problems, progress)
    report.warnings.update(notices)
    return report


def _scan_parts(path: Path, allow_outside: bool) -> tuple[dict[str, dict], list[str], dict]:
    """List the pictures of each class of each part, those for training first, and all problems."""
    classes, problems = scan_image_folder(path, allow_outside)
    places = find_parts(path, classes)
    if not places:
        return {"all": classes}, problems, {}
    if len(places) == 1:  # one folder holds everything, as where an archive was unpacked in itself
        place = next(iter(places.values()))
        parts, found, notices = _scan_parts(place, allow_outside)
        return parts, problems + found, {DEEPER: [shown(place)]} | notices
    parts = {}
    for part in sorted(places, key=lambda each: "train" not in each.lower()):
        parts[part], found = scan_image_folder(places[part], allow_outside)
        problems += found
    unusual = [shown(place) for part, place in places.items() if part.lower() not in PARTS]
    return parts, list(dict.fromkeys(problems)), {NO_CLASSES: unusual} if unusual else {}


def _examine(pictures: list[Picture], names: dict, problems: list[str], progress: bool) -> Report:
    """Verify the pictures, and add the problems of the list they come from."""
    told = partial(_draw_bar, len(pictures)) if progress else lambda count: None
    report = verify_pictures(pictures, read_image, names, told)
    if problems:
        report.errors["not in the list"] = problems
    return report


def _draw_bar(total: int, count: int) -> None:
    """Draw a progress bar on a terminal, and nothing elsewhere."""
    if sys.stderr.isatty() and (count % 100 == 0 or count == total):
        end = "\n" if count == total else ""
        line = f"\r[{'#' * (40 * count // total):40}] {count:,} of {total:,} pictures{end}"
        print(line, end="", file=sys.stderr, flush=True)


def _verify_idx(paths: list[Path]) -> Report:
    """Read each idx file, packed or not; images and labels of one name belong together."""
    counts, errors = dict[str, dict[str, int]](), defaultdict[str, list[str]](list)
    pairs = defaultdict[tuple[Path, str], Counter[str]](Counter)
    for path in paths:
        start, kind, _ = re.split("(images|labels|$)", path.name.lower(), maxsplit=1)
        try:
            number = len(read_idx(path))
        except OSError as error:
            errors["cannot be read now" if error.errno else "unreadable"].append(str(error))
            continue
        name = path.name if path.name not in counts else shown(path)
        counts[name] = {"items": number}
        pairs[path.parent, start][kind] = max(number, pairs[path.parent, start][kind])
    for (folder, start), found in pairs.items():
        if found["images"] != found["labels"]:
            part = shown(folder / start.rstrip("-"))
            line = f"{part}: {found['images']:,} images, {found['labels']:,} labels"
            errors["counts differ"].append(line)
    total = sum(found["images"] for found in pairs.values())
    return Report(total, counts, {}, dict(errors), {}, [])


def _verify_tfds(folder: Path) -> Report:
    """Read every record of the copies of TensorFlow Datasets below a folder."""
    import tensorflow_datasets as tfds

    counts, errors = defaultdict[str, dict[str, int]](dict), defaultdict[str, list[str]](list)
    for info in sorted(folder.rglob("dataset_info.json")):
        name = f"{info.parent.parent.name} {info.parent.name}"
        try:
            builder = tfds.builder_from_directory(info.parent)
            for part in builder.info.splits:
                records = sum(1 for _ in builder.as_dataset(split=part))
                counts[f"{name} {part}"]["items"] = records
        except Exception as error:  # TFDS and TensorFlow raise many kinds
            told = not_the_file(error, info.parent)
            if told and not isinstance(error, FileNotFoundError):
                raise told from error
            errors["unreadable"].append(f"{shown(info.parent)}: {kind_and_reason(error)}")
    total = sum(entry["items"] for entry in counts.values())
    return Report(total, dict(counts), {}, dict(errors), {}, [])


def as_json(report: Report) -> str:
    """Write the whole report for programs."""
    fields = report._asdict() | {"may_be_trained_on": report.may_be_trained_on}
    fields["unreadable"] = [shown(path) for path in report.unreadable]
    return json.dumps(fields, indent=1, ensure_ascii=True)


def as_table(report: Report) -> str:
    """Write the report for people: counts, the first problems of each kind, the verdict."""
    lines = []
    for part, labels in report.counts.items():
        counted = ", ".join(f"{shown(label)} {count:,}" for label, count in labels.items())
        lines.append(f"{part}: {sum(labels.values()):,} ({counted})")
    if report.sizes:
        (low, high), (narrow, wide) = report.sizes["height"], report.sizes["width"]
        lines.append(f"sizes: {low} to {high} pixels high, {narrow} to {wide} wide")
    for title, kinds in (("ERROR", report.errors), ("warning", report.warnings)):
        for kind, found in kinds.items():
            lines.append(f"{title}: {kind}: {len(found):,}")
            lines += [f"  {line}" for line in found[:FIRST]]
            if len(found) > FIRST:
                lines.append(f"  ... and {len(found) - FIRST:,} more (all are in --json)")
    verdict = "may be trained on" if report.may_be_trained_on else "must not be trained on as it is"
    if report.may_be_trained_on and NO_CLASSES in report.warnings:
        verdict = "is fit for training, one part at a time"
    return "\n".join([*lines, f"{report.num_images:,} items read: this data {verdict}."])


def move_unreadable(report: Report, root: Path, quarantine: Path) -> Iterator[str]:
    """Move what cannot be read into another folder, with the folders it was in; overwrite nothing.

    Yields a line for each file that was moved. OSError where one cannot be: it stays where it is.
    """
    for path in report.unreadable:
        absolute = path.parent.resolve() / path.name
        inside = absolute.is_relative_to(root)
        target = quarantine / (absolute.relative_to(root) if inside else path.name)
        if os.path.lexists(target):
            words = f"{shown(target)} is there already; nothing was overwritten"
            raise FileExistsError(f"{words}. Choose another folder.")
        half = target.with_name(f".{target.name[:200]}.half")  # of another disk it is copied
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, half)
        except OSError as error:
            with suppress(OSError):
                half.unlink()
            words = f"{shown(path)} was not moved to {shown(target)} ({reason_of(error)})"
            raise OSError(f"{words}; it stays. Choose a folder with room to write.") from None
        half.rename(target)
        yield f"moved {shown(path)} to {shown(target)}"
