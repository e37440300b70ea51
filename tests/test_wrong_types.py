"""Values of all kinds for each argument of each public function: our ValueError, or an answer."""

# ruff: noqa: C408  keywords of a call, not keys

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import cnnbook
from cnnbook.book.claims import ClaimError
from cnnbook.datasets.verify import Picture
from cnnbook.deploy.cluster import Shard, World
from cnnbook.labelled_files import LabelledFiles

# Of some kinds there are several values, so that one is legal in size where another is not.
WRONG = {
    "text": ["abc", "", "7"],
    "bytes": [b"abc"],
    "int": [7, -1],
    "float": [2.5, float("nan")],
    "bool": [True],
    "None": [None],
    "dict": [{}, {"a": 1}, {3: object()}],
    "object": [object()],
    "class": [int],
    "function": [len],
    "list of text": [["a", "b"], ("a",)],
    "list of numbers": [[1, 2], (1.5, float("nan")), [-1]],
    "list of anything": [[], [None], [object(), 1], [{}, {}]],
    "ragged list": [[[1, 2], [3]], [["a"], [1, 2]]],
    "set": [{1, 2}],
    "NaN array": [np.full((2, 2), np.nan), np.full((1, 8, 8, 3), np.nan)],
    "array of text": [np.array(["a", "b"])],
    "array of objects": [np.array([None, 1])],
}
# What a function of ours makes, or Keras from a saved configuration: no doors.
NO_DOORS = {"Augmentation", "ConvolutionWidget", "LayersWidget"}


def public_doors():
    """Yield the place and the object of each function and class that a reader may call."""
    for info in pkgutil.walk_packages(cnnbook.__path__, "cnnbook."):
        private = any(part.startswith("_") for part in info.name.split("."))
        program = info.name.startswith(("cnnbook.command", "cnnbook.book"))
        if private or (program and info.name != "cnnbook.book.claims"):
            continue
        module = importlib.import_module(info.name)
        for name, item in vars(module).items():
            here = getattr(item, "__module__", "") == info.name
            here |= name in getattr(module, "__all__", ())
            if here and not name.startswith("_") and callable(item) and is_door(item):
                yield f"{info.name.removeprefix('cnnbook.')}.{name}", item


def is_door(item):
    """Tell functions, and classes whose arguments are ours to check, from records and errors."""
    if not inspect.isclass(item):
        return inspect.isfunction(item)
    record = issubclass(item, (tuple, Exception)) or getattr(item, "_is_protocol", False)
    record |= dataclasses.is_dataclass(item) and item is not LabelledFiles
    return not record and item.__name__ not in NO_DOORS


def arguments_of(item):
    """Name the arguments that a door has; those that go on to Keras are not ours."""
    if inspect.isclass(item) and item.__init__.__module__.startswith("keras"):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(item).parameters.values()
    return [each.name for each in parameters if each.kind not in kinds]


TAKE_A_SECOND = {
    "deploy.export.export_litert",
    "explain.integrated_gradients.integrated_gradients",
    "explain.maximize.maximize_filter",
    "plots.confusion.plot_confusion_matrix",
    "plots.gallery.plot_gallery",
    "plots.histograms.plot_histograms",
    "plots.kernel.plot_kernel",
    "plots.layer_step.plot_layer",
    "plots.map_sizes.plot_map_sizes",
    "plots.overlay.plot_heat_maps",
    "plots.scatter.plot_scatter",
}
DOORS = {place: item for place, item in public_doors() if arguments_of(item)}


@functools.cache
def small_net(num_classes=3):
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3), name="images")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(layers.Rescaling(1 / 255)(images))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(images, layers.Dense(num_classes, name="logits")(x))


def base_net():
    net = small_net()
    return keras.Model(net.input, net.get_layer("average").output)


def some(*shape, high=256):
    return np.random.default_rng(0).integers(0, high, shape).astype("uint8")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What the valid arguments are made of."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            path = folder / "photos" / name / f"{name}.{number}.jpg"
            Image.fromarray(some(9, 9, 3) // (number + 1)).save(path)
    (folder / "map.txt").write_text("photos/cat/cat.0.jpg 0\nphotos/dog/dog.0.jpg 1\n")
    paths = sorted((folder / "photos").rglob("*.jpg"))
    files = LabelledFiles(paths, np.repeat([0, 1], 3), ("cat", "dog"))
    layer = SimpleNamespace(name="a", kind="Conv2D", inputs=(), output_shape=(8, 8, 4))
    graph = importlib.import_module("cnnbook.plots.connections").connect_dense((3,), (2,))
    reader = importlib.import_module("cnnbook.datasets.image_folder").read_center_crop
    return SimpleNamespace(
        folder=folder, paths=paths, files=files, layer=layer, graph=graph, reader=reader
    )


def stub_plot(picture, values, probabilities, **words):
    from matplotlib.figure import Figure

    return Figure()


SHAPE = (32, 32, 3)
GREY = (28, 28, 1)
# The arguments of one valid call, small and quick.
VALID = {
    "arithmetic.output_size": lambda w: dict(input_size=9, kernel_size=3, padding=0, strides=2),
    "arithmetic.convolve": lambda w: dict(
        images=some(1, 8, 8, 3), kernels=np.ones((3, 3, 3, 2)), strides=1, padding="same",
        bias=np.zeros(2)
    ),
    "arithmetic.pool": lambda w: dict(images=some(1, 8, 8, 3), pool_size=2, strides=2, mode="max"),
    "arithmetic.receptive_field": lambda w: dict(layers=[(3, 1), (2, 2)]),
    "arithmetic.count_parameters": lambda w: dict(inputs=3, outputs=4, kernel_size=3, bias=True),
    "book.claims.claim": lambda w: dict(
        name="a_claim", value=0.5, at_least=0.1, at_most=None, equals=None, quick=0.1,
        embedded=0.1, source="embedded data"
    ),
    "boxes.intersection_over_union": lambda w: dict(
        boxes=[[0, 0, 4, 4]], others=[[2, 0, 6, 4]]
    ),
    "boxes.non_maximum_suppression": lambda w: dict(
        boxes=[[0, 0, 4, 4]], scores=[0.9], classes=[1], max_iou=0.5
    ),
    "boxes.precision_recall": lambda w: dict(
        true_boxes=[[[0, 0, 4, 4]]], found_boxes=[[[0, 0, 4, 4]]], scores=[[0.9]], min_iou=0.5
    ),
    "boxes.mean_average_precision": lambda w: dict(
        true_boxes=[[[0, 0, 4, 4]]], true_classes=[[1]], found_boxes=[[[0, 0, 4, 4]]],
        found_classes=[[1]], scores=[[0.9]], min_iou=0.5
    ),
    "center_crop.center_crop": lambda w: dict(
        image=some(9, 9, 3), image_size=(4, 4), share=0.9, resample="bilinear"
    ),
    "datasets.augmentation.make_augmentation": lambda w: dict(
        horizontal_flip=True, vertical_flip=True, rotation=5.0, zoom=0.1, shear=0.1,
        translation=0.1, crop=0.9, brightness=0.1, contrast=0.1, color=0.1, noise=1.0, cutout=0.1,
        fill_mode="constant", fill_value=0.0, seed=0
    ),
    "datasets.augmentation.make_mixup": lambda w: dict(num_classes=3, alpha=0.2, seed=0),
    "datasets.cats_vs_dogs_archive.prepare_cats_vs_dogs": lambda w: dict(
        zip_or_folder=w.folder / "missing.zip", target=w.folder / "target", train=2, test=1
    ),
    "datasets.cifar.load_cifar100": lambda w: dict(label_mode="fine"),
    "datasets.image_folder.read_center_crop": lambda w: dict(path=w.paths[0], image_size=(4, 4)),
    "datasets.image_folder.read_image": lambda w: dict(path=w.paths[0], image_size=(4, 4)),
    "datasets.image_folder.load_image_folder": lambda w: dict(
        folder=w.folder / "photos", image_size=(4, 4), class_names=("cat", "dog"),
        allow_outside=False
    ),
    "datasets.image_folder.list_image_files": lambda w: dict(
        folder=w.folder / "photos", class_names=("cat", "dog"), allow_outside=False
    ),
    "datasets.image_folder.find_parts": lambda w: dict(
        folder=w.folder / "photos", classes={"cat": [w.folder / "photos" / "cat" / "cat.0.jpg"]}
    ),
    "datasets.image_folder.scan_image_folder": lambda w: dict(
        folder=w.folder / "photos", allow_outside=False
    ),
    "datasets.image_pipeline.make_image_pipeline": lambda w: dict(
        files=w.files, image_size=(4, 4), batch_size=2, training=True, augment=None, seed=0
    ),
    "datasets.mapping_file.load_mapping_file": lambda w: dict(
        mapping_file=w.folder / "map.txt", image_size=(4, 4), class_names=("cat", "dog"),
        allow_outside=False
    ),
    "datasets.mapping_file.list_mapping_file": lambda w: dict(
        mapping_file=w.folder / "map.txt", class_names=("cat", "dog"), allow_outside=False
    ),
    "datasets.mapping_file.scan_mapping_file": lambda w: dict(
        mapping_file=w.folder / "map.txt", class_names=("cat", "dog"), allow_outside=False
    ),
    "datasets.mnist.read_idx": lambda w: dict(
        path=w.folder / "train-images-idx3-ubyte", expected_sha256="0" * 64
    ),
    "datasets.photos.load_photo": lambda w: dict(name="cat"),
    "datasets.pipeline.make_pipeline": lambda w: dict(
        images=some(4, 8, 8, 3), labels=np.arange(4), batch_size=2, training=True, augment=None,
        num_classes=4, seed=0
    ),
    "datasets.preprocessing.PCAWhitening": lambda w: dict(components=2, epsilon=1e-5),
    "datasets.preprocessing.ZCAWhitening": lambda w: dict(components=2, epsilon=1e-5),
    "datasets.scenes.make_scenes": lambda w: dict(
        digits=np.full((2, 8, 8), 255, "uint8"), labels=[0, 1], photos=[some(40, 40)], count=1,
        side=32, num_digits=(1, 2), sizes=(6, 9), max_iou=0.3, seed=0
    ),
    "datasets.split.split_by_content": lambda w: dict(
        paths=w.paths, labels=np.repeat([0, 1], 3), validation_fraction=0.4, seed=0
    ),
    "datasets.verify.verify_pictures": lambda w: dict(
        pictures=[Picture(path, "cat", "train") for path in w.paths],
        read=lambda path: some(9, 9, 3), class_names={"train": ["cat"]},
        progress=lambda count: None
    ),
    "deploy.cluster.Shard": lambda w: dict(
        images=some(4, 8, 8, 3), labels=np.arange(4), batch_size=2, world=World(0, 1), seed=0,
        image_shape=None
    ),
    "deploy.cluster.ClusterResume": lambda w: dict(
        folder=w.folder / "runs", batches=Shard(some(4, 8, 8, 3), np.arange(4), 2)
    ),
    "deploy.costs.layer_costs": lambda w: dict(model=small_net()),
    "deploy.export.export_litert": lambda w: dict(
        model=small_net(), path=w.folder / "net.tflite", int8_images=some(2, 8, 8, 3),
        weights="int8"
    ),
    "deploy.export.export_onnx": lambda w: dict(model=small_net(), path=w.folder / "net.onnx"),
    "deploy.latency.measure_latency": lambda w: dict(
        predict=np.sum, images=some(1, 8, 8, 3), repeats=2, warm_up=1
    ),
    "deploy.latency.load_litert": lambda w: dict(path=w.folder / "missing.tflite", threads=1),
    "deploy.latency.load_onnx": lambda w: dict(path=w.folder / "missing.onnx", threads=1),
    "deploy.launch.launch": lambda w: dict(
        command=(sys.executable, "-S", "-c", ""), size=1, restarts=0
    ),
    "deploy.launch_ray.launch_on_ray": lambda w: dict(
        script=w.folder / "missing.py", arguments=("a",), workers=2, restarts=0
    ),
    "deploy.serve.make_app": lambda w: dict(
        networks={"a": w.folder / "missing.onnx"}, token="secret", max_bytes=1_000, threads=1,
        prepare=None
    ),
    # Of an address that is no machine's, so that it ends at once.
    "deploy.serve.run_app": lambda w: dict(app=len, host="192.0.2.1", port=8_000, insecure=True),
    "deploy.serve_ray.run_on_ray": lambda w: dict(
        make=(w.folder / "missing.onnx").read_bytes, host="127.0.0.1", port=8_000, replicas=2,
        insecure=False
    ),
    "explain.embedding.embed": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), layer_name="average"
    ),
    "explain.embedding.project": lambda w: dict(
        features=np.random.default_rng(0).normal(size=(8, 4)), method="pca", seed=0
    ),
    "explain.feature_maps.feature_maps": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), layer_names=["conv"]
    ),
    "explain.feature_maps.dead_filters": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), layer_name="conv"
    ),
    "explain.feature_maps.filter_images": lambda w: dict(
        model=small_net(), layer_name="conv", same_scale=True
    ),
    "explain.grad_cam.grad_cam": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), class_index=1, layer_name="conv"
    ),
    "explain.integrated_gradients.integrated_gradients": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), class_index=1, baseline=0.0, steps=2
    ),
    "explain.maximize.maximize_filter": lambda w: dict(
        model=small_net(), layer_name="conv", filter_index=0, steps=1, step_size=1.0, jitter=1,
        blur=0.3, decay=0.01, image_shape=(8, 8, 3), seed=0
    ),
    "explain.occlusion.occlusion_map": lambda w: dict(
        model=small_net(), images=some(1, 8, 8, 3), class_index=1, window=4, strides=4, fill=0.0
    ),
    "explain.saliency.saliency": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), class_index=1
    ),
    "labelled_files.LabelledFiles": lambda w: dict(
        paths=["a.png"], labels=[0], class_names=("a", "b")
    ),
    "models.alexnet.build_alexnet": lambda w: dict(
        variant="grouped", image_shape=(67, 67, 3), num_classes=3, dropout=0.5
    ),
    "models.cifar_tutorial.build_cifar_tutorial_net": lambda w: dict(
        image_shape=SHAPE, num_classes=3
    ),
    "models.convnext.build_convnext": lambda w: dict(
        variant="tiny", image_shape=SHAPE, num_classes=3, drop_path_rate=0.1, weights=None
    ),
    "models.convnext.build_convnext_cifar": lambda w: dict(
        image_shape=SHAPE, num_classes=3, filters=(4, 8), num_blocks=(1, 1), drop_path_rate=0.1
    ),
    "models.convnext.LayerScale": lambda w: dict(start=0.5),
    "models.deep_blocks.build_deep_blocks": lambda w: dict(
        image_shape=GREY, num_classes=3, filters=(4, 4), dense_units=(8,), dropout=0.1
    ),
    "models.dense.build_dense_net": lambda w: dict(
        image_shape=GREY, num_classes=3, hidden_units=(8,), dropout=0.1
    ),
    "models.densenet.build_densenet": lambda w: dict(
        depth=121, image_shape=SHAPE, num_classes=3, weights=None
    ),
    "models.densenet.build_densenet_cifar": lambda w: dict(
        depth=10, image_shape=SHAPE, num_classes=3, growth_rate=4, bottleneck=False
    ),
    "models.efficientnet_lite0.build_efficientnet_lite0": lambda w: dict(
        image_shape=SHAPE, num_classes=3, dropout=0.1, weights=None
    ),
    "models.googlenet.build_googlenet": lambda w: dict(
        image_shape=SHAPE, num_classes=3, auxiliary_heads=False, reductions=True, dropout=0.4
    ),
    "models.googlenet.naive_inception_module": lambda w: dict(
        x=keras.Input((8, 8, 3)), filters=(1, 1, 1, 1, 1, 1), name="module"
    ),
    "models.imagenet.classify": lambda w: dict(model=small_net(1000), image=some(9, 9, 3), top=2),
    "models.inception_v3.build_inception_v3": lambda w: dict(
        image_shape=(75, 75, 3), num_classes=3, weights=None
    ),
    "models.lenet5.build_lenet5": lambda w: dict(image_shape=GREY, num_classes=3),
    "models.lenet_relu.build_lenet_relu": lambda w: dict(
        image_shape=GREY, num_classes=3, blocks=((4, 3, "valid", 2),), dense_units=8, dropout=0.4
    ),
    "models.mnist_cnn.build_mnist_cnn": lambda w: dict(
        image_shape=GREY, num_classes=3, filters=(4, 4), dense_units=8, dropout=(0.25, 0.5)
    ),
    "models.mobilenet_v2.build_mobilenet_v2": lambda w: dict(
        image_shape=SHAPE, num_classes=3, weights=None
    ),
    "models.mobilenet_v2.build_mobilenet_v2_cifar": lambda w: dict(
        image_shape=SHAPE, num_classes=3, filters=4
    ),
    "models.neocognitron.build_neocognitron": lambda w: dict(
        image_shape=(19, 19, 1), num_classes=3, selectivity=(1.7, 0.3, 0.3, 0.3)
    ),
    "models.neocognitron.SCells": lambda w: dict(
        planes=2, kernel_size=3, padding="same", selectivity=1.0, initializer="ones"
    ),
    "models.neocognitron.CCells": lambda w: dict(planes=2, pool_size=3, padding=0, strides=1),
    "models.resnet.build_resnet": lambda w: dict(
        depth=18, image_shape=SHAPE, num_classes=3, weights=None
    ),
    "models.resnet_cifar.build_resnet_cifar": lambda w: dict(
        depth=8, image_shape=SHAPE, num_classes=3, residual=True, filters=4
    ),
    "models.resnext.build_resnext": lambda w: dict(
        depth=50, image_shape=SHAPE, num_classes=3, cardinality=2, width=4
    ),
    "models.resnext.build_resnext_cifar": lambda w: dict(
        image_shape=SHAPE, num_classes=3, cardinality=2, width=4, filters=4
    ),
    "models.se_resnet.build_se_resnet": lambda w: dict(
        depth=50, image_shape=SHAPE, num_classes=3, reduction=16
    ),
    "models.se_resnet.build_se_resnet_cifar": lambda w: dict(
        depth=8, image_shape=SHAPE, num_classes=3, filters=4, reduction=2
    ),
    "models.small_digit_net.build_small_digit_net": lambda w: dict(
        image_shape=GREY, num_classes=3, filters=(4, 4, 4), dropout=0.2, normalize=True
    ),
    "models.small_photo_net.build_small_photo_net": lambda w: dict(
        image_shape=SHAPE, num_classes=3, dropout=0.1
    ),
    "models.spatial_transformer.build_spatial_transformer": lambda w: dict(
        image_shape=GREY, num_classes=3
    ),
    "models.spatial_transformer.AffineSampler": lambda w: dict(size=(4, 4)),
    "models.squeezenet.build_squeezenet": lambda w: dict(
        variant="1.0", image_shape=SHAPE, num_classes=3, dropout=0.5
    ),
    "models.squeezenet.build_squeezenet_cifar": lambda w: dict(
        image_shape=SHAPE, num_classes=3, squeeze=2, expand=4
    ),
    "models.vgg.build_vgg": lambda w: dict(
        depth=11, image_shape=SHAPE, num_classes=3, dropout=0.5, weights=None
    ),
    "models.vit.build_vit": lambda w: dict(
        variant="B/16", image_shape=SHAPE, num_classes=3, dropout=0.1
    ),
    "models.vit.build_vit_cifar": lambda w: dict(
        image_shape=SHAPE, num_classes=3, patch_size=8, width=16, num_blocks=1
    ),
    "plots.augmentations.plot_augmentations": lambda w: dict(
        image=some(8, 8, 3), changes={"same": lambda images, **words: images}, columns=2,
        inches=1.0, title="T"
    ),
    "plots.confusion.plot_confusion_matrix": lambda w: dict(
        labels=[0, 1], predictions=[0, 1], class_names=("a", "b"), normalize=True, title="T"
    ),
    "plots.connections.connect_dense": lambda w: dict(input_shape=(3,), output_shape=(2,)),
    "plots.connections.connect_window": lambda w: dict(shape=(4, 4), kernel_size=3),
    "plots.connections.plot_connections": lambda w: dict(
        graphs={"a": w.graph}, highlight=(1,), title="T"
    ),
    "plots.curves.plot_learning_curves": lambda w: dict(
        histories={"a": {"accuracy": [0.1, 0.2]}}, metric="accuracy", title="T"
    ),
    "plots.gallery.plot_gallery": lambda w: dict(
        images=some(2, 8, 8, 3), titles=("a", "b"), columns=2, inches=1.0, title="T"
    ),
    "plots.histograms.plot_histograms": lambda w: dict(
        after={"a": np.arange(5.0)}, before=np.arange(5.0), columns=2, limit=3.0, title="T"
    ),
    "plots.kernel.plot_kernel": lambda w: dict(
        image=some(8, 8), kernel=np.eye(3), result=np.ones((6, 6)), title="T"
    ),
    "plots.kernel_steps.plot_kernel_steps": lambda w: dict(
        image=np.eye(4), kernel=np.ones((2, 2)), places=[(0, 0), (1, 1)], title="T"
    ),
    "plots.layer_graph.plot_layer_graph": lambda w: dict(layers=[w.layer], title="T"),
    "plots.layer_step.plot_layer": lambda w: dict(
        image=some(8, 8, 3), values=np.ones((4, 4, 2)), probabilities=np.array([0.4, 0.6]),
        class_names=("a", "b"), picture="picture", layer="layer"
    ),
    "plots.map_sizes.plot_map_sizes": lambda w: dict(layers=[w.layer], title="T"),
    "plots.maps_and_filters.plot_feature_maps": lambda w: dict(
        maps={"a": np.ones((4, 4, 2))}, columns=2, rows=2, inches=0.7, title="T"
    ),
    "plots.maps_and_filters.plot_filters": lambda w: dict(
        filters=np.ones((4, 3, 3, 1)), columns=2, rows=2, inches=0.5, title="T"
    ),
    "plots.mistakes.plot_mistakes": lambda w: dict(
        images=some(2, 8, 8, 3), labels=np.array([0, 1]), class_names=("a", "b"),
        probabilities=np.array([[0.4, 0.6], [0.3, 0.7]]), count=2, columns=2, title="T"
    ),
    "plots.overlay.plot_heat_maps": lambda w: dict(
        images=some(2, 8, 8, 3), heatmaps={"cam": np.ones((2, 8, 8))}, titles=("a", "b"),
        inches=1.0, title="T"
    ),
    "plots.reliability.plot_reliability": lambda w: dict(
        labels=np.array([0, 1]), probabilities={"a": np.array([[0.4, 0.6], [0.3, 0.7]])}, bins=5,
        title="T"
    ),
    "plots.runs.plot_runs": lambda w: dict(
        runs={"a": np.ones((2, 3))}, x=[1, 2, 3], labels=("epoch", "accuracy"), title="T",
        scales=("linear", "log")
    ),
    "plots.scatter.plot_scatter": lambda w: dict(
        points=np.ones((2, 2)), labels=np.array([0, 1]), class_names=("a", "b"),
        axis_names=("x", "y"), title="T"
    ),
    "plots.stops.plot_stops": lambda w: dict(cases=[(7, 3, 0, 2)], title="T"),
    "plots.timeline.plot_timeline": lambda w: dict(events=[(1998, "LeNet")], title="T"),
    "training.features.bottleneck_features": lambda w: dict(
        model=base_net(), data=w.files, read_image=w.reader, cache_folder=w.folder / "cache",
        batch_size=2
    ),
    "training.initializers.SparseConnections": lambda w: dict(connections=2, stddev=1.0, seed=0),
    "training.losses.cross_entropy": lambda w: dict(logits=np.ones((2, 3)), labels=[0, 1]),
    "training.losses.multiclass_hinge": lambda w: dict(
        scores=np.ones((2, 3)), labels=[0, 1], margin=1.0, wrong_classes="sum"
    ),
    "training.resume.ExactResume": lambda w: dict(
        folder=w.folder / "runs", images=some(4, 8, 8, 3), labels=np.arange(4), batch_size=2,
        augment=None, seed=0
    ),
    "training.stopwatch.Stopwatch": lambda w: dict(
        images_per_epoch=10, metric="accuracy", goal=0.5
    ),
    "training.transfer.build_head": lambda w: dict(
        num_features=4, num_classes=3, hidden_units=5, dropout=0.3
    ),
    "training.transfer.attach_head": lambda w: dict(
        base=base_net(), head=keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="head")
    ),
    "training.transfer.unfreeze_from": lambda w: dict(model=base_net(), layer_name="conv"),
    "training.transfer.transfer_advice": lambda w: dict(num_images=100, similar=True),
    "widgets.convolution.convolution_widget": lambda w: dict(
        pictures={"a": some(8, 8)}, kernels={"b": np.eye(3)}, strides=1, padding=0
    ),
    "widgets.drawing_pad.center_drawing": lambda w: dict(drawing=some(20, 20), height=28, width=28),
    "widgets.layers.layers_widget": lambda w: dict(
        model=small_net(), images=some(2, 8, 8, 3), plot=stub_plot, make_pad=None,
        class_names=("a", "b", "c"), layer="conv"
    ),
}  # fmt: skip
# These get a function, whose own errors are not ours to change.
CALLED = {"augment", "make", "make_pad", "plot", "predict", "prepare", "progress", "read"}
CALLED |= {"read_image"}
# What counts as an answer: a file that is not there, a claim that does not hold, and, of networks
# that take seconds to build, that they would be built: all arguments are looked at before that.
LARGE = (
    "densenet|inception|efficientnet|mobilenet|resnet|resnext|convnext|vit|googlenet|alexnet|vgg"
)


class BuiltError(Exception):
    """Stands for a large network."""


ANSWERS = (OSError, ClaimError, BuiltError)


def test_every_door_has_valid_arguments_here():
    assert {name for name in DOORS if name not in VALID} == set(), "has no entry"
    assert {name for name in VALID if name not in DOORS} == set(), "is no public function"


def answer(door, arguments):
    """Call it, and return what it raised."""
    try:
        with warnings.catch_warnings(action="ignore"):
            door(**arguments)
    except Exception as error:
        return error
    return None


def on_one_line(value):
    return f"{' '.join(repr(value).split()):.70}"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] if name in TAKE_A_SECOND or ".build_" in name else [],
        )
        for name in DOORS
        if name in VALID
    ],
)
def test_a_wrong_value_gets_one_line_that_names_the_argument(name, world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some text is a path

    def no_network(*arguments, **keywords):
        raise BuiltError

    door, valid = DOORS[name], VALID[name](world)
    if re.search(rf"^models\.\w*({LARGE})\w*\.build_", name):
        monkeypatch.setattr(keras, "Input", no_network)
    assert set(valid) == set(arguments_of(door)), "the entry has all arguments"
    first = answer(door, valid)
    assert first is None or isinstance(first, ANSWERS), first
    ours = re.compile("|".join(rf"`{argument}?\b" for argument in valid))  # or one of its items
    faults = []
    for argument in valid:
        for value in (value for values in WRONG.values() for value in values):
            if callable(value) and argument in CALLED:
                continue
            error = answer(door, valid | {argument: value})
            known = isinstance(error, ValueError) and ours.search(str(error))
            if isinstance(value, str) and isinstance(valid[argument], Path):
                known = known or str(error).startswith(str(Path(value)))  # about what lies there
            if error is not None and not isinstance(error, ANSWERS) and not known:
                faults.append(f"{argument}={on_one_line(value)}: {error!r:.250}")
            elif "\n" in str(error) and not isinstance(value, np.ndarray):
                faults.append(f"{argument}={on_one_line(value)}: several lines: {error!r:.250}")
    if faults:
        pytest.fail(f"{name}\n" + "\n".join(faults), pytrace=False)
