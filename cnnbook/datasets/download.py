"""How does a file come from the web, whole or not at all?

Every file has a SHA-256 that is checked each time it is used, so that half a file under the final
name, left by a program that was killed, is found out and fetched again.

This file stands alone: copy it, it needs only pooch and requests.
"""

import re
import time
from pathlib import Path

import pooch
import requests

TIMEOUT = (10, 60)  # seconds until the server answers, and between two pieces
TRIES = 4
PAUSE = 1.0  # seconds before the second try; doubled before each further one


def download(url: str, sha256: str, folder: str | Path) -> Path:
    """Return the local copy of a file, after fetching it where it is missing or not whole.

    Args:
        url: Where the file is.
        sha256: Its SHA-256, 64 hexadecimal digits: there is no download without one.
        folder: Where the copy is kept, under the last part of the URL.

    Returns:
        The path of the copy, whose checksum is right.

    Raises:
        ValueError: If `sha256` is no SHA-256.
        OSError: If the server refuses, stalls or closes early, or sends something else; names the
            URL, and both checksums where they differ; or if the disk is full or the folder
            read-only. No part of the file is left.
    """
    if not re.fullmatch("[0-9a-f]{64}", sha256 or ""):
        raise ValueError(
            f"`sha256` must be 64 hexadecimal digits; got {sha256!r}. Take it from the page of the"
            " file, or compute it from a copy that you trust."
        )
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=False)
    pooch.get_logger().setLevel("WARNING")
    name = url.rstrip("/").rpartition("/")[2]
    for left in range(TRIES - 1, -1, -1):
        try:
            found = pooch.retrieve(url, f"sha256:{sha256}", name, folder, downloader=downloader)
            return Path(found)
        except ValueError as error:
            raise OSError(
                f"{url} has the wrong checksum: {str(error).rstrip('.')}. Nothing was kept; try"
                " again, and if it stays so, the file was changed."
            ) from error
        except requests.RequestException as error:
            reason = describe(error)
            if left == 0 or not worth_another_try(error):
                raise OSError(
                    f"{url} could not be fetched: {reason}. Nothing was kept; look whether the"
                    " network is up, and try again later."
                ) from error
        except OSError as error:  # of the disk, not of the web
            raise OSError(
                error.errno,
                f"{url} could not be kept in {folder} ({error.strerror or error}); make room, or"
                " take a folder where you may write",
            ) from error
        time.sleep(PAUSE * 2 ** (TRIES - 1 - left))
    raise OSError(f"{url} could not be fetched.")


def worth_another_try(error: requests.RequestException) -> bool:
    """Tell whether the server may think otherwise soon: it failed, or the line did."""
    return error.response is None or error.response.status_code >= 500


def describe(error: requests.RequestException) -> str:
    """Say in a few words what went wrong."""
    if error.response is not None:
        return f"HTTP code {error.response.status_code}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"no answer within {TIMEOUT[0]} seconds, or no further piece within {TIMEOUT[1]}"
    reason: object = error
    while isinstance(reason, Exception) and reason.args:  # the innermost says it once
        reason = reason.args[0]
    return str(reason).rstrip(".")
