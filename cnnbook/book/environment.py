"""What does the kernel of a chapter find in its environment? The same, whoever runs it."""

import os
import re
from pathlib import Path

from cnnbook._checks import checked
from cnnbook._machine import folder_of

FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "LC_ALL": "C.UTF-8",  # a locale that is not installed stops Sphinx
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # any other loses the pictures
    "PYTHONUTF8": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
# What changes what is done or printed; what says where Python finds things stays.
DROPPED = re.compile(
    r"PYTHON(?!PATH$|HOME$|USERBASE$|NOUSERSITE$|DONTWRITEBYTECODE$|PYCACHEPREFIX$)\w*"
    r"|TF_CPP_\w+|TF_USE_LEGACY_KERAS|MATPLOTLIBRC|LANGUAGE|(JUPYTER_)?(COLUMNS|LINES)"
    r"|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|CNNBOOK_QUICK|CNNBOOK_CLAIMS_RECORD"
)
OWN = {"IPYTHONDIR": "ipython", "KERAS_HOME": "keras", "MPLCONFIGDIR": "matplotlib"}
PLACES = {
    "CNNBOOK_CACHE": ".cache/cnnbook",
    "CNNBOOK_DATA": "",
    "TFDS_DATA_DIR": "tensorflow_datasets",
}  # and where they are below the home folder, if the variable is not set


@checked
def kernel_environment(full: bool, folder: Path) -> dict[str, str]:
    """Return all variables of a chapter's kernel: of the user's, those that say where things are.

    Args:
        full: Whether the full profile runs, else the quick one: offline, on the embedded data.
        folder: Where Keras, Matplotlib and IPython keep what is theirs, no file of the user's.
    """
    folder = folder.absolute()
    kept = {name: value for name, value in os.environ.items() if not DROPPED.fullmatch(name)}
    kept |= FIXED | {name: str(folder / place) for name, place in OWN.items()}
    home = _home()
    for name, usual in PLACES.items():
        if kept.pop(name, ""):
            kept[name] = str(folder_of(name).absolute())  # chapters run in notebooks/
        elif usual and not _is_mine(home) and Path(home, usual).is_dir():
            kept[name] = str(Path(home, usual))  # it can still be read
    kept["HOME"] = home if _is_mine(home) else str(folder / "home")
    if not full:
        kept.pop("CNNBOOK_DATA", None)
        kept |= {"CNNBOOK_QUICK": "1", "CNNBOOK_OFFLINE": "1"}
    return kept


def _home() -> str:
    return os.environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - it never raises


def _is_mine(home: str) -> bool:
    return os.access(home, os.W_OK | os.X_OK)
