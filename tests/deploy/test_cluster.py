"""Each process has its part of every batch, and what was killed goes on as if nothing had been."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import jax
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from cnnbook.deploy import cluster
from cnnbook.deploy._world import announced_size
from cnnbook.deploy.cluster import ClusterResume, Shard, World, join
from cnnbook.deploy.launch import launch
from cnnbook.labelled_files import LabelledFiles

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("train_together.py")
IMAGES = np.random.default_rng(0).integers(0, 256, (45, 6, 6, 1)).astype("uint8")
LABELS = np.arange(45)


# A slice of every batch ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_slices_put_together_are_the_batches_of_numpys_order(size):
    shards = [Shard(IMAGES, LABELS, 8, World(rank, size), seed=5) for rank in range(size)]
    for epoch in (0, 3, 1):
        order = np.random.default_rng([5, epoch]).permutation(45)
        for shard in shards:
            shard.begin(epoch)
        assert [len(shard) for shard in shards] == [5] * size
        for step in range(5):
            parts = [shard[step] for shard in shards]
            assert {len(labels) for _, labels in parts} == {8 // size}
            rows = order[8 * step : 8 * step + 8]
            assert np.concatenate([labels for _, labels in parts]).tolist() == rows.tolist()
            assert np.array_equal(np.concatenate([images for images, _ in parts]), IMAGES[rows])


def test_images_that_do_not_fill_a_batch_are_left_out_and_others_in_each_epoch():
    shard, left = Shard(IMAGES, LABELS, 8), []
    for epoch in range(3):
        shard.begin(epoch)
        drawn = np.concatenate([labels for _, labels in shard])
        assert len(set(drawn)) == len(drawn) == 40
        left.append(set(LABELS) - set(drawn))
    assert shard.left_out == 5 and len(left[0] & left[1] & left[2]) < 5
    assert Shard(IMAGES[:40], LABELS[:40], 8).left_out == 0


def test_an_epoch_follows_the_other_without_anybody_who_sets_it():
    shard = Shard(IMAGES, LABELS, 8)
    shard.on_epoch_end()  # as Keras does before the first
    for epoch in range(3):
        order = np.random.default_rng([0, epoch]).permutation(45)
        assert np.concatenate([labels for _, labels in shard]).tolist() == order[:40].tolist()
        assert shard.is_drawn() == (epoch > 0)  # of the one that has ended
        shard.on_epoch_end()
        assert shard.is_drawn()


def test_each_reads_its_own_files_alone(tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((9, 5, 3), 10 * number, "uint8")).save(path)
    files = LabelledFiles(paths, np.arange(7), tuple("abcdefg"))
    read, asked = cluster.read_image, []
    monkeypatch.setattr(
        cluster, "read_image", lambda *given: (asked.append(given), read(*given))[1]
    )
    shards = [Shard(files, None, 6, World(rank, 3), image_shape=(4, 6, 3)) for rank in range(3)]
    order = np.random.default_rng([0, 0]).permutation(7)
    for rank, shard in enumerate(shards):
        asked.clear()
        images, labels = shard[0]
        rows = order[2 * rank : 2 * rank + 2]
        assert asked == [(paths[row], (4, 6)) for row in rows]
        assert images.dtype == "uint8" and images.shape == (2, 4, 6, 3)
        assert images[:, 0, 0, 0].tolist() == (10 * rows).tolist()
        assert labels.tolist() == rows.tolist()
    paths[order[0]].write_bytes(b"broken")
    with pytest.raises(OSError, match=rf"{order[0]}.png is no picture"):
        shards[0][0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch_size": 9, "world": World(0, 2)}, "multiple of 2, .* got 9. Take 8 or 10."),
        ({"batch_size": 3, "world": World(0, 4)}, "multiple of 4, .* got 3. Take 4."),
        ({"batch_size": 46}, "`batch_size` must be at most 45, the number of images; got 46"),
        ({"batch_size": 0}, "`batch_size` must be at least 1; got 0"),
        ({"seed": -1}, "`seed` must be 0 or more; got -1"),
        ({"labels": None}, "`labels` must be given with arrays"),
        ({"labels": LABELS[1:]}, "`images` and `labels` must have the same length"),
        ({"labels": LABELS - 1}, "`labels` must be 0 or more"),
        ({"images": IMAGES * np.nan}, "`images` must be finite"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "`images` is empty"),
        ({"image_shape": (4, 4, 3)}, "`image_shape` must be left out with arrays"),
        ({"images": "files"}, "`labels` must be left out with files"),
        ({"images": "files", "labels": None}, r"`image_shape` must be \(height, width, 3\)"),
        ({"images": "files", "labels": None, "image_shape": (4, 4, 1)}, "`image_shape` must be"),
        ({"images": "none", "labels": None, "image_shape": (4, 4, 3)}, "`images` is empty"),
        ({"world": 2}, "`world` must be a cnnbook.World"),
    ],
)
def test_what_is_no_shard_is_refused(given, words):
    files = LabelledFiles(["a.png", "b.png"], [0, 1], ("a", "b"))
    if isinstance(given.get("images"), str):
        given = given | {"images": files if given["images"] == "files" else files.select(slice(0))}
    with pytest.raises(ValueError, match=words):
        Shard(**{"images": IMAGES, "labels": LABELS, "batch_size": 8} | given)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_batch_that_is_none_is_refused(index):
    with pytest.raises(IndexError, match="there are batches 0 to 4"):
        Shard(IMAGES, LABELS, 8)[index]


@pytest.mark.parametrize(("rank", "size"), [(-1, 2), (2, 2), (0, 0), (0.0, 1), ("0", 1)])
def test_a_rank_that_its_world_does_not_have_is_refused(rank, size):
    with pytest.raises(ValueError, match="`rank` must be 0 to `size` - 1, both whole; got"):
        World(rank, size)


# Finding each other -------------------------------------------------------------------------------


@pytest.fixture
def on_jax(monkeypatch):
    for name in [*os.environ]:
        if name.startswith(("SLURM_", "KERAS_DISTRIBUTION_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("threading.excepthook", sys.excepthook)
    return monkeypatch


def test_another_backend_is_refused_and_one_line_says_what_to_do():
    with pytest.raises(ValueError, match="on tensorflow. Set KERAS_BACKEND=jax before Python st"):
        join()


def test_a_process_of_its_own_is_a_world_of_one(on_jax):
    hook = sys.excepthook
    assert join() == World(0, 1)
    assert keras.distribution.distribution() is None and sys.excepthook is hook


@pytest.mark.parametrize("variable", ["KERAS_DISTRIBUTION_NUM_PROCESSES", "SLURM_NTASKS"])
def test_a_world_that_did_not_join_is_refused(on_jax, variable):
    """As plain JaxTrainer leaves it: each process by itself."""
    on_jax.setattr(jax.distributed, "is_initialized", lambda: True)
    on_jax.setenv(variable, "2")
    on_jax.setenv("SLURM_STEP_NODELIST", "localhost")
    with pytest.raises(ValueError, match=f"find the 2 processes that {variable} announces; 1 fou"):
        join()


def test_what_has_computed_before_is_told_to_move(on_jax):
    jax.numpy.zeros(1)
    on_jax.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    on_jax.setattr(keras.distribution, "initialize", jax.distributed.initialize)
    on_jax.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ValueError, match="`join` must come before anything is computed"):
        join()


@pytest.mark.parametrize("text", ["two", "0", "-1", ""])
def test_a_number_that_is_none_is_refused(on_jax, text):
    on_jax.setenv("SLURM_NTASKS", text)
    with pytest.raises(ValueError, match="`SLURM_NTASKS` must be a whole number, 1 or more; got"):
        announced_size()


def test_a_job_of_slurm_without_srun_is_told_to_use_it(on_jax):
    on_jax.setenv("SLURM_NTASKS", "4")
    with pytest.raises(ValueError, match="4 processes, and srun has not .* Run: srun --kill-on"):
        announced_size()


# A state that is kept, in a world of one ----------------------------------------------------------


def network(units=45):
    images = keras.Input((6, 6, 1))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.Rescaling(1 / 255)(images)))
    return keras.Model(images, layers.Dense(units)(x))


def train(folder, *others, epochs=3, batches=None, given=None, units=45, **fit):
    model = network(units)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    batches = batches or Shard(IMAGES, LABELS, 8)
    words = {"shuffle": False, "verbose": 0, "epochs": epochs, **fit}
    callbacks = [ClusterResume(folder, batches), *others]
    fitted = model.fit(given or batches, callbacks=callbacks, **words)
    return [weight.tolist() for weight in model.get_weights()], fitted.history


class At(keras.callbacks.Callback):
    """Do something after a batch of an epoch, or at its end."""

    def __init__(self, action, epoch=1, batch=None):
        super().__init__()
        self.action, self.place = action, (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            self.action()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.place:
            self.action()


def interrupt():
    raise KeyboardInterrupt


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    keras.utils.set_random_seed(1)
    whole = train(tmp_path / "whole")
    keras.utils.set_random_seed(1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", At(interrupt, 1, 3))
    keras.utils.set_random_seed(2)
    assert train(tmp_path / "parts") == whole
    assert train(tmp_path / "parts") == whole


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = tmp_path_factory.mktemp("begun")
    train(folder, epochs=2)
    return folder


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"units": 46}, r"network.layers\[4\].units was 45, is 46"),
        ({"batches": Shard(IMAGES, LABELS, 6)}, "data.`batch_size` was 8, is 6"),
        ({"batches": Shard(IMAGES, LABELS, 8, seed=1)}, "data.`seed` was 0, is 1"),
        ({"batches": Shard(255 - IMAGES, LABELS, 8)}, "data.`images` was 'uint8"),
        ({"batches": Shard(IMAGES, LABELS[::-1], 8)}, "data.`labels` was 'int64"),
    ],
)
def test_another_training_is_refused_with_the_differences(begun, settings, words):
    before = (begun / "training.state").read_bytes()
    with pytest.raises(ValueError, match=f"`folder` has another training, .*{words}"):
        train(begun, **settings)
    assert (begun / "training.state").read_bytes() == before


def test_another_size_of_the_world_is_a_warning(begun, tmp_path, monkeypatch):
    (tmp_path / "training.state").write_bytes((begun / "training.state").read_bytes())
    monkeypatch.setattr(ClusterResume, "_versions", lambda self: "as before, 2 processes")
    with pytest.warns(UserWarning, match=r"1 processes, and goes on with as before, 2 processes"):
        train(tmp_path, epochs=2)


@pytest.mark.parametrize("where", [40, 0.5, 1])
def test_a_flipped_bit_is_refused(begun, tmp_path, where):
    content = bytearray((begun / "training.state").read_bytes())
    content[where if where > 1 else int(where * (len(content) - 1))] ^= 4
    (tmp_path / "training.state").write_bytes(content)
    with pytest.raises(OSError, match="training.state is damaged: .* another SHA-256"):
        train(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_ends_the_training_and_names_what_is_kept(tmp_path):
    kept = []

    def fill():
        kept.append((tmp_path / "training.state").read_bytes())
        (tmp_path / "training.state.part").symlink_to("/dev/full")

    words = r"training.state cannot be written \(No space .* the state after epoch 1, is kept"
    with pytest.raises(OSError, match=words):
        train(tmp_path, At(fill))
    assert [(tmp_path / "training.state").read_bytes()] == kept
    train(tmp_path)


def test_a_folder_that_nothing_can_be_written_to_ends_it_and_names_what_is_kept(tmp_path):
    """A folder in the place of the file, since no permission keeps an administrator out."""
    kept = []

    def shut():
        kept.append((tmp_path / "training.state").read_bytes())
        (tmp_path / "training.state.part").mkdir()

    words = r"training.state cannot be written \(Is a directory\).*after epoch 1, is kept"
    with pytest.raises(OSError, match=words):
        train(tmp_path, At(shut))
    assert [(tmp_path / "training.state").read_bytes()] == kept
    with pytest.raises(OSError, match="cannot be used"):
        train(tmp_path / "training.state")


@pytest.mark.parametrize("fit", [{"shuffle": True}, {"given": Shard(IMAGES, LABELS, 8)}])
def test_batches_in_another_order_are_noticed(tmp_path, fit):
    with pytest.raises(ValueError, match="must be given `batches` of this ClusterResume; it was"):
        train(tmp_path, **fit)


def test_fewer_batches_than_there_are_are_noticed(tmp_path):
    with pytest.raises(ValueError, match="which are 5; it has 2 an epoch. Pass the Shard itself"):
        train(tmp_path, steps_per_epoch=2)


def test_a_shard_for_another_world_is_refused(tmp_path):
    with pytest.raises(ValueError, match="for 2 processes, and 1 train together. Give the Shard"):
        ClusterResume(tmp_path, Shard(IMAGES, LABELS, 8, World(1, 2)))


# Several processes --------------------------------------------------------------------------------


def told(folder, **more):
    return json.dumps({"folder": str(folder), "out": f"{folder}.result", **more})


def results(folder):
    return [json.loads(Path(f"{folder}.result.{rank}").read_text()) for rank in (0, 1)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What two processes give that nobody killed: they found each other as under Slurm."""
    folder = tmp_path_factory.mktemp("reference") / "whole"
    while True:  # JAX makes the port of the number of the job
        job = int(np.random.default_rng().integers(1, 4096))
        with socket.socket() as free:
            if free.connect_ex(("127.0.0.1", 61_440 + job)):
                break
    processes = []
    for rank in (0, 1):
        names = {"NTASKS": 2, "PROCID": rank, "LOCALID": rank, "JOB_ID": job}
        slurm = {f"SLURM_{name}": str(value) for name, value in names.items()}
        slurm |= {"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_NUM_NODES": "1"}
        jax_here = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "NPROC": "1"}
        flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(SCRIPT), told(folder)]
        environment = {**os.environ, **jax_here, **flags, **slurm}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
    try:
        assert [process.wait(240) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    first, second = results(folder)
    assert first == second and len(first["history"]["loss"]) == 4
    return first


def end_with(folder, deaths, reference):
    """Let processes die one after the other, and compare what comes out in the end."""
    words = told(folder, deaths=deaths)
    assert launch([sys.executable, str(SCRIPT), words], 2, restarts=len(deaths)) == 0
    died = [line.split(" ", 1) for line in Path(f"{folder}.deaths").read_text().splitlines()]
    begun = [float(line) for line in Path(f"{folder}.starts.0").read_text().split()]
    assert len(begun) == len(deaths) + 1
    for moment, where in died:
        print(f"died: {where}")
        assert any(0 < start - float(moment) < 60 for start in begun)
    assert results(folder) == [reference, reference]
    assert not list(folder.glob("*.part"))
    return died


@pytest.mark.slow
def test_what_is_killed_again_and_again_goes_on_bit_for_bit(tmp_path, reference, capfd):
    deaths = [
        {"rank": 1, "batch": 5},
        {"keeping": 2, "moment": "half is written"},
        {"rank": 1, "batch": 15, "raise": True},
        {"rank": 0, "batch": 23},
    ]
    assert len(end_with(tmp_path / "parts", deaths, reference)) == 4
    output = capfd.readouterr()
    assert output.out.count("has finished, with JAX alone") == 2
    assert "[1] ArithmeticError: told to raise" in output.err
    assert output.err.count("was killed by SIGKILL after") == 3
    model = keras.models.load_model(tmp_path / "parts.result.keras")
    assert model.count_params() == 491


# Each later than the one before, which may have been the last of an epoch that is kept already.
CHANCE = [np.sort(np.random.default_rng(n).permutation(23)[:6] + 1) for n in (20, 21)]
KEPT = [{"keeping": epoch, "moment": m} for epoch in (1, 3) for m in ("half", "all", "it")]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("series", [0, 1, 2])
def test_seventeen_more_deaths(tmp_path, reference, series):
    moments = {"half": "half is written", "all": "all is written", "it": "it has its name"}
    deaths = [death | {"moment": moments[death["moment"]]} for death in KEPT][:5]
    deaths.append({"keeping": 4, "moment": "the disk is full"})
    if series < 2:
        ranks = np.random.default_rng(series).integers(0, 2, 6)
        pairs = zip(ranks, CHANCE[series], strict=True)
        deaths = [{"rank": int(rank), "batch": int(batch)} for rank, batch in pairs]
    killed = end_with(tmp_path / "parts", deaths, reference)
    assert len(killed) == sum("full" not in death.get("moment", "") for death in deaths)


@pytest.mark.slow
def test_one_process_and_two_differ_in_the_last_digits_and_through_what():
    script = ROOT / "docs" / "cluster" / "last_digits.py"
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    plain, norm, whole = map(float, re.findall(r"^(\S+)  \w", shown.stdout, re.MULTILINE))
    assert plain < 1e-14 and whole < 1e-14
    assert 1e-12 < norm < 1e-5
