"""Reads files that another program wrote, such as those in the folder of a run.

A training program may leave anything under the name that a reader expects: a folder, a FIFO, a link to `/dev/zero`,
gigabytes without a newline. Every reader therefore accepts regular files only and reads at most a stated number of
bytes. What it refuses is a `DamagedFile`, which costs the run that the file belongs to and nothing else.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from campaign.errors import CampaignError

LARGEST_DOCUMENT = 256 * 2**20
"""Most bytes of a JSON or TOML document; a plan of ten thousand conditions has about thirty million."""
LARGEST_RECORD = 2 * 2**30
"""Most bytes of a metrics file, which is read as a whole."""
PIECE = 2**20
LONGEST_LINE = 16 * 2**20
"""Most bytes of a line of a JSON Lines file."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_CAUSED_BY_THE_FILE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST,
     errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO, errno.ENODEV}
)  # fmt: skip


class DamagedFile(CampaignError, OSError):
    """A file that is not what its name promises. Also an `OSError`: whoever tolerates a file that cannot be read
    tolerates this one."""

    def __str__(self) -> str:  # that of OSError depends on the number of arguments
        return str(self.args[0])


def is_file_error(error: OSError) -> bool:
    """Whether the cause is this file or its folder, and not the disk, the network or a quota, which concern every
    file."""
    return isinstance(error, DamagedFile | FileNotFoundError) or error.errno in _CAUSED_BY_THE_FILE


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; never blocks.

    Raises `FileNotFoundError` when there is none, also behind a link, and `DamagedFile` when it is not a regular
    file or may not be read.
    """
    try:
        # Before opening, because opening a FIFO releases its writer, and opening a device may act on it.
        _require_regular(path, os.stat(path).st_mode)
        # A FIFO may have taken the file's place since: without O_NONBLOCK, this would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if isinstance(error, DamagedFile) or not is_file_error(error):
            raise
        raise DamagedFile(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL byte in the name
        raise DamagedFile(f"{str(path)!r} cannot be read: {error}") from None
    try:
        _require_regular(path, os.fstat(descriptor).st_mode)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """The content of a file. Raises as `open_regular` does, and `DamagedFile` for more than `most` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # `read` allocates what it is asked for, so it is not asked for `most`. The size alone is not enough: the file
        # may grow, and in /proc it is 0.
        content = b"" if size > most else file.read(size + 1)
        while len(content) <= most and size <= most and (more := file.read(PIECE)):
            content += more
    if size > most or len(content) > most:
        raise DamagedFile(
            f"{path} is too large: {max(size, len(content)):,} bytes, at most {most:,} are read"
        )
    return content


def read_end(path: Path, length: int) -> tuple[bytes, bool]:
    """The last `length` bytes of a file, and whether they are all of it. Raises as `open_regular` does."""
    with open_regular(path) as file:
        start = max(0, file.seek(0, os.SEEK_END) - length)
        file.seek(start)
        return file.read(length), start == 0


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise DamagedFile(
            f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'of an unknown kind')}, not a regular file"
        )


def reason_of(error: OSError) -> str:
    """What is wrong, with the name of the file, in one line."""
    whole = isinstance(error, DamagedFile) or error.filename is None
    # A rename has two names, and the first is that of a temporary file.
    text = str(error) if whole else f"{error.filename2 or error.filename}: {error.strerror}"
    return text.encode("utf-8", "backslashreplace").decode()  # a file's name need not be UTF-8
