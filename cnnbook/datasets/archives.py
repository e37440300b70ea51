"""How is an archive from elsewhere opened without harm?

Through one limited reader: everything is counted while it is unpacked, and an archive with a
single bad member is refused as a whole. What it holds appears in one step, when it is complete.

This file stands alone: copy it, it needs only the standard library.
"""

import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

MAX_TOTAL = 4 * 2**30
MAX_RATIO = 100  # unpacked to packed; JPEG pictures have 1, an MNIST file 6, a bomb 1,000
MAX_MEMBERS = 200_000
ALWAYS_ALLOWED = 10 * 2**20  # so that tiny archives of blank pictures pass
CHUNK = 2**16
DAMAGE = (
    *(
        EOFError,
        OSError,
        zlib.error,
        struct.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        tarfile.TarError,
    ),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, IndexError, KeyError),
)


T = TypeVar("T")


class UnsafeArchiveError(OSError):
    """An archive holds something that could do harm, and was refused as a whole."""


class LimitedReader:
    """A stream that refuses to give more than a number of bytes, whatever its header says."""

    def __init__(self, file: BinaryIO, limit: int, name: str):
        self.file, self.left, self.name = file, limit, name

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, or raise `UnsafeArchiveError` beyond the limit."""
        allowed = self.left + 1
        content = self.file.read(allowed if size < 0 else min(size, allowed))
        self.left -= len(content)
        if self.left < 0:
            raise UnsafeArchiveError(
                f"{self.name} unpacks to more than is allowed ({MAX_RATIO} times its size, and"
                f" {MAX_TOTAL:,} bytes); it was refused as a whole. Get it from its maker again."
            )
        return content


def read_gzip(path: str | Path) -> bytes:
    """Return what a .gz file holds.

    Raises:
        OSError: If it is missing, empty, cut short, damaged, or unpacks to too much.
    """
    path = Path(path)
    limit = allowed_bytes(path)
    with gzip.open(path) as file:
        return guarded(path, LimitedReader(file, limit, str(path)).read)


def extract_archive(archive: str | Path, folder: str | Path) -> Path:
    """Unpack a .zip, .tar, .tar.gz or .tgz file into a new folder: all of it, or nothing.

    Args:
        archive: The file; what it is, its content tells.
        folder: Must not exist yet. The files get the usual permissions, not those they had.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder is there already.
        UnsafeArchiveError: If a name leaves the folder, two names are equal, a member is a link,
            a device or encrypted, or there are too many members or bytes.
        OSError: If the archive is missing, empty or damaged, or the disk is full. Nothing is left.
    """
    archive, folder = Path(archive), Path(folder)
    limit = allowed_bytes(archive)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; move it away, or take another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.incomplete-", dir=folder.parent))
    try:
        (temporary / "content").mkdir()
        write_members(archive, limit, temporary / "content")
        (temporary / "content").rename(folder)
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise OSError(28, f"{folder.parent} has no room for what {archive} holds") from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def write_members(archive: Path, limit: int, folder: Path) -> None:
    """Write every member below the folder; stop at the first that may not be there."""
    taken: dict[str, str] = {}
    members = (read_zip if zipfile.is_zipfile(archive) else read_tar)(archive, limit)
    while member := guarded(archive, lambda: next(members, None)):
        name, content = member
        target = folder.joinpath(*safe_parts(archive, name, content is None, taken))
        (target if content is None else target.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            with target.open("xb") as file:
                while chunk := guarded(archive, lambda: content.read(CHUNK)):  # noqa: B023
                    file.write(chunk)


def guarded(archive: Path, read: Callable[[], T]) -> T:
    """Read a little; damage shows here (a full disk shows when it is written)."""
    try:
        return read()
    except UnsafeArchiveError:
        raise
    except DAMAGE as error:
        raise damaged(archive, error) from error


def safe_parts(archive: Path, name: str, is_folder: bool, taken: dict[str, str]) -> tuple[str, ...]:
    """Return the parts of a member's name, if it stays in the folder and is there once."""
    name = name.removesuffix("/")
    parts = tuple(part for part in name.split("/") if part != ".")
    bad = name.startswith("/") or ":" in name[:2] or "\\" in name or "\0" in name
    if is_folder and not bad and not parts:
        return ()  # "./", the folder itself
    if bad or not parts or not all(parts) or ".." in parts:
        raise refusal(archive, f"the name {name!r} leaves the folder or is no name")
    if any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
        raise refusal(archive, f"the name {name[:40]!r}... is longer than 255 bytes")
    # Names that differ only in case, or in how an accent is stored, are one name on many disks.
    for depth in range(1, len(parts) + 1):
        key = unicodedata.normalize("NFC", "/".join(parts[:depth])).casefold()
        kind = "folder" if is_folder or depth < len(parts) else "file"
        if "file" in (taken.get(key), kind) and key in taken:
            raise refusal(archive, f"the name {'/'.join(parts[:depth])!r} is there twice")
        taken[key] = kind
    return parts


def read_zip(archive: Path, limit: int) -> Iterator[tuple[str, BinaryIO | None]]:
    """Yield the members of a zip file, after a look at what its directory declares."""
    with zipfile.ZipFile(archive) as file:
        infos = file.infolist()
        check_declared(archive, len(infos), sum(info.file_size for info in infos), limit)
        left = limit
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refusal(archive, f"{info.filename!r} is a link or a device")
            if info.flag_bits & 1:
                raise refusal(archive, f"{info.filename!r} is encrypted")
            if info.is_dir():
                yield info.filename, None
                continue
            with file.open(info) as content:
                reader = LimitedReader(content, left, str(archive))
                yield info.orig_filename, reader
                left = reader.left


def read_tar(archive: Path, limit: int) -> Iterator[tuple[str, BinaryIO | None]]:
    """Yield the members of a tar file, packed or not; all of its bytes are counted."""
    with archive.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
        stream = LimitedReader(unpacked, limit, str(archive))
        total = 0
        with tarfile.open(fileobj=stream, mode="r|") as file:
            for number, info in enumerate(file, start=1):
                total += info.size
                check_declared(archive, number, total, limit)
                if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
                    raise refusal(archive, f"{info.name!r} is a link, a device or a sparse file")
                yield info.name, None if info.isdir() else file.extractfile(info)
        while stream.read(CHUNK):  # to the end, where the checksum is
            pass


def check_declared(archive: Path, members: int, total: int, limit: int) -> None:
    """Refuse what an archive itself says to be too much, before anything is written."""
    if members > MAX_MEMBERS:
        raise refusal(archive, f"it has {members:,} members or more; the limit is {MAX_MEMBERS:,}")
    if total > limit:
        raise refusal(archive, f"it unpacks to {total:,} bytes; for its size {limit:,} are allowed")


def allowed_bytes(path: Path) -> int:
    """Return how much an archive of this size may unpack to."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file that exists.")
    size = path.stat().st_size
    if size == 0:
        raise OSError(f"{path} is empty (0 bytes). Get it again.")
    return min(MAX_TOTAL, max(MAX_RATIO * size, ALWAYS_ALLOWED))


def refusal(archive: Path, reason: str) -> UnsafeArchiveError:
    """Say why an archive is refused."""
    return UnsafeArchiveError(
        f"{archive} was refused as a whole: {reason}. Get it from its maker again, or unpack it"
        " with other tools and look."
    )


def damaged(archive: Path, error: Exception) -> OSError:
    """Say what is wrong with a damaged archive, and whether it is a web page."""
    with archive.open("rb") as file:
        start = file.read(64).lstrip().lower()
    looks = " It looks like an HTML page." if start[:1] == b"<" else ""
    reason = " ".join(str(error).split()) or type(error).__name__
    return OSError(
        f"{archive} ({archive.stat().st_size:,} bytes) is damaged, cut short or no archive:"
        f" {reason}.{looks} Get it again."
    )
