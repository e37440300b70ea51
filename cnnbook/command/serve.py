"""The command `cnnbook serve`: let networks answer requests over HTTP."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cnnbook._checks import expanded
from cnnbook.command._onnx_files import BUILT_IN, built_in_file, onnx_file
from cnnbook.command._say import choose, fail, require_extra

NEEDED = ("onnxruntime", "starlette", "uvicorn", "python_multipart")


def serve_networks(
    networks: Annotated[
        list[str] | None, typer.Argument(help="NAME=FILE, .onnx or .keras; none: the book's two.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.")] = 8000,
    token: Annotated[
        str | None, typer.Option(envvar="SERVE_TOKEN", help="That whoever asks must send.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines ask without a token.")
    ] = False,
    max_bytes: Annotated[int, typer.Option(help="Of a request.")] = 10_000_000,
    threads: Annotated[int | None, typer.Option(help="That compute at once; one a core.")] = None,
    engine: Annotated[str, typer.Option(help="local, or ray: on several machines.")] = "local",
    replicas: Annotated[int, typer.Option(help="Of the server, with --engine ray.")] = 2,
) -> None:
    """Serve networks over HTTP: the Open Inference Protocol, pictures, and a page to try them."""
    choose(engine, ("local", "ray"), "engine")
    require_extra("serve", NEEDED)
    if engine == "ray":
        require_extra("ray", ("ray",))
    from cnnbook.deploy.serve import make_app, run_app
    from cnnbook.deploy.serve_ray import run_on_ray

    try:
        files = _files(networks or [])
        limits = partial(make_app, token=token, max_bytes=max_bytes, threads=threads)
        make = partial(limits, files, prepare=onnx_file)
        if engine == "ray":
            run_on_ray(make, host, port, replicas=replicas, insecure=insecure)
        else:
            run_app(make(), host, port, insecure=insecure)
    except (ValueError, OSError) as error:
        raise fail(str(error)) from None


def _files(words: list[str]) -> dict[str, Path]:
    """Return the file of each network; without any word, those of the book's two."""
    files = {} if words else {name: built_in_file(name) for name in BUILT_IN}
    for word in words:
        name, _, path = word.rpartition("=")
        name = name or Path(path).stem
        if name in files:
            raise fail(f"Two networks are called {name!r}: say NAME=FILE.")
        files[name] = expanded(path)
    return files
