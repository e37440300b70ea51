"""The HTTP below: no head is waited for for ever, and who has asked gets his answer at the end."""

import asyncio
import contextlib
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0  # in which the head of a request must have come
DRAIN_SECONDS = 30  # for those that are being answered when it stops


class PatientProtocol(H11Protocol):
    """HTTP of uvicorn, which would wait for the rest of a head for ever."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; send at once what there is.

        Head and body go out in two pieces. The second would wait until the client has confirmed the
        first, which takes it 40 ms; asyncio sees to that only where it opens the port itself.
        """
        super().connection_made(transport)
        if line := transport.get_extra_info("socket"):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait(True)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when a head is there; begin when one has begun."""
        super().data_received(data)
        self._wait(self.cycle is None or self.cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._wait(False)

    def on_response_complete(self) -> None:
        """A request that came along with the one before may have begun."""
        super().on_response_complete()
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait(False)

    def _wait(self, for_a_head: bool) -> None:
        if not for_a_head and self.deadline:
            self.deadline.cancel()
            self.deadline = None
        elif for_a_head and not self.deadline:
            self.deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Say in JSON, as for all other faults, that this is no HTTP."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return self.transport.close()
        content = json.dumps({"error": "no valid HTTP request"}).encode()
        headers = {"content-type": "application/json", "connection": "close"}
        headers["content-length"] = str(len(content))
        for event in (
            h11.Response(status_code=400, headers=[*headers.items()], reason=b"Bad Request"),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class DrainingServer(uvicorn.Server):
    """A server of uvicorn that ends well: the first signal lets it finish, the second does not."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.when_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals while it serves; uvicorn would raise them once more at its end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """Open a port; an OSError says in one line why that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OSError(f"{host} port {port} cannot be used ({reason}). Choose another.") from error


def server_of(app: object, when_ready: Callable[[], None]) -> DrainingServer:
    """Return a server for an app, which `run(sockets=[...])` starts."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=PatientProtocol,
        ws="none",
        log_config=None,
        log_level="critical",  # what is noted, the door notes
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return DrainingServer(config, when_ready)
