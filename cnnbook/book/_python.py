"""How does another Python work for the book, in the environment that chapters have?"""

import subprocess
import sys
from pathlib import Path

from cnnbook.book._files import in_one_line
from cnnbook.book.environment import kernel_environment


def run_python(build: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these words of its command line, until it ends; its files are in `build`."""
    environment = kernel_environment(True, build / "kernel")
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace"
    )


def last_words(run: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a process wrote to stderr."""
    return in_one_line((run.stderr.strip().splitlines() or ["no word"])[-1])
