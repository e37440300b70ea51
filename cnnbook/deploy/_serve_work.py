"""What every request goes through: a body of limited size, and threads that compute in turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

Answer = TypeVar("Answer")
BODY_SECONDS = 20.0  # in which a body must have come
MAX_INSIDE = 128
TIMES_AT_ONCE = 32  # so many largest bodies may be in memory together
BUSY = {"retry-after": "1"}


class Bodies:
    """Reads what is sent, up to a limit for each and another for all of them together."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.held = max_bytes, 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Give the body of a request; when that is done, its memory is free for another."""
        content, size = bytearray(), 0
        try:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    await self._receive(request, content)
            except TimeoutError:
                words = f"the body did not come within {BODY_SECONDS:.0f} seconds"
                raise _closing(408, words) from None
            whole, size = bytes(content), len(content)
            content.clear()  # it is in memory once, as it is counted
            yield whole
        finally:
            self.held -= size or len(content)

    async def _receive(self, request: Request, content: bytearray) -> None:
        """Put what comes into `content`, and refuse what is too much."""
        expected = int(request.headers.get("content-length", 0))
        if expected > self.max_bytes and "expect" in request.headers:
            raise self._too_large()  # it has not been sent yet
        kept, spare = expected <= self.max_bytes, 8 * self.max_bytes
        async for part in request.stream():
            kept = kept and len(content) + len(part) <= self.max_bytes
            if not kept:  # read on for a while: who still sends does not see an answer
                spare -= len(part)
                if spare < 0:
                    break
            elif self.held + len(part) > TIMES_AT_ONCE * self.max_bytes:
                raise _closing(503, "the server is busy: ask again in a second")
            else:
                content += part
                self.held += len(part)
        if not kept:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        return _closing(413, f"a body may have {self.max_bytes} bytes at most")


class Workers:
    """Threads that compute, and a bounded number of requests that wait for them."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, "network")
        self.inside = 0  # requests that compute or wait for it

    async def do(self, request: Request, work: Callable[[], Answer]) -> Answer:
        """Let a thread do it; what a client has left behind is not begun."""
        if self.inside >= MAX_INSIDE:
            raise HTTPException(503, "the server is busy: ask again in a second", BUSY)
        self.inside += 1
        job = self.pool.submit(work)
        # The body is there: what comes now is a farewell.
        gone: asyncio.Future = asyncio.ensure_future(request.receive())
        done: asyncio.Future = asyncio.wrap_future(job)
        try:
            await asyncio.wait((gone, done), return_when=asyncio.FIRST_COMPLETED)
            if not done.done() and job.cancel():
                raise HTTPException(499, "the client has gone")
            return await done
        finally:
            gone.cancel()
            job.cancel()  # where the server must end at once
            self.inside -= 1


def _closing(status: int, words: str) -> HTTPException:
    """Refuse, and end the connection: more of the body may be under way."""
    return HTTPException(status, words, {"connection": "close"} | (BUSY if status == 503 else {}))
