"""How is a notebook run in a kernel that may die, flood its reader, or be stopped?"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import signal
import tempfile
import threading
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cnnbook.book._files import BookError, in_one_line

try:
    import jupytext
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"{error.name} is missing: pip install 'cnnbook[book]'") from None

__all__ = ["jupytext", "nbformat"]  # here is said what is missing, and others take it from here
Node = nbformat.NotebookNode
SECONDS_PER_CELL = 7_200  # one that trains takes half an hour on a CPU without bfloat16 units
EXIT = "it ends the kernel, by `exit` or `quit`"
DESCRIPTORS = 64  # files and sockets that a kernel takes of this process, with some to spare
MOST_CHARACTERS = 100_000  # of a cell's texts; nbclient needs minutes for a line of 400,000


class NotebookError(BookError):
    """A notebook did not run to its end, or left something behind."""


class Run(NotebookClient):
    """One run of a notebook: it knows its cell, why its kernel ended, and what is too much."""

    cell: Node | None = None
    characters = 0
    status: int | None = None

    async def run(self, manager: AsyncKernelManager, **options: Any) -> None:
        """Run every cell; whatever ends this, no kernel is left."""
        self.km, self.owns_km, done = manager, False, False
        try:
            await self.async_execute(**options)
            done = True
        finally:
            atexit.unregister(self._cleanup_kernel)
            self.status = await manager.provisioner.poll() if manager.provisioner else None
            if self.kc:
                self.kc.stop_channels()
            await manager.shutdown_kernel(now=not done)

    async def async_execute_cell(self, cell: Node, *place: Any, **options: Any) -> Node:
        """Run one cell; begin to count what it writes."""
        self.cell, self.characters = cell, 0
        return await super().async_execute_cell(cell, *place, **options)

    def process_message(self, msg: dict[str, Any], cell: Node, cell_index: int) -> Node | None:
        """Take a message of the kernel; stop the cell where its texts grow beyond all bounds."""
        texts = {"text": msg["content"].get("text", ""), **msg["content"].get("data", {})}
        counted = [text for kind, text in texts.items() if not kind.startswith("image/")]
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            self.characters += sum(len(text) for text in counted if isinstance(text, str))
        elif msg["msg_type"] == "clear_output":
            self.characters = 0
        if self.characters > MOST_CHARACTERS and self.task_poll_for_reply:
            self.task_poll_for_reply.cancel()
            return None
        return super().process_message(msg, cell, cell_index)


def _refuse_exit(execute_reply: dict[str, Any], **_: Any) -> None:
    if any(each["source"] == "ask_exit" for each in execute_reply["content"].get("payload", ())):
        raise RuntimeError(EXIT)


def run_cells(notebook: Node, folder: Path, environment: Mapping[str, str]) -> None:
    """Run every cell in a fresh kernel of this Python; a NotebookError says which failed."""
    with ExitStack() as spare:  # without them libzmq ends this process, by `abort`
        for _ in range(DESCRIPTORS):
            spare.enter_context(Path(os.devnull).open())
    run = Run(
        notebook,
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        coalesce_streams=True,  # else each line printed is an output of its own
        resources={"metadata": {"path": os.fspath(folder)}},
        on_cell_executed=_refuse_exit,
    )
    with tempfile.TemporaryDirectory() as own, Path(own, "log").open("w+b") as log:
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # of this Python, of no other
            connection_file=str(Path(own, "kernel.json")),
        )
        try:
            _apart(run.run(manager, env=dict(environment), stdout=log, stderr=log))
        except Exception as error:  # libraries below raise many kinds
            log.seek(0)
            reason = _reason(run, error, log.read().decode(errors="replace"))
            raise NotebookError(f"{run.cell.id}: {reason}" if run.cell else reason) from error


def _apart(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a thread, where no library sets handlers of signals, to its tidy end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    try:
        asyncio.run_coroutine_threadsafe(work, loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _reason(run: Run, error: Exception, log: str) -> str:
    """Say in one line what ended a run."""
    if isinstance(error, CellExecutionError):
        return in_one_line(f"{error.ename}: {error.evalue}").removesuffix(":")
    if run.characters > MOST_CHARACTERS:
        return f"wrote more than {MOST_CHARACTERS:,} characters; print less"
    if isinstance(error, CellTimeoutError):
        return f"ran longer than {SECONDS_PER_CELL:,} s"
    if isinstance(error, NoSuchKernel):
        return "ipykernel is missing: pip install 'cnnbook[book]'"
    said = "".join(each.get("text", "") for each in run.cell.outputs) if run.cell else ""
    lines = [line for line in log.splitlines() if line.strip() and "[IPKernelApp]" not in line]
    telling = [line for line in lines if re.search("error|fail|terminate", line, re.IGNORECASE)]
    words = [f"; its last words: {line}" for line in telling or said.splitlines() or lines][-1:]
    if run.cell and run.status is not None and str(error) != EXIT:
        how = f"ended with status {run.status}"
        if run.status < 0:
            how = f"was killed by signal {-run.status} ({signal.strsignal(-run.status)})"
            words.append("; is there enough memory?")
        return in_one_line("".join([f"the kernel died: it {how}", *words]))
    if not isinstance(error, RuntimeError):
        return in_one_line(f"{type(error).__name__}: {error}")
    if not run.cell:  # nbclient raises this where a kernel never answers
        words.insert(0, "; is the machine very busy, or its loopback network down?")
    return in_one_line("".join([str(error), *words]))
