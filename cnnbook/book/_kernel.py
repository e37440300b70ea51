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
MOST_CHARACTERS = 100_000  # of a cell's texts; nbclient needs minutes for a line of 400,000


class NotebookError(BookError):
    """A notebook did not run to its end, or left something behind."""


class Run(NotebookClient):
    """One run of a notebook: it knows its cell, why its kernel ended, and what is too much."""

    km: AsyncKernelManager
    cell: Node | None = None
    characters = 0
    status: int | None = None

    async def run(self, **options: Any) -> None:
        """Run every cell; whatever ends this, no kernel is left."""
        manager, done = self.km, False
        try:
            await self.async_execute(**options)
            done = True
        finally:
            atexit.unregister(self._cleanup_kernel)
            if manager.provisioner:
                self.status = await manager.provisioner.poll()
            if self.kc:
                self.kc.stop_channels()
            await manager.shutdown_kernel(now=not done)

    async def async_execute_cell(self, cell: Node, *place: Any, **options: Any) -> Node:
        """Run one cell; `exit` in it, after which nothing would run, is an error of this cell."""
        self.cell, self.characters = cell, 0
        return await super().async_execute_cell(cell, *place, **options)

    def refuse_exit(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """Stop at a cell that asked its kernel to end."""
        payload = execute_reply["content"].get("payload", ())
        if any(each["source"] == "ask_exit" for each in payload):
            raise RuntimeError(EXIT)

    def process_message(self, msg: dict[str, Any], cell: Node, cell_index: int) -> Node | None:
        """Take a message of the kernel; stop the cell where its texts grow beyond all bounds."""
        content = msg["content"]
        texts = {"text": content.get("text", ""), **content.get("data", {})}
        self.characters += sum(
            len(text)
            for kind, text in texts.items()
            if isinstance(text, str) and "image/" not in kind
        )
        if msg["msg_type"] == "clear_output":
            self.characters = 0
        if self.characters > MOST_CHARACTERS and self.task_poll_for_reply:
            self.task_poll_for_reply.cancel()
            return None
        return super().process_message(msg, cell, cell_index)


def run_cells(notebook: Node, folder: Path, environment: Mapping[str, str]) -> None:
    """Run every cell in a fresh kernel of this Python; a NotebookError says which failed."""
    runtime = environment.get("JUPYTER_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(dir=runtime) as own, Path(own, "log").open("w+b") as log:
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # of this Python, of no other
            connection_file=str(Path(own, "kernel.json")),
        )
        run = Run(
            notebook,
            km=manager,
            timeout=SECONDS_PER_CELL,
            record_timing=False,
            coalesce_streams=True,  # else each line printed is an output of its own
            resources={"metadata": {"path": os.fspath(folder)}},
        )
        run.on_cell_executed = run.refuse_exit
        try:
            _apart(run.run(env=dict(environment), stdout=log, stderr=log))
        except Exception as error:  # libraries below raise many kinds
            log.seek(0)
            place = f"{run.cell.id}: " if run.cell else ""
            raise NotebookError(place + _reason(run, error, log.read())) from error


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


def _reason(run: Run, error: Exception, log: bytes) -> str:
    """Say in one line what ended a run."""
    if isinstance(error, CellExecutionError):
        return in_one_line(f"{error.ename}: {error.evalue}").removesuffix(":")
    if run.characters > MOST_CHARACTERS:
        return f"wrote more than {MOST_CHARACTERS:,} characters; print less"
    if isinstance(error, CellTimeoutError):
        return f"ran longer than {SECONDS_PER_CELL:,} s"
    if isinstance(error, NoSuchKernel):
        return "ipykernel is missing: pip install 'cnnbook[book]'"
    if run.cell and run.status is not None and str(error) != EXIT:
        how = f"ended with status {run.status}"
        if run.status < 0:
            how = f"was killed by signal {-run.status} ({signal.strsignal(-run.status)})"
        said = "".join(each.text for each in run.cell.outputs if "text" in each)
        ask = "; is there enough memory?" if run.status < 0 else ""
        return f"the kernel died: it {how}{_last_words(said, log)}{ask}"
    if isinstance(error, RuntimeError) and not run.cell:
        advice = "is the machine very busy, or its loopback network down?"
        return f"{in_one_line(error)}; {advice}{_last_words('', log)}"
    if isinstance(error, RuntimeError):
        return in_one_line(error)
    return in_one_line(f"{type(error).__name__}: {error}")


def _last_words(said: str, log: bytes) -> str:
    """Choose of what a cell and its kernel said the line that tells most."""
    lines = [
        line for line in log.decode(errors="replace").splitlines() if "[IPKernelApp]" not in line
    ]
    telling = [each for each in lines if re.search("error|fail|terminate", each, re.IGNORECASE)]
    words = [each for each in telling or said.splitlines() or lines if each.strip()]
    return f"; its last words: {in_one_line(words[-1])}" if words else ""
