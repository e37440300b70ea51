"""The door of a server: who may come in, what is noted of it, and what happens when things fail."""

import hmac
import ipaddress
import json
import logging
import time
import traceback
from collections.abc import Collection
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnnbook.deploy._serve_metrics import Metrics

LOG = logging.getLogger("cnnbook.serve")
OPEN = ("/", "/openapi.json", "/v2/health/live", "/v2/health/ready")  # nothing secret is told there


class Door:
    """Lets a request in, and notes it: in the metrics, and as a line of JSON in the log.

    What a client has sent, such as a name, a path or a picture, is in neither.

    Args:
        app: What answers.
        metrics: Where requests are counted.
        token: What must be sent as `Authorization: Bearer TOKEN`, but to what is open; or None.
        known: Names of networks, which may stand in metrics.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, token: str | None, known: Collection[str]
    ) -> None:
        self.app, self.metrics, self.token, self.known = app, metrics, token, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, status, sent = time.perf_counter(), 0, 0

        async def listen(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        answer = self._refused(Request(scope))
        try:
            await (answer or self.app)(scope, receive, listen)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            found = {"error": type(error).__name__, "file": place.name, "line": place.lineno}
            LOG.error(json.dumps({"event": "fault"} | found))
            if not status:
                await JSONResponse({"error": "internal error"}, 500)(scope, receive, listen)
        finally:
            self._note(scope, status, time.perf_counter() - start, sent)

    def _note(self, scope: Scope, status: int, seconds: float, sent: int) -> None:
        """Note what was asked by names of ours."""
        what = getattr(scope.get("endpoint"), "__name__", "nothing")
        network = scope.get("path_params", {}).get("name", "")
        network = network if network in self.known else ""
        self.metrics.note(what, network, status, seconds)
        line: dict[str, Any] = {"event": "request", "time": round(time.time(), 3), "what": what}
        line |= {"network": network, "status": status, "ms": round(1000 * seconds, 2)}
        LOG.info(json.dumps(line | {"bytes": sent}))

    def _refused(self, request: Request) -> Response | None:
        """Return the answer to who may not come in."""
        here = (request.scope.get("server") or ("", 0))[0]
        if is_loopback(here) and not is_loopback(_host_of(request.headers.get("host", ""))):
            words = "this server is for this machine: ask for localhost or 127.0.0.1"
            return JSONResponse({"error": words}, 421)
        if _is_of_another_site(request):
            words = "a page of another site asks: let that site's server ask"
            return JSONResponse({"error": words}, 403)
        if self.token is None or request.scope["path"] in OPEN:  # `url` would ask the Host
            return None
        given = request.headers.get("authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return None
        words = "this server asks for its token: Authorization: Bearer TOKEN"
        return JSONResponse({"error": words}, 401, {"www-authenticate": "Bearer"})


def require_safe_host(host: str, has_token: bool, insecure: bool) -> None:
    """Refuse to listen where others could reach a server that has no token."""
    if not host:
        raise ValueError("`host` must be an address of this machine; got ''. 127.0.0.1 is usual.")
    if not (is_loopback(host) or has_token or insecure):
        words = "must be 127.0.0.1 unless there is a token, for others could reach it; got"
        raise ValueError(f"`host` {words} {host!r}. Set a token, or say that it may be insecure.")


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_of_another_site(request: Request) -> bool:
    """Tell whether a browser says that a page of another site asks.

    No page can forge these headers, and what is no browser sends none. `same-origin` counts before
    `Origin`, since a proxy may have put another Host.
    """
    site, origin = (request.headers.get(name, "") for name in ("sec-fetch-site", "origin"))
    if site == "same-origin":
        return False
    if site == "cross-site" and request.method not in ("GET", "HEAD"):
        return True
    here = request.headers.get("host", "").lower()
    return bool(origin) and origin.lower().partition("://")[2] != here


def _host_of(header: str) -> str:
    """Return the host of `host:port`, or of `[host]:port`."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
