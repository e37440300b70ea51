"""The commands `cnnbook models` and `cnnbook summary`: the networks of the package, by name."""

import os
import re
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from cnnbook.command._say import choose

# What the names of the layers of one block begin with.
BLOCK = re.compile(r"(stage\d+_(block\d+|down)|(dense_)?block\d+|[a-z]+\d+[a-z]?)(?=_|$)")


class Network(NamedTuple):
    """How a network is built, and the parameters that it then has, which a test compares."""

    module: str
    options: dict[str, object]
    parameters: int
    name: str = ""

    @property
    def builder(self) -> str:
        """The function's name."""
        return self.name or f"build_{self.module}"

    @property
    def call(self) -> str:
        """The call as one writes it."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.builder}({options})"


NETWORKS = {
    "neocognitron": Network("neocognitron", {}, 30_768),
    "lenet5": Network("lenet5", {}, 61_706),
    "alexnet": Network("alexnet", {}, 60_965_224),
    "alexnet-ungrouped": Network("alexnet", {"variant": "ungrouped"}, 62_378_344),
    "alexnet-single-tower": Network("alexnet", {"variant": "single_tower"}, 61_100_840),
    "vgg11": Network("vgg", {"depth": 11}, 132_863_336),
    "vgg13": Network("vgg", {"depth": 13}, 133_047_848),
    "vgg16": Network("vgg", {"depth": 16}, 138_357_544),
    "vgg19": Network("vgg", {"depth": 19}, 143_667_240),
    "googlenet": Network("googlenet", {}, 6_998_552),
    "googlenet-auxiliary": Network("googlenet", {"auxiliary_heads": True}, 13_378_280),
    "googlenet-naive": Network("googlenet", {"reductions": False}, 97_526_008),
    "inception-v3": Network("inception_v3", {}, 23_851_784),
    "resnet18": Network("resnet", {"depth": 18}, 11_699_112),
    "resnet34": Network("resnet", {"depth": 34}, 21_814_696),
    "resnet50": Network("resnet", {"depth": 50}, 25_636_712),
    "resnet101": Network("resnet", {"depth": 101}, 44_707_176),
    "resnet152": Network("resnet", {"depth": 152}, 60_419_944),
    "resnet-cifar20": Network("resnet_cifar", {"depth": 20}, 271_098),
    "resnet-cifar56": Network("resnet_cifar", {"depth": 56}, 857_082),
    "resnet-cifar110": Network("resnet_cifar", {"depth": 110}, 1_736_058),
    "se-resnet50": Network("se_resnet", {}, 28_141_144),
    "se-resnet-cifar20": Network("se_resnet", {"depth": 20}, 273_471, "build_se_resnet_cifar"),
    "resnext50": Network("resnext", {}, 25_097_128),
    "resnext-cifar29": Network("resnext", {}, 34_484_170, "build_resnext_cifar"),
    "squeezenet1.0": Network("squeezenet", {"variant": "1.0"}, 1_248_424),
    "squeezenet1.1": Network("squeezenet", {"variant": "1.1"}, 1_235_496),
    "squeezenet-cifar": Network("squeezenet", {}, 122_994, "build_squeezenet_cifar"),
    "densenet121": Network("densenet", {"depth": 121}, 8_062_504),
    "densenet169": Network("densenet", {"depth": 169}, 14_307_880),
    "densenet201": Network("densenet", {"depth": 201}, 20_242_984),
    "densenet-cifar40": Network("densenet", {}, 1_037_818, "build_densenet_cifar"),
    "spatial-transformer": Network("spatial_transformer", {}, 55_836),
    "mobilenet-v2": Network("mobilenet_v2", {}, 3_538_984),
    "mobilenet-v2-cifar": Network("mobilenet_v2", {}, 125_746, "build_mobilenet_v2_cifar"),
    "efficientnet-lite0": Network("efficientnet_lite0", {}, 4_694_024),
    "convnext-tiny": Network("convnext", {"variant": "tiny"}, 28_589_128),
    "convnext-cifar": Network("convnext", {}, 120_506, "build_convnext_cifar"),
    "vit-b16": Network("vit", {"variant": "B/16"}, 86_567_656),
    "vit-cifar": Network("vit", {}, 119_194, "build_vit_cifar"),
    "dense": Network("dense", {}, 669_706, "build_dense_net"),
    "mnist-cnn": Network("mnist_cnn", {}, 1_199_882),
    "lenet-relu": Network("lenet_relu", {}, 3_362_570),
    "cifar-tutorial": Network("cifar_tutorial", {}, 122_570, "build_cifar_tutorial_net"),
    "deep-blocks": Network("deep_blocks", {}, 3_113_930),
    "small-digit-net": Network("small_digit_net", {}, 105_290),
    "small-photo-net": Network("small_photo_net", {}, 120_202),
}


def list_models() -> None:
    """List the networks of the package with their parameters."""
    width = max(map(len, NETWORKS))
    for name, network in NETWORKS.items():
        module = f"cnnbook.models.{network.module}"
        typer.echo(f"{name:{width}}  {network.parameters:>11,}  {module}: {network.call}")


def show_summary(
    name: Annotated[str, typer.Argument(help="As in `cnnbook models`.")],
    blocks: Annotated[
        bool, typer.Option("--blocks", help="A line a block, with its work.")
    ] = False,
) -> None:
    """Build a network and print its layers, map sizes and parameters."""
    choose(name, NETWORKS, "network")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if blocks:
        _print("\n".join(lines_of_blocks(build(name))))
    else:
        build(name).summary(line_length=100, print_fn=_print)


def lines_of_blocks(model: Any) -> list[str]:
    """Return a line a block: what leaves it, its parameters, its millions of multiply-adds.

    A bar is as long as the block's share of the work. Layers of no block have a line of their own,
    but for those that keep the shape and have nothing to learn or to multiply.
    """
    costs = import_module("cnnbook.deploy.costs").layer_costs(model)
    rows: list[tuple[str, tuple[int, ...], int, int]] = []
    for cost in costs:
        found = BLOCK.match(cost.name)
        title = found[0] if found else cost.name
        size, parameters, work = cost.output_shape, cost.parameters, cost.multiply_adds
        if rows and rows[-1][0] == title:
            parameters, work = parameters + rows[-1][2], work + rows[-1][3]
            rows.pop()
        elif rows and not found and not (parameters or work) and rows[-1][1] == size:
            continue
        rows.append((title, size, parameters, work))
    whole = sum(row[3] for row in rows)
    rows.append(("in all", (), sum(row[2] for row in rows), whole))
    lines = [f"{'block':24} {'output':>16} {'parameters':>12} {'million multiply-adds':>22}"]
    for title, size, parameters, work in rows:
        sides = " x ".join(map(str, size))
        bar = "" if title == "in all" else "━" * round(20 * work / max(1, whole))
        lines.append(f"{title:24} {sides:>16} {parameters:12,} {work / 1e6:22,.2f} {bar}".rstrip())
    return lines


def _print(text: str) -> None:
    """Print a table, with plain lines where the terminal has no others."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        for signs, plain in (("─━═", "-"), ("│┃║", "|"), ("┌-╿", "+")):
            text = re.sub(f"[{signs}]", plain, text)
    typer.echo(text)


def build(name: str) -> Any:
    """Build a network of the list, with random weights."""
    network = NETWORKS[name]
    module = import_module(f"cnnbook.models.{network.module}")
    return getattr(module, network.builder)(**network.options)
