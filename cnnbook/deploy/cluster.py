"""How does one network train on several processes or machines? Each has its part of every batch.

All hold the whole network and compute the gradients of their own images; the mean of these is what
each then goes on with. `cnnbook train SCRIPT -n 2` starts the processes of one machine, `srun`
those of several. Needs JAX, the only backend on which Keras' `fit` can do that.

Source: Keras 3, "Distributed training with Keras 3", `keras.distribution.DataParallel`; JAX,
"Introduction to multi-controller JAX".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnbook._arrays import check_arrays, told_array
from cnnbook._checkpoint import Arrays, read_content, state_of
from cnnbook._checks import checked
from cnnbook._keeping import Keeping
from cnnbook._settings import versions
from cnnbook.datasets.image_folder import read_image
from cnnbook.deploy._shards import check_slices, paths_of, told_images
from cnnbook.deploy._world import (
    announced_size,
    end_on_errors,
    from_rank_0,
    let_one_save_alone,
    pass_by_tensorflow,
    process_count,
    require_jax,
)
from cnnbook.labelled_files import LabelledFiles


@dataclass(frozen=True)
class World:
    """How many processes train together, and which of them is this?

    Attributes:
        rank: 0 to size - 1; rank 0 writes files and says how far the training is.
        size: 1 or more.
    """

    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        """Refuse a rank that its world does not have."""
        whole = isinstance(self.rank, int) and isinstance(self.size, int)
        if not whole or not 0 <= self.rank < self.size:
            words = f"`rank` must be 0 to `size` - 1, both whole; got {self.rank!r}, {self.size!r}"
            raise ValueError(f"{words}. Take what `join` returns.")


@checked
def join() -> World:
    """Find the other processes of this training, and let Keras compute with them.

    Call it first, before anything is computed. The others are found by Keras' own variables
    `KERAS_DISTRIBUTION_*`, which `cnnbook train` sets, or by Slurm's; under Ray they are found
    already. Without any of these, the world is this process alone.

    In a world of several, an exception that nobody catches, in any thread, is printed and ends the
    process at once, so that whoever has started it can end the others. `sys.exit` does not: it
    waits for them, for up to five minutes.

    Returns:
        Rank and size.

    Raises:
        ValueError: If Keras is not on JAX, something has been computed before, or others than the
            announced number have joined.

    Example:
        >>> world = World(rank=0, size=1)  # as `join()` returns it in a process of its own
        >>> world.size
        1
    """
    require_jax(keras.backend.backend())
    pass_by_tensorflow()
    import jax

    size, variable = announced_size()
    found_already = jax.distributed.is_initialized()
    if size > 1 and not found_already:
        end_on_errors()
        try:
            keras.distribution.initialize()
        except RuntimeError as error:
            if "must be called before" not in str(error):
                raise
            words = "`join` must come before anything is computed; JAX has begun. Move it to the"
            raise ValueError(f"{words} top of the script, below the imports.") from error
    world = World(jax.process_index(), jax.process_count())
    if world.size != size and (variable or not found_already):
        words = f"`join` must find the {size} processes that {variable} announces; {world.size}"
        raise ValueError(f"{words} found each other. Each would train a network of its own.")
    if world.size > 1:
        let_one_save_alone()
        parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        keras.distribution.set_distribution(parallel)
    return world


class Shard(keras.utils.PyDataset):
    """This process's slice of every batch, for `fit` with `shuffle=False`.

    The order of the images depends on `seed` and the number of the epoch alone: so the batches of
    all processes, put together, are the same for every size of the world. Images that do not fill a
    batch are left out: fewer than a batch, and others in each epoch.

    Args:
        images: (count, ...) finite, of any type; or pictures on disk, of which each process reads
            only its own, when their turn comes.
        labels: (count,) or (count, ...), finite; left out with pictures on disk, which have theirs.
        batch_size: Images of all processes together in a batch: a multiple of the world's size, and
            at most as many as there are.
        world: What `join` has returned.
        seed: 0 or more, the same in each process.
        image_shape: (height, width, 3) that pictures on disk are resized to; else left out.

    Attributes:
        steps: Batches an epoch.
        left_out: Images that have no part in an epoch.

    Raises:
        ValueError: If an argument is not as said above.
        OSError: If a picture cannot be read, when its turn comes: names the file.

    Example:
        >>> halves = [Shard(np.eye(9), np.arange(9), 4, World(rank, 2)) for rank in (0, 1)]
        >>> [half[0][1].tolist() for half in halves]  # labels of the first batch
        [[4, 5], [2, 6]]
        >>> halves[0].steps, halves[0].left_out
        (2, 1)
    """

    @checked
    def __init__(
        self,
        images: np.ndarray | LabelledFiles,
        labels: np.ndarray | None = None,
        batch_size: int = 64,
        world: World = World(),
        seed: int = 0,
        *,
        image_shape: tuple[int, int, int] | None = None,
    ):
        super().__init__()
        self._paths = paths_of(images, labels, image_shape)
        self._images = np.arange(len(self._paths)) if self._paths else np.asarray(images)
        self._labels = np.asarray(getattr(images, "labels", labels))
        self._size = image_shape[:2] if image_shape else None
        check_arrays(self._images, self._labels, batch_size)
        check_slices(len(self._images), batch_size, world.size, seed)
        self.world, self._seed, self._part = world, int(seed), int(batch_size) // world.size
        self.steps, self.left_out = divmod(len(self._images), int(batch_size))
        self.described = {
            "`images`": told_images(self._images, self._paths, image_shape),
            "`labels`": told_array(self._labels),
            "`batch_size`": int(batch_size),
            "`seed`": self._seed,
        }
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Set the order of an epoch.

        Args:
            epoch: Its number, from 0.
        """
        chance = np.random.default_rng([self._seed, epoch])
        self._epoch, self._order = epoch, chance.permutation(len(self._images))
        self._asked: list[int] = []
        self._was_drawn = False

    def is_drawn(self) -> bool:
        """Tell whether the epoch that has ended had all its batches, one after the other."""
        return self._was_drawn

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels of this process's slice of a batch."""
        if not 0 <= index < self.steps:
            raise IndexError(f"there are batches 0 to {self.steps - 1}; got {index}.")
        self._asked.append(index)
        first = (index * self.world.size + self.world.rank) * self._part
        rows = self._order[first : first + self._part]
        if not self._paths:
            return self._images[rows], self._labels[rows]
        pictures = [read_image(self._paths[row], self._size) for row in rows]
        return np.stack(pictures), self._labels[rows]

    def on_epoch_end(self) -> None:
        """Go on to the order of the next epoch, if this one had its batches."""
        drawn = self._asked == [*range(self.steps)]
        if drawn:
            self.begin(self._epoch + 1)
        self._was_drawn = drawn


class ClusterResume(Keeping):
    """Keep the whole state of a training after each epoch, and let all processes go on from there.

    The same as `ExactResume` for a `Shard`: give both to `fit`. Rank 0 writes beside the last
    state, and puts the new one in its place when it is on disk. At the beginning it reads the file,
    or makes it, and sends it to the others: so all begin with the same weights, and the folder need
    not be one that they share. Killed at any time and started again, the training ends with the
    same weights, bit for bit, as a world of the same size that nobody has killed.

    Network, `compile`, images and the settings of the Shard must be those of before; another size
    of the world is a warning, since sums then differ in their last digits. Validation data are
    given to each process whole. Not looked at is what `ExactResume` does not look at.

    Args:
        folder: Made if it is missing; holds the file `training.state`.
        batches: What `fit` is given.

    Raises:
        ValueError: If the folder holds a training of something else; the message lists the
            differences. If `batches` are for another world than this.
        OSError: If the folder cannot be used, its file is damaged, another training uses it, or the
            disk is full. The message names the file, which is as it was.

    Example:
        >>> def train(epochs):
        ...     images = keras.Input((6,))
        ...     outputs = keras.layers.Dense(1)(keras.layers.Dropout(0.5)(images))
        ...     model = keras.Model(images, outputs)
        ...     model.compile("adam", "mse")
        ...     batches = Shard(np.eye(6), np.arange(6), batch_size=2)
        ...     resume = ClusterResume("runs/first", batches)
        ...     words = {"callbacks": [resume], "shuffle": False, "verbose": 0}
        ...     return model.fit(batches, epochs=epochs, **words).history["loss"]
        >>> first = train(epochs=2)
        >>> both = train(epochs=3)
        >>> len(both), both[:2] == first
        (3, True)
    """

    ADVICE = "Pass the Shard itself, with `shuffle=False`"

    @checked
    def __init__(self, folder: str | Path, batches: Shard):
        world = batches.world
        found = process_count(keras.backend.backend())
        if world.size != found:
            words = f"`batches` are for {world.size} processes, and {found} train together"
            raise ValueError(f"{words}. Give the Shard the `world` that `join` returns.")
        super().__init__(Path(folder), batches, keeps=world.rank == 0)
        self._world = world

    def _found(self) -> tuple[dict[str, Any], Arrays] | None:
        """Return what rank 0 has found, or made: the others begin with its weights."""
        if self._world.size == 1:
            return super()._found()
        if self._keeps and not self._path.exists():
            self._keep(is_over=False)
        content = read_content(self._path) if self._keeps else b""
        return state_of(from_rank_0(content), self._path)

    def _versions(self) -> str:
        return f"{versions()}, {self._world.size} processes"
