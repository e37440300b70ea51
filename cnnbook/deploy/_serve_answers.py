"""What a server answers: a method for each thing that one can ask."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from cnnbook._machine import usable_cores
from cnnbook.deploy._serve_door import LOG
from cnnbook.deploy._serve_metrics import Metrics
from cnnbook.deploy._serve_networks import Networks, ServedNetwork
from cnnbook.deploy._serve_openapi import describe_routes
from cnnbook.deploy._serve_page import PAGE, PAGE_HEADERS
from cnnbook.deploy._serve_pictures import best_classes, picture_in_form, read_picture
from cnnbook.deploy._serve_tensors import read_tensors, strict_json, write_tensors
from cnnbook.deploy._serve_work import Bodies, Workers

EXTENSIONS = ["binary_tensor_data", "model_repository"]


class Answers:
    """Answers requests about some networks."""

    def __init__(
        self, networks: Networks, token: str | None, max_bytes: int, threads: int | None
    ) -> None:
        self.networks, self.token, self.metrics = networks, token, Metrics()
        self.is_fixed = False  # whether the networks stay as they are
        self.changer = ThreadPoolExecutor(1, "changer")  # one thread, one heap: less memory
        self.bodies, self.workers = Bodies(max_bytes), Workers(threads or usable_cores())

    @property
    def routes(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        """Say which question is which: method, path, and what answers."""
        network = "/v2/models/{name}"
        version = network + "/versions/{version}"
        return [
            ("GET", "/", self.page),
            ("GET", "/openapi.json", self.openapi),
            ("GET", "/metrics", self.prometheus),
            ("GET", "/v2", self.server),
            ("GET", "/v2/health/live", self.live),
            ("GET", "/v2/health/ready", self.ready),
            *(("GET", path, self.network) for path in (network, version)),
            *(("GET", f"{path}/ready", self.network_ready) for path in (network, version)),
            *(("POST", f"{path}/infer", self.infer) for path in (network, version)),
            *(("POST", f"{path}/classify", self.classify) for path in (network, version)),
            ("POST", "/v2/repository/index", self.index),
            ("POST", "/v2/repository/models/{name}/load", self.load),
            ("POST", "/v2/repository/models/{name}/unload", self.unload),
        ]

    async def page(self, request: Request) -> Response:
        """Show the page to drop a photograph on, or to draw a digit."""
        return HTMLResponse(PAGE, headers=PAGE_HEADERS)

    async def openapi(self, request: Request) -> Response:
        """Describe all of this, as OpenAPI 3.1."""
        return JSONResponse(describe_routes(self.routes, self.bodies.max_bytes))

    async def prometheus(self, request: Request) -> Response:
        """Count the requests so far, for Prometheus."""
        versions = {name: network.version for name, network in self.networks.there.items()}
        text = self.metrics.text(self.workers.inside, versions)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def server(self, request: Request) -> Response:
        """Name the server, and what it can do beyond the protocol."""
        return JSONResponse({"name": "cnnbook", "version": "2", "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:
        """Say that the server runs."""
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        """Say whether a network is ready."""
        is_ready = bool(self.networks.there)
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def network(self, request: Request) -> Response:
        """Say what goes into a network, and what comes out."""
        network = self._find(request)
        given, returned = network.ends
        about = {"name": request.path_params["name"], "versions": [network.version]}
        about |= {"platform": "onnxruntime_onnx"}
        return JSONResponse(about | {"inputs": [given], "outputs": [returned]})

    async def network_ready(self, request: Request) -> Response:
        """Say whether a network is ready."""
        try:
            self._find(request)
        except HTTPException as error:  # Triton says 400
            raise HTTPException(400, error.detail) from None
        return JSONResponse({"name": request.path_params["name"], "ready": True})

    async def infer(self, request: Request) -> Response:
        """Compute with tensors, in JSON or in bytes: images with pixels 0 to 255 in, logits out."""
        network, name = self._find(request), request.path_params["name"]
        length = request.headers.get("inference-header-content-length")
        if "content-encoding" in request.headers:
            raise HTTPException(415, "the body must come as it is, not compressed")
        async with self.bodies.read(request) as content:

            def work() -> tuple[bytes, dict[str, str]]:
                return write_tensors(read_tensors(content, length, network), name, network)

            answer, headers = await self.workers.do(request, work)
        return Response(answer, headers=headers)

    async def classify(self, request: Request) -> Response:
        """Name what is on a picture: JPEG, PNG, GIF, BMP or WebP, as the body or in a form."""
        network, name = self._find(request), request.path_params["name"]
        kind, most = request.headers.get("content-type", ""), len(network.class_names)
        top = request.query_params.get("top", str(min(5, most)))
        if not (top.isascii() and top.isdigit() and len(top) < 6 and 1 <= int(top) <= most):
            raise HTTPException(400, f"`top` must be 1 to {most}")
        async with self.bodies.read(request) as content:

            def work() -> list[dict[str, Any]]:
                is_form = kind.lower().startswith("multipart/")
                picture = picture_in_form(content, kind) if is_form else content
                logits = network.logits(read_picture(picture, network))
                return best_classes(logits[0], network, int(top))

            classes = await self.workers.do(request, work)
        about = {"model_name": name, "model_version": network.version}
        return JSONResponse(about | {"classes": classes})

    async def index(self, request: Request) -> Response:
        """List the networks, ready or not."""
        return JSONResponse(self.networks.index())

    async def load(self, request: Request) -> Response:
        """Open the file of a network anew; no request is lost. Needs the token."""
        return await self._change(request, self.networks.load)

    async def unload(self, request: Request) -> Response:
        """Take a network away; who has asked it gets his answer. Needs the token."""
        return await self._change(request, self.networks.unload)

    async def _change(self, request: Request, change: Callable[[str], None]) -> Response:
        """Load or unload: only with a token, and only files that the server was started with."""
        name = request.path_params["name"]
        if self.token is None:
            raise HTTPException(403, "networks can be changed where the server has a token")
        if self.is_fixed:
            raise HTTPException(
                501, "networks are fixed here: start the servers anew with other files"
            )
        if name not in self.networks.files:
            raise HTTPException(404, "there is no such network: start the server with its file")
        async with self.bodies.read(request) as content:
            if content and strict_json(content).get("parameters"):
                raise HTTPException(400, "no parameters are taken: replace the file of the network")
        try:
            await asyncio.get_running_loop().run_in_executor(self.changer, change, name)
        except (OSError, ValueError) as error:  # with a path in it, which is for the log
            LOG.error(json.dumps({"event": "not loaded", "network": name, "reason": str(error)}))
            raise HTTPException(
                400, "the file cannot be loaded; the network is as before"
            ) from None
        return JSONResponse({})

    def _find(self, request: Request) -> ServedNetwork:
        """Return the network that a request names."""
        return self.networks.find(**request.path_params)
