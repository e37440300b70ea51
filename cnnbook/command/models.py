"""The commands `cnnbook models` and `cnnbook summary`: the networks of the package, by name."""

import os
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from cnnbook.command._say import choose


class Network(NamedTuple):
    """How a network is built."""

    module: str
    builder: str
    options: dict[str, object]
    parameters: int
    """Of the network as it is built so; a test compares."""

    @property
    def call(self) -> str:
        """The call as one writes it."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.builder}({options})"


NETWORKS = {
    "neocognitron": Network("neocognitron", "build_neocognitron", {}, 30_768),
    "lenet5": Network("lenet5", "build_lenet5", {}, 61_706),
    "alexnet": Network("alexnet", "build_alexnet", {}, 60_965_224),
    "alexnet-ungrouped": Network("alexnet", "build_alexnet", {"variant": "ungrouped"}, 62_378_344),
    "alexnet-single-tower": Network(
        "alexnet", "build_alexnet", {"variant": "single_tower"}, 61_100_840
    ),
    "vgg11": Network("vgg", "build_vgg", {"depth": 11}, 132_863_336),
    "vgg13": Network("vgg", "build_vgg", {"depth": 13}, 133_047_848),
    "vgg16": Network("vgg", "build_vgg", {"depth": 16}, 138_357_544),
    "vgg19": Network("vgg", "build_vgg", {"depth": 19}, 143_667_240),
    "googlenet": Network("googlenet", "build_googlenet", {}, 6_998_552),
    "googlenet-auxiliary": Network(
        "googlenet", "build_googlenet", {"auxiliary_heads": True}, 13_378_280
    ),
    "googlenet-naive": Network("googlenet", "build_googlenet", {"reductions": False}, 97_526_008),
    "inception-v3": Network("inception_v3", "build_inception_v3", {}, 23_851_784),
    "resnet18": Network("resnet", "build_resnet", {"depth": 18}, 11_699_112),
    "resnet34": Network("resnet", "build_resnet", {"depth": 34}, 21_814_696),
    "resnet50": Network("resnet", "build_resnet", {"depth": 50}, 25_636_712),
    "resnet101": Network("resnet", "build_resnet", {"depth": 101}, 44_707_176),
    "resnet152": Network("resnet", "build_resnet", {"depth": 152}, 60_419_944),
    "resnet-cifar20": Network("resnet_cifar", "build_resnet_cifar", {"depth": 20}, 271_098),
    "resnet-cifar56": Network("resnet_cifar", "build_resnet_cifar", {"depth": 56}, 857_082),
    "resnet-cifar110": Network("resnet_cifar", "build_resnet_cifar", {"depth": 110}, 1_736_058),
    "squeezenet1.0": Network("squeezenet", "build_squeezenet", {"variant": "1.0"}, 1_248_424),
    "squeezenet1.1": Network("squeezenet", "build_squeezenet", {"variant": "1.1"}, 1_235_496),
    "densenet121": Network("densenet", "build_densenet", {"depth": 121}, 8_062_504),
    "densenet169": Network("densenet", "build_densenet", {"depth": 169}, 14_307_880),
    "densenet201": Network("densenet", "build_densenet", {"depth": 201}, 20_242_984),
    "densenet-cifar40": Network("densenet", "build_densenet_cifar", {}, 1_037_818),
    "spatial-transformer": Network("spatial_transformer", "build_spatial_transformer", {}, 55_836),
    "mobilenet-v2": Network("mobilenet_v2", "build_mobilenet_v2", {}, 3_538_984),
    "efficientnet-lite0": Network("efficientnet_lite0", "build_efficientnet_lite0", {}, 4_694_024),
    "dense": Network("dense", "build_dense_net", {}, 669_706),
    "mnist-cnn": Network("mnist_cnn", "build_mnist_cnn", {}, 1_199_882),
    "lenet-relu": Network("lenet_relu", "build_lenet_relu", {}, 3_362_570),
    "cifar-tutorial": Network("cifar_tutorial", "build_cifar_tutorial_net", {}, 122_570),
    "deep-blocks": Network("deep_blocks", "build_deep_blocks", {}, 3_113_930),
    "small-digit-net": Network("small_digit_net", "build_small_digit_net", {}, 105_290),
    "small-photo-net": Network("small_photo_net", "build_small_photo_net", {}, 120_202),
}


def list_models() -> None:
    """List the networks of the package with their parameters."""
    width = max(map(len, NETWORKS))
    for name, network in NETWORKS.items():
        module = f"cnnbook.models.{network.module}"
        typer.echo(f"{name:{width}}  {network.parameters:>11,}  {module}: {network.call}")


def show_summary(
    name: Annotated[str, typer.Argument(help="As `cnnbook models` lists it.")],
) -> None:
    """Build a network and print its layers, map sizes and parameters."""
    choose(name, NETWORKS, "network")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    build(name).summary(line_length=100, print_fn=typer.echo)


def build(name: str) -> Any:
    """Build a network of the list, with random weights."""
    network = NETWORKS[name]
    module = import_module(f"cnnbook.models.{network.module}")
    return getattr(module, network.builder)(**network.options)
