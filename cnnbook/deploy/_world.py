"""How do processes find each other, and how does one that fails not leave the others waiting?"""

import os
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

import numpy as np

WORLD = "KERAS_DISTRIBUTION_NUM_PROCESSES"
BY_SRUN = "SLURM_STEP_NODELIST"
PEER_IS_GONE = re.compile("Gloo|coordination service|RuntimeError: .*peer", re.DOTALL)


def announced_size() -> tuple[int, str]:
    """Return how many processes the environment announces, and the variable that says so.

    Raises:
        ValueError: If it is no number, or Slurm's job has several tasks and this is none of them.
    """
    name = next((name for name in (WORLD, "SLURM_NTASKS") if name in os.environ), "")
    text = os.environ.get(name, "1")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"`{name}` must be a whole number, 1 or more; got {text!r}.")
    if name == "SLURM_NTASKS" and int(text) > 1 and BY_SRUN not in os.environ:
        words = f"`SLURM_NTASKS` announces {text} processes, and srun has not started this one"
        raise ValueError(f"{words}. Run: srun --kill-on-bad-exit=1 python SCRIPT")
    return int(text), name


def require_jax(backend: str) -> None:
    """Refuse the backends on which Keras cannot train in several processes."""
    if backend != "jax":
        words = f"`join` must have Keras on JAX; it is on {backend}. Set KERAS_BACKEND=jax before"
        raise ValueError(f"{words} Python starts, or run the script by `cnnbook train`.")


def process_count(backend: str) -> int:
    """Return how many processes compute together."""
    if backend != "jax":
        return 1
    import jax

    return int(jax.process_count())


def end_on_errors() -> None:
    """Let an exception that nobody catches, in whichever thread, end this process at once.

    Python would first wait for the other processes, which wait for this one.
    """

    def end(kind: type[BaseException], error: Any, where: TracebackType | None) -> None:
        if PEER_IS_GONE.search(f"{kind.__name__}: {error}"):  # whose own words say why
            print(f"Another process has ended: {str(error)[:100]}", file=sys.stderr)
        else:
            traceback.print_exception(kind, error, where)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130 if issubclass(kind, KeyboardInterrupt) else 1)

    sys.excepthook = end
    threading.excepthook = lambda lost: end(lost.exc_type, lost.exc_value, lost.exc_traceback)


def pass_by_tensorflow() -> None:
    """Let Keras do without TensorFlow, where no one has imported it: that takes seconds.

    `set_random_seed` imports it to set a seed there too, if it can be imported.
    """
    from keras.src.utils.module_utils import tensorflow

    if "tensorflow" not in sys.modules:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        try:
            tensorflow.available  # noqa: B018  it remembers the answer
        finally:
            del sys.modules["tensorflow"]


def let_one_save_alone() -> None:
    """Let rank 0 save a model while the others do something else.

    Whenever Keras saves one, it makes an optimizer to see which attributes it has, and with it
    variables, for which each process waits for all. What is remembered here is not made again.
    """
    from keras.src.backend.common.global_state import set_global_attribute
    from keras.src.saving.saving_lib import get_attr_skipset

    known = get_attr_skipset("Optimizer")
    for name in ("skipset", "skiplist"):  # Keras 3.15 writes the one, and reads the other
        set_global_attribute(f"saving_attr_{name}_Optimizer", known)


def from_rank_0(content: bytes) -> bytes:
    """Return to each process what rank 0 has given; all must call it."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    size = np.array(divmod(len(content), 2**20), "int32")
    millions, rest = map(int, np.asarray(broadcast_one_to_all(size)))
    given = np.zeros(millions * 2**20 + rest, "uint8")
    given[: len(content)] = np.frombuffer(content, "uint8")
    return bytes(np.asarray(broadcast_one_to_all(given)).tobytes())
