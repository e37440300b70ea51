"""What does the kernel of a chapter find in its environment? The same, whoever runs it."""

import os
import re
from pathlib import Path

from cnnbook._checks import checked, expanded, shown

FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "LC_ALL": "C.UTF-8",  # a locale that is not installed stops Sphinx
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # any other loses the pictures
    "PYTHONUTF8": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
# Settings that change what Python, Matplotlib and TensorFlow do or print; those of Python that say
# where it finds things stay.
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
}  # and where below the home folder they are, where the variable is not set


@checked
def kernel_environment(full: bool, folder: Path) -> dict[str, str]:
    """Return all variables of a chapter's kernel.

    Of the user's own settings those stay that say where things are. Which backends Keras and
    Matplotlib have, what keras.json, matplotlibrc and the start-up files of IPython say, does not.

    Args:
        full: Whether the full profile runs, else the quick one: offline, on the embedded data.
        folder: Where Keras, Matplotlib and IPython keep what is theirs.
    """
    kept = {name: value for name, value in os.environ.items() if not DROPPED.fullmatch(name)}
    kept |= FIXED | {name: str(folder.absolute() / place) for name, place in OWN.items()}
    home = os.environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - that never raises
    lost = not os.access(home, os.W_OK | os.X_OK)
    for name, usual in PLACES.items():
        path = kept.pop(name, "")
        if not path and usual and lost and Path(home, usual).is_dir():
            path = str(Path(home, usual))  # it can still be read
        if path:
            kept[name] = str(expanded(path).absolute())  # chapters run in notebooks/
    kept["HOME"] = str(folder.absolute() / "home") if lost else home
    if full:
        return kept
    kept.pop("CNNBOOK_DATA", None)  # for the small data that everybody has
    return kept | {"CNNBOOK_QUICK": "1", "CNNBOOK_OFFLINE": "1"}


@checked
def describe_environment() -> list[str]:
    """Say which settings of this user's chapters do not follow, a line each."""
    lines = []
    for name, value in sorted(os.environ.items()):
        if FIXED.get(name, value) != value:
            lines.append(f"{name} is {shown(value)}: chapters run with {FIXED[name]}")
        elif name not in FIXED and DROPPED.fullmatch(name):
            lines.append(f"{name} is {shown(value)}: chapters run without it")
    home = os.environ.get("HOME")
    if not home or not os.access(home, os.W_OK | os.X_OK):
        lines.append(f"HOME is {shown(home)}, which is no folder to write to: chapters get another")
    return lines
