"""The command `cnnbook train`: run a script as several processes, on this machine or under Ray."""

import sys
from typing import Annotated

import typer

from cnnbook._checks import expanded
from cnnbook.command._say import choose, fail, require_extra
from cnnbook.deploy.launch import launch
from cnnbook.deploy.launch_ray import launch_on_ray


def train_together(
    script: Annotated[str, typer.Argument(help="Of Python, which calls `join` first.")],
    words: Annotated[
        list[str] | None, typer.Argument(help="For the script; behind -- where they begin with -.")
    ] = None,
    processes: Annotated[
        int, typer.Option("-n", "--processes", help="That train together on this machine.")
    ] = 1,
    restarts: Annotated[int, typer.Option(help="How often all start again when one fails.")] = 0,
    engine: Annotated[str, typer.Option(help="local, or ray: on several machines.")] = "local",
    workers: Annotated[int, typer.Option(help="Processes, with --engine ray.")] = 2,
) -> None:
    """Train one network in several processes: a script with `join`, `Shard` and `ClusterResume`."""
    choose(engine, ("local", "ray"), "engine")
    require_extra("cluster", ("jax",))
    if engine == "ray":
        require_extra("ray", ("ray",))
    path = expanded(script)
    if not path.is_file():
        raise fail(f"{path} is no file. Name a script of Python.")
    if engine == "ray":
        status = launch_on_ray(path, words or [], workers, restarts)
    else:
        status = launch([sys.executable, str(path), *(words or [])], processes, restarts)
    raise typer.Exit(status)
