"""A training that was killed, resumed and finished equals the one that nothing happened to."""

import errno
import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import filelock
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cnnbook import _checkpoint
from cnnbook.training._epochs import Epochs
from cnnbook.training.resume import ExactResume

IMAGES = np.random.default_rng(0).integers(0, 256, (44, 8, 8, 1)).astype("uint8")
LABELS = np.arange(44) % 3
STEPS = 6  # of at most 8 images


def flip_and_brighten(images, seed):
    """An augmentation written with TensorFlow's operations."""
    images = tf.image.stateless_random_flip_left_right(tf.cast(images, "float32"), seed)
    return tf.image.stateless_random_brightness(images, 30.0, seed + 1)


def layers_that_change():
    return keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)])


def small_net(units=3, rate=0.3):
    images = keras.Input((8, 8, 1))
    x = layers.Dropout(rate)(layers.Flatten()(layers.Rescaling(1 / 255)(images)))
    return keras.Model(images, layers.Dense(units)(x))


def drawing_net():
    """Dropout and a change of pictures draw within the network; batch norm has averages."""
    images = keras.Input((8, 8, 1))
    x = layers.RandomTranslation(0.1, 0.1)(layers.Rescaling(1 / 255)(images))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(images, layers.Dense(3)(x))


def adam():
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 40)
    return keras.optimizers.Adam(schedule, use_ema=True, ema_overwrite_frequency=4)


class Interrupt(keras.callbacks.Callback):
    """Raise after some batches."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def momentum():
    return keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)


def train(
    folder,
    *others,
    epochs=4,
    optimizer=momentum,
    net=small_net,
    fit=None,
    compiled=None,
    images=IMAGES,
    labels=LABELS,
    **settings,
):
    """Train a fresh network, and return all that came out of it."""
    model = net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(), loss, **(compiled or {}))
    resume = ExactResume(folder, images, labels, **{"batch_size": 8, "seed": 3, **settings})
    words = {"epochs": epochs, "shuffle": False, "verbose": 0, **(fit or {})}
    fitted = model.fit(resume.batches, callbacks=[resume, *others], **words)
    variables = [*model.variables, *model.optimizer.variables]
    values = [np.asarray(keras.ops.convert_to_numpy(each)) for each in variables]
    digest = hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest()
    return digest, json.dumps(fitted.history)


# The same, bit for bit ----------------------------------------------------------------------------


def early_stopping():
    return keras.callbacks.EarlyStopping(
        "val_loss", patience=2, min_delta=0.01, restore_best_weights=True
    )


def plateau():
    return keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=0.05)


def scaled():
    return keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.05, momentum=0.9), dynamic_growth_steps=5
    )


VALIDATED = {"validation_data": (IMAGES, LABELS)}
WAYS = {
    "adam": {
        "net": drawing_net,
        "optimizer": adam,
        "augment": layers_that_change,
        "others": [early_stopping],
        "compiled": {"metrics": ["accuracy"]},
        "fit": VALIDATED,
    },
    "momentum": {"augment": lambda: flip_and_brighten, "others": [plateau]},
    "layers": {"net": drawing_net, "augment": layers_that_change},
    "loss scale": {"optimizer": scaled},
    "nadam": {"optimizer": lambda: keras.optimizers.Nadam(0.01)},
    "accumulation": {
        "optimizer": lambda: keras.optimizers.AdamW(0.01, gradient_accumulation_steps=4)
    },
    "steps per execution": {"compiled": {"steps_per_execution": 4}},
    "class weights": {"fit": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}},
}


SLOW_WAYS = [way for way in WAYS if way != "momentum"]


def run_way(way, folder, *more):
    settings = WAYS[way].copy()
    others, augment = settings.pop("others", []), settings.pop("augment", lambda: None)
    return train(folder, *(make() for make in others), *more, augment=augment(), **settings)


@pytest.mark.parametrize(
    "way", ["momentum", *(pytest.param(way, marks=pytest.mark.slow) for way in SLOW_WAYS)]
)
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, way):
    def run(name, *more):
        return run_way(way, tmp_path / name, *more)

    keras.utils.set_random_seed(7)
    whole = run("whole")
    keras.utils.set_random_seed(7)
    for after in (8, 13):  # in the second epoch; two epochs later
        with pytest.raises(KeyboardInterrupt):
            run("parts", Interrupt(after))
        keras.utils.set_random_seed(after)  # the next process draws other numbers
    assert run("parts") == whole
    assert run("parts") == whole  # nothing is left to do


def test_what_callbacks_have_counted_is_theirs_again(tmp_path):
    stops = [early_stopping() for _ in range(2)]
    for stop in stops:
        train(tmp_path, stop, epochs=3, fit=VALIDATED)
    for name in ("wait", "best", "best_epoch", "stopped_epoch"):
        assert getattr(stops[1], name) == getattr(stops[0], name)
    assert stops[0].best is not None
    for one, other in zip(stops[1].best_weights, stops[0].best_weights, strict=True):
        assert np.array_equal(one, other)


def test_keras_turns_a_sign_once_in_each_process_and_it_is_not_turned_back(tmp_path):
    stops = [early_stopping() for _ in range(3)]
    for epochs, stop in enumerate(stops, start=1):
        train(tmp_path, stop, epochs=epochs, fit=VALIDATED)
    assert [stop.min_delta for stop in stops] == [-0.01] * 3


def test_more_epochs_go_on_and_equal_those_in_one_go(tmp_path):
    keras.utils.set_random_seed(7)
    whole = train(tmp_path / "whole", epochs=4)
    keras.utils.set_random_seed(7)
    train(tmp_path / "parts", epochs=2)
    assert train(tmp_path / "parts", epochs=4) == whole
    with pytest.raises(ValueError, match=r"`epochs` must be 4 or more, which .*; got 3\. Name"):
        train(tmp_path / "parts", epochs=3)


def test_a_training_that_a_callback_has_ended_is_over(tmp_path):
    stop = lambda: keras.callbacks.EarlyStopping("loss", patience=1, min_delta=9)  # noqa: E731
    first = train(tmp_path, stop(), epochs=9)
    assert len(json.loads(first[1])["loss"]) == 2
    assert train(tmp_path, stop(), epochs=20) == first


class StopAfter(Interrupt):
    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        self.model.stop_training = self.left == 0


def test_an_epoch_that_was_stopped_within_is_not_kept(tmp_path):
    keras.utils.set_random_seed(7)
    whole = train(tmp_path / "whole", epochs=2)
    keras.utils.set_random_seed(7)
    train(tmp_path / "parts", StopAfter(9), epochs=2)
    assert train(tmp_path / "parts", epochs=2) == whole


def test_the_next_fit_of_the_network_begins_at_its_beginning(tmp_path):
    model = small_net()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for _ in range(2):  # the second has nothing to do
        resume = ExactResume(tmp_path, IMAGES, LABELS, 8)
        model.fit(resume.batches, epochs=2, shuffle=False, verbose=0, callbacks=[resume])
    assert len(model.fit(IMAGES, LABELS, epochs=1, verbose=0).history["loss"]) == 1


def test_rates_that_callbacks_turned_are_not_another_setting(tmp_path):
    """As where a cell of a notebook is stopped, and run again with the same network."""
    model = small_net()
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(True))
    for others in ([Interrupt(9)], []):
        resume = ExactResume(tmp_path, IMAGES, LABELS, 8)
        turn = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
        words = {"shuffle": False, "verbose": 0, "callbacks": [resume, turn, *others]}
        try:
            fitted = model.fit(resume.batches, epochs=3, **words)
        except KeyboardInterrupt:
            assert others
    assert fitted.history["learning_rate"] == pytest.approx([0.1, 0.05, 0.1 / 3])


# The order and the changes of an epoch ------------------------------------------------------------


def epoch_of(epochs, number):
    epochs.begin(number)
    return [(images.numpy(), labels.numpy()) for images, labels in epochs.dataset]


def test_the_order_is_that_of_numpy_for_seed_and_epoch():
    batches = Epochs(np.arange(7.0)[:, None], np.arange(7), 3, None, 5)
    for number in (4, 0, 4):
        drawn = epoch_of(batches, number)
        expected = np.random.default_rng([5, number]).permutation(7)
        assert [len(labels) for _, labels in drawn] == [3, 3, 1]
        assert np.concatenate([labels for _, labels in drawn]).tolist() == expected.tolist()
        assert np.concatenate([images for images, _ in drawn])[:, 0].tolist() == expected.tolist()


def by_a_closure():
    generator = keras.random.SeedGenerator()
    return lambda images: (
        keras.ops.cast(images, "float32") + keras.random.normal((1, 8, 8, 1), seed=generator)
    )


def by_keras_alone(images):
    return keras.ops.cast(images, "float32") + keras.random.uniform((1, 8, 8, 1))


def mixed(images, labels):
    share = keras.random.uniform((1,))
    return keras.ops.cast(images, "float32"), keras.ops.cast(labels, "float32") * share


@pytest.mark.parametrize(
    "make",
    [
        layers_that_change,
        by_a_closure,
        lambda: by_keras_alone,
        lambda: flip_and_brighten,
        lambda: mixed,
    ],
    ids=["layers", "closure", "keras.random", "stateless", "labels"],
)
def test_changes_depend_on_seed_epoch_and_batch_alone(make):
    first, second = (Epochs(IMAGES, LABELS + 1, 8, make(), 5) for _ in range(2))
    expected = epoch_of(first, 1)
    epoch_of(second, 0)
    next(iter(second.dataset))  # and an epoch that was broken off
    found = epoch_of(second, 1)
    for batch, other in zip(expected, found, strict=True):
        assert all(map(np.array_equal, batch, other))
    same = Epochs(IMAGES[:1].repeat(16, 0), np.ones(16), 8, make(), 5)
    one, other = ([array.copy() for array in batch] for batch in epoch_of(same, 0))
    assert not all(map(np.array_equal, one, other))
    assert not all(map(np.array_equal, one, epoch_of(same, 1)[0]))


GENERATOR = tf.random.Generator.from_seed(1)


@pytest.mark.parametrize(
    "augment",
    [
        tf.image.random_flip_left_right,
        lambda images: tf.map_fn(tf.image.random_flip_up_down, images),
        lambda images: tf.random.shuffle(images),
        lambda images: tf.cast(images, "float32") + tf.random.normal((1, 8, 8, 1)),
        lambda images: tf.cast(images, "float32") * GENERATOR.uniform((1, 1, 1, 1)),
        lambda images: tf.ensure_shape(
            tf.numpy_function(lambda x: x, [images], "uint8"), (None, 8, 8, 1)
        ),
    ],
    ids=["flip", "map", "shuffle", "normal", "generator", "python"],
)
def test_changes_that_nobody_can_repeat_are_refused(tmp_path, augment):
    with pytest.raises(ValueError, match=r"`augment` must draw only .* uses \w+.*tf.random.statel"):
        ExactResume(tmp_path, IMAGES, LABELS, augment=augment)


# What is refused ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder whose training has had two epochs."""
    folder = tmp_path_factory.mktemp("begun") / "runs" / "first"
    train(folder, epochs=2)
    return folder


def deeper():
    net = small_net()
    return keras.Model(net.input, layers.Dense(3)(layers.ReLU()(net.output)))


def frozen():
    net = small_net()
    next(layer for layer in net.layers if isinstance(layer, layers.Dense)).trainable = False
    return net


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"net": lambda: small_net(5)}, r"network.layers\[4\].units was 3, is 5; "),
        ({"net": lambda: small_net(rate=0.2)}, r"network.layers\[3\].rate was 0.3, is 0.2\. Set"),
        (
            {"net": deeper},
            r"layers\[5\] was nothing, is ReLU; .*weights\[3\] was nothing, is .*\. Set all",
        ),
        ({"net": frozen}, r"state: weights\[0\].trainable was True, is False; "),
        (
            {"optimizer": adam},
            r"compile.optimizer.class_name was 'SGD', is 'Adam'",
        ),
        (
            {"optimizer": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)},
            r"state: compile.optimizer.learning_rate was 0.05\d*, is 0.1\d*\. Set",
        ),
        (
            {"images": 255 - IMAGES},
            r"data.`images` was 'uint8 \(44, 8, 8, 1\) SHA-256 \w+', is 'uint",
        ),
        ({"labels": LABELS[::-1]}, r"data.`labels` was .*, is 'int64 \(44,\) SHA-256"),
        ({"seed": 4}, r"`folder` has another training, .*state: data.`seed` was 3, is 4\. Set"),
        ({"augment": layers_that_change}, r"data.`augment` was nothing, is \S"),
    ],
    ids=[
        "units",
        "rate",
        "deeper",
        "frozen",
        "adam",
        "learning rate",
        "images",
        "labels",
        "seed",
        "augment",
    ],
)
def test_another_training_is_refused_with_the_differences(begun, settings, words):
    before = (begun / "training.state").read_bytes()
    if "augment" in settings:
        settings = {"augment": settings["augment"]()}
    for _ in range(2):  # the folder is free again after that
        with pytest.raises(ValueError, match=words):
            train(begun, epochs=3, **settings)
    assert (begun / "training.state").read_bytes() == before


def test_another_batch_size_is_refused(begun):
    with pytest.raises(ValueError, match=r"data.`batch_size` was 8, is 7"):
        train(begun, batch_size=7)


def test_names_of_layers_and_seeds_of_layers_are_no_difference(begun):
    def renamed():
        net = small_net()
        net.layers[3].name = "another"
        return net

    assert len(json.loads(train(begun, net=renamed, epochs=2)[1])["loss"]) == 2


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"initial_epoch": 1}, r"`initial_epoch` must be left out; .*goes on at 0, got 1"),
        ({"steps_per_epoch": 2}, r"`fit` must be given `batches`, which are 6; it has 2 an epoch"),
    ],
)
def test_what_fit_must_not_be_told(tmp_path, fit, words):
    with pytest.raises(ValueError, match=words):
        train(tmp_path, fit=fit)


def test_other_batches_than_its_own_are_noticed(tmp_path):
    model = small_net()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    resume = ExactResume(tmp_path, IMAGES, LABELS, 8)
    with pytest.raises(ValueError, match=r"must be given `batches` of this ExactResume; it was gi"):
        model.fit(IMAGES, LABELS, batch_size=8, verbose=0, callbacks=[resume])


def test_other_versions_are_a_warning(begun, tmp_path, monkeypatch):
    (tmp_path / "training.state").write_bytes((begun / "training.state").read_bytes())
    monkeypatch.setattr(keras, "version", lambda: "3.99")
    with pytest.warns(
        UserWarning, match=r"with Keras 3.99 on .*: the same to a few digits, not bi"
    ):
        train(tmp_path, epochs=2)


# Files and folders --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [0, 19, 40, 90, 0.3, 0.6, 0.9, 1])
def test_a_flipped_bit_is_refused(begun, tmp_path, where):
    content = bytearray((begun / "training.state").read_bytes())
    place = int(where * (len(content) - 1)) if where <= 1 else where
    content[place] ^= 4
    (tmp_path / "training.state").write_bytes(content)
    words = "is no training" if where == 0 else "is damaged.*SHA-256.*remove it|another version"
    with pytest.raises(OSError, match=words):
        train(tmp_path)
    assert (tmp_path / "training.state").read_bytes() == content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[:-1], "is damaged"),
        (lambda content: content[:60], "is damaged"),
        (lambda content: content + b"x", "is damaged"),
        (
            lambda content: content.replace(b"training 1", b"training 2", 1),
            "another version of cnnb",
        ),
        (lambda content: b"", r"is no training: name another `folder`, or remove the file\."),
    ],
)
def test_a_file_that_is_cut_or_something_else_is_refused(begun, tmp_path, change, words):
    content = (begun / "training.state").read_bytes()
    (tmp_path / "training.state").write_bytes(change(content))
    with pytest.raises(OSError, match=words):
        train(tmp_path)


def test_arrays_of_every_type_and_odd_numbers_come_back_as_they_were(tmp_path):
    rounded = keras.ops.convert_to_numpy(keras.ops.cast([0.1, 3.0], "bfloat16"))
    given = [np.array(7), np.zeros((0, 2), "float16"), np.array([True, False]), rounded]
    arrays = {}
    state = _checkpoint.as_plain({"values": given, "rate": [0.1, float("inf"), None]}, arrays)
    _checkpoint.write_state(tmp_path / "state", state, arrays)
    found = _checkpoint.from_plain(*_checkpoint.read_state(tmp_path / "state"))
    assert found["rate"] == [0.1, float("inf"), None]
    for one, other in zip(found["values"], given, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


class BeforeKeeping(keras.callbacks.Callback):
    """Do something at the end of the second epoch, before its state is kept."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.action()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_ends_the_training_and_leaves_the_last_state(tmp_path):
    keras.utils.set_random_seed(7)
    whole = train(tmp_path / "whole", epochs=3)
    folder, kept = tmp_path / "parts", []

    def fill():
        kept.append((folder / "training.state").read_bytes())
        (folder / "training.state.part").symlink_to("/dev/full")

    keras.utils.set_random_seed(7)
    with pytest.raises(
        OSError,
        match=r"state cannot be written \(No space left on device\)\. What it held, the state "
        r"after epoch 1, is kept\. Make room",
    ) as told:
        train(folder, BeforeKeeping(fill), epochs=3)
    assert told.value.errno == errno.ENOSPC
    assert sorted(path.name for path in folder.iterdir()) == ["training.lock", "training.state"]
    assert [(folder / "training.state").read_bytes()] == kept
    assert train(folder, epochs=3) == whole


def test_a_disk_that_loses_what_was_written_is_noticed_before_the_rename(tmp_path, monkeypatch):
    def lose(place):
        raise OSError(errno.EIO, "Input/output error")

    train(tmp_path, epochs=1)
    kept = (tmp_path / "training.state").read_bytes()
    monkeypatch.setattr(_checkpoint.os, "fsync", lose)
    with pytest.raises(OSError, match="Input/output error"):
        train(tmp_path, epochs=2)
    assert (tmp_path / "training.state").read_bytes() == kept
    assert not (tmp_path / "training.state.part").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        OSError, match=r"file cannot be used \(File exists\)\. `folder` must be one"
    ):
        train(tmp_path / "file")


def test_a_second_trainer_is_refused_while_the_first_trains(tmp_path):
    found = []

    def second():
        try:
            train(tmp_path)
        except OSError as error:
            found.append(str(error))

    def both():
        second()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    train(tmp_path, BeforeKeeping(both), epochs=2)
    assert len(found) == 2
    assert all(
        "is in use by another training, in this or another process." in text for text in found
    )
    train(tmp_path, epochs=3)


def test_a_trainer_of_another_process_is_told_by_the_lock(tmp_path):
    with filelock.FileLock(tmp_path / "training.lock"), pytest.raises(OSError, match="is in use"):
        train(tmp_path)
    train(tmp_path, epochs=1)


def test_a_training_that_was_interrupted_holds_nothing(tmp_path):
    """Also while its traceback is kept, as in a notebook."""
    with pytest.raises(KeyboardInterrupt) as kept:
        train(tmp_path, Interrupt(3))
    train(tmp_path, epochs=1)
    assert kept.value.__traceback__


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1; got 0"),
        ({"seed": -1}, "`seed` must be 0 or more; got -1"),
        ({"labels": LABELS[1:]}, "`images` and `labels` must have the same length"),
        ({"images": IMAGES * np.nan}, "`images` must be finite"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        train(tmp_path, **settings)


# Killed by the system -----------------------------------------------------------------------------


class Diary(keras.callbacks.Callback):
    """Write down where the training is, slowly, so that it can be killed there."""

    SECONDS = 0.03

    def __init__(self, folder):
        super().__init__()
        self.path = Path(f"{folder}.diary")

    def note(self, words):
        with self.path.open("a") as file:
            file.write(f"{words}\n")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.note(f"epoch {self.epoch + 1}, batch {batch + 1}")
        time.sleep(self.SECONDS)


MOMENTS = ("half is written", "all is written", "it has its name")


def die_when_keeping(number, moment, diary):
    """Let this process die when it keeps its state for the so many-th time."""
    write, flush, times = _checkpoint._write_through, _checkpoint._flush_folder, iter(range(1, 99))
    reached = []

    def die_at(here):
        if reached and here == moment:
            diary.note(f"state {number}, when {moment}")
            os.kill(os.getpid(), signal.SIGKILL)

    def write_and_die(path, parts):
        content = b"".join(parts)
        reached.extend([True] * (next(times) == number))
        write(path, [content[: len(content) // 2]])
        die_at(MOMENTS[0])
        write(path, [content])
        die_at(MOMENTS[1])

    _checkpoint._write_through = write_and_die
    _checkpoint._flush_folder = lambda folder: (die_at(MOMENTS[2]), flush(folder))


def train_in_a_process(folder, number=0, moment=""):
    keras.utils.set_random_seed(7)
    diary = Diary(folder)
    if number:
        die_when_keeping(number, moment, diary)
    Path(f"{folder}.result").write_text(json.dumps(run_way("adam", folder, diary)))


def start(folder, *when):
    """Start a process, in a second, since it is split from one that has imported TensorFlow."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([ExactResume.__module__])
    process = context.Process(target=train_in_a_process, args=(folder, *when))
    process.start()
    return process


def batches_noted(folder):
    diary = Path(f"{folder}.diary")
    return diary.read_text().count("\n") if diary.exists() else 0


def finish(folder):
    """Train to the end, and return the result."""
    process = start(folder)
    process.join()
    assert process.exitcode == 0
    return Path(f"{folder}.result").read_text()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The result of a training that nobody killed, and how many batches it had."""
    folder = tmp_path_factory.mktemp("reference") / "whole"
    return finish(folder), batches_noted(folder)


def kill_and_finish(folder, kill, batches):
    """Kill a training, after a share of its batches or at a moment of keeping, and finish it."""
    process = start(folder, *(kill if isinstance(kill, tuple) else ()))
    if not isinstance(kill, tuple):
        whole, part = divmod(kill * batches, 1)
        while batches_noted(folder) < whole and process.is_alive():
            time.sleep(0.001)
        time.sleep(part * Diary.SECONDS)
        process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    where = Path(f"{folder}.diary").read_text().split("\n")[-2]
    result = finish(folder)
    print(f"killed after {where}: {json.loads(result)[0][:12]}")
    assert not list(folder.glob("*.part"))
    return result


FEW = [0.4, (3, "half is written"), (2, "all is written")]
CHANCE = 0.05 + 0.9 * np.random.default_rng(20).random(14)
MANY = [*CHANCE, *((number, moment) for number in (1, 4) for moment in MOMENTS)]


@pytest.mark.slow
@pytest.mark.parametrize("kill", FEW, ids=str)
def test_a_killed_process_goes_on_bit_for_bit(tmp_path, reference, kill):
    assert kill_and_finish(tmp_path / "parts", kill, reference[1]) == reference[0]


@pytest.mark.long
@pytest.mark.parametrize("kill", MANY, ids=str)
def test_twenty_killed_processes_go_on_bit_for_bit(tmp_path, reference, kill):
    assert kill_and_finish(tmp_path / "parts", kill, reference[1]) == reference[0]
