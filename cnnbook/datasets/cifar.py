"""CIFAR-10 and CIFAR-100: small colour photographs in 10 or 100 classes.

Looks for a prepared copy of TensorFlow Datasets (TFDS) in the folder that CNNBOOK_DATA names, then
where TFDS keeps its own, and downloads through TFDS unless CNNBOOK_OFFLINE is set. There is no
embedded copy: the licence of these photographs does not allow one.

Source: Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images",
https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.
"""

from typing import Literal

from cnnbook._checks import checked
from cnnbook.datasets._places import ImageSplits, first_available, split_and_announce, tfds_places

CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
COARSE_CLASSES = (
    *("aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables"),
    *("household_electrical_devices", "household_furniture", "insects", "large_carnivores"),
    *("large_man-made_outdoor_things", "large_natural_outdoor_scenes"),
    *("large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates"),
    *("people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2"),
)
FINE_CLASSES = (
    *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle"),
    *("bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle"),
    *("caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch"),
    *("crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox"),
    *("girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion"),
    *("lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom"),
    *("oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree"),
    *("plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
    *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake"),
    *("spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank"),
    *("telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle"),
    *("wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"),
)


@checked
def load_cifar10() -> ImageSplits:
    """Load photographs in ten classes, and say where from.

    Returns:
        Images (count, 32, 32, 3) uint8 RGB, labels 0 to 9: 45,000 training, 5,000 validation
        (chosen by content, the same on every machine) and the 10,000 official test images.

    Raises:
        FileNotFoundError: If no copy is to be had; lists every place tried.
        OSError: If a copy is broken: names the folder and what is wrong with it.
    """
    return _load_cifar("cifar10", "CIFAR-10", CIFAR10_CLASSES, "label")


@checked
def load_cifar100(label_mode: Literal["fine", "coarse"] = "fine") -> ImageSplits:
    """Load photographs in 100 fine or 20 coarse classes; as `load_cifar10` in everything else.

    Args:
        label_mode: "fine" for labels 0 to 99, "coarse" for labels 0 to 19; else a ValueError.
    """
    modes = {"fine": (FINE_CLASSES, "label"), "coarse": (COARSE_CLASSES, "coarse_label")}
    if label_mode not in modes:
        raise ValueError(f"`label_mode` must be 'fine' or 'coarse'; got {label_mode!r}.")
    return _load_cifar("cifar100", "CIFAR-100", *modes[label_mode])


def _load_cifar(name: str, title: str, class_names: tuple[str, ...], label_key: str) -> ImageSplits:
    ways_out = [
        f"go online, unset CNNBOOK_OFFLINE, and run: cnnbook data prepare {name}",
        f"copy the folder tensorflow_datasets/{name} of a machine that has it into"
        " ~/tensorflow_datasets, or beside other data and set CNNBOOK_DATA to its parent",
        "use load_mnist() or load_fashion_mnist(), which come with the book",
    ]
    places = tfds_places(name, "www.cs.toronto.edu", label_key)
    source, arrays, passed_by = first_available(f"{title} is", places, ways_out)
    return split_and_announce(title, source, arrays, class_names, passed_by)
