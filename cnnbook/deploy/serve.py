"""How do several networks answer requests over HTTP, while some are replaced and others ask badly?

By the Open Inference Protocol, version 2, that clients of Triton and KServe speak; by a picture in
a request; and on a page to drop a photograph on. Starlette takes the requests, ONNX Runtime
computes, a thread a request.

Source: https://github.com/kserve/open-inference-protocol, "Open Inference Protocol", version 2.
Needs starlette, uvicorn, python-multipart and onnxruntime.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

try:
    import uvicorn  # noqa: F401
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ModuleNotFoundError:
    needs = "the server needs: pip install onnxruntime python-multipart starlette uvicorn"
    raise ModuleNotFoundError(needs) from None

from cnnbook._checks import checked
from cnnbook.deploy._serve_answers import Answers
from cnnbook.deploy._serve_door import LOG, Door, require_safe_host
from cnnbook.deploy._serve_http import listen, server_of
from cnnbook.deploy._serve_networks import Networks


@checked
def make_app(
    networks: Mapping[str, str | Path],
    *,
    token: str | None = None,
    max_bytes: int = 10_000_000,
    threads: int | None = None,
    prepare: Callable | None = None,
) -> Starlette:
    """Make the server, which `run_app` or any other ASGI server runs.

    Args:
        networks: ONNX files by name, from float32 images (count, height, width, channels), pixels
            0 to 255, to (count, classes). Beside `cats.onnx` a file `cats.json` may have the names
            of the classes, `class_names`, and `share` and `resample` of `center_crop`.
        token: Who asks must send it, and may then load and unload networks. None: everybody may
            ask, and nobody may change anything.
        max_bytes: Of a request, 1 or more.
        threads: That compute at once, 1 to 1,000; None: one a core that it may use.
        prepare: A function that gets the path of a network and returns the path of an ONNX file,
            each time the network is loaded. None: the paths are those of ONNX files.

    Returns:
        An ASGI application.

    Raises:
        ValueError: If an argument is outside what is said above.
        OSError: If a file is not there, or is no such network.
    """
    if not networks:
        raise ValueError("`networks` must have at least one network; got none.")
    if max_bytes < 1 or not 1 <= (1 if threads is None else threads) <= 1_000:
        rule = "`max_bytes` must be 1 or more, `threads` 1 to 1,000; got"
        raise ValueError(f"{rule} {max_bytes} and {threads}.")
    if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
        raise ValueError("`token` must be of ASCII letters, digits and signs, and not empty.")
    files = {name: Path(path) for name, path in networks.items()}
    answers = Answers(Networks(files, prepare or Path), token, max_bytes, threads)
    door = Middleware(Door, metrics=answers.metrics, token=token, known=files)
    app = Starlette(
        routes=[Route(path, answer, methods=[how]) for how, path, answer in answers.routes],
        middleware=[door],
        exception_handlers={HTTPException: _refusal},
    )
    app.state.answers, app.state.has_token = answers, token is not None
    return app


@checked
def run_app(
    app: Callable, host: str = "127.0.0.1", port: int = 8000, *, insecure: bool = False
) -> None:
    """Serve an app until a signal comes; who has asked by then gets his answer.

    Args:
        app: Of `make_app`.
        host: The address of this machine to listen on; others reach it on "0.0.0.0" or "::", for
            which the app must have a token.
        port: To listen on; 0 takes any that is free.
        insecure: Whether others may reach it without a token.

    Raises:
        ValueError: If others could reach it without a token, or the port is none.
        OSError: If the port cannot be used.
    """
    require_safe_host(host, getattr(getattr(app, "state", None), "has_token", False), insecure)
    if not 0 <= port <= 65_535:
        raise ValueError(f"`port` must be 0 to 65,535; got {port}. 8000 is usual.")
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(message)s"))
    LOG.addHandler(lines)
    LOG.setLevel(logging.INFO)
    door = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    words = f"Serving on http://{shown}:{door.getsockname()[1]}/ (Ctrl-C stops it)"
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow's of bombs: the log has our lines
            server_of(app, lambda: print(words, flush=True)).run(sockets=[door])
    finally:
        door.close()
        LOG.removeHandler(lines)


async def _refusal(request: Request, error: Exception) -> Response:
    """Write every refusal in one form."""
    status, headers = getattr(error, "status_code", 500), getattr(error, "headers", None)
    return JSONResponse({"error": getattr(error, "detail", "")}, status, headers)
