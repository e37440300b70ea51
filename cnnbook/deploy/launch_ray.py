"""How does the same script train on several machines? Ray starts its processes, and starts again.

Source: https://docs.ray.io, "Ray Train", `JaxTrainer`. On CPUs alone it would let each process
train a network of its own, so it is told that there are GPUs: then it joins the processes, and JAX,
which has CPUs, computes on these. `join` refuses a world that is not whole.
"""

import os
import runpy
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnbook._checks import checked
from cnnbook.deploy._defaults import DEFAULTS, check_world


@checked
def launch_on_ray(
    script: str | Path, arguments: Sequence[str] = (), workers: int = 2, restarts: int = 0
) -> int:
    """Run a script as several processes of a Ray cluster, until all have ended well or one has not.

    It joins the cluster that RAY_ADDRESS names, else it starts one on this machine. On each machine
    the script, the working folder and the package have the same paths as here.

    Args:
        script: Of Python; its `join` finds the other processes.
        arguments: For the script, as on a command line.
        workers: Processes, 1 to 1,024; each takes one core.
        restarts: How often all start again when one fails, 0 or more.

    Returns:
        0 if all have ended well, 1 if not; what went wrong is printed.

    Raises:
        ImportError: If Ray is missing.
        ValueError: If an argument is not as said above.
        OSError: If the script is not there.
    """
    check_world(restarts, workers=workers)
    path = Path(script).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. `script` must be one of Python.")
    try:
        import ray
        from ray import train
        from ray.train.v2.api.exceptions import TrainingFailedError
        from ray.train.v2.jax import JaxTrainer
        from ray.train.v2.jax.config import JaxConfig
    except ImportError as error:
        words = "launch_on_ray needs Ray: pip install 'ray[serve,train]'"
        raise ImportError(f"{words} ({error}).") from error

    told = {"KERAS_BACKEND": "jax", "KERAS_DISTRIBUTION_NUM_PROCESSES": str(workers)}
    names = [name for name in DEFAULTS if name in os.environ]
    names += [name for name in os.environ if name.startswith(("CNNBOOK_", "PYTHONPATH"))]
    environment = {**DEFAULTS, **{name: os.environ[name] for name in names}, **told}
    given = {"script": str(path), "arguments": list(arguments), "folder": str(Path.cwd())}
    ray.init(
        include_dashboard=False,
        logging_level="warning",
        runtime_env={"env_vars": environment},
        ignore_reinit_error=True,
    )
    try:
        with tempfile.TemporaryDirectory() as results:
            trainer = JaxTrainer(
                _run_script,
                train_loop_config=given,
                jax_config=JaxConfig(use_gpu=True),
                scaling_config=train.ScalingConfig(
                    num_workers=workers, resources_per_worker={"CPU": 1}
                ),
                run_config=train.RunConfig(
                    storage_path=results,
                    failure_config=train.FailureConfig(max_failures=restarts),
                ),
            )
            trainer.fit()
    except TrainingFailedError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    finally:
        ray.shutdown()
    return 0


def _run_script(given: dict[str, Any]) -> None:
    """Run the script in a worker as if it had been started there."""
    os.chdir(given["folder"])
    sys.argv = [given["script"], *given["arguments"]]
    sys.path.insert(0, str(Path(given["script"]).parent))
    runpy.run_path(given["script"], run_name="__main__")
